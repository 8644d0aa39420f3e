"""A cache answers what was asked before, to whom it was answered, and to nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan, said, streamed
from trunkline.compile import load_plan
from trunkline.errors import CallError, UpstreamError
from trunkline.graph.cache import MOST_BYTES
from trunkline.transport import Canned

if TYPE_CHECKING:
    from trunkline.graph import Reply
    from trunkline.runtime import Engine

pytestmark = pytest.mark.anyio

CACHED = "{cache: {ttl: 1h, of: a}}"
DONE = b"data: [DONE]\n\n"
TOOL = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


class Numbered:
    """Each request is answered with its number."""

    def __init__(self, **more: Any) -> None:
        self.count = 0
        self.more = more

    def __call__(self, _request: Any) -> Canned:
        self.count += 1
        return replace(said(str(self.count)), **self.more)


async def cached(to: str = CACHED, more: str = "", top: str = "", **said_more: Any) -> Any:
    script = Numbered(**said_more)
    engine, _ = await opened(plan(f"  - {{match: m, to: {to}{more}}}", top), script, Crank())
    return engine, script


async def written() -> None:
    """Let what is on its way to the store arrive there."""
    for _ in range(5):
        await asyncio.sleep(0)


async def text(engine: Engine, content: str = "hello", **asked: Any) -> str:
    messages = [{"role": "user", "content": content}]
    return (await engine.chat(model="m", messages=messages, **asked)).text


async def test_a_repeated_request_is_answered_without_asking_anybody() -> None:
    engine, upstream = await cached(top="prices: {'a/*': {input: 1, output: 1}}")
    first = await engine.chat(model="m", messages=HELLO)
    again = await engine.chat(model="m", messages=HELLO)
    assert again.data == first.data
    assert upstream.count == 1
    assert again.decision.picks == [("routes[0].to", "cache: hit")]
    assert again.decision.attempts == []
    assert again.cost is not None
    assert again.cost.micro_dollars == 0
    assert again.decision.cost is not None
    assert again.decision.cost["micro_dollars"] == 0
    assert again.decision.usage is None
    assert again.usage == first.usage


async def test_another_request_is_another_answer() -> None:
    engine, upstream = await cached()
    assert await text(engine, "one") == "1"
    assert await text(engine, "two") == "2"
    assert await text(engine, "one", temperature=0) == "3"
    assert await text(engine, "two") == "2"
    assert upstream.count == 3


async def test_the_order_of_keys_makes_no_difference() -> None:
    engine, upstream = await cached()
    first = {"model": "m", "messages": HELLO, "user": "u"}
    assert (await engine.chat(first)).text == "1"
    assert (await engine.chat(dict(reversed(first.items())))).text == "1"
    assert upstream.count == 1


async def test_whole_and_streamed_answers_are_one(  # The second is played from the first.
) -> None:  # fmt: skip
    engine, transport = await opened(
        plan(f"  - {{match: m, to: {CACHED}}}"), [streamed("one ", "two", DONE)]
    )
    async with engine.stream(model="m", messages=HELLO) as stream:
        assert "".join([delta.text async for delta in stream]) == "one two"
    assert await text(engine) == "one two"
    async with engine.stream(model="m", messages=HELLO) as stream:
        deltas = [delta async for delta in stream]
    assert "".join(delta.text for delta in deltas) == "one two"
    assert deltas[-1].finish == "stop"
    assert len(transport.requests) == 1


async def test_tool_calls_are_played_as_a_stream_with_their_ids() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"id": "x", "model": "m", "choices": [{"index": 0, "message": message}]}
    body["choices"][0]["finish_reason"] = "tool_calls"  # type: ignore[index]
    engine, _ = await opened(plan(f"  - {{match: m, to: {CACHED}}}"), [Canned.of_json(body)])
    first: Reply = await engine.chat(model="m", messages=HELLO, tools=TOOL)
    async with engine.stream(model="m", messages=HELLO, tools=TOOL) as stream:
        calls = [delta.tool_call async for delta in stream if delta.tool_call]
    assert calls == [{"index": 0, "id": "c1", "name": "f", "arguments": '{"x":1}'}]
    assert stream.reply.tool_calls == first.tool_calls


async def test_what_is_kept_runs_out() -> None:
    clock = Crank()
    engine, _ = await opened(plan(f"  - {{match: m, to: {CACHED}}}"), Numbered(), clock)
    assert await text(engine) == "1"
    await written()
    clock.now += 3_599
    assert await text(engine) == "1"
    clock.now += 2
    assert await text(engine) == "2"


async def test_callers_see_their_own_answers_unless_the_cache_is_shared() -> None:
    engine, _ = await cached()
    assert await text(engine, caller={"name": "ann"}) == "1"
    assert await text(engine, caller={"name": "bob"}) == "2"
    assert await text(engine, caller={"name": "ann"}) == "1"
    engine, _ = await cached("{cache: {ttl: 1h, of: a, shared: true}}")
    assert await text(engine, caller={"name": "ann"}) == "1"
    assert await text(engine, caller={"name": "bob"}) == "1"


async def test_a_shared_cache_still_tells_callers_apart_whom_an_overlay_names() -> None:
    more = ", request: {user: '{{ caller.name }}'}"
    engine, _ = await cached("{cache: {ttl: 1h, of: a, shared: true}}", more)
    assert await text(engine, caller={"name": "ann", "team": "x"}) == "1"
    assert await text(engine, caller={"name": "bob", "team": "x"}) == "2"
    assert await text(engine, caller={"name": "ann", "team": "y"}) == "1"


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        (", request: {user: \"{{ headers['x-team'] }}\"}", {"headers": {"x-team": "%s"}}),
        (', request: {user: "{{ metadata.team }}"}', {"metadata": {"team": "%s"}}),
        (", wire: {headers: {x-team: \"{{ headers['x-team'] }}\"}}", {"headers": {"x-team": "%s"}}),
        (", response: {headers: {x: \"{{ headers['x-team'] }}\"}}", {"headers": {"x-team": "%s"}}),
    ],
    ids=["header", "metadata", "wire", "response"],
)
async def test_what_overlays_read_tells_requests_apart(more: str, asked: dict[str, Any]) -> None:
    engine, _ = await cached(CACHED, more)
    (name, values), *_ = asked.items()

    def of(team: str) -> dict[str, Any]:
        return {name: {key: value % team for key, value in values.items()}}

    assert await text(engine, **of("one")) == "1"
    assert await text(engine, **of("two")) == "2"
    assert await text(engine, **of("one")) == "1"
    other = {"headers": {"x-other": "y", **of("one").get("headers", {})}}
    assert await text(engine, **{**of("one"), **other}) == "1"


async def test_a_condition_below_tells_requests_apart_too() -> None:
    node = "{cache: {ttl: 1h, of: {switch: [{when: metadata.gold, to: a}, {to: b}]}}}"
    engine, _ = await cached(node)
    assert await text(engine, metadata={"gold": True}) == "1"
    assert await text(engine, metadata={}) == "2"
    assert await text(engine, metadata={"gold": True}) == "1"


async def test_a_key_says_what_makes_requests_the_same_and_without_it_nothing_is_kept() -> None:
    node = "{cache: {ttl: 1h, of: a, key: metadata.question}}"
    engine, _ = await cached(node)
    assert await text(engine, "one", metadata={"question": 7}) == "1"
    assert await text(engine, "two", metadata={"question": 7}) == "1"
    assert await text(engine, "two", metadata={"question": 8}) == "2"
    assert await text(engine, "two") == "3"
    assert await text(engine, "two") == "4"


async def test_with_a_key_of_its_own_the_requested_model_still_counts_where_it_is_asked() -> None:
    routes = '  - {match: "*", to: {cache: {ttl: 1h, of: a, key: request.messages}}}'
    engine, _ = await opened(plan(routes), Numbered())
    assert (await engine.chat(model="one", messages=HELLO)).text == "1"
    assert (await engine.chat(model="two", messages=HELLO)).text == "2"


async def test_a_changed_plan_keeps_nothing_of_what_would_be_answered_otherwise() -> None:
    def brief(how: str) -> Any:
        return plan(f"  - {{match: m, to: {CACHED}, request: {{user: {how}}}}}")

    engine, _ = await opened(brief("short"), Numbered(), Crank())
    assert await text(engine) == "1"
    await engine.reload(brief("short"))
    assert await text(engine) == "1"
    await engine.reload(brief("long"))
    assert await text(engine) == "2"


async def test_a_caller_who_bypasses_the_cache_is_answered_anew_and_that_is_kept() -> None:
    engine, _ = await cached(CACHED, ", allow: [cache]")
    assert await text(engine) == "1"
    assert await text(engine, options={"cache": "bypass"}) == "2"
    assert await text(engine) == "2"


@pytest.mark.parametrize(
    "answer",
    [
        failing(400),
        said("x", "content_filter"),
        said("x" * MOST_BYTES),
    ],
    ids=["failed", "filtered", "large"],
)
async def test_what_is_no_whole_good_answer_is_not_kept(answer: Canned) -> None:
    engine, transport = await opened(
        plan(f"  - {{match: m, to: {CACHED}}}"), [answer, said("ok"), said("again")]
    )
    try:
        await text(engine)
    except CallError as error:
        assert error.kind == "bad_request"
    assert await text(engine) == "ok"
    assert await text(engine) == "ok"
    assert len(transport.requests) == 2


@pytest.mark.parametrize("how", ["cut", "left"])
async def test_a_stream_that_was_not_read_to_its_end_is_not_kept(how: str) -> None:
    cut = UpstreamError("server_error", "cut")
    first = streamed("half", *([cut] if how == "cut" else ["more", DONE]))
    engine, _ = await opened(plan(f"  - {{match: m, to: {CACHED}}}"), [first, said("whole")])
    try:
        async with engine.stream(model="m", messages=HELLO) as stream:
            async for _delta in stream:
                if how == "left":
                    break
    except CallError as error:
        assert error.kind == "interrupted"
    assert await text(engine) == "whole"


async def test_what_makes_the_provider_act_is_neither_kept_nor_answered_from_what_is() -> None:
    engine, _ = await cached(CACHED, ", unsupported: drop")
    assert await text(engine, store=True) == "1"
    assert await text(engine, store=True) == "2"
    assert await text(engine) == "3"


async def test_vectors_are_kept() -> None:
    body = {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    engine, transport = await opened(
        plan(f"  - {{match: m, to: {CACHED}}}"), [Canned.of_json(body)]
    )
    first = await engine.embed(model="m", input="hello")
    again = await engine.embed(model="m", input=["hello"])
    assert first.vectors == again.vectors == [[0.5, 1.0]]
    assert len(transport.requests) == 1


async def test_the_headers_of_the_answer_are_kept_with_it() -> None:
    more = ', response: {headers: {x-served-by: "{{ target.name }}"}}'
    engine, _ = await cached("{cache: {ttl: 1h, of: {target: a, name: first}}}", more)
    first = await engine.chat(model="m", messages=HELLO)
    again = await engine.chat(model="m", messages=HELLO)
    assert first.headers == again.headers == {"x-served-by": "first"}


async def test_a_store_that_is_down_or_holds_nonsense_is_a_miss() -> None:
    engine, _ = await cached()
    store: Any = engine._generation.store
    assert await text(engine) == "1"
    await written()
    (key,) = store._cache._entries
    for nonsense in (b"", b"{", b"[]", b'{"data": 1}'):
        store._cache.put(key, nonsense, 9e9)
        before = await text(engine)
        await written()
        assert await text(engine) == before
    assert before == "5"


async def test_who_is_answered_from_the_cache_takes_no_tokens_from_a_limit() -> None:
    limits = "limits: [{name: all, by: caller.name, tokens_per_minute: 1200}]"
    engine, upstream = await cached(top=limits)
    for _count in range(30):
        assert await text(engine, max_tokens=1000) == "1"
    assert upstream.count == 1


async def test_a_write_that_is_under_way_is_finished_when_the_engine_closes() -> None:
    engine, _ = await cached()
    store: Any = engine._generation.store
    assert await text(engine) == "1"
    await engine.aclose()
    assert len(store._cache._entries) == 1


async def test_a_kept_answer_serves_in_a_fallback_whose_targets_are_all_down() -> None:
    node = "[{cache: {ttl: 1h, of: a}}, b]"
    down = Canned(error=UpstreamError("connect", "refused"))
    engine, transport = await opened(
        plan(f"  - {{match: m, to: {node}}}"), [said("a"), *[down] * 4], Crank()
    )
    assert await text(engine) == "a"
    with pytest.raises(CallError):
        await text(engine, "another")
    assert await text(engine) == "a"
    assert ids(transport)[0] == "a"


def test_a_hint_is_given_where_callers_see_what_others_were_answered() -> None:
    text = (
        "version: 1\nproviders: {s: {type: simulated, as: openai}}\nroutes:\n"
        "  - {match: m, to: {cache: {ttl: 1h, of: s/m, shared: true}}}\n"
    )
    assert "TL705" in {finding.code for finding in load_plan(text).warnings}

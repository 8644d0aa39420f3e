"""What a Python caller relies on: replies, streams, decisions, and errors that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runtime.making import HELLO, providers_of, simulated
from trunkline import (
    ConfigError,
    Engine,
    EngineClosed,
    RequestError,
    UpstreamError,
    load_plan,
)

pytestmark = pytest.mark.anyio

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


async def test_a_reply_has_all_that_a_caller_needs() -> None:
    async with Engine.open(simulated("reply: good day")) as engine:
        reply = await engine.chat(model="gpt-4o", messages=HELLO)
    assert reply.complete
    assert reply.text == "good day"
    assert reply.message == {"role": "assistant", "content": "good day"}
    assert reply.finish == "stop"
    assert reply.model == "gpt-4o"
    assert reply.id
    assert reply.tool_calls == []
    assert reply.cost is None
    assert reply.usage is not None
    assert reply.usage["input"] > 0
    decision = reply.decision
    assert (decision.route, decision.why) == ("all", "the pattern `*`")
    assert decision.targets == ["sim/gpt-4o"]
    assert decision.simulated
    [attempt] = decision.attempts
    assert (attempt.outcome, attempt.status) == ("ok", 200)
    assert attempt.first_content is not None
    assert attempt.seconds >= attempt.first_content - attempt.started > 0


@pytest.mark.parametrize("to", ["sim", "spare"])
async def test_a_stream_gives_the_same_as_a_whole_reply(to: str) -> None:
    async with Engine.open(simulated(to=to)) as engine:
        whole = await engine.chat(model="m", messages=HELLO)
        async with engine.stream(model="m", messages=HELLO) as stream:
            deltas = [delta async for delta in stream]
    assert "".join(delta.text for delta in deltas) == whole.text
    assert len(deltas) > 3
    assert deltas[-1].finish == "stop"
    assert stream.reply.complete
    assert stream.reply.text == whole.text
    assert stream.reply.usage == whole.usage


@pytest.mark.parametrize("to", ["sim", "spare"])
async def test_tool_calls_arrive_numbered_and_can_be_sent_back(to: str) -> None:
    async with Engine.open(simulated(to=to)) as engine:
        async with engine.stream(model="m", messages=HELLO, tools=TOOLS) as stream:
            calls = [delta.tool_call async for delta in stream if delta.tool_call]
        reply = stream.reply
        assert reply.finish == "tool_calls"
        [call] = reply.tool_calls
        assert calls[0]["index"] == 0
        assert calls[0]["id"] == call["id"]
        assert calls[0]["name"] == "weather"
        arguments = "".join(piece.get("arguments", "") for piece in calls)
        assert arguments == call["function"]["arguments"]
        answer = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
        more = await engine.chat(model="m", messages=[*HELLO, reply.message, answer], tools=TOOLS)
        assert more.text


async def test_a_whole_reply_can_be_iterated_like_a_stream() -> None:
    async with Engine.open(simulated()) as engine:
        reply = await engine.chat(model="m", messages=HELLO, tools=TOOLS)
        deltas = [delta async for delta in reply]
    assert [d.tool_call["name"] for d in deltas if d.tool_call] == ["weather"]
    assert deltas[-1].finish == "tool_calls"


async def test_the_request_may_be_a_mapping_fields_or_both() -> None:
    async with Engine.open(simulated()) as engine:
        await engine.chat({"model": "m", "messages": HELLO})
        await engine.chat(
            {"model": "m", "messages": HELLO, "seed": 1}, model="other", temperature=0
        )
        seen = list(providers_of(engine)["sim"].seen)
    assert [s.request["model"] for s in seen if s.request] == ["m", "other"]
    assert seen[1].request is not None
    assert seen[1].request["seed"] == 1


async def test_what_is_given_is_never_changed() -> None:
    request: dict[str, Any] = {"model": "m", "messages": [dict(HELLO[0])]}
    overlay = "    request: {temperature: 0, messages: {prepend: [{role: system, content: x}]}}\n"
    async with Engine.open(simulated(more=overlay)) as engine:
        await engine.chat(request)
        [seen] = providers_of(engine)["sim"].seen
    assert request == {"model": "m", "messages": HELLO}
    assert seen.request is not None
    assert [m["role"] for m in seen.request["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": "hello"}, "messages"),
        ({"model": "m", "messages": HELLO, "temprature": 1}, "temperature"),
        ({"model": 3, "messages": HELLO}, "model"),
    ],
)
async def test_a_request_of_the_wrong_shape_names_what_is_wrong(
    fields: dict[str, Any], words: str
) -> None:
    async with Engine.open(simulated()) as engine:
        with pytest.raises(RequestError, match=words) as raised:
            await engine.chat(fields)
    assert (raised.value.kind, raised.value.status) == ("bad_request", 400)


async def test_a_model_without_a_route_is_told_the_nearest() -> None:
    text = simulated().replace('"*"', "[smart, fast-*]")
    async with Engine.open(text) as engine:
        with pytest.raises(RequestError, match="smart") as raised:
            await engine.chat(model="smrt", messages=HELLO)
    assert raised.value.status == 404
    assert raised.value.decision is not None
    assert raised.value.decision.model == "smrt"


@pytest.mark.parametrize("model", ["../x", "a/../b", "a//b", "-x", "a b", "a\n", "x" * 300, "ä"])
async def test_a_made_up_model_name_is_never_sent_on(model: str) -> None:
    async with Engine.open(simulated()) as engine:
        with pytest.raises(RequestError):
            await engine.chat(model=model, messages=HELLO)
        assert providers_of(engine)["sim"].count == 0


async def test_an_upstream_error_carries_status_and_record() -> None:
    text = simulated("faults: [{status: 429, retry_after: 7s}]")
    async with Engine.open(text) as engine:
        with pytest.raises(UpstreamError) as raised:
            await engine.chat(model="m", messages=HELLO)
    error = raised.value
    assert (error.kind, error.status, error.upstream_status) == ("rate_limited", 429, 429)
    assert error.retry_after == pytest.approx(7, abs=1)
    assert error.target == "sim/m"
    assert error.decision is not None
    assert error.decision.attempts[0].outcome == "rate_limited"


async def test_response_headers_know_the_reply() -> None:
    headers = (
        '    response: {headers: {x-model: "{{ reply.model }}", x-out: "{{ usage.output }}",'
        ' x-who: "{{ target.name }}"}}\n'
    )
    async with Engine.open(simulated(more=headers)) as engine:
        reply = await engine.chat(model="m", messages=HELLO)
    assert reply.usage is not None
    assert reply.headers == {
        "x-model": "m",
        "x-out": str(reply.usage["output"]),
        "x-who": "sim/m",
    }


async def test_headers_are_found_in_lower_case_however_a_caller_writes_them() -> None:
    wire = "    wire: {headers: {x-seen: \"{{ headers['x-team'] }}\"}}\n"
    async with Engine.open(simulated(more=wire)) as engine:
        await engine.chat(model="m", messages=HELLO, headers={"X-Team": "blue"})
        assert providers_of(engine)["sim"].seen[0].header("x-seen") == "blue"


async def test_wire_overlays_change_what_the_provider_sees_and_nothing_else() -> None:
    wire = (
        "    wire:\n"
        '      headers: {X-Team: "{{ caller.name }}"}\n'
        '      query: {trace: "{{ metadata.id }}"}\n'
        "      body: {store: true, temperature: null}\n"
    )
    async with Engine.open(simulated(more=wire)) as engine:
        await engine.chat(
            model="m",
            messages=HELLO,
            temperature=1,
            caller={"name": "bob"},
            metadata={"id": "a&b"},
        )
        [seen] = providers_of(engine)["sim"].seen
    assert seen.header("x-team") == "bob"
    assert seen.target.endswith("?trace=a%26b")
    assert seen.request is not None
    assert seen.request["store"] is True
    assert "temperature" not in seen.request


async def test_an_overlay_that_spoils_the_request_is_our_error_and_says_where() -> None:
    overlay = '    request: {temperature: "{{ request.user }}"}\n'
    async with Engine.open(simulated(more=overlay)) as engine:
        with pytest.raises(Exception, match="temperature") as raised:
            await engine.chat(model="m", messages=HELLO, user="hot")
    assert raised.value.kind == "internal"  # type: ignore[attr-defined]


async def test_a_closed_engine_says_so() -> None:
    engine = await Engine.open(simulated())
    await engine.aclose()
    await engine.aclose()
    with pytest.raises(EngineClosed):
        await engine.chat(model="m", messages=HELLO)
    with pytest.raises(EngineClosed):
        await engine.reload()


async def test_an_engine_opens_on_text_a_path_and_a_plan(tmp_path: Any) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(simulated())
    for source in (simulated(), file, str(file), tmp_path, load_plan(file)):
        async with Engine.open(source) as engine:
            assert engine.plan.routes[0].name == "all"


async def test_every_mistake_is_reported_at_once() -> None:
    text = simulated().replace("to: sim", "to: [smi, {target: nobody/x}]")
    with pytest.raises(ConfigError) as raised:
        await Engine.open(text)
    assert [finding.code for finding in raised.value.diagnostics] == ["TL303", "TL302"]


async def test_a_provider_and_its_models_say_what_they_can_and_how_long_they_take() -> None:
    settings = (
        "capabilities: [vision], models: {big: {as: large, capabilities: [tools, vision], "
        "timeouts: {first_token: 7s}}}"
    )
    async with Engine.open(simulated(settings, to="[sim, spare]")) as engine:
        plain = await engine.chat(model="m", messages=HELLO, tools=TOOLS)
        big = await engine.chat(model="big", messages=HELLO, tools=TOOLS)
        target: Any = engine.plan.routes[0].to.children[0]
    assert [skip.target for skip in plain.decision.skipped] == ["sim/m"]
    assert plain.decision.attempts[0].target == "spare/m"
    assert big.decision.attempts[0].target == "sim/large"
    assert target.by_model["big"].timeouts.first_token == 7
    assert target.settings.timeouts.first_token == 60


async def test_drop_leaves_out_what_the_model_is_not_capable_of() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    text = simulated("capabilities: [vision]", more="    unsupported: drop\n")
    async with Engine.open(text) as engine:
        reply = await engine.chat(model="m", messages=HELLO, tools=tools)
        sent = providers_of(engine)["sim"].seen[0].request
    assert sent is not None
    assert "tools" not in sent
    assert reply.decision.dropped == ["sim/m: tools"]

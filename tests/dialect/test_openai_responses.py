"""The Responses door, judged by the openai SDK: what its own file's tests cannot say."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pydantic
import pytest
from openai.types.responses import Response, ResponseStreamEvent

from tests.dialect import strict
from trunkline.catalog import dialect
from trunkline.template import Refusal

pytestmark = pytest.mark.anyio

STARTED = {"id": "resp_1", "model": "a-model", "created": 1700000000}
PLACES = {"url": "https://e.com", "title": "E", "start_index": 0, "end_index": 2}
CITED = {"type": "url_citation", "url_citation": PLACES}
SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q", "queries": ["q"], "sources": []},
}
TOKEN = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
ASKED: dict[str, Any] = {
    "model": "a-model",
    "input": [{"role": "user", "content": "hi"}],
    "instructions": "Be brief.",
    "max_output_tokens": 99,
    "temperature": 0.5,
    "top_p": 0.9,
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
    "tool_choice": {"type": "function", "name": "f"},
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False},
        {"type": "web_search"},
    ],
    "truncation": "auto",
    "user": "ann",
}
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "text": [{"text": "Hel"}, {"text": "lo"}, {"finish": "stop"}],
    "a thought of this wire": [
        {"at": 0, "reasoning_id": "rs_1", "reasoning": "hm", "owner": "openai-responses"},
        {"at": 0, "reasoning_signature": "gAAA", "owner": "openai-responses"},
        {"at": 1, "text": "Hi"},
        {"finish": "stop"},
    ],
    "a thought of another wire": [
        {"reasoning": "h"},
        {"reasoning": "m"},
        {"reasoning_signature": "seal"},
        {"text": "Hi"},
        {"finish": "stop"},
    ],
    "calls side by side": [
        {"at": 1, "tool_call": {"id": "call_1", "name": "f", "arguments": '{"a":'}},
        {"at": 2, "tool_call": {"id": "call_2", "name": "g", "arguments": "{}"}},
        {"at": 1, "tool_call": {"arguments": "1}"}},
        {"finish": "stop"},
    ],
    "a refusal": [{"refusal": "I "}, {"refusal": "can't"}, {"finish": "stop"}],
    "a search and what it found": [
        {"wire": SEARCH, "owner": "openai-responses"},
        {"text": "Hi"},
        {"citation": CITED},
        {"citation": {"type": "file_citation", "file_id": "f", "filename": "a", "index": 1}},
        {"citation": {"type": "char_location", "cited_text": "of another wire"}},
        {"finish": "stop"},
    ],
    "an answer that was cut": [{"text": "Hi"}, {"text": " the"}, {"finish": "length"}],
    "an answer that was filtered": [{"finish": "content_filter"}],
    "an image": [{"image": "data:image/png;base64,AAAA"}, {"finish": "stop"}],
    "probabilities": [{"text": "Hi", "logprobs": {"content": [TOKEN]}}, {"finish": "stop"}],
}
KINDS = {
    "text": {"message"},
    "a thought of this wire": {"reasoning", "message"},
    "a thought of another wire": {"reasoning", "message"},
    "calls side by side": {"function_call"},
    "a refusal": {"message"},
    "a search and what it found": {"web_search_call", "message"},
    "an answer that was cut": {"message"},
    "an answer that was filtered": set(),
    "an image": {"image_generation_call"},
    "probabilities": {"message"},
}


def transport(content: bytes, kind: str) -> httpx2.MockTransport:
    answer = httpx2.Response(200, headers={"content-type": kind}, content=content)
    return httpx2.MockTransport(lambda _: answer)


def asked(body: dict[str, Any]) -> dict[str, Any]:
    door = dialect("openai-responses").door
    assert door is not None
    return door.read_request(body, {})


def answered(
    deltas: list[dict[str, Any]], body: dict[str, Any], *, fail: dict[str, Any] | None = None
) -> tuple[bytes, bytes]:
    """The stream and the whole body that the door writes for these deltas."""
    from trunkline.dialect import Fold

    door, request = dialect("openai-responses").door, asked(body)
    assert door is not None
    fold = Fold("a-wire", lambda raw: dict(raw))  # type: ignore[arg-type, return-value]
    writer = door.stream_writer(request)
    written = writer.begin(STARTED)
    for delta in [*deltas, {"usage": {"input": 4, "cache_read": 3, "output": 2, "reasoning": 1}}]:
        written += writer.write(fold.add(delta))
    if fail is not None:
        return written + writer.fail(fail), b""
    reply: Any = {**fold.reply(), "id": "resp_1", "model": "a-model"}
    whole = door.write_reply(reply, request, 1700000000)
    return written + writer.end(reply), json.dumps(whole).encode()


def events(stream: bytes) -> list[dict[str, Any]]:
    lines = stream.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def declared(value: Any) -> None:
    """Nothing in a model of the SDK that the SDK does not declare."""
    strict._exhaust(value)


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_sdk_reads_the_stream_and_the_body_as_one_answer(name: str) -> None:
    stream, body = answered(ANSWERS[name], ASKED)
    http = httpx2.AsyncClient(transport=transport(stream, "text/event-stream"))
    async with openai.AsyncOpenAI(api_key="k", http_client=http) as client:
        async with client.responses.stream(model="m", input="x") as found:
            last = [event async for event in found][-1]
        streamed = last.response  # type: ignore[union-attr]
    with openai.OpenAI(
        api_key="k", http_client=httpx2.Client(transport=transport(body, "application/json"))
    ) as sync:
        whole = sync.responses.create(model="m", input="x")
    declared(Response.model_validate(json.loads(body), strict=True))
    assert {item.type for item in whole.output} == KINDS[name]
    plain = streamed.to_dict()
    for item in plain["output"]:
        for part in item.get("content") or ():
            part.pop("parsed", None)
        item.pop("parsed_arguments", None)
    assert plain == whole.to_dict()
    said = [one for one in ANSWERS[name] if "text" in one]
    assert whole.output_text == "".join(one["text"] for one in said)
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (
        7,
        3,
        10,
    )


@pytest.mark.parametrize("name", ANSWERS)
def test_every_event_is_declared_numbered_and_closed(name: str) -> None:
    found = events(answered(ANSWERS[name], ASKED)[0])
    adapter: Any = pydantic.TypeAdapter(ResponseStreamEvent)
    for event in found:
        declared(adapter.validate_python(event))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    ends = {"added": "done"}
    for kind in ("output_item", "content_part", "reasoning_summary_part"):
        places: dict[str, list[Any]] = {}
        for word in ("added", *ends.values()):
            these = [event for event in found if event["type"] == f"response.{kind}.{word}"]
            places[word] = [event["output_index"] for event in these]
        assert places["added"] == places["done"]
    done = [e["item"] for e in found if e["type"] == "response.output_item.done"]
    final = found[-1]["response"]["output"]
    for item in (*done, *final):
        for part in item.get("content") or ():
            part["logprobs"] = []  # they are known at the end only
    assert done == final
    notes = [e for e in found if e["type"] == "response.output_text.annotation.added"]
    assert [note["annotation_index"] for note in notes] == list(range(len(notes)))


def test_what_was_asked_is_echoed_as_it_was_asked() -> None:
    body = json.loads(answered(ANSWERS["text"], ASKED)[1])
    for key in ASKED.keys() - {"input", "model", "text"}:
        told = body[key]
        if key == "tools":
            assert told[1] == ASKED[key][1]
            assert told[0].items() >= ASKED[key][0].items()
        else:
            assert told == ASKED[key], key
    assert body["text"]["format"] == ASKED["text"]["format"]
    plain = json.loads(answered(ANSWERS["text"], {"model": "m", "input": "x"})[1])
    assert (plain["tools"], plain["tool_choice"], plain["instructions"]) == ([], "auto", None)


def test_the_parts_of_an_answer_say_what_the_reply_said() -> None:
    def output(name: str) -> Any:
        return json.loads(answered(ANSWERS[name], ASKED)[1])["output"]

    first, second = output("calls side by side")
    assert (first["call_id"], first["name"], first["arguments"]) == ("call_1", "f", '{"a":1}')
    assert (second["call_id"], second["arguments"]) == ("call_2", "{}")
    search, message = output("a search and what it found")
    assert search == SEARCH
    (part,) = message["content"]
    assert part["annotations"] == [
        {"type": "url_citation", **PLACES},
        {"type": "file_citation", "file_id": "f", "filename": "a", "index": 1},
    ]
    assert output("probabilities")[0]["content"][0]["logprobs"] == [TOKEN]
    assert output("an image")[0]["result"] == "AAAA"
    cut = json.loads(answered(ANSWERS["an answer that was cut"], ASKED)[1])
    assert (cut["status"], cut["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert cut["output"][0]["status"] == "incomplete"


async def test_an_error_in_mid_stream_is_raised_with_its_words() -> None:
    error = {"kind": "rate_limited", "message": "slow down", "status": 429, "request_id": "r"}
    stream, _ = answered([{"text": "Hel"}], ASKED, fail=error)
    found = events(stream)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    failed = found[-2]["response"]
    declared(Response.model_validate(failed, strict=True))
    assert failed["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
    http = httpx2.AsyncClient(transport=transport(stream, "text/event-stream"))
    async with openai.AsyncOpenAI(api_key="k", http_client=http) as client:
        with pytest.raises(openai.APIError, match="slow down") as caught:
            async with client.responses.stream(model="m", input="x") as events_:
                async for _ in events_:
                    pass
    assert caught.value.code == "rate_limit_exceeded"
    reader = dialect("openai-responses").reader()
    fails = [delta["fail"] for delta in reader.feed(stream) if "fail" in delta]
    assert fails == [{"kind": "rate_limited", "message": "slow down"}]


@pytest.mark.parametrize("owner", ["openai-responses", "anthropic-messages"])
def test_a_seal_goes_to_the_client_and_comes_back_to_its_owner(owner: str) -> None:
    deltas = [
        {"at": 0, "reasoning_id": "rs_1", "owner": owner},
        {"at": 0, "reasoning": "hm", "owner": owner},
        {"at": 0, "reasoning_signature": "se+al=", "owner": owner},
        {"at": 1, "tool_call": {"id": "call_1", "name": "f", "arguments": "{}"}},
        {"finish": "stop"},
    ]
    output = json.loads(answered(deltas, ASKED)[1])["output"]
    done = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    request = asked({"model": "m", "input": [*output, done]})
    (thought,) = request["messages"][0]["content"]
    assert (thought["signature"], thought["owner"], thought["text"]) == ("se+al=", owner, "hm")
    written = dialect("openai-responses").write(request, {"model": "m"}, {}).value
    kinds = [item["type"] for item in written["input"]]
    own = ["reasoning"] if owner == "openai-responses" else []
    assert kinds == [*own, "function_call", "function_call_output"]
    claude = dialect("anthropic-messages").write(request, {"model": "m"}, {}).value
    foreign = [block["type"] for block in claude["messages"][0]["content"]]
    assert foreign == ([] if own else ["thinking"]) + ["tool_use"]


HISTORY: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
    {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "phase": "commentary",
        "content": [
            {
                "type": "output_text",
                "text": "Hi",
                "annotations": [{"type": "url_citation", **PLACES}],
            }
        ],
    },
    {
        "type": "reasoning",
        "id": "rs_2",
        "encrypted_content": "gBBB",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "f",
        "arguments": "{}",
        "namespace": "n",
        "status": "completed",
    },
    {"type": "function_call_output", "id": "fo_1", "call_id": "call_1", "output": "ok"},
    {
        "type": "reasoning",
        "id": "rs_3",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
    },
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"},
    SEARCH,
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "container_id": "c",
        "code": "1",
        "outputs": [],
        "status": "completed",
    },
    {"type": "mcp_call", "id": "m", "name": "n", "arguments": "{}", "server_label": "s"},
    {"type": "custom_tool_call", "call_id": "call_2", "name": "c", "input": "x"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": "y"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "gCCC"},
    {"type": "item_reference", "id": "msg_0"},
    {"role": "developer", "content": "Now in French."},
    {"role": "user", "content": "again"},
]


def test_a_history_comes_back_item_by_item_in_its_order() -> None:
    request = asked({"model": "m", "input": HISTORY})
    body = dialect("openai-responses").write(request, {"model": "m"}, {}).value
    assert body["input"] == HISTORY
    strict.openai_responses()(json.loads(json.dumps({"model": "m", "input": HISTORY})))


@pytest.mark.parametrize(
    "said",
    [
        {"input": 5},
        {"input": [5]},
        {"input": [{"role": "user", "content": 5}]},
        {"input": [{"role": "nobody", "content": "hi"}]},
        {"input": [{"type": "function_call", "name": "f"}]},
        {"input": "hi", "tools": [5]},
        {},
    ],
)
def test_what_is_no_request_is_refused_with_its_place(said: dict[str, Any]) -> None:
    from trunkline.errors import RequestError

    with pytest.raises(RequestError, match=r"input|messages|content|tools|role"):
        asked({"model": "m", **said})


FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "failed": (
        {"status": "failed", "error": {"code": "server_error", "message": "oops"}, "output": []},
        "server_error",
        "oops",
    ),
    "an error of the limits": (
        {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
        "rate_limited",
        "slow",
    ),
    "an error of the policy": (
        {"status": "failed", "error": {"code": "invalid_prompt", "message": "no"}},
        "content_filter",
        "no",
    ),
    "a code that is a number": (
        {"error": {"code": 429, "message": "slow"}},
        "rate_limited",
        "slow",
    ),
    "cancelled": (
        {"status": "cancelled", "error": None, "output": []},
        "server_error",
        "the response failed",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_in_an_answer_is_one_whole_or_streamed(name: str) -> None:
    from trunkline.errors import UpstreamError

    body, kind, message = FAILURES[name]
    wire = dialect("openai-responses")
    with pytest.raises(UpstreamError) as caught:
        wire.read_reply(body, {})
    assert (caught.value.kind, caught.value.message) == (kind, message)
    spoken = [{"type": "response.failed", "response": body}]
    if body["error"]:
        spoken += [
            {"type": "error", **body["error"]},
            {"type": "error", "error": body["error"]},
        ]
    for event in spoken:
        reader = wire.reader()
        (delta,) = reader.read_event(event)
        assert delta["fail"] == {"kind": kind, "message": message}
        assert reader.complete


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "Please try again in 1s.", 7),
        (
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"},
            "",
            300,
        ),
        (
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"},
            "",
            0.12,
        ),
        ({}, "Rate limit reached. Please try again in 6.5s. Visit https://e.com.", 6.5),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Too many requests.", None),
    ],
)
def test_when_to_try_again_is_read_wherever_it_is_said(
    headers: dict[str, str], message: str, seconds: float | None
) -> None:
    body = {"error": {"code": "rate_limit_exceeded", "message": message}}
    failure = dialect("openai-responses").classify(429, headers, body)
    assert (failure.kind, failure.retry_after) == ("rate_limited", seconds)


def test_a_client_of_this_wire_keeps_its_defaults_and_others_are_not_stored() -> None:
    wire = dialect("openai-responses")
    target: dict[str, Any] = {"model": "m"}
    ours = asked({"model": "m", "input": "hi", "reasoning": {"effort": "low"}})
    body = wire.write(ours, target, {}).value
    assert "store" not in body and "include" not in body
    assert wire.loss(ours, target, {}) == ([], [])
    for name in ("openai-chat", "anthropic-messages"):
        assert dialect(name).loss(ours, target, {})[1] == []
    bare = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert wire.write(bare, target, {}).value["store"] is False


def test_what_is_bound_to_a_conversation_goes_nowhere_else() -> None:
    for key in ("previous_response_id", "conversation"):
        request = asked({"model": "m", "input": "hi", key: "some_1"})
        assert dialect("openai-chat").loss(request, {}, {})[1] == [f"extra.openai-responses.{key}"]
        body = dialect("openai-responses").write(request, {"model": "m"}, {}).value
        assert body[key] == "some_1"


def test_a_response_in_the_background_is_told_as_it_stands() -> None:
    wire = dialect("openai-responses")
    queued = {"id": "resp_1", "model": "m", "status": "queued", "output": [], "usage": None}
    reply = wire.read_reply(queued, {}).reply()
    assert wire.door is not None
    body = wire.door.write_reply(reply, asked({"model": "m", "input": "x", "background": True}))
    assert (body["status"], body["id"], body["usage"]) == ("queued", "resp_1", None)


@pytest.mark.parametrize(
    ("item", "done", "part"),
    [
        (
            {"type": "message", "content": []},
            {"type": "response.refusal.done", "content_index": 0, "refusal": "no"},
            {"type": "refusal", "refusal": "no"},
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
            {"type": "response.function_call_arguments.done", "arguments": "{}"},
            {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"},
        ),
        (
            {"type": "reasoning", "id": "rs", "summary": []},
            {"type": "response.reasoning_summary_text.done", "summary_index": 0, "text": "hm"},
            {"type": "reasoning", "text": "hm", "id": "rs", "owner": "openai-responses"},
        ),
    ],
)
def test_what_is_said_only_at_its_end_is_read_and_never_twice(
    item: dict[str, Any], done: dict[str, Any], part: dict[str, Any]
) -> None:
    wire = dialect("openai-responses")
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    for times in (1, 2):
        reader, fold = wire.reader(), wire.fold({})
        for event in [added, *[{**done, "output_index": 0}] * times]:
            for delta in reader.read_event(event):
                fold.add(delta)
        assert fold.reply()["choices"][0]["parts"] == [part]


def test_a_choice_among_tools_that_names_a_hosted_one_is_refused_elsewhere() -> None:
    """Leaving it out would answer without the search that was allowed."""
    request = asked(
        {
            "model": "m",
            "input": "hi",
            "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
        }
    )
    with pytest.raises(Refusal, match="cannot carry a tool of openai-responses"):
        dialect("anthropic-messages").write(request, {"model": "m"}, {})

"""generateContent: what the tests inside its file cannot say, with google-genai as the judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.dialect import proof, strict, vendors
from tests.dialect.corpus import content_type_of, place_of, rows
from tests.dialect.normal import normal
from trunkline.catalog import dialect
from trunkline.dialect import check_request
from trunkline.errors import RequestError
from trunkline.template import Refusal

if TYPE_CHECKING:
    from pathlib import Path

JSONMap = dict[str, Any]

WIRE = dialect("gemini-generate")
APIS = [
    f"{provider}/{api}"
    for provider in ("gemini", "vertex")
    for api in ("generateContent", "streamGenerateContent")
]
FETCHES = {"quirks": {"fetches_urls": True}}
STARTED = {"id": "an-id", "model": "a-model", "created": 0}


def door() -> Any:
    assert WIRE.door is not None
    return WIRE.door


def captured(path: str) -> dict[str, str]:
    found = [pattern.match(path) for pattern in door().patterns]
    params: dict[str, str] = next(one for one in found if one is not None)
    return params


# Requests


@pytest.mark.parametrize("api", APIS)
def test_every_recorded_request_comes_back_as_it_was(recordings: Path, api: str) -> None:
    check, provider = strict.gemini_generate(), FETCHES if api.startswith("vertex") else {}
    for row in rows(recordings, api):
        body, (path, query) = row["request"]["body"], place_of(row)
        params = captured(path)
        target = {"model": params["model"]}
        request = door().read_request(body, {}, params, query)
        assert WIRE.loss(request)[1] == [], row["id"]
        written = WIRE.write(request, target, provider)
        check(written.value)
        assert normal(WIRE.name, json.loads(written.body)) == normal(WIRE.name, body), row["id"]
        assert (request.get("stream") or False) == path.endswith(":streamGenerateContent")
        again = door().read_request(written.value, {}, params, query)
        assert WIRE.write(again, target, provider).value == written.value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "contents is required"),
        ({"contents": "hi"}, "contents must be a list"),
        ({"contents": [{"parts": ["hi"]}]}, "parts must be a list"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "user or model"),
        ({"contents": [], "tools": ["x"]}, "tools must be a list"),
        (
            {
                "contents": [],
                "toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": True}},
            },
            "calls come whole",
        ),
    ],
)
def test_a_client_learns_what_is_wrong(body: JSONMap, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        door().read_request(body, {}, {"model": "m", "method": "generateContent"}, {})


def test_results_without_ids_answer_the_calls_of_their_name_in_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {}}} for name in "fgf"]
    results = [
        {"functionResponse": {"name": name, "response": {"output": said}}}
        for name, said in (("f", "1"), ("f", "2"), ("g", "3"))
    ]
    contents = [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]
    request = door().read_request({"contents": contents}, {}, {"model": "gemini-2.5-pro"}, {})
    ids = [call["id"] for call in request["messages"][0]["tool_calls"]]
    answers = [(one["tool_call_id"], one["content"]) for one in request["messages"][1:]]
    assert answers == [(ids[0], "1"), (ids[2], "2"), (ids[1], "3")]
    written = WIRE.write(request, {"model": "gemini-2.5-pro"}, {}).value
    assert written["contents"] == contents


def test_what_was_made_up_for_us_is_not_sent_but_other_ids_are() -> None:
    def sent(call: str) -> Any:
        turn = {"id": call, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        request = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [turn]}]}
        check_request(request)
        body = WIRE.write(request, {"model": "gemini-2.5-pro"}, {}).value
        return body["contents"][0]["parts"][0]["functionCall"].get("id")

    assert sent("call_12") is None
    assert sent("call_" + "0a" * 12) is None
    assert sent("h8x2k1pz") == "h8x2k1pz"
    assert sent("toolu_01A09q90qw90lq917835lq9") == "toolu_01A09q90qw90lq917835lq9"


@pytest.mark.parametrize("value", [{}, {"error": {"a": 1}}, {"output": '{"a": 1}'}, {"a": [1]}])
def test_a_result_comes_back_as_it_was(value: JSONMap) -> None:
    part = {"functionResponse": {"name": "f", "id": "h8x2k1pz", "response": value}}
    body = {"contents": [{"role": "user", "parts": [part]}]}
    request = door().read_request(body, {}, {"model": "gemini-2.5-pro"}, {})
    assert WIRE.write(request, {"model": "gemini-2.5-pro"}, {}).value == body


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "cw=="},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "a"}, "thoughtSignature": "cw=="},
        {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"endOffset": "3s"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "thoughtSignature": "cw=="},
    ],
)
def test_what_only_google_knows_goes_back_unchanged_and_nowhere_else(part: JSONMap) -> None:
    body = {"contents": [{"role": "model", "parts": [{"text": "a"}, part]}]}
    request = door().read_request(body, {}, {"model": "gemini-3-pro"}, {})
    assert WIRE.write(request, {"model": "gemini-3-pro"}, {}).value == body
    with pytest.raises(Refusal, match="gemini-generate"):
        dialect("openai-chat").write(request, {"model": "m"}, {})


def test_retries_wait_for_what_google_says() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.957525076s"}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{}, detail]}}
    for said in (body, [body]):
        failure = WIRE.classify(429, {}, said)
        assert failure.kind == "rate_limited"
        assert failure.retry_after == pytest.approx(3.957525076)


# The door, judged by Google's client


def client(body: bytes, kind: str, status: int = 200, *, vertex: bool = False) -> Any:
    """google-genai, answered with these bytes whatever it asks; `asked` notes what it asks."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, headers={"content-type": kind}, content=body)

    options = types.HttpOptions(
        base_url="http://door.test",
        api_version="v1beta1" if vertex else "v1beta",
        httpx_client=httpx.Client(transport=httpx.MockTransport(answer)),
    )
    made = genai.Client(api_key="k", http_options=options)
    return made, asked


def streamed(deltas: list[JSONMap], query: dict[str, str], fold: Any = None) -> bytes:
    fold = fold or WIRE.fold({})
    writer = door().stream_writer({"stream": True}, {"method": "streamGenerateContent"}, query)
    written: bytes = writer.begin(STARTED)
    for delta in deltas:
        written += writer.write(fold.add(delta))
    return written + writer.end(fold.reply())  # type: ignore[no-any-return]


def recorded(recordings: Path, api: str, name: str) -> list[tuple[JSONMap, list[JSONMap], Any]]:
    """Recorded streams of a wire: the row, its deltas, and what the reply is."""
    found = []
    wire = dialect(name)
    for row in rows(recordings, api):
        if row["status"] != 200 or "text" not in row["response"]:
            continue
        reader = wire.reader(content_type_of(row["response"]))
        deltas = [*reader.feed(row["response"]["text"].encode()), *reader.end()]
        if not any("fail" in delta for delta in deltas):
            found.append((row, deltas, wire))
    return found


WIRES = [
    ("gemini/streamGenerateContent", "gemini-generate"),
    ("openai/chat", "openai-chat"),
    ("anthropic/messages", "anthropic-messages"),
]


@pytest.mark.parametrize(("api", "name"), WIRES)
@pytest.mark.parametrize("query", [{"alt": "sse"}, {}], ids=["sse", "array"])
def test_recorded_streams_written_at_the_door_read_as_they_were(
    recordings: Path, api: str, name: str, query: dict[str, str]
) -> None:
    judged = 0
    for row, deltas, wire in recorded(recordings, api, name):
        fold = wire.fold({})
        data = streamed(deltas, query, fold)
        (wanted, *_), usage = proof.readings(fold.reply()), wanted_usage(fold.reply())
        (got,) = vendors.gemini_generate({"response": {"text": data.decode()}})
        assert (got.text, got.reasoning, got.calls) == (
            wanted.text,
            wanted.reasoning,
            wanted.calls,
        ), row["id"]
        assert got.finish == wanted.finish
        assert got.usage == usage
        kind = "text/event-stream" if query else "application/json"
        ours = proof.read(WIRE, {"headers": {"content-type": kind}, "text": data.decode()})
        assert proof.readings(ours) == [got], row["id"]
        judged += 1
    assert judged > 10


def wanted_usage(reply: Any) -> JSONMap:
    """Google does not count what was stored in a cache apart."""
    usage = dict.fromkeys(("input", "cache_read", "cache_write", "output", "reasoning"), 0)
    usage |= {key: value for key, value in (reply["usage"] or {}).items() if key in usage}
    usage["input"] += usage.pop("cache_write")
    return {**usage, "cache_write": 0} if reply["usage"] else None  # type: ignore[return-value]


DELTAS: list[JSONMap] = [
    {"reasoning": "hm"},
    {"text": "Hel"},
    {"text": "lo"},
    {"text": "", "signature": "c2ln"},
    {"tool_call": {"id": "c1", "name": "weather", "arguments": '{"city":"Oslo"}'}},
    {"image": "data:image/png;base64,iVBORw0="},
    {"usage": {"promptTokenCount": 3, "candidatesTokenCount": 5}, "finish": "stop"},
]


def test_googles_client_reads_a_stream() -> None:
    made, asked = client(streamed(DELTAS, {"alt": "sse"}), "text/event-stream")
    contents: list[Any] = []
    for chunk in made.models.generate_content_stream(model="gemini-x", contents="hi"):
        contents.extend(chunk.candidates[0].content.parts)
    assert asked[0].url.path == "/v1beta/models/gemini-x:streamGenerateContent"
    assert dict(asked[0].url.params) == {"alt": "sse"}
    assert captured(asked[0].url.path) == {"model": "gemini-x", "method": "streamGenerateContent"}
    assert [part.text for part in contents if part.text and not part.thought] == ["Hel", "lo"]
    assert [part.text for part in contents if part.thought] == ["hm"]
    assert [part.thought_signature for part in contents if part.thought_signature] == [b"sig"]
    (call,) = [part.function_call for part in contents if part.function_call]
    assert (call.id, call.name, call.args) == ("c1", "weather", {"city": "Oslo"})
    (image,) = [part.inline_data for part in contents if part.inline_data]
    assert (image.mime_type, image.data[:4]) == ("image/png", b"\x89PNG")
    assert (chunk.usage_metadata.total_token_count, chunk.response_id) == (8, "an-id")
    assert chunk.candidates[0].finish_reason is types.FinishReason.STOP


def test_several_candidates_stay_apart_in_a_stream() -> None:
    call = {"tool_call": {"name": "f", "arguments": "{}"}}
    deltas: list[JSONMap] = [
        {"text": "a"},
        {"choice": 1, "text": "x"},
        {**call, "choice": 1},
        {"text": "b"},
        {"choice": 1, "text": "y"},
        {"finish": "length"},
        {"choice": 1, "finish": "stop"},
    ]
    data = streamed(deltas, {"alt": "sse"}).decode()
    first, second = vendors.gemini_generate({"response": {"text": data}})
    assert (first.text, first.calls, first.finish) == ("ab", [], "length")
    assert (second.text, second.calls, second.finish) == ("xy", [("f", {})], "tool_calls")
    places = [json.loads(line[6:]) for line in data.splitlines() if line.startswith("data")]
    parts = [one["candidates"][0]["content"]["parts"][0] for one in places[:-1]]
    assert [next(iter(part)) for part in parts] == ["text", "text", "text", "functionCall", "text"]


def test_googles_client_keeps_what_a_chat_says_in_its_history() -> None:
    """The SDK drops a turn from its history when any event of the stream has no parts."""
    made, _ = client(streamed(DELTAS[1:4] + DELTAS[-1:], {"alt": "sse"}), "text/event-stream")
    chat = made.chats.create(model="gemini-x")
    for _chunk in chat.send_message_stream("hi"):
        pass
    assert len(chat.get_history(curated=True)) > 1


def test_googles_client_reads_a_whole_answer() -> None:
    fold = WIRE.fold({})
    for delta in DELTAS:
        fold.add(delta)
    body = json.dumps(door().write_reply({**fold.reply(), "id": "an-id", "model": "m"}, {}))
    made, _ = client(body.encode(), "application/json")
    answer = made.models.generate_content(model="gemini-x", contents="hi")
    parts = answer.candidates[0].content.parts
    kinds = ["thought", "text", "signed", "call", "image"]
    assert len(parts) == len(kinds)
    assert (parts[0].text, parts[0].thought) == ("hm", True)
    assert (parts[1].text, parts[1].thought_signature) == ("Hello", None)
    assert (parts[2].text, parts[2].thought_signature) == ("", b"sig")
    assert answer.function_calls[0].args == {"city": "Oslo"}
    assert parts[4].inline_data.mime_type == "image/png"
    assert answer.usage_metadata.prompt_token_count == 3


def test_googles_client_reads_an_answer_with_nothing_in_it() -> None:
    fold = WIRE.fold({})
    fold.add({"finish": "length"})
    made, _ = client(json.dumps(door().write_reply(fold.reply(), {})).encode(), "application/json")
    answer = made.models.generate_content(model="gemini-x", contents="hi")
    assert answer.text == ""
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")],
)
def test_googles_client_raises_our_errors(status: int, name: str) -> None:
    said = {"kind": "bad_request", "message": "no", "status": status, "request_id": "r1"}
    made, _ = client(json.dumps(door().write_error(said)).encode(), "application/json", status)
    with pytest.raises(errors.APIError) as raised:
        made.models.generate_content(model="gemini-x", contents="hi")
    assert (raised.value.code, raised.value.status, raised.value.message) == (status, name, "no")


def test_a_stream_that_fails_in_the_middle_says_so() -> None:
    said = {"kind": "overloaded", "message": "gone", "status": 503, "request_id": "r1"}
    for query, kind in (({"alt": "sse"}, "text/event-stream"), ({}, "application/json")):
        fold, writer = WIRE.fold({}), door().stream_writer({}, {}, query)
        data = writer.begin(STARTED) + writer.write(fold.add({"text": "a"})) + writer.fail(said)
        reader = WIRE.reader(kind)
        text, failed = reader.feed(data)[1::2][:1], reader.read_event(door().write_error(said))
        assert text[0]["text"] == "a"
        assert failed[0]["fail"] == {"kind": "overloaded", "message": "gone"}
        if query:
            made, _ = client(data, kind)
            with pytest.raises(errors.APIError, match="gone"):
                list(made.models.generate_content_stream(model="gemini-x", contents="hi"))
        else:
            assert json.loads(data)[-1]["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/m:generateContent",
        "/v1/models/m:generateContent",
        "/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent",
        "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
        "/v1beta1/publishers/google/models/m:generateContent",
    ],
)
def test_the_paths_of_both_apis_name_the_model(path: str) -> None:
    found = captured(path)
    assert (found["model"], found["method"]) == ("m", "generateContent")

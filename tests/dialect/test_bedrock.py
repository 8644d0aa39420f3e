"""What Bedrock's doors write, as boto3 and Anthropic's Bedrock client read it; and exceptions
that come in frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import boto3
import httpx2
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.dialect import botocore_judge
from trunkline.catalog import dialect
from trunkline.dialect import Fold
from trunkline.errors import UpstreamError
from trunkline.wire import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JSONMap = dict[str, Any]

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
STARTED = {"id": "an-id", "model": "a-model", "created": 1700000000}
USAGE = {"input": 9, "cache_read": 2, "cache_write": 4, "cache_write_1h": 3, "output": 7}
DELTAS: list[JSONMap] = [
    {"at": 0, "reasoning": "Let me "},
    {"at": 0, "reasoning": "see.", "reasoning_signature": "c2ln"},
    {"at": 1, "reasoning_redacted": "EtkE"},
    {"at": 2, "text": "It is "},
    {"at": 2, "text": "sunny."},
    {"at": 3, "tool_call": {"id": "tooluse_1", "name": "weather", "arguments": '{"city":'}},
    {"at": 3, "tool_call": {"arguments": '"Oslo"}'}},
    {"at": 4, "tool_call": {"id": "functions.clock:1", "name": "clock", "arguments": "{}"}},
    {"usage": USAGE, "finish": "tool_calls"},
]
PLAIN: list[JSONMap] = [
    {"text": "It is "},
    {"text": "sunny."},
    {"usage": {"input": 9, "output": 7}, "finish": "length"},
]
ERRORS = [
    ("rate_limited", 429, "ThrottlingException", "throttlingException"),
    ("context_length", 400, "ValidationException", "validationException"),
    ("overloaded", 503, "ServiceUnavailableException", "serviceUnavailableException"),
    ("server_error", 500, "InternalServerException", "internalServerException"),
    ("auth", 403, "AccessDeniedException", None),
    ("not_found", 404, "ResourceNotFoundException", None),
]


def folded(name: str, deltas: list[JSONMap]) -> Fold:
    fold = Fold(dialect(name).family, lambda raw: dict(raw))  # type: ignore[arg-type, return-value]
    for delta in deltas:
        fold.add(delta)
    return fold


def whole(name: str, deltas: list[JSONMap]) -> JSONMap:
    """A reply as the door's body."""
    door = dialect(name).door
    assert door is not None
    return door.write_reply(folded(name, deltas).reply(), {})


def streamed(name: str, deltas: list[JSONMap], error: JSONMap | None = None) -> bytes:
    """The same in pieces; with an error instead of the end."""
    door = dialect(name).door
    assert door is not None
    writer, fold = door.stream_writer({}), folded(name, [])
    written = writer.begin(STARTED)
    for delta in deltas:
        written += writer.write(fold.add(delta))
    return written + (writer.end(fold.reply()) if error is None else writer.fail(error))


class Raw:
    """A body as botocore wants it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        for at in range(0, len(self.data), 100):
            yield self.data[at : at + 100]

    def read(self, *_: Any) -> bytes:
        data, self.data = self.data, b""
        return data

    def close(self) -> None:
        pass


def bedrock(answer: JSONMap | bytes, status: int = 200, **headers: str) -> tuple[Any, list[Any]]:
    """A boto3 client that is answered so, and the requests that it made."""
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )
    asked: list[Any] = []
    binary = isinstance(answer, bytes)
    kind = FRAMINGS["aws-eventstream"].content_type if binary else "application/json"
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def hook(request: Any, **_: Any) -> AWSResponse:
        asked.append(request)
        return AWSResponse(request.url, status, {"content-type": kind, **headers}, Raw(data))

    client.meta.events.register("before-send.bedrock-runtime.*", hook)
    return client, asked


ASKED: list[JSONMap] = [{"role": "user", "content": [{"text": "hi"}]}]
CALLS = [
    {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Oslo"}},
    {"toolUseId": "functions.clock:1", "name": "clock", "input": {}},
]
COUNTED = {
    "inputTokens": 9,
    "outputTokens": 7,
    "totalTokens": 22,
    "cacheReadInputTokens": 2,
    "cacheWriteInputTokens": 4,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 3}],
}


def test_boto3_reads_a_whole_answer() -> None:
    client, asked = bedrock(whole("bedrock-converse", DELTAS))
    got = client.converse(modelId=CLAUDE, messages=ASKED)
    assert got["stopReason"] == "tool_use"
    assert got["usage"] == COUNTED
    assert got["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": b"EtkE"}},
        {"text": "It is sunny."},
        {"toolUse": CALLS[0]},
        {"toolUse": CALLS[1]},
    ]
    (door,) = [dialect("bedrock-converse").door]
    assert door is not None
    path = asked[0].url.removeprefix("https://bedrock-runtime.us-east-1.amazonaws.com")
    found = door.patterns[0].match(path)
    assert found == {"model": CLAUDE, "method": "converse"}
    request = door.read_request(json.loads(asked[0].body), {}, found)
    assert request["messages"] == [{"role": "user", "content": "hi"}]


def test_boto3_reads_a_stream() -> None:
    client, asked = bedrock(streamed("bedrock-converse", DELTAS))
    events = list(client.converse_stream(modelId=CLAUDE, messages=ASKED)["stream"])
    assert events[0] == {"messageStart": {"role": "assistant"}}
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    said = "".join(one["delta"].get("text", "") for one in deltas)
    thought: JSONMap = {}
    for one in deltas:
        for key, piece in one["delta"].get("reasoningContent", {}).items():
            thought[key] = thought[key] + piece if key in thought else piece
    assert said == "It is sunny."
    assert thought == {"text": "Let me see.", "signature": "c2ln", "redactedContent": b"EtkE"}
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    for start, call in zip(starts, CALLS, strict=True):
        place = start["contentBlockIndex"]
        given = "".join(
            one["delta"]["toolUse"]["input"] for one in deltas if one["contentBlockIndex"] == place
        )
        begun = start["start"]["toolUse"]
        assert (begun["toolUseId"], begun["name"]) == (call["toolUseId"], call["name"])
        assert json.loads(given) == call["input"]
    stops = [
        event["contentBlockStop"]["contentBlockIndex"]
        for event in events
        if "contentBlockStop" in event
    ]
    assert stops == list(range(5)), "every block closes, in order"
    assert events[-2] == {"messageStop": {"stopReason": "tool_use"}}
    assert events[-1]["metadata"]["usage"] == COUNTED
    assert asked[0].url.endswith("/converse-stream")


@pytest.mark.parametrize(("kind", "status", "named", "_thrown"), ERRORS)
@pytest.mark.parametrize(
    "name",
    ["bedrock-converse", "bedrock-invoke-claude", "bedrock-invoke-titan", "bedrock-invoke-llama"],
)
def test_boto3_reads_an_error(name: str, kind: str, status: int, named: str, _thrown: str) -> None:
    door = dialect(name).door
    assert door is not None
    error = {"kind": kind, "message": "no", "status": status, "request_id": "r-1"}
    client, _ = bedrock(door.write_error(error), status, **door.error_headers(error))
    with pytest.raises(ClientError) as caught:
        if name == "bedrock-converse":
            client.converse(modelId=CLAUDE, messages=ASKED)
        else:
            client.invoke_model(modelId=CLAUDE, body=b"{}")
    said = caught.value.response
    assert said["Error"] == {"Message": "no", "Code": named}
    assert said["ResponseMetadata"]["RequestId"] == "r-1"
    failure = dialect(name).classify(status, door.error_headers(error), door.write_error(error))
    assert failure.kind == ("bad_request" if kind == "context_length" else kind)
    assert failure.message == "no"


@pytest.mark.parametrize(("kind", "status", "_named", "thrown"), ERRORS[:4])
@pytest.mark.parametrize(
    "name",
    ["bedrock-converse", "bedrock-invoke-claude", "bedrock-invoke-titan", "bedrock-invoke-llama"],
)
def test_boto3_and_we_read_an_exception_in_a_stream(
    name: str, kind: str, status: int, _named: str, thrown: str | None
) -> None:
    error = {"kind": kind, "message": "no", "status": status, "request_id": ""}
    data = streamed(name, PLAIN[:2], error)
    client, _ = bedrock(data)
    with pytest.raises(EventStreamError) as caught:
        if name == "bedrock-converse":
            list(client.converse_stream(modelId=CLAUDE, messages=ASKED)["stream"])
        else:
            list(client.invoke_model_with_response_stream(modelId=CLAUDE, body=b"{}")["body"])
    assert caught.value.response["Error"] == {"Message": "no", "Code": thrown}
    fails = [delta["fail"] for delta in dialect(name).reader().feed(data) if "fail" in delta]
    expected = "bad_request" if kind == "context_length" else kind
    assert fails == [{"kind": expected, "message": "no"}]


def test_a_stream_error_of_the_model_is_an_overload() -> None:
    frame = (
        FRAMINGS["aws-eventstream"]
        .encoder()
        .encode("modelStreamErrorException", b'{"message":"x","originalStatusCode":500}', True)
    )
    for name in ("bedrock-converse", "bedrock-invoke-claude", "bedrock-invoke-titan"):
        assert dialect(name).reader().feed(frame) == [
            {"fail": {"kind": "overloaded", "message": "x"}}
        ]


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_a_broken_answer_is_a_failure(reason: str) -> None:
    body = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": reason}
    with pytest.raises(UpstreamError, match=reason) as caught:
        dialect("bedrock-converse").read_reply(body, {})
    assert caught.value.kind == "malformed"


def anthropic_bedrock(answer: JSONMap | bytes, status: int = 200) -> tuple[Any, list[Any]]:
    asked: list[Any] = []
    kind = "application/json" if isinstance(answer, dict) else "application/vnd.amazon.eventstream"
    data = json.dumps(answer).encode() if isinstance(answer, dict) else answer

    def answered(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, headers={"content-type": kind}, content=data)

    client = anthropic.AnthropicBedrock(
        api_key="k",
        aws_region="us-east-1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answered)),
    )
    return client, asked


def held(message: Any) -> None:
    thinking, redacted, text, weather, clock = message.content
    assert (thinking.thinking, thinking.signature) == ("Let me see.", "c2ln")
    assert redacted.data == "EtkE"
    assert text.text == "It is sunny."
    assert (weather.id, weather.name, weather.input) == ("tooluse_1", "weather", {"city": "Oslo"})
    assert (clock.name, clock.input) == ("clock", {})
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (9, 7)
    assert message.usage.cache_read_input_tokens == 2


def test_anthropics_client_reads_a_whole_answer_and_is_understood() -> None:
    client, asked = anthropic_bedrock(whole("bedrock-invoke-claude", DELTAS))
    message = client.messages.create(
        model=CLAUDE,
        max_tokens=5,
        messages=[{"role": "user", "content": "hi"}],
        extra_headers={"anthropic-beta": "one,two"},
    )
    held(message)
    door = dialect("bedrock-invoke-claude").door
    assert door is not None
    found = door.patterns[0].match(asked[0].url.raw_path.decode())
    assert found == {"model": CLAUDE, "method": "invoke"}
    request = door.read_request(json.loads(asked[0].content), {}, found)
    assert request["messages"] == [{"role": "user", "content": "hi"}]
    sent = dialect("bedrock-invoke-claude").write(request, {"model": CLAUDE}, {})
    assert sent.path == f"/model/{CLAUDE.replace(':', '%3A')}/invoke"
    assert sent.value["anthropic_beta"] == ["one", "two"]
    assert sent.value["anthropic_version"] == "bedrock-2023-05-31"
    assert not {"model", "stream"} & sent.value.keys()


def test_anthropics_client_reads_a_stream() -> None:
    client, _ = anthropic_bedrock(streamed("bedrock-invoke-claude", DELTAS))
    asked = {"model": CLAUDE, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    with client.messages.stream(**asked) as stream:
        held(stream.get_final_message())


def test_anthropics_client_reads_errors_before_and_in_a_stream() -> None:
    asked: JSONMap = {
        "model": CLAUDE,
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    error = {"kind": "rate_limited", "message": "slow down", "status": 429, "request_id": ""}
    door = dialect("bedrock-invoke-claude").door
    assert door is not None
    client, _ = anthropic_bedrock(door.write_error(error), 429)
    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        client.messages.create(**asked)
    client, _ = anthropic_bedrock(streamed("bedrock-invoke-claude", PLAIN[:1], error))
    with (
        pytest.raises(anthropic.APIStatusError, match="slow down"),
        client.messages.stream(**asked) as stream,
    ):
        stream.get_final_message()


def native(name: str) -> tuple[JSONMap, list[JSONMap]]:
    """What boto3 hands on of a whole answer, and of a stream."""
    client, _ = bedrock(whole(name, PLAIN))
    body = json.loads(client.invoke_model(modelId="m", body=b"{}")["body"].read())
    client, _ = bedrock(streamed(name, PLAIN))
    events = client.invoke_model_with_response_stream(modelId="m", body=b"{}")["body"]
    return body, [json.loads(event["chunk"]["bytes"]) for event in events]


def test_boto3_hands_on_titans_own_words() -> None:
    body, events = native("bedrock-invoke-titan")
    assert body["inputTextTokenCount"] == 9
    assert body["results"] == [
        {"tokenCount": 7, "outputText": "It is sunny.", "completionReason": "LENGTH"}
    ]
    assert "".join(event["outputText"] for event in events) == "It is sunny."
    assert events[-1]["completionReason"] == "LENGTH"
    assert events[-1]["totalOutputTextTokenCount"] == 7
    assert events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 9


def test_boto3_hands_on_llamas_own_words() -> None:
    body, events = native("bedrock-invoke-llama")
    assert body == {
        "generation": "It is sunny.",
        "prompt_token_count": 9,
        "generation_token_count": 7,
        "stop_reason": "length",
    }
    assert "".join(event["generation"] for event in events) == "It is sunny."
    assert (events[-1]["stop_reason"], events[-1]["generation_token_count"]) == ("length", 7)


@pytest.mark.parametrize(
    "name",
    ["bedrock-converse", "bedrock-invoke-claude", "bedrock-invoke-titan", "bedrock-invoke-llama"],
)
def test_a_stream_is_the_whole_answer_however_its_bytes_are_cut(name: str) -> None:
    deltas = DELTAS if name in ("bedrock-converse", "bedrock-invoke-claude") else PLAIN
    wire = dialect(name)
    expected = wire.read_reply(whole(name, deltas), {}).reply()["choices"]
    data = streamed(name, deltas)
    for size in (1, 7, 100, len(data)):
        reader, fold = wire.reader(), wire.fold({})
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        for delta in [*(d for piece in pieces for d in reader.feed(piece)), *reader.end()]:
            fold.add(delta)
        assert fold.reply()["choices"] == expected
    reader = wire.reader()
    with pytest.raises(UpstreamError):
        reader.feed(data[: len(data) // 2])
        reader.end()


MARKED = {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize(
    "model",
    [
        CLAUDE,
        "us.anthropic.claude-opus-4-7",
        "us.amazon.nova-lite-v1:0",
        "openai.gpt-oss-120b-1:0",
        "qwen.qwen3-32b-v1:0",
        "us.deepseek.r1-v1:0",
    ],
)
def test_every_familys_body_is_one_that_aws_describes(model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}
    sound = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}
    long = "call_" + "x" * 90
    request: JSONMap = {
        "model": "m",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": MARKED}]},
            {"role": "user", "content": [image, file, file, sound]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": long, "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": long, "content": [image, file]},
            {"role": "system", "content": "later words"},
            {"role": "user", "content": "and now?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": ""},
                "cache_control": MARKED,
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "o", "schema": {"type": "object"}},
        },
        "reasoning_effort": "high",
        "max_tokens": 500,
        "temperature": 2,
        "stop": "END",
        "metadata": {"team": "a b"},
        "service_tier": "priority",
    }
    body = dialect("bedrock-converse").write(request, {"model": model}, {}).value
    botocore_judge.check_request("Converse", body, model)
    user, called, answered = body["messages"]
    assert [part["document"]["name"] for part in user["content"] if "document" in part] == [
        "document",
        "document-2",
    ]
    assert {"text": "."} in user["content"]
    call, result = called["content"][0]["toolUse"], answered["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"] != long
    assert call["input"] == {}
    assert answered["content"][-2:] == [
        {"text": "<system>\nlater words\n</system>"},
        {"text": "and now?"},
    ]


def test_metadata_that_does_not_fit_is_left_out_whole() -> None:
    write: Callable[..., Any] = dialect("bedrock-converse").write
    for metadata in ({"a": 1}, {"a": "ä"}, {"a": "x" * 257}, {str(n): "x" for n in range(17)}):
        body = write({"model": "m", "messages": [], "metadata": metadata}, {"model": "m"}, {}).value
        assert "requestMetadata" not in body

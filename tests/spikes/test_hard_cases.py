"""The hard cases of the template language, each against real recordings and the vendors' SDKs.

Whoever changes the language, the fold or the block writer runs these first: they are what
decides whether a wire can be said as data.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from tests.dialect import vendors
from tests.dialect.corpus import rows
from tests.dialect.proof import read, readings
from tests.dialect.vendors import Reading
from trunkline.catalog import dialect
from trunkline.dialect import check_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from trunkline.dialect import Dialect

HERE = Path(__file__).parent
JSONMap = dict[str, Any]

STARTED = {"id": "an-id", "model": "a-model", "created": 1700000000}


def oracle(recordings: Path, name: str) -> ModuleType:
    """A check that none of us wrote, from the folder beside the recordings."""
    path = recordings.parent / "oracles" / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"no oracle at {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def streams(recordings: Path, api: str) -> Iterator[JSONMap]:
    """The recorded streams of one API that end well."""
    for row in rows(recordings, api):
        if row["status"] == 200 and ("text" in row["response"] or "base64" in row["response"]):
            yield row


def rewritten(reader: Dialect, row: JSONMap, writer: Dialect, request: JSONMap) -> JSONMap:
    """A recorded stream, read in one dialect and written at the door of another: as a row."""
    events, fold = reader.reader(), reader.fold({})
    assert writer.door is not None
    stream = writer.door.stream_writer(request)
    written = stream.begin(STARTED)
    for delta in [*events.feed(row["response"]["text"].encode()), *events.end()]:
        assert "fail" not in delta, delta
        written += stream.write(fold.add(delta))
    written += stream.end(fold.reply())
    return {"response": {"text": written.decode()}}


def client(row: JSONMap) -> openai.OpenAI:
    answer = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=row["response"]["text"].encode(),
    )
    transport = httpx2.MockTransport(lambda _: answer)
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def responses_reading(row: JSONMap) -> Reading:
    """What the SDK's accumulator makes of a Responses stream."""
    with client(row).responses.stream(model="m", input="x") as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.usage is not None
    details, thought = final.usage.input_tokens_details, final.usage.output_tokens_details
    calls = [
        (item.name, vendors.arguments(item.arguments))
        for item in final.output
        if item.type == "function_call"
    ]
    thoughts = [item for item in final.output if item.type == "reasoning"]
    write = getattr(details, "cache_write_tokens", 0) or 0
    return Reading(
        final.output_text,
        "".join("\n\n".join(piece.text for piece in item.summary) for item in thoughts),
        calls,
        "tool_calls" if calls else "stop",
        {
            "input": final.usage.input_tokens - details.cached_tokens - write,
            "cache_read": details.cached_tokens,
            "cache_write": write,
            "output": final.usage.output_tokens - thought.reasoning_tokens,
            "reasoning": thought.reasoning_tokens,
        },
    )


def gemini_events(row: JSONMap) -> list[JSONMap]:
    lines = row["response"]["text"].splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def gemini_reading(row: JSONMap) -> Reading:
    """What google-genai's types read from a stream, event by event; of usage the last wins."""
    from google.genai.types import GenerateContentResponse

    text = thoughts = ""
    calls: list[tuple[str, Any]] = []
    counted: JSONMap = {}
    finish = None
    for raw in gemini_events(row):
        raw.get("usageMetadata", {}).pop("serviceTier", None)  # newer than the SDK
        event = GenerateContentResponse.model_validate(raw)
        for candidate in event.candidates or ():
            for part in (candidate.content and candidate.content.parts) or ():
                if part.function_call is not None:
                    calls.append((part.function_call.name or "", part.function_call.args or {}))
                elif part.thought:
                    thoughts += part.text or ""
                else:
                    text += part.text or ""
            finish = candidate.finish_reason or finish
        if event.usage_metadata is not None:
            counted |= event.usage_metadata.model_dump(exclude_none=True)
    cached = counted.get("cached_content_token_count", 0)
    assert finish is not None
    return Reading(
        text,
        thoughts,
        calls,
        "tool_calls" if calls else {"STOP": "stop", "MAX_TOKENS": "length"}[finish.value],
        {
            "input": counted["prompt_token_count"]
            - cached
            + counted.get("tool_use_prompt_token_count", 0),
            "cache_read": cached,
            "cache_write": 0,
            "output": counted.get("candidates_token_count", 0),
            "reasoning": counted.get("thoughts_token_count", 0),
        },
    )


def gemini_streams(recordings: Path) -> list[JSONMap]:
    """The recorded Gemini streams that came as server-sent events."""
    found = [
        row
        for api in ("gemini/streamGenerateContent", "vertex/streamGenerateContent")
        for row in streams(recordings, api)
    ]
    return [row for row in found if row["response"]["text"].startswith("data:")]


SOURCES = {
    "openai/chat": ("openai-chat", vendors.openai_chat),
    "anthropic/messages": ("anthropic-messages", vendors.anthropic_messages),
}


@pytest.mark.parametrize("api", SOURCES)
def test_1_the_responses_door_writes_streams_that_the_sdk_accepts(
    recordings: Path, api: str
) -> None:
    name, judge = SOURCES[api]
    seen = {"text": 0, "calls": 0}
    for row in streams(recordings, api):
        (wanted,) = judge(row)
        if wanted.finish not in ("stop", "tool_calls") or wanted.usage is None:
            continue
        written = rewritten(dialect(name), row, dialect("openai-responses"), {"stream": True})
        got = responses_reading(written)
        assert got == wanted, row["id"]
        seen["text"] += bool(wanted.text)
        seen["calls"] += bool(wanted.calls)
    assert min(seen.values()) >= 3, seen


def test_1_the_responses_events_are_numbered_and_repeat_their_text() -> None:
    """What the SDK does not check: dense numbers, every `added` done, text so far in `.done`."""
    door = dialect("openai-responses").door
    assert door is not None
    stream, fold = door.stream_writer({}), dialect("openai-responses").fold({})
    written = stream.begin(STARTED)
    for delta in (
        {"reasoning": "h"},
        {"reasoning": "m"},
        {"text": "Hel"},
        {"text": "lo"},
        {"at": 1, "tool_call": {"id": "call_1", "name": "f", "arguments": '{"a":'}},
        {"at": 2, "tool_call": {"id": "call_2", "name": "g", "arguments": "{}"}},
        {"at": 1, "tool_call": {"arguments": "1}"}},
        {"finish": "stop", "usage": {"input_tokens": 4, "output_tokens": 5}},
    ):
        written += stream.write(fold.add(delta))
    written += stream.end(fold.reply())
    events = [
        json.loads(line.removeprefix("data: "))
        for line in written.decode().splitlines()
        if line.startswith("data: ")
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    of_type = {kind: [e for e in events if e["type"] == f"response.{kind}"] for kind in KINDS}
    assert [e["output_index"] for e in of_type["output_item.added"]] == [0, 1, 2, 3]
    assert [e["output_index"] for e in of_type["output_item.done"]] == [0, 1, 2, 3]
    assert [e["text"] for e in of_type["output_text.done"]] == ["Hello"]
    assert [e["arguments"] for e in of_type["function_call_arguments.done"]] == ['{"a":1}', "{}"]
    assert [e["part"]["text"] for e in of_type["content_part.added"]] == [""]
    final = events[-1]["response"]
    assert final["output"] == [e["item"] for e in of_type["output_item.done"]]
    assert [item["type"] for item in final["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert final["usage"]["total_tokens"] == 9
    openai.types.responses.Response.model_validate(final, strict=True)


KINDS = (
    "output_item.added",
    "output_item.done",
    "content_part.added",
    "output_text.done",
    "function_call_arguments.done",
)


def test_1_recorded_responses_streams_read_as_the_sdk_reads_them(recordings: Path) -> None:
    seen = 0
    for row in streams(recordings, "openai/responses"):
        (ours,) = readings(read(dialect("openai-responses"), row["response"]))
        assert ours == responses_reading(row), row["id"]
        seen += 1
    assert seen > 40


def test_1_responses_streams_come_through_their_own_door_unchanged(recordings: Path) -> None:
    wire = dialect("openai-responses")
    for row in streams(recordings, "openai/responses"):
        written = rewritten(wire, row, wire, {"stream": True})
        assert responses_reading(written) == responses_reading(row), row["id"]


def test_2_gemini_streams_with_tools_read_as_google_reads_them(recordings: Path) -> None:
    with_calls = 0
    for row in gemini_streams(recordings):
        (ours,) = readings(read(dialect("gemini-generate"), row["response"]))
        theirs = gemini_reading(row)
        assert ours == theirs, row["id"]
        with_calls += ours.finish == "tool_calls"
    assert with_calls >= 2


def test_3_openai_streams_written_as_anthropic_pass_its_sdk(recordings: Path) -> None:
    seen = {"text": 0, "calls": 0}
    for row in streams(recordings, "openai/chat"):
        (wanted,) = vendors.openai_chat(row)
        written = rewritten(dialect("openai-chat"), row, dialect("anthropic-messages"), {})
        (got,) = vendors.anthropic_messages(written)
        for usage in (got.usage, wanted.usage):
            if usage is not None:
                usage["output"] += usage.pop("reasoning")
        if wanted.usage is None:
            wanted.usage = dict.fromkeys(got.usage or (), 0)
        assert got == wanted, row["id"]
        seen["text"] += bool(wanted.text)
        seen["calls"] += bool(wanted.calls)
    assert min(seen.values()) > 10, seen


CALLS = [
    {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"c":1}'}},
    {"id": "call_b", "type": "function", "function": {"name": "clock", "arguments": ""}},
]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("weather", "clock")
]


def test_4_the_name_of_a_function_response_is_that_of_its_call(recordings: Path) -> None:
    request = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "warm?"},
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_b", "content": "late", "is_error": True},
            {"role": "tool", "tool_call_id": "call_a", "content": '{"degrees": 21}'},
            {"role": "user", "content": "so?"},
        ],
        "tools": TOOLS,
        "stream": True,
    }
    check_request(request)
    wire = dialect("gemini-generate")
    assert wire.loss(request) == ([], [])
    sent = wire.write(request, {"model": "gemini-2.5-flash"}, {})
    oracle(recordings, "gemini_oracle").check_request(sent.value)
    assert sent.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    assert sent.query == (("alt", "sse"),)
    assert sent.value["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "call_a", "name": "weather", "args": {"c": 1}}},
                {"functionCall": {"id": "call_b", "name": "clock", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "call_b",
                        "name": "clock",
                        "response": {"error": "late"},
                    }
                },
                {
                    "functionResponse": {
                        "id": "call_a",
                        "name": "weather",
                        "response": {"degrees": 21},
                    }
                },
            ],
        },
        {"role": "user", "parts": [{"text": "so?"}]},
    ]


def test_5_converse_gets_ids_it_takes_and_cache_points(recordings: Path) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    ids = ["call_" + "x" * 80, "call_" + "x" * 81, "a/b", "functions.get_x:0"]
    calls = [{**CALLS[0], "id": call} for call in ids]
    request = {
        "model": "m",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": mark}]},
            {"role": "user", "content": [{"type": "text", "text": "q", "cache_control": mark}]},
            {"role": "assistant", "content": None, "tool_calls": calls},
            *({"role": "tool", "tool_call_id": call, "content": call} for call in reversed(ids)),
        ],
        "tools": [*TOOLS[:1], {**TOOLS[1], "cache_control": {"type": "ephemeral"}}],
    }
    check_request(request)
    sent = dialect("bedrock-converse").write(request, {"model": "us.amazon.nova-lite-v1:0"}, {})
    oracle(recordings, "bedrock_oracle").check_request("Converse", sent.value)
    assert sent.path == "/model/us.amazon.nova-lite-v1%3A0/converse"
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert sent.value["system"] == [{"text": "s"}, point]
    asked, called, answered = (message["content"] for message in sent.value["messages"])
    assert asked == [{"text": "q"}, point]
    assert sent.value["toolConfig"]["tools"][-1] == {"cachePoint": {"type": "default"}}
    used = [block["toolUse"]["toolUseId"] for block in called]
    back = {
        block["toolResult"]["toolUseId"]: block["toolResult"]["content"][0]["text"]
        for block in answered
    }
    assert [back[call] for call in used] == ids, "each result still answers its own call"
    assert used[3] == ids[3], "an id that fits is left alone"


CONVERSE_FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
}


def test_5_recorded_converse_streams_read_as_botocore_reads_them(recordings: Path) -> None:
    parse_stream = oracle(recordings, "bedrock_oracle").parse_stream
    wire, with_calls = dialect("bedrock-converse"), 0
    for row in streams(recordings, "bedrock/converse-stream"):
        raw = base64.b64decode(row["response"]["base64"])
        reader, fold = wire.reader(), wire.fold({})
        for delta in [*reader.feed(raw), *reader.end()]:
            fold.add(delta)
        (ours,) = readings(fold.reply())
        text, thoughts, called, finish, usage = "", "", {}, "", {}
        for event in parse_stream("ConverseStream", raw):
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            start = event.get("contentBlockStart", {})
            text += delta.get("text", "")
            thoughts += delta.get("reasoningContent", {}).get("text", "")
            begun = start.get("start", {}).get("toolUse")
            if begun is not None and begun.get("type") != "server_tool_use":
                called[start["contentBlockIndex"]] = [begun["name"], ""]
            place = event.get("contentBlockDelta", {}).get("contentBlockIndex")
            if "toolUse" in delta and place in called:
                called[place][1] += delta["toolUse"]["input"]
            finish = event.get("messageStop", {}).get("stopReason", finish)
            usage = event.get("metadata", {}).get("usage", usage)
        assert (ours.text, ours.reasoning) == (text, thoughts), row["id"]
        assert ours.calls == [(name, vendors.arguments(given)) for name, given in called.values()]
        assert ours.finish == CONVERSE_FINISH[finish]
        assert ours.usage is not None
        assert ours.usage["input"] == usage["inputTokens"]
        assert ours.usage["output"] == usage["outputTokens"]
        with_calls += bool(called)
    assert with_calls >= 2


def test_6_claude_on_vertex_is_a_few_lines(recordings: Path) -> None:
    wire = dialect("vertex-anthropic")
    provider = {"project": "p", "location": "europe-west1"}
    request = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    sent = wire.write(request, {"model": "claude-sonnet-4-5@20250929"}, provider)
    assert sent.path == (
        "/v1/projects/p/locations/europe-west1/publishers/anthropic"
        "/models/claude-sonnet-4-5%4020250929:streamRawPredict"
    )
    assert sent.headers == ()
    assert sent.value == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 4096,
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    for row in streams(recordings, "anthropic/messages"):
        assert readings(read(wire, row["response"])) == vendors.anthropic_messages(row), row["id"]


def test_6_thinking_goes_between_dialects_of_one_family() -> None:
    said = {
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    for reader, writer in (("vertex", "anthropic"), ("anthropic", "vertex"), ("vertex", "vertex")):
        wires = {"vertex": dialect("vertex-anthropic"), "anthropic": dialect("anthropic-messages")}
        (choice,) = wires[reader].read_reply(said, {}).reply()["choices"]
        request = {
            "model": "m",
            "messages": [{"role": "assistant", "content": choice["parts"]}],
            "extra": {"anthropic-messages": {"container": "c"}},
        }
        assert wires[writer].loss(request) == ([], [])
        sent = wires[writer].write(request, {"model": "m"}, {"project": "p", "location": "r"})
        assert sent.value["messages"][0]["content"] == said["content"]
        assert sent.value["container"] == "c"


def test_7_one_event_gives_several_deltas(recordings: Path) -> None:
    """Some recorded events hold several parts, and a finish and usage beside them."""
    wire, several = dialect("gemini-generate"), 0
    for row in gemini_streams(recordings):
        for event in gemini_events(row):
            deltas = wire.reader().read_event(event)
            parts = [
                part
                for candidate in event.get("candidates", ())
                for part in candidate.get("content", {}).get("parts", ())
            ]
            spoken = {"text", "reasoning", "tool_call", "wire", "image"}
            assert len([delta for delta in deltas if spoken & delta.keys()]) == len(parts)
            several += len(parts) > 1
    assert several > 0


SHRINKING = {
    # the prompt goes from 169 to 79
    "test_google_model_iter_stream.yaml#2": {"input": 79, "output": 12, "reasoning": 0},
    # the last event corrects the prompt and leaves out the 21 tokens of the answer
    "test_native_output_with_builtin_tools_stream.yaml#0": {
        "input": 87,
        "output": 21,
        "reasoning": 78,
    },
}


@pytest.mark.parametrize("name", SHRINKING)
def test_8_usage_that_shrinks_ends_at_what_was_said_last(recordings: Path, name: str) -> None:
    (row,) = [row for row in gemini_streams(recordings) if row["source"].endswith(name)]
    said = [event["usageMetadata"] for event in gemini_events(row) if "usageMetadata" in event]
    assert any(
        later.get(key, 0) < earlier[key]
        for earlier, later in pairwise(said)
        for key in ("promptTokenCount", "candidatesTokenCount")
        if key in earlier
    ), "the recording is the one that was meant"
    usage = read(dialect("gemini-generate"), row["response"])["usage"]
    assert usage == {"cache_read": 0, **SHRINKING[name]}


def chunks(row: JSONMap) -> list[JSONMap]:
    lines = row["response"]["text"].splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def test_9_interleaved_choices_stay_apart_and_are_written_back_apart(recordings: Path) -> None:
    """Two recorded answers, chunk by chunk in one stream, as OpenAI sends them for `n: 2`."""
    plain = [row for row in streams(recordings, "openai/chat") if vendors.openai_chat(row)[0].usage]
    first, second = plain[0], next(row for row in plain if vendors.openai_chat(row)[0].calls)
    both = [[chunk for chunk in chunks(row) if chunk["choices"]] for row in (first, second)]
    for chunk in both[1]:
        for choice in chunk["choices"]:
            choice["index"] = 1
    mixed: list[JSONMap] = []
    while any(both):
        mixed.extend(queue.pop(0) for queue in both if queue)
    mixed.append(chunks(first)[-1])
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in mixed) + "data: [DONE]\n\n"
    row = {"response": {"headers": {}, "text": text}}

    wanted = vendors.openai_chat(row)
    assert [(each.text, each.calls) for each in wanted] == [
        (each.text, each.calls) for one in (first, second) for each in vendors.openai_chat(one)
    ]
    assert readings(read(dialect("openai-chat"), row["response"])) == wanted
    request = {"n": 2, "stream_options": {"include_usage": True}}
    written = rewritten(dialect("openai-chat"), row, dialect("openai-chat"), request)
    assert vendors.openai_chat(written) == wanted
    with client(written).chat.completions.stream(model="m", messages=[]) as stream:
        final = stream.get_final_completion()
    assert [choice.message.role for choice in final.choices] == ["assistant", "assistant"]


def test_9_a_wire_with_one_answer_gets_only_the_first(recordings: Path) -> None:
    deltas = [{"choice": 1, "text": "no"}, {"text": "yes"}, {"finish": "stop"}]
    door = dialect("anthropic-messages").door
    assert door is not None
    stream, fold = door.stream_writer({}), dialect("openai-chat").fold({})
    written = stream.begin(STARTED)
    for delta in deltas:
        written += stream.write(fold.add(delta))
    written += stream.end(fold.reply())
    (got,) = vendors.anthropic_messages({"response": {"text": written.decode()}})
    assert got.text == "yes"

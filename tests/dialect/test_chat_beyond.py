"""The chat wire as servers and clients beyond OpenAI's own speak it: read for every wire, and
given back to their own as it came."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from trunkline.catalog import dialect
from trunkline.dialect import check_request
from trunkline.errors import UpstreamError

JSONMap = dict[str, Any]

WIRE = dialect("openai-chat")
USER = {"role": "user", "content": "hi"}
STARTED = {"id": "an-id", "model": "a-model", "created": 1700000000}


def asked(body: JSONMap) -> JSONMap:
    assert WIRE.door is not None
    request = WIRE.door.read_request({"model": "m", "messages": [USER], **body}, {})
    check_request(request)
    return request


def sent(request: JSONMap, wire: str = "openai-chat", model: str = "m") -> JSONMap:
    written = dialect(wire).write(request, {"model": model}, {}).value
    assert isinstance(written, dict)
    return written


def read(*chunks: JSONMap) -> JSONMap:
    reader, fold = WIRE.reader(), WIRE.fold({})
    for chunk in chunks:
        for delta in reader.read_event(chunk):
            fold.add(delta)
    (choice,) = fold.reply()["choices"]
    return {**choice, "usage": fold.reply()["usage"]}


def said(delta: JSONMap, finish: str | None = None, **beside: Any) -> JSONMap:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "model": "m", "choices": [choice], **beside}


def shown(request: JSONMap, *deltas: JSONMap, stream: bool) -> Any:
    """What OpenAI's client reads from what the door writes."""
    door, fold = WIRE.door, WIRE.fold({})
    assert door is not None
    writer = door.stream_writer(request, {}, {})
    content = writer.begin(STARTED)
    for delta in deltas:
        content += writer.write(fold.add(delta))
    content += writer.end(fold.reply())
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)
    if not stream:
        answer = httpx2.Response(200, json=door.write_reply(fold.reply(), request))
    client = httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))
    sdk = openai.OpenAI(api_key="k", http_client=client, max_retries=0)
    if not stream:
        return sdk.chat.completions.create(model="m", messages=[]).choices[0]
    with sdk.chat.completions.stream(model="m", messages=[]) as events:
        return events.get_final_completion().choices[0]


THINKING: list[tuple[JSONMap, str | None]] = [
    ({"reasoning": {"effort": "high", "exclude": True}}, "high"),
    ({"reasoning": {"max_tokens": 3000}}, "medium"),
    ({"reasoning": {"enabled": True}}, "medium"),
    ({"reasoning": {"enabled": False}}, "none"),
    ({"reasoning": {"exclude": True}}, None),
    ({"thinking": {"type": "enabled", "clear_thinking": False}}, "medium"),
    ({"thinking": {"type": "disabled"}}, "none"),
    ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, "low"),
]


@pytest.mark.parametrize(("body", "effort"), THINKING)
def test_whichever_way_thoughts_are_asked_for_every_wire_knows(
    body: JSONMap, effort: str | None
) -> None:
    request = asked(body)
    assert request.get("reasoning_effort") == effort
    back = sent(request)
    assert {key: back[key] for key in back if key not in ("model", "messages")} == body
    assert dialect("anthropic-messages").loss(request, {"model": "claude-sonnet-4-5"}, {})[1] == []


def test_a_budget_of_tokens_reaches_wires_that_count_them() -> None:
    request = asked({"reasoning": {"max_tokens": 3000}})
    claude = sent(request, "anthropic-messages", "claude-sonnet-4-5")
    assert claude["thinking"] == {"type": "enabled", "budget_tokens": 3000}


def test_an_effort_that_a_route_sets_is_the_one_that_is_asked_for() -> None:
    request = asked({"reasoning": {"effort": "high", "exclude": True}})
    back = sent({**request, "reasoning_effort": "low"})
    assert back["reasoning"] == {"effort": "low", "exclude": True}
    assert "reasoning_effort" not in back


@pytest.mark.parametrize(
    "name",
    ["reasoning_format", "include_reasoning", "clear_thinking", "provider", "transforms", "preset"],
)
def test_how_a_server_should_go_about_it_is_a_hint(name: str) -> None:
    request = asked({name: "x"})
    assert sent(request)[name] == "x"
    assert dialect("anthropic-messages").loss(request) == ([f"hints.openai-chat.{name}"], [])


def test_an_unknown_form_of_answers_goes_to_this_wire_only() -> None:
    form = {"type": "grammar", "grammar": "root ::= 'a'"}
    request = asked({"response_format": form})
    assert sent(request)["response_format"] == form
    lost = dialect("anthropic-messages").loss(request)[1]
    assert lost == ["extra.openai-chat.response_format"]


def test_a_document_by_address_is_a_file_by_address() -> None:
    part = {"type": "document_url", "document_url": "https://e.x/a.pdf"}
    request = asked({"messages": [{"role": "user", "content": [part]}]})
    assert sent(request)["messages"][0]["content"] == [part]
    (block,) = sent(request, "anthropic-messages")["messages"][0]["content"]
    assert block == {"type": "document", "source": {"type": "url", "url": "https://e.x/a.pdf"}}


def test_a_server_that_takes_documents_by_address_is_given_anyones() -> None:
    message = {"role": "user", "content": [{"type": "file", "file": {"url": "https://e.x/a.pdf"}}]}
    written = WIRE.write(
        {"messages": [message]}, {"model": "m"}, {"quirks": {"document_url": True}}
    )
    assert written.value["messages"][0]["content"] == [
        {"type": "document_url", "document_url": "https://e.x/a.pdf"}
    ]


def test_an_address_without_a_mapping_is_an_image_all_the_same() -> None:
    part = {"type": "image_url", "image_url": "https://e.x/a.png"}
    request = asked({"messages": [{"role": "user", "content": [part]}]})
    assert request["messages"][0]["content"][0]["image_url"] == {"url": "https://e.x/a.png"}


OLDER: JSONMap = {
    "messages": [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "3"},
    ],
    "functions": [{"name": "f", "parameters": {"type": "object"}}],
    "function_call": {"name": "f"},
}


def test_functions_of_before_tools_are_tools_and_come_back_as_they_were() -> None:
    request = asked(OLDER)
    assert sent(request) == {"model": "m", **OLDER}
    claude = sent(request, "anthropic-messages")
    assert [tool["name"] for tool in claude["tools"]] == ["f"]
    assert claude["tool_choice"] == {"type": "tool", "name": "f"}
    call, result = claude["messages"][1]["content"][0], claude["messages"][2]["content"][0]
    assert call["id"] == result["tool_use_id"]


@pytest.mark.parametrize("stream", [False, True])
def test_their_callers_are_answered_in_their_own_form(stream: bool) -> None:
    call = {"tool_call": {"id": "a", "name": "f", "arguments": "{}"}}
    choice = shown(asked(OLDER), call, {"finish": "tool_calls"}, stream=stream)
    assert choice.finish_reason == "function_call"
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == (
        "f",
        "{}",
    )
    assert not choice.message.tool_calls


@pytest.mark.parametrize("stream", [False, True])
def test_a_second_call_that_the_older_form_has_no_room_for_is_not_lost(stream: bool) -> None:
    calls = [{"tool_call": {"id": name, "name": name, "arguments": "{}"}} for name in ("f", "g")]
    choice = shown(asked(OLDER), *calls, {"finish": "tool_calls"}, stream=stream)
    assert choice.message.function_call.name == "f"
    assert [call.function.name for call in choice.message.tool_calls] == ["g"]


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ({"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6}, (6, 4)),
        ({"cached_tokens": 4}, (6, 4)),
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, (10, 0)),
    ],
)
def test_what_was_cached_is_counted_once_by_whatever_name(
    usage: JSONMap, wanted: tuple[int, int]
) -> None:
    counted = read(said({}, "stop", usage={"prompt_tokens": 10, "completion_tokens": 2, **usage}))
    assert (counted["usage"]["input"], counted["usage"]["cache_read"]) == wanted


def test_usage_inside_a_choice_is_read() -> None:
    chunk = said({"content": "a"}, "stop")
    chunk["choices"][0]["usage"] = {"prompt_tokens": 2, "completion_tokens": 3}
    assert read(chunk)["usage"]["output"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"index": 0, "finish_reason": "error", "message": {"content": ""}}]},
        {"choices": [{"finish_reason": "stop", "error": {"code": 429, "message": "no"}}]},
        [{"error": {"code": 429, "message": "no"}}],
        {"object": "error", "code": 429, "message": "no"},
    ],
)
def test_an_answer_that_broke_is_an_error(body: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        WIRE.read_reply(body, {})
    assert caught.value.kind in ("server_error", "rate_limited")


def test_arguments_that_came_as_json_are_text() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
    (part,) = read(said({"tool_calls": [{"index": 0, **call}]}, "tool_calls"))["parts"]
    assert json.loads(part["arguments"]) == {"x": 1}


def test_pages_that_were_read_are_cited_once() -> None:
    pages = [{"title": "T", "url": "https://e.x/"}]
    (part,) = read(
        said({"content": "a"}, search_results=pages),
        said({"content": "b"}, "stop", search_results=pages),
    )["parts"]
    assert part["text"] == "ab"
    assert part["citations"] == [
        {"type": "url_citation", "url_citation": {"url": "https://e.x/", "title": "T"}}
    ]


def test_a_call_of_a_custom_tool_is_whole_in_pieces() -> None:
    def piece(**call: Any) -> JSONMap:
        return said({"tool_calls": [{"index": 0, **call}]})

    choice = read(
        piece(id="a", type="custom", custom={"name": "f", "input": ""}),
        piece(custom={"input": "one "}),
        piece(custom={"input": "two"}),
        said({}, "tool_calls"),
    )
    block = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "one two"}}
    assert choice["parts"] == [{"type": "wire", "dialect": "openai-chat", "block": block}]
    assert choice["finish"] == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
def test_pictures_and_sound_reach_the_client(stream: bool) -> None:
    picture = "data:image/png;base64,AA=="
    choice = shown(
        {"model": "m", "messages": []},
        {"text": "a"},
        {"image": picture},
        {"audio": {"id": "s", "data": "AA==", "transcript": "b"}},
        {"finish": "stop"},
        stream=stream,
    )
    said_more = choice.message.model_dump()
    assert [one["image_url"]["url"] for one in said_more["images"]] == [picture]
    assert said_more["audio"]["data"] == "AA=="


def test_a_picture_that_a_client_gives_back_stays_with_its_message() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    message = {"role": "assistant", "content": "a", "images": [picture]}
    assert sent(asked({"messages": [USER, message]}))["messages"][1] == message


def test_what_groq_ran_itself_reaches_its_client() -> None:
    tools = [{"type": "search", "index": 0, "arguments": "{}", "output": "o"}]
    choice = read(said({"content": "a", "executed_tools": tools}, "stop"))
    assert choice["extra"] == {"openai-chat": {"executed_tools": tools}}


def test_a_tool_that_said_nothing_and_a_refusal_among_parts_are_told() -> None:
    refusal = {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    silent = {"role": "tool", "tool_call_id": "c", "content": None}
    first, second = sent({"messages": [refusal, silent]})["messages"]
    assert first["refusal"] == "no"
    assert second["content"] == ""

"""Anthropic's wire: how its models think, what its clients say, and what they are told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trunkline.catalog import dialect
from trunkline.errors import RequestError
from trunkline.template import Refusal

JSONMap = dict[str, Any]

WIRE = dialect("anthropic-messages")
USER = {"role": "user", "content": "hi"}


def sent(model: str, request: JSONMap, **provider: Any) -> JSONMap:
    body = WIRE.write({"messages": [USER], **request}, {"model": model}, provider).value
    assert isinstance(body, dict)
    return body


def dropped(model: str, request: JSONMap) -> list[str]:
    return WIRE.loss({"messages": [USER], **request}, {"model": model}, {})[0]


def asked(body: JSONMap, headers: JSONMap | None = None) -> JSONMap:
    assert WIRE.door is not None
    whole = {"model": "m", "max_tokens": 9, "messages": [USER], **body}
    return WIRE.door.read_request(whole, headers or {})


EFFORT = {"reasoning_effort": "xhigh", "max_tokens": 40000}


@pytest.mark.parametrize(
    ("model", "thinking", "effort"),
    [
        ("claude-3-5-haiku-latest", None, None),
        ("claude-3-7-sonnet-20250219", {"type": "enabled", "budget_tokens": 32768}, None),
        ("claude-sonnet-4-20250514", {"type": "enabled", "budget_tokens": 32768}, None),
        ("us.anthropic.claude-opus-4-1-v1:0", {"type": "enabled", "budget_tokens": 32768}, None),
        ("claude-sonnet-4@20250514", {"type": "enabled", "budget_tokens": 32768}, None),
        ("claude-haiku-4-5", {"type": "enabled", "budget_tokens": 32768}, None),
        ("claude-opus-4-6", {"type": "adaptive"}, "max"),
        ("claude-opus-4-8", {"type": "adaptive"}, "xhigh"),
        ("claude-sonnet-5", {"type": "adaptive"}, "xhigh"),
        ("a-name-of-ones-own", {"type": "adaptive"}, "xhigh"),
    ],
)  # fmt: skip
def test_an_effort_is_said_as_the_model_takes_it(
    model: str, thinking: JSONMap | None, effort: str | None
) -> None:
    body = sent(model, EFFORT)
    assert (body.get("thinking"), body.get("output_config", {}).get("effort")) == (thinking, effort)


@pytest.mark.parametrize(
    "bar",
    [
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"max_tokens": 1024},
        {"messages": [USER, {"role": "assistant", "content": "{"}]},
    ],
)
def test_a_budget_that_the_request_bars_is_left_out_and_recorded(bar: JSONMap) -> None:
    request = {**EFFORT, **bar}
    assert "thinking" not in sent("claude-sonnet-4-5", request)
    assert "reasoning_effort" in dropped("claude-sonnet-4-5", request)
    assert sent("claude-sonnet-5", request)["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "request_", "kept"),
    [
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_k": 3}, True),
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_k": 3, **EFFORT}, False),
        ("claude-opus-4-8", {"temperature": 0.5, "top_k": 3}, False),
    ],
)
def test_sampling_stays_out_where_it_is_refused_and_that_is_recorded(
    model: str, request_: JSONMap, kept: bool
) -> None:
    body = sent(model, request_)
    assert ("temperature" in body, "top_k" in body) == (kept, kept)
    assert ({"temperature", "top_k"} <= set(dropped(model, request_))) is not kept


def test_a_temperature_beyond_this_wires_range_is_refused() -> None:
    with pytest.raises(Refusal, match="at most"):
        sent("claude-sonnet-4-5", {"temperature": 1.5})


def test_what_a_client_says_of_thinking_is_said_as_another_model_takes_it() -> None:
    budget = asked({"thinking": {"type": "enabled", "budget_tokens": 4096}, "max_tokens": 9000})
    assert sent("claude-sonnet-4-6", budget)["thinking"] == {
        "type": "enabled",
        "budget_tokens": 4096,
    }
    newer = sent("claude-opus-4-8", budget)
    assert (newer["thinking"], newer["output_config"]) == (
        {"type": "adaptive"},
        {"effort": "medium"},
    )
    adaptive = asked({"thinking": {"type": "adaptive"}, "max_tokens": 9000})
    assert sent("claude-opus-4-8", adaptive)["thinking"] == {"type": "adaptive"}
    older = sent("claude-sonnet-4-5", adaptive)["thinking"]
    assert older == {"type": "enabled", "budget_tokens": 8999}


def test_complaints_name_fields_as_this_wire_does() -> None:
    for field, wrong in (("max_tokens", "many"), ("stop_sequences", 5)):
        with pytest.raises(RequestError, match=rf"^{field}[: \[]"):
            asked({field: wrong})


def test_documents_of_text_are_files_and_come_back() -> None:
    block = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        "title": "T",
        "context": "from a letter",
        "citations": {"enabled": True},
    }
    request = asked({"messages": [{"role": "user", "content": [block]}]})
    (part,) = request["messages"][0]["content"]
    assert part["file"]["file_data"].startswith("data:text/plain;base64,")
    assert sent("m", request)["messages"][0]["content"] == [block]


def test_a_system_message_between_others_is_told_to_models_that_know_none() -> None:
    history = [USER, {"role": "system", "content": "Be brief."}, USER]
    newer = sent("claude-opus-4-8", {"messages": history})["messages"]
    assert [message["role"] for message in newer] == ["user", "system", "user"]
    older = sent("claude-sonnet-4-5", {"messages": history})["messages"]
    assert [message["role"] for message in older] == ["user", "user", "user"]
    assert "Be brief." in older[1]["content"][0]["text"]


def test_beta_headers_reach_this_wire_and_are_a_hint_elsewhere() -> None:
    request = asked({}, {"anthropic-beta": "a,b"})
    assert dict(WIRE.write(request, {"model": "m"}, {}).headers)["anthropic-beta"] == "a,b"
    assert dialect("openai-chat").loss(request, {"model": "m"}, {}) == (
        ["hints.anthropic-messages.beta"],
        [],
    )


def said(**body: Any) -> Any:
    whole = {"id": "i", "model": "m", "content": [{"type": "text", "text": "hi"}], **body}
    return WIRE.read_reply(whole, {}).reply()


@pytest.mark.parametrize(
    "reason", ["end_turn", "stop_sequence", "max_tokens", "refusal", "pause_turn"]
)
def test_a_clients_stop_reason_is_the_providers_own(reason: str) -> None:
    reply = said(stop_reason=reason, stop_sequence="END" if reason == "stop_sequence" else None)
    assert WIRE.door is not None
    body = WIRE.door.write_reply(reply, {})
    assert (body["stop_reason"], body["stop_sequence"]) == (
        reason,
        "END" if reason == "stop_sequence" else None,
    )


def test_what_compaction_used_is_counted_too() -> None:
    step = {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 8}
    usage = {
        "input_tokens": 10,
        "output_tokens": 2,
        "iterations": [
            {"type": "compaction", **step},
            {"type": "message", "input_tokens": 10, "output_tokens": 2},
        ],
    }
    counted = said(stop_reason="end_turn", usage=usage)["usage"]
    assert (counted["input"], counted["cache_read"], counted["output"]) == (110, 50, 10)


def test_a_citation_of_another_wire_is_shown_as_this_wire_shows_the_web() -> None:
    citation = {"type": "url_citation", "url_citation": {"url": "https://e.x/", "title": "E"}}
    part = {"type": "text", "text": "hi", "citations": [citation]}
    reply = said(stop_reason="end_turn")
    reply["choices"][0]["parts"] = [part]
    assert WIRE.door is not None
    (shown,) = WIRE.door.write_reply(reply, {})["content"][0]["citations"]
    assert (shown["type"], shown["url"]) == ("web_search_result_location", "https://e.x/")
    body = sent("m", {"messages": [{"role": "assistant", "content": [part]}]})
    assert "citations" not in body["messages"][0]["content"][0]


def streamed_answer(*events: JSONMap) -> Any:
    """An answer that this wire streamed, read."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "model": "m", "type": "message", "role": "assistant", "content": []}
    start = {"type": "message_start", "message": {**message, "usage": usage}}
    fold, reader = WIRE.fold({}), WIRE.reader()
    for event in (start, *events):
        for delta in reader.read_event(event):
            fold.add(delta)
    return fold.reply()


ENDED = {"type": "message_delta", "usage": {"output_tokens": 2}}


@pytest.mark.parametrize(
    ("delta", "beside"),
    [
        ({"stop_reason": "end_turn", "container": {"id": "c"}}, {}),
        ({"stop_reason": "refusal", "stop_details": {"category": "cyber"}}, {}),
        ({"stop_reason": "end_turn"}, {"context_management": {"applied_edits": [{}]}}),
    ],
)
def test_what_only_this_wire_says_at_the_end_reaches_its_client(
    delta: JSONMap, beside: JSONMap
) -> None:
    assert WIRE.door is not None
    whole = {"id": "m", "model": "m", "content": [], **delta, **beside}
    for reply in (
        streamed_answer({**ENDED, "delta": delta, **beside}),
        WIRE.read_reply(whole, {}).reply(),
    ):
        told = WIRE.door.write_reply(reply, {})
        assert {key: told[key] for key in (*delta, *beside)} == {**delta, **beside}
        writer = WIRE.door.stream_writer({}, {}, {})
        end = (writer.begin({"id": "m", "model": "m", "created": 0}) + writer.end(reply)).decode()
        assert all(key in end for key in (*delta, *beside))


def test_what_was_billed_beside_tokens_is_told() -> None:
    assert WIRE.door is not None
    beside = {"server_tool_use": {"web_search_requests": 2}, "service_tier": "standard"}
    reply = said(stop_reason="end_turn", usage={"input_tokens": 1, "output_tokens": 2, **beside})
    told = WIRE.door.write_reply(reply, {})["usage"]
    assert {key: told[key] for key in beside} == beside


def test_a_compaction_is_whole_in_pieces() -> None:
    reply = streamed_answer(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "compaction", "content": None},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "compaction_delta", "content": "so far", "encrypted_content": "E"},
        },
        {**ENDED, "delta": {"stop_reason": "end_turn"}},
    )
    (part,) = reply["choices"][0]["parts"]
    assert part["block"] == {
        "type": "compaction",
        "content": "so far",
        "encrypted_content": "E",
    }


def test_who_called_a_tool_comes_back() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}}
    request = asked({"messages": [USER, {"role": "assistant", "content": [call]}]})
    assert sent("m", request)["messages"][1]["content"] == [call]
    answer = streamed_answer(
        {"type": "content_block_start", "index": 0, "content_block": call},
        {**ENDED, "delta": {"stop_reason": "tool_use"}},
    )
    assert WIRE.door is not None
    assert WIRE.door.write_reply(answer, {})["content"] == [call]


def test_arguments_that_are_whole_at_once_are_read() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    answer = streamed_answer(
        {"type": "content_block_start", "index": 0, "content_block": call},
        {**ENDED, "delta": {"stop_reason": "tool_use"}},
    )
    assert answer["choices"][0]["parts"][0]["arguments"] == '{"a":1}'


def test_the_name_that_this_wire_has_not_is_given_to_a_schema_where_it_must_have_one() -> None:
    shape = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    request = asked({"output_config": shape})
    assert "response_format.name" not in WIRE.loss(request, {"model": "claude-opus-4-7"}, {})[0]
    chat = dialect("openai-chat").write(request, {"model": "m"}, {}).value
    assert chat["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": {"type": "object"},
    }


@pytest.mark.parametrize("arguments", ["[1]", '"a"', "no JSON", "{"])
def test_what_a_call_was_not_given_is_not_made_up(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    with pytest.raises(Refusal, match="the arguments of the call of f are no JSON object"):
        sent("m", {"messages": [USER, {"role": "assistant", "tool_calls": [call]}]})


@pytest.mark.parametrize("arguments", ["", "null", "{}"])
def test_a_call_without_arguments_is_given_an_empty_mapping(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = sent("m", {"messages": [USER, {"role": "assistant", "tool_calls": [call]}]})
    assert body["messages"][1]["content"][0]["input"] == {}


def test_ids_of_calls_that_this_wire_refuses_are_respelled_and_still_pair() -> None:
    call = {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "functions.f:0", "content": "3"}
    body = sent("m", {"messages": [USER, {"role": "assistant", "tool_calls": [call]}, result]})
    (used,), (told,) = (message["content"] for message in body["messages"][1:])
    assert used["id"] == told["tool_use_id"]
    assert re.fullmatch("[a-zA-Z0-9_-]+", used["id"])


def test_what_tools_said_stands_before_what_the_user_says() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c", "content": "3"}
    said_before = [{"role": "assistant", "tool_calls": [call]}, USER, result]
    body = sent("m", {"messages": [USER, *said_before]})
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]

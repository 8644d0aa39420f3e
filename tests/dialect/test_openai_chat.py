"""The chat wire beyond OpenAI: what compatible servers want otherwise, as data of their rows, and
what they say beyond it."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.catalog import dialect
from trunkline.errors import RequestError, UpstreamError
from trunkline.template import Refusal

JSONMap = dict[str, Any]

WIRE = dialect("openai-chat")
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
MARKED = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}


def sent(request: JSONMap, **quirks: Any) -> JSONMap:
    body = WIRE.write({"messages": [], **request}, {"model": "m"}, {"quirks": quirks}).value
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize(
    ("quirks", "request_", "wanted"),
    [
        ({"max_tokens": True}, {"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": False}, {"max_tokens": 5}, {"max_completion_tokens": 5}),
        ({"seed_as": "random_seed"}, {"seed": 5}, {"random_seed": 5}),
        ({"tool_choice_required": "any"}, {"tool_choice": "required"}, {"tool_choice": "any"}),
        ({"forced_tools": False}, {"tool_choice": "auto"}, {"tool_choice": "auto"}),
        ({"stream_usage": False}, {"stream": True}, {"stream": True}),
        ({"top_k": True}, {"top_k": 3}, {"top_k": 3}),
        (
            {"developer": False, "names": False},
            {"messages": [{"role": "developer", "content": "a", "name": "b"}]},
            {"messages": [{"role": "system", "content": "a"}]},
        ),
        (
            {"cache_control": True},
            {"messages": [{"role": "assistant", "content": [MARKED]}]},
            {"messages": [{"role": "assistant", "content": [MARKED]}]},
        ),
    ],
)  # fmt: skip
def test_a_quirk_says_how_a_server_wants_it(
    quirks: JSONMap, request_: JSONMap, wanted: JSONMap
) -> None:
    assert {"messages": [], **wanted} == {
        key: value for key, value in sent(request_, **quirks).items() if key != "model"
    }


@pytest.mark.parametrize(
    ("quirks", "request_"),
    [
        ({"json_schema": False}, {"response_format": SCHEMA}),
        ({"forced_tools": False}, {"tool_choice": "required"}),
        ({"forced_tools": False}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({}, {"top_k": 3}),
    ],
)
def test_what_a_server_cannot_do_is_refused(quirks: JSONMap, request_: JSONMap) -> None:
    with pytest.raises(Refusal):
        sent(request_, **quirks)


@pytest.mark.parametrize(
    ("back", "wanted"),
    [
        (None, {"content": "a"}),
        (True, {"content": "a", "reasoning_content": "hm"}),
        ("reasoning", {"content": "a", "reasoning": "hm"}),
        (
            "thinking",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a"},
                ]
            },
        ),
    ],
)
def test_reasoning_goes_back_in_the_field_that_it_came_in(back: Any, wanted: JSONMap) -> None:
    said = [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "a"}]
    request = {"messages": [{"role": "assistant", "content": said}]}
    (message,) = sent(request, reasoning_back=back)["messages"]
    assert message == {"role": "assistant", **wanted}
    door = WIRE.door
    assert door is not None
    read = door.read_request({"model": "m", "messages": [message]}, {})
    assert read["messages"][0]["content"] == (said if back else "a")


def test_ids_of_calls_get_the_length_that_a_server_wants_and_still_pair() -> None:
    call = {"id": "toolu_01", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_01", "content": "x"},
    ]
    asked, answered = sent({"messages": history}, call_ids=9)["messages"]
    (made,) = asked["tool_calls"]
    assert made["id"] == answered["tool_call_id"]
    assert len(made["id"]) == 9
    assert made["id"].isalnum()


def test_what_only_this_wire_says_in_messages_and_tools_stays() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "u"}}]},
            {"role": "assistant", "content": "a", "prefix": True},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}, "eager": True}],
    }
    assert WIRE.door is not None
    request = WIRE.door.read_request(body, {})
    assert sent(request) == body
    with pytest.raises(Refusal, match="a block of openai-chat"):
        dialect("anthropic-messages").write(request, {"model": "m"}, {})


CHUNK = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}}]}


def test_an_error_inside_a_stream_is_an_error_of_its_kind() -> None:
    reader = WIRE.reader()
    assert reader.read_event(CHUNK)
    (delta,) = reader.read_event({**CHUNK, "error": {"code": 429, "message": "slow down"}})
    assert delta["fail"] == {"kind": "rate_limited", "message": "slow down"}


def test_chunks_of_filters_say_nothing_and_empty_names_are_not_kept() -> None:
    reader, fold = WIRE.reader(), WIRE.fold({})
    first = {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": []}
    late = {"choices": [{"index": 0, "delta": None, "content_filter_offsets": {}}]}
    end = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    for event in (first, CHUNK, late, end):
        for delta in reader.read_event(event):
            fold.add(delta)
    reply = fold.reply()
    assert (reply["id"], reply["model"]) == ("c", "m")
    assert reply["choices"][0]["parts"] == [{"type": "text", "text": "hi"}]


def test_a_filtered_choice_without_a_message_is_an_answer() -> None:
    body = {"id": "c", "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    (choice,) = WIRE.read_reply(body, {}).reply()["choices"]
    assert (choice["parts"], choice["finish"]) == ([], "content_filter")


def test_usage_beside_the_usual_place_is_read() -> None:
    reader, fold = WIRE.reader(), WIRE.fold({})
    for delta in reader.read_event(
        {**CHUNK, "x_groq": {"usage": {"prompt_tokens": 2, "completion_tokens": 3}}}
    ):
        fold.add(delta)
    assert fold.reply()["usage"] == {
        "input": 2, "cache_read": 0, "cache_write": 0, "output": 3, "reasoning": 0
    }  # fmt: skip


def test_an_empty_call_id_is_replaced() -> None:
    call = {"index": 0, "id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    (choice,) = WIRE.read_reply(body, {}).reply()["choices"]
    assert choice["finish"] == "tool_calls"
    assert choice["parts"][0]["id"].startswith("call_")


def test_citations_with_an_address_become_annotations_of_the_whole_text() -> None:
    parts = [
        {"type": "text", "text": "Hello "},
        {"type": "text", "text": "world", "citations": [
            {"type": "web_search_result_location", "url": "https://e.x/", "title": "E"},
            {"type": "char_location", "document_index": 0},
        ]},
    ]  # fmt: skip
    reply: Any = {
        "id": "i", "model": "m", "usage": None, "raw_usage": None,
        "choices": [
            {"index": 0, "parts": parts, "finish": "stop", "native_finish": None, "logprobs": None}
        ],
    }  # fmt: skip
    assert WIRE.door is not None
    (choice,) = WIRE.door.write_reply(reply, {})["choices"]
    assert choice["message"]["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {
                "url": "https://e.x/",
                "title": "E",
                "start_index": 6,
                "end_index": 11,
            },
        }
    ]


@pytest.mark.parametrize("body", [{"error": {"code": "429"}}, {"error": "no"}, {"error": [1]}])
def test_an_error_in_place_of_an_answer_is_an_error(body: JSONMap) -> None:
    with pytest.raises(UpstreamError):
        WIRE.read_reply(body, {})


def test_a_part_without_a_type_is_refused_at_the_door() -> None:
    assert WIRE.door is not None
    message = {"role": "user", "content": [{"text": "hi"}]}
    with pytest.raises(RequestError, match=r"messages\[0\]\.content\[0\]\.type"):
        WIRE.door.read_request({"model": "m", "messages": [message]}, {})

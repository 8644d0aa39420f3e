"""For each nested thing that a wire may lose: requests that hold it, each beside one without."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.dialect import Dialect

MARK = {"type": "ephemeral"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "call_aaaa", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}

Sample = dict[str, Any]


def text(role: str = "user", **more: Any) -> Sample:
    """A part of text in a message of this role, with more keys."""
    part = {"type": "text", "text": "a", **more}
    return asking({"role": role, "content": [part]}, {"role": "user", "content": "b"})


def asking(*messages: Any, **fields: Any) -> Sample:
    said = list(messages) or [{"role": "user", "content": "a"}]
    if said[0]["role"] == "assistant":
        said.insert(0, {"role": "user", "content": "q"})
    return {"model": "m", "max_tokens": 4096, "messages": said, **fields}


def part(one: Mapping[str, Any], **more: Any) -> Sample:
    return asking({"role": "user", "content": [{"type": "text", "text": "a"}, {**one, **more}]})


def citing(source: Mapping[str, Any]) -> tuple[Sample, Sample]:
    """An answer that names a source, and one that does not."""
    return text("assistant", citations=[source]), text("assistant")


def calling(call: Mapping[str, Any] = CALL, **result: Any) -> Sample:
    """A call and its answer."""
    answer = {"role": "tool", "tool_call_id": CALL["id"], "content": "x", **result}
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [call]}, answer]
    return asking(*said, tools=[TOOL])


def thinking(*thoughts: Mapping[str, Any]) -> Sample:
    """An assistant's parts: thoughts, and text after them."""
    content = [*thoughts, {"type": "text", "text": "a"}]
    return asking({"role": "assistant", "content": content}, {"role": "user", "content": "b"})


def tooled(**more: Any) -> Sample:
    return asking(tools=[{**TOOL, **more}])


def function(**more: Any) -> Sample:
    return asking(tools=[{**TOOL, "function": {**TOOL["function"], **more}}])


def schema(**more: Any) -> Sample:
    form = {"type": "json_schema", "json_schema": {"schema": SCHEMA, **more}}
    return asking(response_format=form)


def reasoning(**more: Any) -> Sample:
    return asking(reasoning_effort="low", reasoning=more)


THOUGHT = {"type": "reasoning", "text": "hm"}
SEALED = {**THOUGHT, "signature": "c2VhbA=="}

SAMPLES: dict[str, list[Callable[[str], tuple[Sample, ...]]]] = {
    "messages.name": [
        lambda _: (asking({"role": "user", "content": "a", "name": "ann"}), asking()),
    ],
    "messages.cache_control": [
        lambda _: (asking({"role": "user", "content": "a", "cache_control": MARK}), asking()),
    ],
    "messages.other": [
        lambda _: (asking({"role": "user", "content": "a", "brand_new": 1}), asking()),
        lambda _: (calling(brand_new=1), calling()),
        lambda _: (
            asking({"role": "user", "content": "a", "extra": {"another": {"a": 1}}}),
            asking(),
        ),
    ],
    "content.cache_control": [
        lambda _: (text(cache_control=MARK), text()),
        lambda _: (text("system", cache_control=MARK), text("system")),
        lambda _: (text("assistant", cache_control=MARK), text("assistant")),
        lambda _: (part(IMAGE, cache_control=MARK), part(IMAGE)),
        lambda _: (part(PDF, cache_control=MARK), part(PDF)),
    ],
    "content.prompt_cache_breakpoint": [
        lambda _: (text(prompt_cache_breakpoint={"mode": "explicit"}), text()),
    ],
    "content.citations": [
        lambda _: citing(
            {
                "type": "url_citation",
                "url_citation": {
                    "url": "https://example.com/",
                    "title": "t",
                    "start_index": 0,
                    "end_index": 1,
                },
            }
        ),
    ],
    "content.citations.document": [
        lambda _: citing(
            {
                "type": "char_location",
                "cited_text": "q",
                "document_index": 0,
                "document_title": "t",
                "start_char_index": 0,
                "end_char_index": 1,
            }
        ),
    ],
    "content.citations.result": [
        lambda _: citing(
            {
                "type": "web_search_result_location",
                "cited_text": "q",
                "url": "https://example.com/",
                "title": "t",
                "encrypted_index": "abcd",
            }
        ),
    ],
    "content.citations.file": [
        lambda _: citing(
            {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 1}
        ),
    ],
    "content.citations.other": [
        lambda _: citing(
            {
                "title": "t",
                "sourceContent": [{"text": "q"}],
                "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 1}},
            }
        ),
    ],
    "content.signature": [
        lambda owner: (text("assistant", signature="c2VhbA==", owner=owner), text("assistant")),
    ],
    "content.image_url.detail": [
        lambda _: (
            part({**IMAGE, "image_url": {**IMAGE["image_url"], "detail": "low"}}),
            part(IMAGE),
        ),
    ],
    "content.file.filename": [
        lambda _: (part({**PDF, "file": {**PDF["file"], "filename": "zebra.pdf"}}), part(PDF)),
    ],
    "content.other": [lambda _: (text(brand_new=1), text())],
    "content.reasoning": [lambda _: (thinking(THOUGHT), thinking())],
    "content.reasoning.signature": [
        lambda owner: (thinking({**SEALED, "owner": owner}), thinking({**THOUGHT, "owner": owner})),
    ],
    "content.reasoning.foreign": [
        lambda _: (thinking({**SEALED, "owner": "another"}), thinking(THOUGHT), thinking()),
    ],
    "signature.foreign": [
        lambda _: (
            text("assistant", signature="c2VhbA==", owner="another"),
            text("assistant"),
        ),
        lambda _: (calling({**CALL, "signature": "c2VhbA==", "owner": "another"}), calling()),
    ],
    "tool_calls.signature": [
        lambda owner: (calling({**CALL, "signature": "c2VhbA==", "owner": owner}), calling()),
    ],
    "tool_calls.cache_control": [
        lambda _: (calling({**CALL, "cache_control": MARK}), calling()),
    ],
    "tool_results.is_error": [lambda _: (calling(is_error=True), calling())],
    "tool_results.cache_control": [lambda _: (calling(cache_control=MARK), calling())],
    "tools.cache_control": [lambda _: (tooled(cache_control=MARK), tooled())],
    "tools.description": [lambda _: (function(description="zebra"), function())],
    "tools.strict": [lambda _: (function(strict=True), function())],
    "tools.extra": [lambda _: (tooled(extra={"another": {"a": 1}}), tooled())],
    "cache_control.ttl": [
        lambda _: (text(cache_control={**MARK, "ttl": "1h"}), text(cache_control=MARK)),
        lambda _: (tooled(cache_control={**MARK, "ttl": "1h"}), tooled(cache_control=MARK)),
    ],
    "reasoning.budget_tokens": [
        lambda _: (reasoning(mode="enabled", budget_tokens=1111), reasoning(mode="enabled")),
    ],
    "reasoning.mode": [
        lambda _: (reasoning(mode="adaptive"), reasoning()),
    ],
    "reasoning.summary": [
        lambda _: (
            reasoning(mode="enabled", budget_tokens=1111, summary="detailed"),
            reasoning(mode="enabled", budget_tokens=1111),
        ),
    ],
    "response_format.name": [lambda _: (schema(name="zebra"), schema())],
    "response_format.description": [
        lambda _: (schema(name="a", description="zebra"), schema(name="a")),
    ],
    "response_format.strict": [lambda _: (schema(name="a", strict=True), schema(name="a"))],
}
"""By name: takes a dialect's family, gives a request with the thing and the same without it, in all
the ways in which it may be left out."""


def written(
    wire: Dialect, request: Sample, target: Mapping[str, Any], provider: Mapping[str, Any]
) -> Any:
    """All that the wire says of a request; None where it refuses."""
    try:
        rendered = wire.write(deepcopy(request), target, provider)
    except Refusal:
        return None
    return rendered.path, rendered.query, rendered.headers, rendered.value


FIELDS: dict[str, Sample] = {
    "stream": {"stream": True},
    "stream_options": {"stream": True, "stream_options": {"include_usage": False}},
    "max_completion_tokens": {"max_completion_tokens": 77},
    "max_tokens": {"max_tokens": 77},
    "temperature": {"temperature": 0.25},
    "top_p": {"top_p": 0.25},
    "top_k": {"top_k": 7},
    "stop": {"stop": ["zebra"]},
    "seed": {"seed": 7},
    "n": {"n": 2},
    "presence_penalty": {"presence_penalty": 0.25},
    "frequency_penalty": {"frequency_penalty": 0.25},
    "logit_bias": {"logit_bias": {"7": 1}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 3},
    "response_format": schema(name="a"),
    "reasoning_effort": {"reasoning_effort": "low"},
    "reasoning": reasoning(mode="enabled", budget_tokens=1111),
    "verbosity": {"verbosity": "low"},
    "tools": {"tools": [TOOL]},
    "tool_choice": {"tools": [TOOL], "tool_choice": "required"},
    "parallel_tool_calls": {"tools": [TOOL], "parallel_tool_calls": False},
    "user": {"user": "ann"},
    "safety_identifier": {"safety_identifier": "ann"},
    "metadata": {"metadata": {"a": "b"}},
    "service_tier": {"service_tier": "default"},
    "store": {"store": True},
    "prompt_cache_key": {"prompt_cache_key": "a"},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "cache_control": {"cache_control": MARK},
    "modalities": {"modalities": ["text", "audio"]},
    "audio": {"audio": {"voice": "alloy", "format": "wav"}},
    "prediction": {"prediction": {"type": "content", "content": "zebra"}},
}
"""By field: a request that says something in it."""


def with_field(field: str) -> tuple[Sample, Sample]:
    """A request with the field, and the same without it."""
    one = asking(**{key: value for key, value in FIELDS[field].items() if key != "messages"})
    return one, {key: value for key, value in one.items() if key != field}

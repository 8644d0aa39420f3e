"""Canonical requests, generated."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

words = st.text('abc é☃"\\{}', min_size=1, max_size=12)
names = st.sampled_from(["weather", "search", "f"])
cache_marks = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])
data_url = st.sampled_from(["data:image/png;base64,iVBORw0=", "https://example.com/a.png"])
texts = st.fixed_dictionaries(
    {"type": st.just("text"), "text": words}, optional={"cache_control": cache_marks}
)
images = st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, data_url)
files = st.just(
    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}
)
arguments = st.sampled_from(["", "{}", '{"city":"Oslo"}', '{"n":[1,2]}'])


@st.composite
def rounds(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """A user's message, and perhaps an answer, with calls and their results."""
    content = draw(words | st.lists(texts | images | files, min_size=1, max_size=3))
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if draw(st.booleans()):
        answer: dict[str, Any] = {"role": "assistant", "content": draw(words | st.none())}
        calls = [
            {
                "id": f"call_{number}_{index}",
                "type": "function",
                "function": {"name": draw(names), "arguments": draw(arguments)},
            }
            for index in range(draw(st.integers(0, 2)))
        ]
        if calls:
            answer["tool_calls"] = calls
        messages.append(answer)
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(words)} for call in calls
        ]
    return messages


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A whole canonical request."""
    system = draw(st.none() | words | st.lists(texts, min_size=1, max_size=2))
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number in range(draw(st.integers(1, 3))):
        messages += draw(rounds(number))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    optional = {
        "stream": st.booleans(),
        "temperature": st.sampled_from([0, 0.5, 1]),
        "top_p": st.sampled_from([0.1, 1]),
        "max_completion_tokens": st.integers(2000, 9000),
        "stop": st.lists(words, min_size=1, max_size=2),
        "tools": st.just([tool]),
        "tool_choice": st.sampled_from(["auto", "required", "none"]),
        "parallel_tool_calls": st.booleans(),
        "reasoning_effort": st.sampled_from(["none", "low", "medium", "high"]),
        "user": words,
        "n": st.integers(1, 3),
        "seed": st.integers(),
    }
    chosen = draw(st.fixed_dictionaries({}, optional=optional))
    return {"model": "m", "messages": messages, **chosen}

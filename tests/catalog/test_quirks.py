"""What the rows of the catalogue say of providers reaches what is sent to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.making import exchange
from trunkline.catalog import rows
from trunkline.compile import load_plan
from trunkline.errors import ConfigError

pytestmark = pytest.mark.anyio

CALLED: list[dict[str, Any]] = [
    {"role": "developer", "content": "be brief"},
    {"role": "user", "name": "ann", "content": "weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_0123456789abcdefghijklmn",
                "type": "function",
                "function": {"name": "look", "arguments": "{}"},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_0123456789abcdefghijklmn", "content": "rain"},
]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}


def plan_of(row: str) -> Any:
    said = {name: "a" for name in rows.provider(row).get("settings", {}) if name != "fips"}
    if not rows.urls(rows.provider(row)):
        said["base_url"] = "http://llm.test"
    settings = "".join(f", {name}: {value}" for name, value in said.items())
    return load_plan(f"version: 1\nproviders:\n  it: {{type: {row}, api_key: k{settings}}}\n")


@pytest.mark.parametrize("row", rows.providers())
def test_every_quirk_and_every_setting_of_a_row_is_read_by_something(row: str) -> None:
    provider = plan_of(row).providers["it"]
    read = {path for paths in provider.reads() for path in paths or ()}
    quirks = {("quirks", name) for name in rows.provider(row).get("quirks", {})}
    assert quirks <= {path[:2] for path in read}
    settings = {(name,) for name in rows.provider(row).get("settings", {})}
    assert settings <= {path[:1] for path in read}


@pytest.mark.parametrize("row", rows.providers())
def test_a_quirk_that_nothing_reads_is_a_finding(row: str) -> None:
    settings = "base_url: 'http://llm.test', region: a, project: a, location: a"
    known = {*rows.provider(row).get("settings", {}), "base_url"}
    said = ", ".join(one for one in settings.split(", ") if one.split(":")[0] in known)
    with pytest.raises(ConfigError) as caught:
        load_plan(
            "version: 1\nproviders:\n  it:\n"
            f"    {{type: {row}, api_key: k, {said}, quirks: {{no_such_quirk: true}}}}\n"
        )
    assert "nothing reads the quirk `no_such_quirk` of `it`" in [
        one.message for one in caught.value.diagnostics
    ]


@pytest.mark.parametrize("row", rows.providers())
def test_a_row_has_a_name_a_sentence_and_reasons_for_its_quirks(row: str) -> None:
    document = rows.provider_document(row)
    assert document.value["provider"] == row
    assert document.value["about"]
    assert set(document.value) <= rows.ROW_KEYS
    text = (rows._FOLDER / f"{row}.yaml").read_text("utf-8")
    for name in document.value.get("quirks", {}):
        line = next(one for one in text.splitlines() if one.startswith(f"  {name}: "))
        assert "#" in line, f"{row}: no reason for {name}"


async def test_mistral_gets_what_it_understands() -> None:
    done = await exchange(
        "{type: mistral, api_key: k}",
        messages=CALLED,
        tools=TOOLS,
        tool_choice="required",
        max_completion_tokens=9,
        seed=4,
        user="u",
    )
    body = done.body
    system, user, assistant, tool = body["messages"]
    assert system == {"role": "system", "content": "be brief"}
    assert user == {"role": "user", "content": "weather?"}
    name = assistant["tool_calls"][0]["id"]
    assert len(name) == 9
    assert name.isalnum()
    assert tool["tool_call_id"] == name
    del body["messages"]
    assert body == {
        "model": "m",
        "tools": TOOLS,
        "tool_choice": "any",
        "max_tokens": 9,
        "random_seed": 4,
    }
    assert done.error is not None


async def test_mistral_streams_without_being_asked_for_usage() -> None:
    done = await exchange("{type: mistral, api_key: k}", stream=True)
    assert done.body["stream"] is True
    assert "stream_options" not in done.body


async def test_usage_is_asked_for_where_it_must_be() -> None:
    done = await exchange("{type: groq, api_key: k}", stream=True)
    assert done.body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("row", "request_"),
    [
        ("perplexity", {"tools": TOOLS}),
        ("groq", {"n": 2}),
        ("deepseek", {"response_format": SCHEMA}),
        ("deepseek", {"parallel_tool_calls": False}),
        ("zai", {"tools": TOOLS, "tool_choice": "required"}),
        ("ollama", {"n": 2}),
        ("cerebras", {"presence_penalty": 1.0}),
    ],
)
async def test_meaning_that_a_provider_does_not_take_is_refused(
    row: str, request_: dict[str, Any]
) -> None:
    done = await exchange(f"{{type: {row}, api_key: k}}", **request_)
    assert done.requests == []
    assert done.error is not None
    assert done.error.kind == "unsupported"


async def test_fields_that_a_provider_lacks_are_refused_by_its_name() -> None:
    done = await exchange("{type: groq, api_key: k}", n=2, logit_bias={"1": 1})
    assert "it cannot carry `logit_bias`, `n`" in str(done.error)


async def test_reasoning_models_of_xai_refuse_stops_and_others_take_them() -> None:
    refused = await exchange("{type: xai, api_key: k}", to="it/grok-4", stop=["x"])
    assert refused.requests == []
    for model in ("grok-4-fast-non-reasoning", "grok-2"):
        done = await exchange("{type: xai, api_key: k}", to=f"it/{model}", stop=["x"])
        assert done.body["stop"] == ["x"]


async def test_what_asks_for_nothing_is_left_out_where_the_field_is_unknown() -> None:
    done = await exchange("{type: groq, api_key: k}", n=1, logprobs=False, user="u")
    assert not {"n", "logprobs"} & set(done.body)
    assert done.body["user"] == "u"


async def test_a_route_file_says_what_a_provider_lacks() -> None:
    entry = '{type: openai-compatible, base_url: "http://llm.test", lacks: [seed]}'
    assert "seed" not in (await exchange(entry, seed=1)).body


def test_a_lack_of_what_no_request_has_is_a_finding() -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan("version: 1\nproviders:\n  openai: {api_key: k, lacks: [sed]}\n")
    [found] = caught.value.diagnostics
    assert found.code == "TL520"
    assert "did you mean `seed`?" in found.message


@pytest.mark.parametrize(
    ("row", "field"),
    [("deepseek", "reasoning_content"), ("xai", "reasoning_content"), ("ollama", "reasoning")],
)
async def test_reasoning_goes_back_where_it_is_wanted(row: str, field: str) -> None:
    messages = [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "b"}],
        },
        {"role": "user", "content": "c"},
    ]
    done = await exchange(f"{{type: {row}, api_key: k}}", messages=messages)
    assert done.body["messages"][1][field] == "hm"
    plain = await exchange("{type: openai, api_key: k}", messages=messages)
    assert "hm" not in str(plain.body)

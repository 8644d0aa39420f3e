"""Where requests to the providers of the catalogue go, with their settings."""

from __future__ import annotations

import json

import pytest

from tests.catalog.making import exchange, sent
from trunkline.catalog import rows
from trunkline.compile import load_plan
from trunkline.config.generate import published
from trunkline.errors import ConfigError

pytestmark = pytest.mark.anyio

GOOGLE = "/v1beta1/projects/acme/locations"
CLAUDE = "claude-sonnet-4-5@20250929"
AZURE = "https://acme-eu.openai.azure.com/openai"


def entry(row: str, settings: str = "") -> str:
    return f"{{type: {row}, api_key: k{', ' + settings if settings else ''}}}"


@pytest.mark.parametrize(
    ("row", "settings", "model", "url"),
    [
        ("openai", "", "gpt-4o", "https://api.openai.com/v1/chat/completions"),
        ("openai", "region: eu", "gpt-4o", "https://eu.api.openai.com/v1/chat/completions"),
        ("openai", "dialect: openai-responses", "gpt-4o", "https://api.openai.com/v1/responses"),
        ("openai", "", "gpt-5-pro-2025-10-06", "https://api.openai.com/v1/responses"),
        ("openai", "", "gpt-5.2-pro", "https://api.openai.com/v1/responses"),
        ("openai", "", "gpt-5.1-codex-max", "https://api.openai.com/v1/responses"),
        ("openai", "", "o3-deep-research", "https://api.openai.com/v1/responses"),
        ("openai", "dialect: openai-chat", "o1-pro", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "", "claude-sonnet-4-5", "https://api.anthropic.com/v1/messages"),
        ("xai", "", "grok-4", "https://api.x.ai/v1/chat/completions"),
        ("xai", "dialect: openai-responses", "grok-4", "https://api.x.ai/v1/responses"),
        (
            "gemini",
            "",
            "gemini-2.5-flash",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
        ),
        (
            "gemini",
            "api_version: v1",
            "models/gemini-2.5-flash",
            "https://generativelanguage.googleapis.com/v1/models/gemini-2.5-flash:generateContent",
        ),
        (
            "gemini",
            "",
            "tunedModels/mine",
            "https://generativelanguage.googleapis.com/v1beta/tunedModels/mine:generateContent",
        ),
        (
            "vertex",
            "project: acme, location: europe-west4",
            "gemini-2.5-pro",
            f"https://europe-west4-aiplatform.googleapis.com{GOOGLE}/europe-west4/publishers/google/models/gemini-2.5-pro:generateContent",
        ),
        (
            "vertex",
            "project: acme, location: global",
            "google/gemini-2.5-pro",
            f"https://aiplatform.googleapis.com{GOOGLE}/global/publishers/google/models/gemini-2.5-pro:generateContent",
        ),
        (
            "vertex",
            "project: acme, location: eu, api_version: v1",
            "1234567890",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/acme/locations/eu/endpoints/1234567890:generateContent",
        ),
        (
            "vertex",
            "project: acme, location: us-east5",
            CLAUDE,
            "https://us-east5-aiplatform.googleapis.com/v1/projects/acme/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict",
        ),
        (
            "vertex",
            'project: "example.com:acme", location: us-central1',
            "meta/llama-4-maverick",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/example.com%3Aacme/locations/us-central1/endpoints/openapi/chat/completions",
        ),
        (
            "vertex-express",
            "",
            "gemini-2.5-flash",
            "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent",
        ),
        (
            "bedrock",
            "region: us-east-1",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        ),
        (
            "bedrock",
            "region: us-gov-west-1, fips: true",
            "arn:aws:bedrock:us-gov-west-1:1:application-inference-profile/abc",
            "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-gov-west-1%3A1%3Aapplication-inference-profile%2Fabc/converse",
        ),
        (
            "bedrock",
            "region: cn-north-1",
            "m",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/converse",
        ),
        (
            "bedrock",
            "region: eusc-de-east-1",
            "m",
            "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu/model/m/converse",
        ),
        (
            "bedrock",
            "region: us-east-1, dialect: bedrock-invoke-titan",
            "amazon.titan-text-express-v1",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-text-express-v1/invoke",
        ),
        (
            "bedrock",
            "region: us-east-1, dialect: bedrock-invoke-claude",
            "anthropic.claude-v2",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2/invoke",
        ),
        (
            "bedrock",
            "region: us-east-1, dialect: bedrock-invoke-llama",
            "meta.llama3-8b-instruct-v1:0",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/meta.llama3-8b-instruct-v1%3A0/invoke",
        ),
        (
            "bedrock-mantle",
            "region: us-east-1",
            "openai.gpt-5.5",
            "https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses",
        ),
        (
            "bedrock-mantle",
            "region: us-east-1",
            "openai.gpt-oss-120b",
            "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions",
        ),
        (
            "bedrock-mantle",
            "region: us-east-1",
            "us.anthropic.claude-opus-4-7",
            "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages",
        ),
        (
            "azure-openai",
            "resource: acme-eu",
            "prod/gpt",
            f"{AZURE}/deployments/prod%2Fgpt/chat/completions?api-version=2024-10-21",
        ),
        (
            "azure-openai",
            "resource: acme-eu, api_version: 2024-12-01-preview",
            "prod",
            f"{AZURE}/deployments/prod/chat/completions?api-version=2024-12-01-preview",
        ),
        (
            "azure-openai",
            'base_url: "https://acme.cognitiveservices.azure.com", api_version: v1',
            "prod",
            "https://acme.cognitiveservices.azure.com/openai/v1/chat/completions",
        ),
        (
            "azure-openai",
            "resource: acme-eu, api_version: preview",
            "prod",
            f"{AZURE}/v1/chat/completions?api-version=preview",
        ),
        (
            "azure-openai",
            "resource: acme-eu, dialect: openai-responses",
            "prod",
            f"{AZURE}/v1/responses",
        ),
        (
            "azure-openai",
            "resource: acme-eu, dialect: openai-responses, api_version: 2025-04-01-preview",
            "prod",
            f"{AZURE}/responses?api-version=2025-04-01-preview",
        ),
        (
            "azure-openai",
            "resource: acme-eu, dialect: openai-responses, api_version: v1",
            "prod",
            f"{AZURE}/v1/responses",
        ),
        ("groq", "", "openai/gpt-oss-120b", "https://api.groq.com/openai/v1/chat/completions"),
        ("mistral", "", "mistral-large", "https://api.mistral.ai/v1/chat/completions"),
        ("openrouter", "", "z-ai/glm-4.6", "https://openrouter.ai/api/v1/chat/completions"),
        ("deepseek", "", "deepseek-chat", "https://api.deepseek.com/chat/completions"),
        (
            "deepseek",
            "dialect: openai-responses",
            "deepseek-v4-flash",
            "https://api.deepseek.com/responses",
        ),
        ("together", "", "a/b", "https://api.together.xyz/v1/chat/completions"),
        ("cerebras", "", "zai-glm-4.7", "https://api.cerebras.ai/v1/chat/completions"),
        ("fireworks", "", "m", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("perplexity", "", "sonar", "https://api.perplexity.ai/chat/completions"),
        ("ollama", "", "gpt-oss:20b", "http://127.0.0.1:11434/v1/chat/completions"),
        ("vllm", "", "m", "http://127.0.0.1:8000/v1/chat/completions"),
        ("huggingface", "", "Qwen/Qwen3", "https://router.huggingface.co/v1/chat/completions"),
        ("zai", "", "glm-4.7", "https://api.z.ai/api/paas/v4/chat/completions"),
        ("crusoe", "", "m", "https://api.inference.crusoecloud.com/v1/chat/completions"),
        (
            "snowflake",
            "account: myorg-myaccount",
            "claude-sonnet-4-6",
            "https://myorg-myaccount.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
        ),
        ("cohere", "", "command-r-plus", "https://api.cohere.com/v2/chat"),
    ],
)
async def test_a_request_goes_where_the_settings_say(
    row: str, settings: str, model: str, url: str
) -> None:
    request = await sent(entry(row, settings), to=f'"it/{model}"')
    assert (request.method, request.url) == ("POST", url)


@pytest.mark.parametrize(
    ("settings", "ending"),
    [
        ("gemini", ":streamGenerateContent?alt=sse"),
        ("vertex, project: p, location: global", ":streamGenerateContent?alt=sse"),
        ("bedrock, region: us-east-1", "/converse-stream"),
    ],
)
async def test_a_stream_has_its_own_method(settings: str, ending: str) -> None:
    done = await exchange(f"{{type: {settings}, api_key: k}}", stream=True)
    assert done.request.url.endswith(ending)


@pytest.mark.parametrize(
    ("row", "settings", "headers"),
    [
        ("openai", "organization: o, project: p", {"openai-organization": "o"}),
        ("openai", "", {"authorization": "Bearer k"}),
        ("anthropic", "", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
        ("gemini", "", {"x-goog-api-key": "k"}),
        ("azure-openai", "resource: a", {"api-key": "k"}),
        ("bedrock", "region: r", {"authorization": "Bearer k"}),
        ("ollama", "", {"authorization": "Bearer k"}),
    ],
)
async def test_a_request_carries_what_the_row_says(
    row: str, settings: str, headers: dict[str, str]
) -> None:
    request = await sent(entry(row, settings))
    assert headers.items() <= dict(request.headers).items()


async def test_settings_come_from_the_environment_by_reference_only() -> None:
    environ = {"AWS_REGION": "ap-south-1", "REGION": "eu-west-1"}
    settings = 'region: "${env:REGION}", fips: "${env:FIPS:-true}"'
    request = await sent(entry("bedrock", settings), environ=environ)
    assert request.url.startswith("https://bedrock-runtime-fips.eu-west-1.amazonaws.com/")


@pytest.mark.parametrize("region", ["eu/../x", "eu.evil.test", "-eu", "e" * 64, "eu\r\nx", "．．"])
async def test_a_setting_from_the_environment_must_fit_into_the_host(region: str) -> None:
    with pytest.raises(ConfigError, match="part of a host name") as caught:
        await exchange(entry("bedrock", 'region: "${env:R}"'), environ={"R": region})
    assert [one.code for one in caught.value.diagnostics] == ["TL310"]
    assert caught.value.diagnostics[0].span.line == 3


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("bedrock", ["region"]),
        ("bedrock-mantle", ["region"]),
        ("vertex", ["project", "location"]),
        ("azure-openai", ["resource"]),
        ("snowflake", ["account"]),
    ],
)
def test_what_is_missing_is_said_with_the_line_to_write(row: str, missing: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(f"version: 1\nproviders:\n  it: {entry(row)}\n")
    found = caught.value.diagnostics
    assert [one.code for one in found] == ["TL308"] * len(missing)
    assert {one.hint.split("`")[1].split(":")[0] for one in found} == set(missing)
    assert {one.span.line for one in found} == {3}


def test_the_hint_for_a_missing_setting_names_its_usual_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan("version: 1\nproviders:\n  it: {type: bedrock}\n")
    assert caught.value.diagnostics[0].hint == 'write `region: "${env:AWS_REGION}"`'


def test_a_base_url_of_ones_own_needs_no_setting_that_only_the_row_wanted() -> None:
    url = 'base_url: "https://acme.services.ai.azure.com"'
    load_plan(f"version: 1\nproviders:\n  it: {entry('azure-openai', url)}\n")
    with pytest.raises(ConfigError, match="nothing reads the setting `resource`"):
        load_plan(f"version: 1\nproviders:\n  it: {entry('azure-openai', url + ', resource: a')}\n")


async def test_a_route_file_writes_such_addresses_itself() -> None:
    own = (
        "{dialect: openai-chat, region: west, base_url: {$if: "
        "\"{{ provider.region == 'west' }}\", "
        'then: "https://{{ provider.region }}.llm.test/v1", else: "https://llm.test/v1"}}'
    )
    assert (await sent(own)).url == "https://west.llm.test/v1/chat/completions"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://{{ provider.regoin }}.llm.test", "TL505"),
        ("https://{{ provider.region }", "TL500"),
        ("https://{{ provider.region }}.llm.test", "TL308"),
        ("{{ 'ftp' }}://llm.test", "TL311"),
        ("https://{{ 'a@b' }}.llm.test", "TL311"),
        ("https://{{ 'a' }}.llm.test?x", "TL311"),
    ],
)
def test_a_template_of_a_base_url_is_checked(url: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(f'version: 1\nproviders:\n  it: {{dialect: openai-chat, base_url: "{url}"}}\n')
    assert [one.code for one in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("row", rows.providers())
def test_an_unknown_key_beside_a_row_is_refused_and_every_known_one_may_be_overridden(
    row: str,
) -> None:
    said = rows.provider(row).get("settings", {})
    values = {"fips": "true"}
    settings = [f"{name}: {values.get(name, 'a')}" for name in said]
    place = [] if rows.urls(rows.provider(row)) else ["base_url: 'https://llm.test'"]
    own = ", ".join([*settings, *place, "headers: {x-a: b}", "quirks: {}", "lacks: [user]"])
    load_plan(f"version: 1\nproviders:\n  it: {entry(row, own)}\n")
    with pytest.raises(ConfigError) as caught:
        load_plan(f"version: 1\nproviders:\n  it: {entry(row, own + ', base_uri: x')}\n")
    assert "TL201" in {one.code for one in caught.value.diagnostics}


def test_editors_are_told_every_row() -> None:
    text = published()["route-file.schema.json"]
    offered = json.loads(text)["$defs"]["Provider"]["properties"]["type"]["examples"]
    assert offered == list(rows.providers())

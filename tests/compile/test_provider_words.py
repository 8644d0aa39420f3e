"""What someone who configures a provider for the first time is told to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.catalog import rows
from trunkline.compile import compile_document
from trunkline.config.source import parse

if TYPE_CHECKING:
    from trunkline.diagnostics import Diagnostic

KEY = "api_key: '${env:K}'"

SLIPS = [
    ("{type: azure, api_key: x}", "TL305", "did you mean `azure-openai`?"),
    ("{type: vertex_ai, project: p, location: l}", "TL305", "did you mean `vertex`?"),
    ("{type: grok, api_key: x}", "TL305", "did you mean `xai`?"),
    ("{type: LM_Studio, api_key: x}", "TL305", "did you mean `openai-compatible`?"),
    ("{type: simulated, as: claude}", "TL305", "did you mean `anthropic`?"),
    ("{}", "TL305", "write `type: …` or `dialect: …`"),
    (
        f"{{type: azure-openai, {KEY}, resource: 'https://acme.openai.azure.com/'}}",
        "TL314",
        "acme`",
    ),
    (f"{{type: azure-openai, {KEY}, resource: acme.openai.azure.com}}", "TL314", "acme`"),
    (f"{{type: azure-openai, {KEY}, resource: 'acme '}}", "TL314", "write `resource: acme`"),
    ("{type: bedrock, region: us_east_1}", "TL314", "write `region: us-east-1`"),
    (
        "{type: bedrock, region: 'https://bedrock-runtime.us-east-1.amazonaws.com'}",
        "TL314",
        "write `region: us-east-1`",
    ),
    ("{type: bedrock, region: 'https://proxy.example.com'}", "TL314", "`base_url` takes a URL"),
    ("{type: vertex, project: my project, location: eu}", "TL314", "without blanks"),
    ("{type: vertex, project: p, region: eu}", "TL308", "did you mean `location`?"),
    (f"{{type: anthropic, {KEY}, region: eu}}", "TL313", "reads version"),
    (
        f"{{type: openai, {KEY}, base_url: api.openai.com/v1}}",
        "TL311",
        "`https://api.openai.com/v1`",
    ),
    (f"{{type: openai, {KEY}, quirks: {{max_tokens: yes}}}}", "TL313", "write `max_tokens: true`"),
    ("{type: openai, api_key: {join: ['Bearer ', '${env:K}']}}", "TL313", "write the key alone"),
    (
        "{type: vertex, project: p, location: eu, auth: {google: {credentials: /a.json}}}",
        "TL313",
        "write `credentials_file: /a.json`",
    ),
    (
        f"{{type: openai, {KEY}, dialects: [{{use: openai-chat}}, "
        "{models: o1*, use: openai-responses}]}",
        "TL313",
        "move the rule without `models` to the end",
    ),
]


def findings(entry: str, route: str = "") -> list[Diagnostic]:
    document, found = parse(f"version: 1\nproviders:\n  it: {entry}\n{route}\n", "a.yaml")
    assert document is not None, found
    return compile_document(document)[1]


@pytest.mark.parametrize(("entry", "code", "words"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_gives_one_finding_with_what_to_write(entry: str, code: str, words: str) -> None:
    (one,) = findings(entry)
    assert one.code == code
    assert words in f"{one.message} {one.hint}"


def test_a_route_to_a_provider_of_the_catalogue_that_is_not_declared() -> None:
    (one,) = findings("{type: ollama}", "routes: [{match: a, to: openai/gpt-4o}]")
    assert one.code == "TL302"
    assert "declare it: `providers: {openai: …}`" in one.hint


def test_no_name_from_elsewhere_means_two_rows() -> None:
    names = [name for row in rows.providers() for name in rows.provider(row).get("also", ())]
    assert len(names) == len(set(names))
    assert not set(names) & set(rows.providers())
    assert all(rows.called(name.upper().replace("-", "_")) for name in names)

"""What a provider's entry says has an effect, or is refused."""

from __future__ import annotations

import pytest

from trunkline.compile import load_plan
from trunkline.errors import ConfigError


def codes(entry: str, more: str = "") -> list[str]:
    text = f'version: 1\nproviders:\n  openai: {{api_key: "${{env:K}}", {entry}}}\n{more}'
    try:
        load_plan(text)
    except ConfigError as error:
        return [one.code for one in error.diagnostics]
    return []


@pytest.mark.parametrize("quirk", ["max_tokens", "reasoning_back", "reasoning_beside"])
def test_what_the_dialect_reads_is_a_quirk(quirk: str) -> None:
    assert codes(f"quirks: {{{quirk}: true}}") == []


def test_what_a_route_reads_is_a_setting() -> None:
    route = 'routes:\n  - match: a\n    to: openai\n    wire: {headers: {x-r: "{{ %s }}"}}\n'
    assert codes("region: eu", route % "provider.region") == []
    assert codes("quirks: {tenant: a}", route % "provider.quirks.tenant") == []
    assert codes("quirks: {tenant: a}", route % "provider.region") == ["TL313"]


def test_what_a_dialect_of_ones_own_reads_is_a_setting() -> None:
    own = (
        "dialects:\n  house:\n    extends: openai-chat\n"
        '    write: {headers: {x-p: "{{ provider.location }}", x-q: "{{ provider.quirks.it }}"}}\n'
    )
    assert codes("dialect: house, location: here, quirks: {it: 1, max_tokens: true}", own) == []
    assert codes("location: here", own) == ["TL313"]


def test_a_rule_of_the_entry_reads_settings_too() -> None:
    rule = 'dialects: [{use: openai-chat, query: {v: "{{ provider.api_version }}"}}]'
    assert codes(f"{rule}, api_version: preview") == []

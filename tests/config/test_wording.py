"""What a finding says to write instead, for slips that people make."""

from __future__ import annotations

import pytest

from trunkline.config.source import parse
from trunkline.config.spec import read

SLIPS = [
    ("targets: {a: {fallback: [b]}}", "TL203", "write `fallback: {of: […]}`"),
    ("targets: {a: {balance: [b]}}", "TL203", "write `balance: {of: […]}`"),
    ("targets: {a: {switch: {to: b}}}", "TL203", "write `switch: [{when: …, to: …}, {to: …}]`"),
    ("targets: {a: {target: b, weight: 2}}", "TL201", "it stands in a balance"),
    ("include: a.yaml", "TL203", "write a list"),
    ("providers:\n  a:\n    api_key:${env:K}", "TL203", "`api_key: ${env:K}`"),
    ("targets:\n  a:openai/x", "TL203", "`a: openai/x`"),
    ("routes: [{match: a, to: b, priority: '3'}]", "TL203", "write 3 without quotes"),
    ("targets:\n  a: b\n  \u00a0c: d", "TL206", "plain spaces"),
    ("\u00a0\u00a0x: 1", "TL201", "plain spaces"),
    ("providers: {a: {api_key: '${KEY}'}}", "TL211", "write `${env:KEY}`"),
    ("providers: {a: {api_key: '${ENV:KEY}'}}", "TL211", "write `${env:KEY}`"),
    ("providers: {a: {api_key: '${env:A B}'}}", "TL211", "write `${env:NAME}`"),
    ("targets: {a: !x}", "TL108", 'quote it if text is meant: "!x"'),
    ("targets: [!x, b]", "TL108", 'quote it if text is meant: "!x"'),
    ("routes: [{match: ?-mini, to: b}]", "TL119", 'quote it: "?-mini"'),
]


@pytest.mark.parametrize(("text", "code", "hint"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_gets_the_words_to_write(text: str, code: str, hint: str) -> None:
    document, found = parse(f"version: 1\n{text}\n", "a.yaml")
    if document is not None:
        found = found + read(document)[1]
    said = [one for one in found if one.code == code]
    assert said, found
    assert any(hint in one.hint for one in said), said

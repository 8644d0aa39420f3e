"""What a finding says to write instead, for slips that people make."""

from __future__ import annotations

import pytest

from trunkline.compile import compile_document
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
    ("providers: {a: {api_base: x}}", "TL201", "did you mean `base_url`?"),
    ("providers: {a: {apiBase: x}}", "TL201", "did you mean `base_url`?"),
    ("providers: {a: {aws_region_name: x}}", "TL201", "did you mean `region`?"),
    ("providers: {a: {vertex_project: x}}", "TL201", "did you mean `project`?"),
    ("providers: {a: {azure_ad_token: x}}", "TL201", 'prefix: "Bearer "'),
    ("providers: {a: {deployments: {b: c}}}", "TL201", "write `models: {"),
    ("providers: {a: {aws_access_key_id: x}}", "TL201", "`auth: {aws: {access_key_id: …}}`"),
    ("providers: {a: {aws: {profile: x}}}", "TL201", "write `auth: {aws: …}`"),
    ("providers: {a: {auth: {tenant_id: x}}}", "TL201", "write `entra: {tenant_id: …}`"),
    ("providers: {a: {auth: {vertex_credentials: x}}}", "TL201", "{credentials_file: …}`"),
    ("providers: {a: {auth: entra}}", "TL203", "write `{entra: {}}`"),
    ("providers: {a: {auth: {entra: true}}}", "TL203", "write `{}`"),
    ("providers: {a: openai}", "TL203", "write `{type: openai}`"),
    ("providers:\n  a:\n", "TL219", "`{}` where nothing"),
    ("providers: {a: {dialects: [b]}}", "TL203", "write `{use: b}`"),
    ("providers: {a: {models: [b]}}", "TL203", "`{name: value}`"),
    ("providers: {a: {api_key: {env: KEY}}}", "TL203", 'write `"${env:KEY}"`'),
    ("providers: {a: {api_key: 'Bearer ${env:K}'}}", "TL211", "write `${env:K}`"),
    ("providers: {a: {base_url: 'https://${env:H}/v1'}}", "TL211", '"${env:H}", "/v1"]}`'),
    ("providers: {a: {type: simulated, api_key: x}}", "TL201", "needs no credential"),
    ("media: {fetch: [a.b]}", "TL203", "write `{hosts: […]}`"),
    ("routes: [{match: a, strategy: fallback, targets: [b]}]", "TL201", "write `to: provider/"),
    ("routes: [{model: a, to: b}]", "TL201", "did you mean `match`?"),
    ("routes: [{match: a, to: {provider: b, model: c}}]", "TL201", "write `target: provider/"),
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


@pytest.mark.parametrize(
    "text",
    [
        "providers: {a: {auth: {entra: {client_id: x, client_secret: y}}}}",
        "providers: {a: {api_key: {env: KEY}}}",
        "providers: {a: {type: ollama, model: x}}",
        "routes: [{model: a, to: b}]",
    ],
)
def test_one_mistake_gives_one_finding(text: str) -> None:
    document, found = parse(f"version: 1\n{text}\n", "a.yaml")
    assert document is not None
    _, found = compile_document(document)
    assert len([one for one in found if one.code.startswith("TL2")]) == 1, found

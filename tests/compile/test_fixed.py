"""What is written out in overlays is checked when a route file is, not when a request comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compile.test_corpus import findings
from tests.config.corpus import CORPUS, expected, shown
from trunkline.compile import load_plan

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {"TL505": "overlay-*", "TL506": "default-*", "TL517": "*", "TL518": "*"}
BAD = sorted(path for code, names in GROUPS.items() for path in (CORPUS / "bad" / code).glob(names))


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.relative_to(CORPUS / "bad").as_posix())
def test_a_bad_file_gives_exactly_what_it_says(path: Path) -> None:
    assert [shown(path, one) for one in findings(path)] == expected(path)


@pytest.mark.parametrize(
    "overlay",
    [
        "request: {temperature: {$default: 0.3}, seed: null, stop: [a, b]}",
        "request: {response_format: {json_schema: {schema: {$ref: x, $defs: {}}}}}",
        "request: {messages: {prepend: [{role: system, content: 'for {{ caller.name }}'}]}}",
        "request: {messages: {append: '{{ request.messages }}'}}",
        "request: {messages: [{role: user, content: [{type: text, text: hi}]}]}",
        "request: {$if: '{{ request.stream }}', then: {seed: 3}, else: {seed: 4}}",
        "request: {user: {$raw: '${env:USER}'}}",
        "request: {metadata: {team: a}, extra: {openai-chat: {x: 1}}}",
        "wire: {body: {a: {b: {$default: 1}}, anything: [1, {x: null}]}}",
        "wire: {headers: {x-a: null, X-B: '{{ target.name }}', x-c: 5}}",
    ],
)
def test_what_a_request_can_take_is_let_through(overlay: str) -> None:
    text = "version: 1\nproviders: {openai: {type: simulated}}\nroutes:\n"
    plan = load_plan(f"{text}  - match: a\n    to: openai\n    {overlay}\n")
    assert plan.warnings == ()

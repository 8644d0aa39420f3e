"""What is looked at beyond mistakes in shape, and what is not said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.config.corpus import CORPUS, bad, expected, shown
from trunkline.compile import compile_document
from trunkline.config.load import load
from trunkline.config.source import parse
from trunkline.diagnostics import sort

if TYPE_CHECKING:
    from pathlib import Path

PROVIDERS = """version: 1
providers:
  openai: {api_key: "${env:K}"}
"""


def codes(text: str) -> list[str]:
    document, found = parse(text, "a.yaml")
    assert document is not None
    assert not found
    return [f"{one.code} {one.span.line}" for one in compile_document(document)[1]]


def test_names_are_checked_beside_a_key_that_nobody_knows() -> None:
    text = PROVIDERS + "colour: red\nroutes:\n  - {match: a, to: opnai/x}\n"
    assert codes(text) == ["TL201 4", "TL302 6"]


def test_a_misspelt_section_is_read_as_the_one_that_was_meant() -> None:
    text = """version: 1
provders:
  openai: {api_kye: "${env:K}", timeouts: {connect: 3}}
routes:
  - {match: a, to: [openai/x, opnai/x]}
"""
    assert codes(text) == ["TL201 2", "TL201 3", "TL203 3", "TL302 5"]


def test_the_same_slip_twice_is_read_twice() -> None:
    text = """version: 1
providers:
  openai: {api_kye: "${env:K}"}
  anthropic: {api_kye: "${env:K}"}
"""
    assert codes(text) == ["TL201 3", "TL201 4"]


@pytest.mark.parametrize(
    "wrong",
    [
        "targets: {x: {}}",
        "targets: {x: 5}",
        "targets: {x: {fallback: {of: []}}}",
        "targets: {x: {target: openai/a, switch: [{to: openai/a}]}}",
        "targets: [x]",
    ],
)
def test_what_leads_to_a_target_with_a_mistake_is_not_a_second_mistake(wrong: str) -> None:
    found = codes(f"{PROVIDERS}{wrong}\nroutes:\n  - {{match: a, to: [x, openai/b]}}\n")
    assert {one.split()[1] for one in found} == {"4"}


@pytest.mark.parametrize(
    ("key", "code"), [("api_key: 5", "TL205"), ("keyname: x", "TL201"), ("base_url: [x]", "TL203")]
)
def test_a_provider_that_lost_a_key_is_not_told_that_it_lacks_one(key: str, code: str) -> None:
    text = f"version: 1\nproviders:\n  openai: {{{key}}}\nroutes:\n  - {{match: a, to: openai}}\n"
    assert codes(text) == [f"{code} 3"]


def test_sends_are_not_counted_where_their_number_is_wrong() -> None:
    tiers = ", ".join(f"openai/{number}" for number in range(6))
    text = f"{PROVIDERS}routes:\n  - {{match: a, to: [{tiers}], retry: {{max_sends: many}}}}\n"
    assert codes(text) == ["TL203 5"]


@pytest.mark.parametrize("version", ["version: 2", 'version: "2"', "version: [1]"])
def test_another_version_is_not_looked_into(version: str) -> None:
    assert codes(f"{version}\nroutes:\n  - {{match: a, to: nobody}}\n")[0].split()[0] in (
        "TL203",
        "TL204",
    )
    assert len(codes(f"{version}\nroutes:\n  - {{match: a, to: nobody}}\n")) == 1


@pytest.mark.parametrize("path", bad(), ids=lambda p: p.relative_to(CORPUS / "bad").as_posix())
def test_mistakes_in_shape_stay_what_they_are(path: Path) -> None:
    document, found = load(path)
    if document is None:
        return
    said = [shown(path, one) for one in sort([*found, *compile_document(document)[1]])]
    assert [one for one in said if one.startswith(("TL1", "TL2"))] == [
        one for one in expected(path) if not one.startswith("TL230")
    ]


def test_thousands_of_mistakes_are_not_looked_beyond() -> None:
    routes = "".join(f"  - {{match: a{number}, to: nope/x, foo: 1}}\n" for number in range(201))
    assert {one.split()[0] for one in codes(f"{PROVIDERS}routes:\n{routes}")} == {"TL201"}

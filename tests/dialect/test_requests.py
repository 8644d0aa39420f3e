"""What callers ask for, beyond what the recordings hold: and that the judges can say no."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialect import strict
from tests.dialect.corpus import WIRES
from tests.dialect.reasons import is_true
from trunkline.catalog import dialect

GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
PLAIN = {"messages": [{"role": "user", "content": "hi"}]}
GOOD: dict[str, dict[str, Any]] = {
    "openai-chat": {"model": "m", **PLAIN},
    "cohere-chat": {"model": "m", **PLAIN},
    "openai-responses": {"model": "m", "input": [{"role": "user", "content": "hi"}]},
    "anthropic-messages": {"model": "m", "max_tokens": 1, **PLAIN},
    "vertex-anthropic": {"anthropic_version": "vertex-2023-10-16", "max_tokens": 1, **PLAIN},
    "bedrock-invoke-claude": {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, **PLAIN},
    "bedrock-invoke-titan": {"inputText": "hi"},
    "bedrock-invoke-llama": {"prompt": "hi"},
    "gemini-generate": GEMINI,
    "bedrock-converse": CONVERSE,
}
"""The least that each vendor's oracle takes."""


@pytest.mark.parametrize("wire", WIRES)
def test_the_oracles_refuse_what_they_should(wire: str) -> None:
    check = getattr(strict, wire.replace("-", "_"))()
    good = GOOD[wire]
    check(good)
    with pytest.raises((ValueError, AssertionError)):
        check({**good, "max_tokenz": 1})
    for key in good:
        with pytest.raises((ValueError, AssertionError)):
            check({**good, key: [7]})


def test_a_reason_that_nobody_reviewed_is_not_true() -> None:
    assert is_true("openai-responses", "no field for stop")
    assert not is_true("openai-chat", "no field for stop")
    assert not is_true("openai-chat", "the moon is full")


@pytest.mark.parametrize("name", ["openai-chat", "anthropic-messages"])
def test_what_a_caller_adds_for_one_wire_replaces_nothing_that_was_written(name: str) -> None:
    wire, added = dialect(name), {"model": "another", "stream": False, "store": False}
    extra = {name: {**added, "body": added}}
    request = {"model": "m", "stream": True, "messages": [], "max_tokens": 5, "extra": extra}
    body = wire.write(request, {"model": "target"}, {}).value
    assert (body["model"], body["stream"], body["store"]) == ("target", True, False)

"""References: found in plain values, resolved when an engine opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.config.models import RouteFile
from trunkline.config.references import Join, Reference, UnresolvedError, find, misuse, resolve

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${env:A}", Reference("env", "A")),
        ("${env:A:-}", Reference("env", "A", "")),
        ("${env:A:-x:-y}", Reference("env", "A", "x:-y")),
        ("${file:a b/c:-d}", Reference("file", "a b/c:-d")),
        ("${var:a-b.c}", Reference("var", "a-b.c")),
    ],
)
def test_a_reference_reads_and_writes_the_same(text: str, reference: Reference) -> None:
    assert Reference.parse(text) == reference
    assert str(reference) == text
    assert misuse(text) is None


@pytest.mark.parametrize(
    "text", ["", "a", "${}", "${env}", "$env:A", "${env:1A}", "x${env:A}", "${env:A}\n", "${s:a}"]
)
def test_what_is_not_a_whole_reference_is_none(text: str) -> None:
    assert Reference.parse(text) is None


def test_what_looks_like_a_reference_and_is_none_is_named() -> None:
    assert misuse("plain $ and ${ and {a:b}") is None
    assert "whole value" in (misuse("https://${env:A}") or "")
    assert "reserved" in (misuse("${vault:a}") or "")
    assert "closing brace" in (misuse("${env:A") or "")


def test_environment_and_defaults() -> None:
    assert resolve(Reference("env", "A"), {"A": "x"}) == "x"
    assert resolve(Reference("env", "A", "d"), {"A": ""}) == ""
    assert resolve(Reference("env", "A", "d"), {}) == "d"
    assert resolve("plain", {}) == "plain"
    assert resolve(Join(("a", Reference("env", "B"), "c")), {"B": "-"}) == "a-c"
    with pytest.raises(UnresolvedError, match="environment variable A is not set"):
        resolve(Reference("env", "A"), {})


def test_a_file_loses_one_newline_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for content, text in ((b"k\n", "k"), (b"k\n\n", "k\n"), (b"k\r\n", "k"), (b" k ", " k ")):
        file.write_bytes(content)
        assert resolve(Reference("file", str(file)), {}) == text


def test_files_that_cannot_be_a_secret_are_refused(tmp_path: Path) -> None:
    large, binary = tmp_path / "large", tmp_path / "binary"
    large.write_bytes(b"x" * (64 * 1024 + 1))
    binary.write_bytes(b"\xff\xfe")
    for path, reason in (
        (tmp_path, "not a regular file"),
        (large, "larger than 65,536 bytes"),
        (binary, "not UTF-8"),
        (tmp_path / "gone", "No such file"),
        ("/dev/zero", "not a regular file"),
    ):
        with pytest.raises(UnresolvedError, match=reason):
            resolve(Reference("file", str(path)), {})


def test_an_error_about_a_reference_does_not_show_other_secrets() -> None:
    with pytest.raises(UnresolvedError) as error:
        resolve(Join(("sk-secret", Reference("env", "A"))), {})
    assert "sk-secret" not in str(error.value)


def test_references_are_found_with_their_paths() -> None:
    value = {"a": ["${env:X}", "no"], "b": {"c": "${file:f}"}, "d": 3}
    assert dict(find(value)) == {
        ("a", 0): Reference("env", "X"),
        ("b", "c"): Reference("file", "f"),
    }


def test_references_stay_references_in_the_models() -> None:
    file = RouteFile.model_validate(
        {
            "version": 1,
            "providers": {
                "a": {
                    "api_key": "${env:K}",
                    "base_url": {"join": ["https://", "${env:H:-localhost}"]},
                    "timeouts": {"connect": "${env:T:-3s}", "idle": "90s"},
                }
            },
        }
    )
    assert file.providers is not None
    provider = file.providers["a"]
    assert provider.api_key == Reference("env", "K")  # type: ignore[union-attr]
    assert provider.base_url == Join(("https://", Reference("env", "H", "localhost")))  # type: ignore[union-attr]
    assert provider.timeouts is not None
    assert provider.timeouts.connect == Reference("env", "T", "3s")
    assert provider.timeouts.idle == 90.0

"""What was read of the catalogue's files is kept beside the bytecode, and never trusted blindly."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from trunkline.catalog.parsed import parsed
from trunkline.config.source import Place, parse
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"a: {b: [1, two, null]}\nc: |\n  {{ x }}\n  y\n"
SHOWN = "catalog/dialects/a-test.yaml"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def files(kept: Path) -> list[Path]:
    return [path for path in kept.rglob("catalog-*") if path.is_file()]


def tree(place: Place) -> Any:
    items: Any = place.items
    if isinstance(items, dict):
        items = {key: tree(item) for key, item in items.items()}
    elif items is not None:
        items = [tree(item) for item in items]
    keys = {key: tree(at) for key, at in (place.keys or {}).items()}
    return place.span(), keys, items


def test_the_second_reading_gives_the_same_values_and_places(kept: Path) -> None:
    document, _ = parse(TEXT, SHOWN)
    assert document is not None
    first, again = parsed(TEXT, SHOWN), parsed(TEXT, SHOWN)
    assert len(files(kept)) == 1
    for one in (first, again):
        assert one.value == document.value
        assert tree(one.root) == tree(document.root)
        assert one.raw(("c",)) == document.raw(("c",))


def test_another_text_is_read_anew(kept: Path) -> None:
    parsed(TEXT, SHOWN)
    assert parsed(b"a: 2\n", SHOWN).value == {"a": 2}
    assert parsed(TEXT, SHOWN).value["a"] == {"b": [1, "two", None]}
    assert len(files(kept)) == 1


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"garbage", b"[\x00\x00\x00\x00", b"i\x05\x00"])
def test_what_is_kept_may_be_garbage(kept: Path, garbage: bytes) -> None:
    parsed(TEXT, SHOWN)
    files(kept)[0].write_bytes(garbage)
    assert parsed(TEXT, SHOWN).value["a"] == {"b": [1, "two", None]}


def test_nothing_is_kept_where_python_keeps_nothing(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    parsed(TEXT, SHOWN)
    assert not files(kept)


def test_a_folder_that_cannot_be_written_is_no_fault(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = kept / "file"
    nowhere.write_text("x")
    monkeypatch.setattr(sys, "pycache_prefix", str(nowhere))
    assert parsed(TEXT, SHOWN).value["a"] == {"b": [1, "two", None]}


def test_a_file_that_cannot_be_read_says_so() -> None:
    with pytest.raises(ConfigError):
        parsed(b"a: [", SHOWN)

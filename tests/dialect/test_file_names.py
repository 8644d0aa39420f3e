"""Names of files, for wires that are strict about them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.file_names import fit_filenames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "file", "filename"]), inner)
    ),
    max_leaves=8,
)


def named(*names: str | None) -> list[str]:
    """What these files are called, two in a message."""
    files = [{"type": "file", "file": {} if name is None else {"filename": name}} for name in names]
    messages = [{"role": "user", "content": files[at : at + 2]} for at in range(0, len(files), 2)]
    return [part["file"]["filename"] for m in fit_filenames(messages) for part in m["content"]]


def test_no_two_files_are_called_the_same() -> None:
    given = ("a.pdf", "a-pdf", None, None, "a.pdf", "ok (1) [x]")
    assert named(*given) == ["a-pdf", "a-pdf-2", "document", "document-2", "a-pdf-3", "ok (1) [x]"]


def test_names_stay_when_the_conversation_grows() -> None:
    assert named("x", "x", "y", "x")[:2] == named("x", "x")


def test_many_long_names_that_begin_alike_are_told_apart_at_once() -> None:
    alike = [f"{'a' * 192}{number:05}" for number in range(10_000)]
    assert len(set(named(*alike, *alike))) == 20_000


@given(st.lists(st.none() | st.text(max_size=300)))
def test_every_name_fits(names: list[str | None]) -> None:
    found = named(*names)
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9 ()\[\]-]{1,200}", name) for name in found)


@given(json_values)
def test_other_json_does_no_harm(value: Any) -> None:
    fit_filenames(value)
    fit_filenames(
        [{"role": "user", "content": value}, {"content": [{"type": "file", "file": value}]}]
    )

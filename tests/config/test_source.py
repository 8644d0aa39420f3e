"""YAML to values and places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.config.corpus import CORPUS, GOOD
from trunkline.config.events import events
from trunkline.config.source import Document, Place, merge, parse


def read(text: str | bytes) -> Document:
    document, found = parse(text, "f.yaml")
    assert found == []
    assert document is not None
    return document


def place(document: Document, *path: str | int) -> str:
    span = document.span(path)
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def key(document: Document, *path: str | int) -> str:
    span = document.key_span(path)
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


NORWAY = {
    "no": "no",
    "NO": "NO",
    "yes": "yes",
    "on": "on",
    "off": "off",
    "y": "y",
    "2023-06-01": "2023-06-01",
    "2023-06-01T10:00:00Z": "2023-06-01T10:00:00Z",
    "12:30:45": "12:30:45",
    "1_000": "1_000",
    "0b11": "0b11",
    "010": 10,
    "0o10": 8,
    "0x10": 16,
    "+12": 12,
    "-0": 0,
    "1e3": 1000.0,
    ".5": 0.5,
    "5.": 5.0,
    "1.2.3": "1.2.3",
    "4.10": 4.1,
    "true": True,
    "TRUE": True,
    "tRUE": "tRUE",
    "null": None,
    "~": None,
    "": None,
    "=": "=",
    "a: ": {"a": None},
    "'no'": "no",
    '"\\u00e9\\n"': "é\n",
}


@pytest.mark.parametrize("written", NORWAY, ids=repr)
def test_scalars_are_those_of_yaml_1_2(written: str) -> None:
    text = f"v:\n  {written}" if written == "a: " else f"v: {written}"
    assert read(f"{text}\n").value == {"v": NORWAY[written]}


def test_keys_are_text_as_written() -> None:
    document = read("429: a\nnull: b\ntrue: c\n2023-06-01: d\n'x y': e\n")
    assert list(document.value) == ["429", "null", "true", "2023-06-01", "x y"]


TEXT = """\
version: 1
routes:
  - match: gpt-*   # comment
    to: [openai, {target: "a/b", weight: 3}]
  -   match: >-
        folded
        text
      to: x

tail: |
  kept

  lines

"""


def test_every_key_and_item_has_its_place() -> None:
    document = read(TEXT)
    assert place(document) == "1:1-13:8"
    assert key(document, "version") == "1:1-1:8"
    assert place(document, "version") == "1:10-1:11"
    assert place(document, "routes") == "3:3-8:12"
    assert place(document, "routes", 0) == "3:5-4:45"
    assert key(document, "routes", 0) == "3:5-4:45"
    assert place(document, "routes", 0, "match") == "3:12-3:17"
    assert place(document, "routes", 0, "to") == "4:9-4:45"
    assert place(document, "routes", 0, "to", 0) == "4:10-4:16"
    assert place(document, "routes", 0, "to", 1) == "4:18-4:44"
    assert key(document, "routes", 0, "to", 1, "weight") == "4:34-4:40"
    assert place(document, "routes", 1, "match") == "5:14-7:13"
    assert place(document, "tail") == "10:7-13:8"


def test_a_path_that_is_not_there_gives_what_would_hold_it() -> None:
    document = read(TEXT)
    assert document.span(("routes", 0, "wire", "headers")) == document.span(("routes", 0))
    assert document.key_span(("routes", 7)) == document.span(("routes",))
    assert document.get(("routes", 7, "x"), "none") == "none"


def test_raw_is_the_scalar_as_written() -> None:
    document = read("a: 4.10\nb: 'it''s'\nc: |\n  x\n  y\nd: &n 007\ne: *n\nf: []\n")
    written = {name: document.raw((name,)) for name in "abcdef"}
    assert written["a"] == "4.10"
    assert written["b"] == "'it''s'"
    assert written["c"] == "|\n  x\n  y"
    assert written["d"] == "007"
    assert written["e"] == "007"
    assert written["f"] is None


def test_an_alias_has_its_own_place_and_its_parts_have_those_of_the_anchor() -> None:
    document = read("a: &x {k: [1, 2]}\nb: *x\n")
    assert document.value["b"] == {"k": [1, 2]}
    assert place(document, "b") == "2:4-2:6"
    assert place(document, "b", "k", 1) == "1:15-1:16"


def test_merge_keys_lose_to_what_is_written_beside_them() -> None:
    document = read("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 0}\n'<<': text\n")
    assert document.value["c"] == {"x": 0, "y": 2, "z": 4}
    assert place(document, "c", "y") == "1:17-1:18"
    assert key(document, "c", "z") == "2:14-2:15"
    assert document.value["<<"] == "text"


def test_sub_is_the_same_document_seen_from_a_path() -> None:
    document = read(TEXT).sub(("routes", 0))
    assert document.value["match"] == "gpt-*"
    assert place(document, "to", 0) == "4:10-4:16"
    with pytest.raises(KeyError):
        document.sub(("nowhere",))


def test_merge_lays_one_document_over_another_and_keeps_the_places() -> None:
    base, _ = parse("a: {x: 1, y: [1, 2], z: {p: 1}}\nb: gone\n", "base.yaml")
    over, _ = parse("a:\n  y: [3]\n  z: {q: 2, p: null}\nb: null\nc: new\n", "over.yaml")
    assert base is not None
    assert over is not None
    merged = merge(base, over)
    assert merged.value == {"a": {"x": 1, "y": [3], "z": {"q": 2}}, "c": "new"}
    assert str(merged.span(("a", "x"))) == "base.yaml:1:8"
    assert str(merged.span(("a", "y", 0))) == "over.yaml:2:7"
    assert str(merged.key_span(("c",))) == "over.yaml:5:1"
    assert set(merged.files) == {"base.yaml", "over.yaml"}
    assert base.value["a"]["z"] == {"p": 1}


def test_findings_that_do_not_stop_the_reading_come_together() -> None:
    document, found = parse("a: !x 1\na: .inf\nb: {[c]: d}\ne: 1\ne: 2\n", "f.yaml")
    assert document is not None
    assert document.value["e"] == 1
    assert [one.code for one in found] == ["TL108", "TL106", "TL114", "TL107", "TL106"]


def test_a_byte_order_mark_and_carriage_returns_do_not_count() -> None:
    document = read(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - c\r\n")
    assert document.value == {"a": 1, "b": ["c"]}
    assert place(document, "a") == "1:4-1:5"
    assert place(document, "b", 0) == "3:5-3:6"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\ufeff", exclude_categories=["Cc"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc: #{", max_size=4), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_values)
def test_whatever_json_says_reads_the_same(value: Any) -> None:
    import json

    text = json.dumps({"v": value}, ensure_ascii=False)
    assert read(text).value == {"v": value}


@settings(deadline=None)
@given(json_values)
def test_whatever_a_yaml_writer_writes_reads_the_same(value: Any) -> None:
    import io

    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    yaml.default_flow_style = False
    yaml.dump({"v": value}, out)
    text = out.getvalue().removeprefix("%YAML 1.2\n")
    assert read(text).value == {"v": value}


PIECES = [*" \n-:?,[]{}#&*!|>'\"%@`~ab1.=<\t\\", "\n  ", "\n- ", ": ", "\u2028", "é", "${", "{{"]
yaml_text = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(max_examples=500, deadline=None)
@given(yaml_text)
def test_no_text_at_all_makes_it_raise(text: str) -> None:
    document, found = parse(text, "f.yaml")
    assert document is not None or found
    for one in found:
        assert one.code.startswith("TL1")
        assert 1 <= one.span.line <= text.count("\n") + 2


@settings(max_examples=200, deadline=None)
@given(st.binary())
def test_no_bytes_at_all_make_it_raise(data: bytes) -> None:
    document, found = parse(data, "f.yaml")
    assert document is not None or found


def seen(make: Any) -> list[Any]:
    """The events up to the first error, and the error."""
    found: list[Any] = []
    try:
        for event in make():
            marks = [(m.index, m.line, m.column) for m in (event.start_mark, event.end_mark)]
            words = [getattr(event, name, None) for name in ("value", "anchor", "tag", "style")]
            found.append((type(event), words, marks))
    except (YAMLError, ValueError, OverflowError, IndexError, TypeError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        found.append(
            (type(error), getattr(error, "problem", ""), mark and (mark.line, mark.column))
        )
    return found


def both(text: str) -> tuple[list[Any], list[Any]]:
    pure = YAML(typ="safe", pure=True)
    return seen(lambda: events(text)), seen(lambda: pure.parse(text))


@settings(max_examples=1_000, deadline=None)
@given(yaml_text)
def test_the_fast_scanner_says_what_the_pure_parser_says(text: str) -> None:
    ours, theirs = both(text)
    assert ours == theirs


FILES = [f for f in [*CORPUS.rglob("*.yaml")] if b"\r" not in f.read_bytes()]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(CORPUS).as_posix())
def test_the_fast_scanner_says_the_same_of_the_corpora(path: Any) -> None:
    text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff").replace("\0", "")
    ours, theirs = both(text)
    if ours and ours[-1][1] == "nested more than 64 levels deep":
        assert ours[:-1] == theirs[: len(ours) - 1]
    else:
        assert ours == theirs


def test_good_files_have_a_place_for_every_value() -> None:
    for path in GOOD:
        if path.is_file():
            document = read(path.read_bytes())
            assert count(document.value) == count_places(document.root), path


def count(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, inner))


def count_places(at: Place) -> int:
    inner = at.items.values() if isinstance(at.items, dict) else at.items or ()
    return 1 + sum(map(count_places, inner))

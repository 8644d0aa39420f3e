"""Where text leaves by a path, a query or a header: what is encoded, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.template.making import make, run
from trunkline.template import ABSENT, Refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("gpt-4o", "/v1/gpt-4o:run"),
        ("a/b", "/v1/a%2Fb:run"),
        ("us.claude-v1:0", "/v1/us.claude-v1%3A0:run"),
        ("a b?c#d%2e", "/v1/a%20b%3Fc%23d%252e:run"),
        ("...", "/v1/...:run"),
        ("\u202e．．", "/v1/%E2%80%AE%EF%BC%8E%EF%BC%8E:run"),
        (7, "/v1/7:run"),
        (True, "/v1/true:run"),
    ],
)
def test_a_hole_in_a_path_is_one_segment(value: Any, expected: str) -> None:
    assert run("'/v1/{{ x }}:run'", mode="path", x=value) == expected


@pytest.mark.parametrize("value", [".", "..", "", None, ABSENT, [], {}, ["a"], "\ud800"])
def test_a_path_refuses_what_is_no_segment(value: Any) -> None:
    with pytest.raises(Refusal, match=r"\{\{ x \}\}"):
        run("'/v1/{{ x }}:run'", mode="path", x=value)
    with pytest.raises(Refusal):
        run('"{{ x }}"', mode="path", x=value)


def test_a_segment_is_not_encoded_twice() -> None:
    assert run("'/v1/{{ x | url_segment }}'", mode="path", x="a/b") == "/v1/a%2Fb"
    with pytest.raises(Refusal):
        run("'/v1/{{ x | url_segment }}'", mode="path", x="..")


@given(JSON)
def test_whatever_it_is_given_a_path_keeps_its_segments(value: Any) -> None:
    try:
        path = PATH(value)
    except Refusal:
        return
    assert path.isascii()
    first, segment, last = path[1:].split("/")
    assert (first, last) == ("v1", "end")
    assert segment not in ("", ".", "..")
    assert not set(segment) & set("/?#\\@:%") - {"%"}
    assert not isinstance(value, str) or unquote(segment) == value


PATH = make("'/v1/{{ x }}/end'", "x", mode="path")
HEADERS = make(
    "{a: '{{ x }}', b: 'pre {{ x }} post', c: plain, d: 5, e: true, f: null}", "x", mode="headers"
)


def test_a_query_is_encoded_values_and_leaves_out_what_is_absent() -> None:
    tree = (
        "{alt: sse, v: '{{ x.v }}', w: 'a/{{ x.w }}', n: 3, yes: true, gone: '{{ x.no }}', z: null}"
    )
    assert run(tree, mode="query", x={"v": "a&b=c", "w": "d e"}) == {
        "alt": "sse",
        "v": "a%26b%3Dc",
        "w": "a/d%20e",
        "n": "3",
        "yes": "true",
    }
    with pytest.raises(Refusal):
        run(tree, mode="query", x={"v": ".."})


def test_headers_are_text_and_leave_out_what_is_absent() -> None:
    assert HEADERS("v") == {"a": "v", "b": "pre v post", "c": "plain", "d": "5", "e": "true"}
    assert HEADERS(None) == {"c": "plain", "d": "5", "e": "true"}
    assert HEADERS(4) == {"a": "4", "b": "pre 4 post", "c": "plain", "d": "5", "e": "true"}


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "\0", "é", "\x7f", "\x85", [], {}])
def test_headers_refuse_what_would_end_them(value: Any) -> None:
    with pytest.raises(Refusal, match="header"):
        HEADERS(value)


@given(JSON)
def test_whatever_it_is_given_a_header_is_printable(value: Any) -> None:
    try:
        headers = HEADERS(value)
    except Refusal:
        return
    for text in headers.values():
        assert isinstance(text, str)
        assert text.isascii()
        assert text.replace("\t", " ").isprintable()


def test_conditions_in_a_path_are_asked_not_written() -> None:
    tree = "{$if: \"{{ x == 'a/b' }}\", then: '/one/{{ x }}', else: '/two'}"
    assert run(tree, mode="path", x="a/b") == "/one/a%2Fb"
    assert run(tree, mode="path", x="..") == "/two"
    let = "{$let: {m: '{{ x }}/c'}, in: '/v/{{ m }}'}"
    assert run(let, mode="path", x="a") == "/v/a%2Fc"

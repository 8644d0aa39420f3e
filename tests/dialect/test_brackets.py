"""Whether arguments that come in pieces are whole is known without reading them again."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.brackets import Brackets


def after_each(text: str) -> list[bool]:
    """What is said after each sign of a text."""
    brackets = Brackets()
    return [brackets.closed(list(text[: end + 1])) for end in range(len(text))]


@given(st.dictionaries(st.text(), st.lists(st.text() | st.none())))
def test_an_object_is_whole_at_its_end_and_not_before(value: object) -> None:
    text = json.dumps(value)
    assert after_each(text) == [False] * (len(text) - 1) + [True]


@given(st.text('ab[]{}"\\ ', max_size=40), st.lists(st.integers(0, 40)))
def test_however_the_text_was_cut(text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[begin:end] for begin, end in pairwise(ends)]
    assert Brackets().closed(pieces) is Brackets().closed([text])
    asked = Brackets()
    for end in range(1, len(pieces)):
        asked.closed(pieces[:end])
    assert asked.closed(pieces) is Brackets().closed([text])


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("", False),
        ("  ", False),
        ("{}", True),
        ('{"a":"}"', False),
        (r'{"a":"\""', False),
        (r'{"a":"\\"}', True),
        ("null", True),
        ("}{", False),
    ],
)
def test_what_stands_in_strings_is_no_bracket(text: str, closed: bool) -> None:
    assert Brackets().closed([text]) is closed

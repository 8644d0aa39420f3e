"""Keys that providers repeat are taken out of what they say."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth import Hiding

KEY = "sk-proj-abcdefghijklmnop"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: ***."),
        ("Incorrect API key: sk-proj-abcd****mnop, sorry", "Incorrect API key: ***, sorry"),
        (f"<{KEY}>{KEY}", "<***>***"),
        ("nothing of the kind: sk-proj", "nothing of the kind: sk-proj"),
    ],
)
def test_a_key_is_masked_whole_or_shortened(said: str, shown: str) -> None:
    assert Hiding([KEY])(said) == shown


def test_placeholders_are_no_secrets() -> None:
    assert Hiding(["none", "x", ""])("none of the text is axed") == "none of the text is axed"
    assert Hiding([])("text") == "text"


@given(st.text(min_size=8), st.text(), st.text())
def test_no_secret_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    shown = Hiding([secret])(before + secret + after)
    assert secret not in shown or secret in "***"


def test_it_does_not_show_what_it_knows() -> None:
    hiding = Hiding([KEY])
    assert KEY not in repr(hiding)
    with pytest.raises(TypeError):
        pickle.dumps(hiding)

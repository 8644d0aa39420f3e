"""Paths of doors: what they capture, and what they leave to others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.paths import MAX_PATH, PathPattern

GEMINI = PathPattern("/v1beta/models/{model}:{method:generateContent|streamGenerateContent}")
INVOKE = PathPattern("/model/{model}/{method:invoke|invoke-with-response-stream}")
TITAN = PathPattern("/model/{model:*titan*}/{method:invoke|invoke-with-response-stream}")


@pytest.mark.parametrize(
    ("pattern", "path", "captured"),
    [
        (GEMINI, "/v1beta/models/a-b:generateContent", {"model": "a-b"}),
        (GEMINI, "/v1beta/models/a:b:generateContent", {"model": "a:b"}),
        (GEMINI, "/v1beta/models/a%2Fb%3A1:generateContent", {"model": "a/b:1"}),
        (INVOKE, "/model/x-v1%3A0/invoke", {"model": "x-v1:0"}),
        (INVOKE, "/model/x-v1:0/invoke", {"model": "x-v1:0"}),
        (TITAN, "/model/amazon.titan-text/invoke", {"model": "amazon.titan-text"}),
        (PathPattern("/plain"), "/plain", {}),
    ],
)
def test_a_path_gives_what_stands_in_its_places(
    pattern: PathPattern, path: str, captured: dict[str, str]
) -> None:
    found = pattern.match(path)
    assert found is not None
    assert captured.items() <= found.items()


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/a:countTokens",
        "/v1beta/models/:generateContent",
        "/v1beta/models/a/b:generateContent",
        "/v1beta/models/a:generateContent/",
        "/x/v1beta/models/a:generateContent",
        "/v1beta/models/a:generateContentX",
        "/v1beta/models/" + "a" * MAX_PATH + ":generateContent",
    ],
)
def test_other_paths_do_not_match(path: str) -> None:
    assert GEMINI.match(path) is None


def test_a_pattern_may_stand_at_the_end_of_a_longer_path() -> None:
    assert INVOKE.match("/base/v2/model/m/invoke", below=True) == {"model": "m", "method": "invoke"}
    assert INVOKE.match("/model/m/invoke/more", below=True) is None


def test_a_hostile_path_is_soon_found_not_to_match() -> None:
    """By backtracking through all ways to cut it, this would take hours."""
    pattern = PathPattern("/{a}-{b}/{c}-{d}/{e}-{f}/{g}-{h}/end")
    assert pattern.match("/" + "-" * 999 + "/" + "-" * 999 + "/" + "-" * 999 + "/--/no") is None


def test_the_pattern_that_says_more_is_known_to_be_more_exact() -> None:
    assert TITAN.literal > INVOKE.literal
    assert TITAN.match("/model/anthropic.claude/invoke") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v1/x", "slash"),
        ("/v1/{Model}", "brace"),
        ("/v1/{model", "brace"),
        ("/v1/model}", "brace"),
        ("/{a}/{a}", "twice"),
        ("/{a:x/y|z}", "slash"),
        ("/{a}-{b}-{c}", "too many"),
        ("/{a:*x*y*}", "too many"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PathPattern(text)


@given(st.text(st.characters(exclude_characters="/?#"), min_size=1, max_size=20))
def test_whatever_is_encoded_in_a_place_comes_out_of_it(name: str) -> None:
    from urllib.parse import quote

    encoded = quote(name.encode("utf-8", "replace"), safe="")
    assert INVOKE.match(f"/model/{encoded}/invoke") == {
        "model": name.encode("utf-8", "replace").decode(),
        "method": "invoke",
    }

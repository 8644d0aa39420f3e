"""What the schema accepts, the models accept; what one refuses, the other refuses.

Documents are made from the good corpus by breaking them: a value replaced, a key renamed or
dropped, something added. So most are wrong in one place, which is where the two could differ.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.config.corpus import GOOD, bad
from trunkline.config.load import load
from trunkline.config.models import RouteFile
from trunkline.config.schema import violations


def models_accept(value: Any) -> bool:
    try:
        RouteFile.model_validate(value)
    except ValidationError:
        return False
    return True


def values() -> list[Any]:
    loaded = (load(path)[0] for path in GOOD)
    return [document.value for document in loaded if document is not None]


VALUES = values()


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def parts(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(part for item in inner for part in parts(item))]


KEYS = sorted(keys(VALUES))
PARTS = [part for value in VALUES for part in parts(value)]
SCALARS: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 0.5, 99, 404, 600, 10**30, "", " ", "a", "a b", "a\n"),
    *("3s", "3s\n", "off", "3", "1_000", "5 USD", "5 USD\n", "openai/", "/a", "a/b c", "{{ x }}"),
    *("${env:A}", "${env:A}\n", "x${env:A}", "${vault:a}", "${env:}", "${file:a}", "${var:b}"),
    *("${A}", "${ env:A }", "${A}\n", "x${A}", "$A", "a/${env:A}", "a/b,", "${env:A}*"),
    *("ünïcode", "x" * 65, "default", "memory", "simulated", "weighted", "a\u2028b", "٣s"),
]
junk = st.one_of(
    st.sampled_from(SCALARS),
    st.sampled_from(PARTS),
    st.text(max_size=5),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.sampled_from(SCALARS), max_size=2),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(SCALARS + PARTS), max_size=2),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each key or index in it."""
    steps: Any = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    return [place for step in steps for place in [(value, step), *places(value[step])]]


@st.composite
def broken(draw: st.DrawFn) -> Any:
    value = copy.deepcopy(draw(st.sampled_from(VALUES)))
    for _ in range(draw(st.integers(1, 2))):
        at = places(value)
        if not at:
            break
        container, step = draw(st.sampled_from(at))
        change = draw(st.sampled_from(["replace", "replace", "drop", "rename", "add"]))
        if change == "replace":
            container[step] = copy.deepcopy(draw(junk))
        elif change == "drop":
            del container[step]
        elif isinstance(container, dict) and change == "rename":
            container[draw(st.sampled_from(KEYS) | st.text(max_size=4))] = container.pop(step)
        elif isinstance(container, dict):
            container[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(junk))
        else:
            container.append(copy.deepcopy(draw(junk)))
    return value


@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken())
def test_schema_and_models_agree_on_broken_documents(value: Any) -> None:
    assert (violations(value) == []) == models_accept(value), violations(value)


@settings(max_examples=200, deadline=None)
@given(junk)
def test_schema_and_models_agree_on_anything_at_all(value: Any) -> None:
    assert (violations(value) == []) == models_accept(value)


@pytest.mark.parametrize("path", [*GOOD, *bad()], ids=lambda p: f"{p.parent.name}-{p.name}")
def test_schema_and_models_agree_on_the_corpora(path: Any) -> None:
    document = load(path)[0]
    if document is not None:
        assert (violations(document.value) == []) == models_accept(document.value)


def test_the_breaking_breaks_and_spares_enough_to_mean_something() -> None:
    verdicts: list[bool] = []

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(broken())
    def judge(value: Any) -> None:
        verdicts.append(models_accept(value))

    judge()
    assert 0.1 < sum(verdicts) / len(verdicts) < 0.9

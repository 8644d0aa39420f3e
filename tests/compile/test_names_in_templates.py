"""Which fields the names of a route file's expressions have, and what others get."""

from __future__ import annotations

import pytest

from trunkline.compile import load_plan
from trunkline.errors import ConfigError
from trunkline.runtime.view import moment


def found(key: str, expression: str) -> list[str]:
    where = {"when": f'match: {{when: "{expression}"}}'}.get(key, "match: a")
    more = {"response": f'response: {{headers: {{x: "{{{{ {expression} }}}}"}}}}'}.get(key, "")
    text = f"""version: 1
providers: {{openai: {{type: simulated}}}}
routes:
  - {where}
    to: openai
    {more}
"""
    try:
        load_plan(text)
    except ConfigError as error:
        return [f"{one.code} {one.message} {one.hint}" for one in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("key", "expression", "hint"),
    [
        ("when", "time.hours > 8", "did you mean `hour`?"),
        ("when", "headers['X-Team'] == 'a'", "write `headers['x-team']`"),
        ("response", "usage.outputs", "did you mean `output`?"),
        ("response", "headers.Host", "write `headers['host']`"),
    ],
)
def test_a_field_that_is_never_there_is_an_error(key: str, expression: str, hint: str) -> None:
    (said,) = found(key, expression)
    assert said.startswith("TL505")
    assert hint in said


def test_what_nothing_costs_yet_is_no_name() -> None:
    (said,) = found("response", "cost.total")
    assert said.startswith("TL501")


@pytest.mark.parametrize("field", sorted(moment(0.0)))
def test_every_part_of_the_time_can_be_asked_for(field: str) -> None:
    assert found("when", f"time.{field} is present") == []

"""Values that only an environment has are found, and put in before anything is performed."""

from __future__ import annotations

import pytest

from trunkline.compile.late import late_paths, settled
from trunkline.config.models import Money, RouteFile
from trunkline.config.source import Document, parse
from trunkline.errors import ConfigError

TEXT = """\
version: 1
providers:
  a:
    type: openai
    keys: [{api_key: "${env:KEY}", limits: {concurrency: "${env:AT_ONCE}"}}, {api_key: "${env:B}"}]
    limits: {requests_per_minute: "${env:RPM:-90_000}", strict: "${env:STRICT}"}
    circuit_breaker: {open: "${env:OPEN}"}
    health_check: {every: "${env:EVERY:-1m}", model: "${env:SIZE}"}
    models: {m: "${env:MODEL:-up}"}
limits: [{name: l, by: caller.name, cost_per_day: "${env:DAILY}"}]
budgets: [{name: b, amount: "${env:MONTHLY}", window: month}]
state: {redis: {url: "${env:REDIS}"}}
"""
ENVIRON = {
    "AT_ONCE": "3",
    "STRICT": "true",
    "OPEN": "5s",
    "SIZE": "4o",
    "DAILY": "5 USD",
    "MONTHLY": "12.50 USD",
}


def document() -> Document:
    found, wrong = parse(TEXT, "a.yaml")
    assert found is not None, wrong
    return found


def test_they_stand_in_limits_budgets_breakers_and_checks_too() -> None:
    assert set(late_paths(document())) == {
        ("providers", "a", "keys", 0, "limits", "concurrency"),
        ("providers", "a", "limits", "requests_per_minute"),
        ("providers", "a", "limits", "strict"),
        ("providers", "a", "circuit_breaker", "open"),
        ("providers", "a", "health_check", "every"),
        ("providers", "a", "health_check", "model"),
        ("providers", "a", "models", "m"),
        ("limits", 0, "cost_per_day"),
        ("budgets", 0, "amount"),
    }


def test_once_put_in_they_are_what_the_fields_want_and_secrets_stay_references() -> None:
    whole = settled(document(), ENVIRON)
    assert late_paths(whole) == ()
    assert whole.get(("providers", "a", "keys", 0, "api_key")) == "${env:KEY}"
    assert whole.get(("state", "redis", "url")) == "${env:REDIS}"
    file = RouteFile.model_validate(whole.value)
    assert file.providers is not None
    provider = file.providers["a"]
    assert provider.limits is not None
    assert (provider.limits.requests_per_minute, provider.limits.strict) == (90_000, True)
    assert file.limits is not None
    assert file.limits[0].cost_per_day == Money(5_000_000)
    assert file.budgets is not None
    assert file.budgets[0].amount == Money(12_500_000)


def test_the_document_that_they_are_put_into_stays_as_it_is() -> None:
    before = document()
    settled(before, ENVIRON)
    assert before.value == document().value


def test_each_one_that_is_not_set_is_an_error_at_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        settled(document(), {})
    assert [(one.code, one.span.line) for one in caught.value.diagnostics] == [
        ("TL310", 5),
        ("TL310", 6),
        ("TL310", 7),
        ("TL310", 8),
        ("TL310", 10),
        ("TL310", 11),
    ]

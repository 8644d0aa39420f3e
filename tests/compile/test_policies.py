"""Rules for health, retries, limits, budgets and state are what the route file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trunkline.compile.policies import (
    RetryShare,
    breaker_rules,
    budget_rule,
    check_rules,
    limit_rule,
    retry_rules,
    retry_share,
    state_settings,
)
from trunkline.config.models import RouteFile
from trunkline.config.references import UnresolvedError
from trunkline.policy.breaker import BreakerRules
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.checks import CheckRules
from trunkline.policy.limits import LimitRule, Quota
from trunkline.policy.retry import RetryRules
from trunkline.policy.state_settings import StateSettings


def read(**sections: Any) -> RouteFile:
    return RouteFile.model_validate({"version": 1, **sections})


def defaults(**settings: Any) -> Any:
    return read(defaults=settings).defaults


def provider(**settings: Any) -> Any:
    return (read(providers={"a": {"type": "openai", **settings}}).providers or {})["a"]


def test_what_is_not_said_of_a_breaker_stays_as_it_is() -> None:
    base = BreakerRules(consecutive=7)
    assert breaker_rules(None, base) is base
    said = provider(circuit_breaker={"open": "5s"}).circuit_breaker
    assert breaker_rules(said, base) == BreakerRules(consecutive=7, base=5.0)


def test_every_number_of_a_breaker_arrives() -> None:
    said = defaults(
        circuit_breaker={
            "consecutive_failures": "off",
            "failure_rate": 0.25,
            "minimum_requests": 50,
            "window": "1m",
            "open": "5s",
            "max_open": "2m",
            "ramp": "10s",
        }
    ).circuit_breaker
    assert breaker_rules(said, BreakerRules()) == BreakerRules(
        consecutive=None,
        failure_rate=0.25,
        minimum=50,
        window=60.0,
        base=5.0,
        most=120.0,
        ramp=10.0,
    )


def test_a_breaker_that_is_off_never_trips_and_a_ramp_that_is_off_takes_no_time() -> None:
    off = breaker_rules("off", BreakerRules())
    assert (off.consecutive, off.failure_rate) == (None, None)
    said = provider(circuit_breaker={"ramp": "off"}).circuit_breaker
    assert breaker_rules(said, BreakerRules()).ramp == 0.0


def test_a_breaker_of_a_provider_is_on_where_the_default_is_off() -> None:
    said = provider(circuit_breaker={"open": "5s"}).circuit_breaker
    off = breaker_rules("off", BreakerRules(minimum=99))
    assert breaker_rules(said, off) == BreakerRules(base=5.0)


def test_a_breaker_waits_for_its_environment_with_what_is_built_in() -> None:
    said = provider(circuit_breaker={"open": "${env:OPEN}", "ramp": "1m"}).circuit_breaker
    assert breaker_rules(said, BreakerRules()) == BreakerRules(ramp=60.0)


def test_a_check_asks_for_a_path_a_model_or_the_list_of_models() -> None:
    def rules(**said: Any) -> CheckRules | None:
        return check_rules(provider(health_check=said).health_check, "/models")

    assert rules() == CheckRules(path="/models")
    assert rules(path="/up") == CheckRules(path="/up")
    asked = rules(model="tiny", fail_after=3, pass_after="2")
    assert asked == CheckRules(model="tiny", fail_after=3, pass_after=2)
    timed = rules(every="1m", timeout="500ms")
    assert timed == CheckRules(path="/models", every=60.0, timeout=0.5)


def test_without_anything_to_ask_nobody_checks() -> None:
    assert check_rules(None, "/models") is None
    assert check_rules(provider(health_check={}).health_check, None) is None
    waiting = provider(health_check={"model": "${env:MODEL}"}).health_check
    assert check_rules(waiting, "/models") is None


def test_backoff_is_laid_over_what_stands_above_it() -> None:
    base = RetryRules(base=0.2, cap=3.0)
    assert retry_rules(None, base) is base
    assert retry_rules(defaults(retry={"same_target": 2}).retry, base) is base
    said = defaults(retry={"backoff": {"cap": "10s"}}).retry
    assert retry_rules(said, base) == RetryRules(base=0.2, cap=10.0)


def test_the_first_wait_after_a_rate_limit_is_never_the_shorter_one() -> None:
    said = defaults(retry={"backoff": {"base": "4s", "cap": "10s"}}).retry
    assert retry_rules(said, RetryRules()) == RetryRules(base=4.0, cap=10.0, throttle_base=4.0)


def test_a_share_of_retries_is_merged_by_key_and_off_is_no_bound() -> None:
    base = RetryShare(0.2, 3.0)
    assert retry_share(None, base) is base
    assert retry_share(defaults(retry={"budget": {"share": 0.5}}).retry, base) == (0.5, 3.0)
    assert retry_share(defaults(retry={"budget": {"per_second": 2}}).retry, None) == (0.1, 2.0)
    assert retry_share(defaults(retry={"budget": "off"}).retry, base) is None


def test_every_number_of_a_limit_arrives() -> None:
    said = read(
        limits=[
            {
                "name": "all",
                "by": "caller.name",
                "requests_per_second": 1,
                "requests_per_minute": "1_000",
                "requests_per_hour": 3,
                "requests_per_day": 4,
                "tokens_per_minute": 5,
                "tokens_per_hour": 6,
                "tokens_per_day": 7,
                "cost_per_minute": "0.50 USD",
                "cost_per_hour": "9 USD",
                "cost_per_day": "10 USD",
                "concurrency": 11,
                "burst": 12,
                "strict": True,
            }
        ]
    ).limits
    assert said is not None
    assert limit_rule("limits.all", said[0], caller=True) == LimitRule(
        "limits.all",
        (
            Quota("requests", 1, 1.0),
            Quota("requests", 1000, 60.0),
            Quota("requests", 3, 3600.0),
            Quota("requests", 4, 86400.0),
            Quota("tokens", 5, 60.0),
            Quota("tokens", 6, 3600.0),
            Quota("tokens", 7, 86400.0),
            Quota("cost", 500_000, 60.0),
            Quota("cost", 9_000_000, 3600.0),
            Quota("cost", 10_000_000, 86400.0),
        ),
        concurrency=11,
        burst=12,
        strict=True,
        caller=True,
    )


def test_a_limit_of_a_provider_protects_it_and_may_wait_for_an_environment() -> None:
    said = provider(limits={"concurrency": "${env:N}", "requests_per_minute": 60}).limits
    assert limit_rule("a", said, caller=False) == LimitRule(
        "a", (Quota("requests", 60, 60.0),), caller=False
    )
    waiting = provider(limits={"concurrency": "${env:N}"}).limits
    assert limit_rule("a", waiting, caller=False) is None
    assert limit_rule("a", None, caller=False) is None


def test_a_limit_of_a_route_is_read_like_any_other() -> None:
    routes = read(routes=[{"match": "a", "to": "b", "limits": {"concurrency": 2}}]).routes
    assert routes is not None
    rule = limit_rule("a", routes[0].limits, caller=False)
    assert rule == LimitRule("a", concurrency=2, caller=False)


def test_a_budget_has_its_amount_in_millionths() -> None:
    said = read(
        budgets=[
            {"name": "a", "amount": "12.50 USD", "window": "month"},
            {"name": "b", "amount": "1 USD", "window": "hour", "unpriced": "allow", "alert": 0.5},
            {"name": "c", "amount": "${env:MOST}", "window": "day"},
        ]
    ).budgets
    assert said is not None
    assert [budget_rule(one) for one in said] == [
        BudgetRule("a", 12_500_000, "month"),
        BudgetRule("b", 1_000_000, "hour", unpriced_allowed=True, alert=0.5),
        None,
    ]


def state(said: Any, environ: dict[str, str] | None = None) -> StateSettings:
    return state_settings(read(state=said).state, environ or {}, Path("/etc/trunkline"))


def test_state_is_in_memory_unless_something_else_is_said() -> None:
    assert state_settings(None, {}, Path()) == state("memory") == StateSettings()


def test_a_file_of_counters_is_beside_the_route_file() -> None:
    assert state({"file": "state.db", "replicas": 4}) == StateSettings(
        kind="file", path="/etc/trunkline/state.db", replicas=4
    )
    assert state({"file": "${env:DB}"}, {"DB": "/var/state.db"}).path == "/var/state.db"


def test_redis_gets_its_settings_from_the_environment() -> None:
    environ = {"REDIS": "redis://:geheim@db:6379/1", "N": "3", "WAIT": "20ms"}
    said = {
        "redis": {"url": "${env:REDIS}", "prefix": "house:", "timeout": "${env:WAIT}"},
        "replicas": "${env:N}",
        "on_store_down": {"budgets": "closed"},
    }
    found = state(said, environ)
    assert found == StateSettings(
        kind="redis",
        url=environ["REDIS"],
        prefix="house:",
        timeout=0.02,
        replicas=3,
        on_down_limits="local",
        on_down_budgets="closed",
    )
    assert "geheim" not in repr(found)


def test_one_word_says_it_of_limits_and_budgets() -> None:
    found = state({"redis": {"url": "redis://db"}, "on_store_down": "open"})
    assert (found.on_down_limits, found.on_down_budgets) == ("open", "open")


@pytest.mark.parametrize("replicas", ["0", "many", "-1"])
def test_an_environment_that_says_nonsense_is_an_error(replicas: str) -> None:
    with pytest.raises(ValueError):
        state({"file": "a.db", "replicas": "${env:N}"}, {"N": replicas})


def test_a_url_that_is_not_set_is_an_error() -> None:
    with pytest.raises(UnresolvedError):
        state({"redis": {"url": "${env:REDIS}"}})

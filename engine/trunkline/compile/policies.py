"""What a route file says of health, retries, limits, budgets and state, as the rules of `policy`.

A value that waits for an environment counts as not said: a plan is compiled again once it is
known (see `late`). The settings of `state` alone are resolved here, because they hold a secret,
and nothing but an open engine needs them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from trunkline.config.models import CircuitBreakerNumbers, Money, OnStoreDown, State
from trunkline.config.models.words import count, duration
from trunkline.config.references import Join, Reference, resolve
from trunkline.policy.breaker import BreakerRules
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.checks import CheckRules
from trunkline.policy.limits import LimitRule, Quota
from trunkline.policy.state_settings import StateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trunkline.config.models import Budget, HealthCheck, LimitBase, Retry
    from trunkline.policy.limits import Unit
    from trunkline.policy.retry import RetryRules
    from trunkline.policy.state_settings import OnDown

__all__ = [
    "RetryShare",
    "breaker_rules",
    "budget_rule",
    "check_rules",
    "limit_rule",
    "retry_rules",
    "retry_share",
    "state_settings",
]

_PERIODS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_UNITS: Final[tuple[Unit, ...]] = ("requests", "tokens", "cost")


def breaker_rules(
    said: Literal["off"] | CircuitBreakerNumbers | None, base: BreakerRules
) -> BreakerRules:
    """`circuit_breaker` over what stands above it. `off` takes both ways to trip away, and a
    mapping over `off` begins with what is built in."""
    if said is None:
        return base
    if isinstance(said, str):
        return replace(base, consecutive=None, failure_rate=None)
    if base.consecutive is None and base.failure_rate is None:
        base = BreakerRules()
    changes: dict[str, Any] = {}
    for key, name in _BREAKER.items():
        value = _known(getattr(said, key))
        if value is not None:
            changes[name] = None if value == "off" else value
    if changes.get("ramp") == math.inf:
        changes["ramp"] = 0.0
    return replace(base, **changes)


_BREAKER: Final = {
    "consecutive_failures": "consecutive",
    "failure_rate": "failure_rate",
    "minimum_requests": "minimum",
    "window": "window",
    "open": "base",
    "max_open": "most",
    "ramp": "ramp",
}


def check_rules(said: HealthCheck | None, models_path: str | None) -> CheckRules | None:
    """`health_check`; `models_path` is where the provider's row lists its models. None where
    nobody checks, or it is not known yet what to ask."""
    if said is None:
        return None
    names = ("path", "model", "every", "timeout", "fail_after", "pass_after")
    known = {name: _known(getattr(said, name)) for name in names}
    rules = CheckRules(**{name: value for name, value in known.items() if value is not None})
    if rules.path or rules.model:
        return rules
    return (
        None if models_path is None or said.model is not None else replace(rules, path=models_path)
    )


def retry_rules(said: Retry | None, base: RetryRules) -> RetryRules:
    """`retry.backoff` over what stands above it. The first wait after a rate limit is never
    shorter than after other failures."""
    backoff = said.backoff if said is not None else None
    if backoff is None:
        return base
    first = base.base if backoff.base is None else backoff.base
    return replace(
        base,
        base=first,
        cap=base.cap if backoff.cap is None else backoff.cap,
        throttle_base=max(first, base.throttle_base),
    )


class RetryShare(NamedTuple):
    """Retries that are allowed: a share of first attempts, and so many a second besides. See
    `policy.retry_budget`."""

    share: float = 0.1
    per_second: float = 1.0


def retry_share(said: Retry | None, base: RetryShare | None) -> RetryShare | None:
    """`retry.budget` over what stands above it; None is no bound. A mapping over `off` begins
    with what is built in."""
    budget = said.budget if said is not None else None
    if budget is None:
        return base
    if isinstance(budget, str):
        return None
    base = base or RetryShare()
    return RetryShare(
        base.share if budget.share is None else budget.share,
        base.per_second if budget.per_second is None else budget.per_second,
    )


def limit_rule(name: str, said: LimitBase | None, *, caller: bool) -> LimitRule | None:
    """One set of numbers; None where none is known. `name` is the rule's own among those of all
    places; `caller` tells a caller's limit from one that protects a provider."""
    if said is None:
        return None
    known = {key: _known(getattr(said, key)) for key in type(said).model_fields}
    quotas = tuple(
        Quota(unit, value.micros if isinstance(value, Money) else value, seconds)
        for unit in _UNITS
        for period, seconds in _PERIODS.items()
        if (value := known.get(f"{unit}_per_{period}")) is not None
    )
    concurrency = known["concurrency"]
    if not quotas and concurrency is None:
        return None
    strict = bool(known["strict"])
    return LimitRule(name, quotas, concurrency, known["burst"], strict, caller)


def budget_rule(said: Budget) -> BudgetRule | None:
    """One entry of `budgets`; None while its amount is not known."""
    amount = _known(said.amount)
    if amount is None:
        return None
    rule = BudgetRule(said.name, amount.micros, said.window, said.unpriced == "allow")
    return rule if said.alert is None else replace(rule, alert=said.alert)


def state_settings(
    said: str | State | None, environ: Mapping[str, str], folder: Path
) -> StateSettings:
    """`state`, with its references resolved; a file's path is relative to `folder`.

    Raises `UnresolvedError` for a reference to what is not there, and `ValueError` for a value
    of an environment that is not of the form it should have.
    """
    if not isinstance(said, State):
        return StateSettings()
    down = said.on_store_down
    apart = down if isinstance(down, OnStoreDown) else OnStoreDown()
    both: OnDown = down if isinstance(down, str) else "local"
    changes: dict[str, Any] = {
        "on_down_limits": apart.limits or both,
        "on_down_budgets": apart.budgets or both,
    }
    if said.replicas is not None:
        changes["replicas"] = _positive(said.replicas, environ)
    if said.redis is None:
        path = folder / resolve(said.file or "", environ)
        return StateSettings(kind="file", path=str(path), **changes)
    redis = said.redis
    if redis.prefix is not None:
        changes["prefix"] = resolve(redis.prefix, environ)
    if redis.timeout is not None:
        changes["timeout"] = _seconds(redis.timeout, environ)
    return StateSettings(kind="redis", url=resolve(redis.url, environ), **changes)


def _positive(value: int | Reference | Join, environ: Mapping[str, str]) -> int:
    found = value if isinstance(value, int) else count(resolve(value, environ))
    if found < 1:
        raise ValueError("`replicas` is at least 1")
    return found


def _seconds(value: float | Reference | Join, environ: Mapping[str, str]) -> float:
    return value if isinstance(value, float) else duration(resolve(value, environ))


def _known(value: Any) -> Any:
    """The value, or None for one that waits for an environment."""
    return None if isinstance(value, Reference | Join) else value

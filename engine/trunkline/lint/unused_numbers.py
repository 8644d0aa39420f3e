"""TL412: numbers about trying again that never count.

A wait that is longer than the longest, retries beyond the sends that a request may cost, and what
is said of retries where there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import node_maps
from trunkline.policy.breaker import BreakerRules
from trunkline.policy.retry import RetryRules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.models import Retry
    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]

_RETRY: Final = RetryRules()
_BREAKER: Final = BreakerRules()


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every such number in `retry` and `circuit_breaker`."""
    file = spec.file
    places: list[tuple[Path, Any]] = [(("defaults",), file.defaults)]
    places += [(("routes", index), route) for index, route in enumerate(file.routes or ())]
    places += node_maps(file)
    for path, settings in places:
        retry = settings.retry if settings is not None else None
        for key, why, hint in () if retry is None else _of_retry(retry):
            yield _found(spec, (*path, "retry", *key), why, hint)
    breakers: list[tuple[Path, Any]] = [(("defaults",), file.defaults)]
    breakers += [(("providers", name), one) for name, one in (file.providers or {}).items()]
    for path, owner in breakers:
        breaker = owner.circuit_breaker if owner is not None else None
        for key, why, hint in () if breaker in (None, "off") else _of_breaker(breaker):
            yield _found(spec, (*path, "circuit_breaker", *key), why, hint)


def _found(spec: Spec, path: Path, why: str, hint: str) -> Diagnostic:
    return Diagnostic("TL412", "warning", why, spec.document.key_span(path), hint)


def _of_retry(retry: Retry) -> Iterator[tuple[Path, str, str]]:
    same, most = retry.same_target, retry.max_sends
    if same is not None and most is not None and same >= most:
        why = f"of {most} sends at most {most - 1} can be extra ones on the same target"
        yield ("same_target",), why, "lower it, or raise `max_sends`"
    if same == 0:
        for key in ("on", "prefer", "backoff", "budget"):
            value = getattr(retry, key)
            if value not in (None, "next_target", "off"):
                why = f"`{key}` is about trying the same target again, which `same_target: 0` bars"
                yield (key,), why, "leave it out"
    backoff = retry.backoff
    if backoff is not None and (backoff.base or _RETRY.base) > (backoff.cap or _RETRY.cap):
        key = "base" if backoff.base is not None else "cap"
        why = f"the first wait ({backoff.base or _RETRY.base:g}s) is above the longest "
        yield (
            ("backoff", key),
            f"{why}({backoff.cap or _RETRY.cap:g}s)",
            "let `base` be below `cap`",
        )


def _of_breaker(breaker: Any) -> Iterator[tuple[Path, str, str]]:
    if breaker.failure_rate == "off" and breaker.minimum_requests is not None:
        why = "`minimum_requests` is about the failure rate, which is off"
        yield ("minimum_requests",), why, "leave it out"
    first, most = breaker.open or _BREAKER.base, breaker.max_open or _BREAKER.most
    if isinstance(first, float) and isinstance(most, float) and first > most:
        key = "open" if breaker.open is not None else "max_open"
        why = f"the first ejection ({first:g}s) is above the longest ({most:g}s)"
        yield (key,), why, "let `open` be below `max_open`"

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
    from collections.abc import Iterable, Iterator

    from trunkline.config.models import Retry
    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]

_RETRY: Final = RetryRules()
_BREAKER: Final = BreakerRules()

_Found = tuple["Path", str, str]
"""A key below the mapping, why it never counts, and what to do."""


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every such number in `retry` and `circuit_breaker`."""
    retries, breakers = list(_retries(spec)), list(_breakers(spec))
    again = any(retry.same_target for _, retry in retries)
    waits = sum(retry.backoff is not None for _, retry in retries)
    found: list[_Found] = []
    for at, retry in retries:
        found += _below(at, _sends(retry, again))
        found += _below(at, _waits(retry, waits == 1))
    for at, breaker in breakers:
        found += _below(at, _ejections(breaker, len(breakers) == 1))
    for path, why, hint in found:
        yield Diagnostic("TL412", "warning", why, spec.document.key_span(path), hint)


def _below(path: Path, found: Iterable[_Found]) -> list[_Found]:
    return [((*path, *key), why, hint) for key, why, hint in found]


def _retries(spec: Spec) -> Iterator[tuple[Path, Retry]]:
    file = spec.file
    places: list[tuple[Path, Any]] = [(("defaults",), file.defaults)]
    places += [(("routes", index), route) for index, route in enumerate(file.routes or ())]
    places += node_maps(file)
    for path, settings in places:
        if settings is not None and settings.retry is not None:
            yield (*path, "retry"), settings.retry


def _breakers(spec: Spec) -> Iterator[tuple[Path, Any]]:
    file = spec.file
    owners: list[tuple[Path, Any]] = [(("defaults",), file.defaults)]
    owners += [(("providers", name), one) for name, one in (file.providers or {}).items()]
    for path, owner in owners:
        breaker = owner.circuit_breaker if owner is not None else None
        if breaker not in (None, "off"):
            yield (*path, "circuit_breaker"), breaker


def _sends(retry: Retry, again: bool) -> Iterator[_Found]:
    """`again` is whether anything in the file has retries, which may inherit what is said here."""
    same, most = retry.same_target, retry.max_sends
    if same is not None and most is not None and same >= most:
        why = f"of {most} sends at most {most - 1} can be extra ones on the same target"
        yield ("same_target",), why, "lower it, or raise `max_sends`"
    for key in ("on", "prefer", "backoff", "budget") if same == 0 and not again else ():
        if getattr(retry, key) not in (None, "next_target", "off"):
            why = f"`{key}` is about trying the same target again, which `same_target: 0` bars"
            yield (key,), why, "leave it out"


def _waits(retry: Retry, alone: bool) -> Iterator[_Found]:
    """`alone` is whether no other place says anything of waits, which would be merged."""
    backoff = retry.backoff
    if backoff is None or not (alone or (backoff.base and backoff.cap)):
        return
    base, cap = backoff.base or _RETRY.base, backoff.cap or _RETRY.cap
    if base > cap:
        key = "base" if backoff.base is not None else "cap"
        why = f"the first wait ({base:g}s) is above the longest ({cap:g}s)"
        yield ("backoff", key), why, "let `base` be below `cap`"


def _ejections(breaker: Any, alone: bool) -> Iterator[_Found]:
    if breaker.failure_rate == "off" and breaker.minimum_requests is not None:
        why = "`minimum_requests` is about the failure rate, which is off"
        yield ("minimum_requests",), why, "leave it out"
    first, most = breaker.open or _BREAKER.base, breaker.max_open or _BREAKER.most
    known = isinstance(first, float) and isinstance(most, float)
    if known and first > most and (alone or (breaker.open and breaker.max_open)):
        key = "open" if breaker.open is not None else "max_open"
        why = f"the first ejection ({first:g}s) is above the longest ({most:g}s)"
        yield (key,), why, "let `open` be below `max_open`"

"""Every error that Trunkline raises on purpose.

::

    TrunklineError
    ├── ConfigError            a document cannot be compiled; carries every diagnostic at once
    ├── EngineClosed           the engine was used after `aclose`
    ├── WireError              bytes that break their wire format (`trunkline.wire`)
    └── CallError              one call failed; has a `kind`, a `status` and the decision record
        ├── RequestError       the caller's request is at fault; no target was or will be asked
        ├── UpstreamError      a target failed before anything was shown; another may be tried
        ├── InterruptedAnswer   an answer broke off after part of it was shown; never replayed
        ├── DeadlineError      the request's own time ran out
        └── InternalError      our own fault: a template or a translation that should not fail

A `kind` is one of a closed set (`ErrorKind`), so that `on:` in a route file, metrics and
doors all speak of the same things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.diagnostics import Diagnostic
    from trunkline.ports import Decision

__all__ = [
    "DEFAULT_KINDS",
    "FINAL_KINDS",
    "KINDS",
    "STATUS_OF_KIND",
    "CallError",
    "ConfigError",
    "DeadlineError",
    "EngineClosed",
    "ErrorKind",
    "InternalError",
    "InterruptedAnswer",
    "RequestError",
    "TrunklineError",
    "UpstreamError",
]

ErrorKind = Literal[
    "connect",
    "timeout",
    "rate_limited",
    "quota",
    "auth",
    "overloaded",
    "server_error",
    "not_found",
    "malformed",
    "context_length",
    "content_filter",
    "unsupported",
    "interrupted",
    "bad_request",
    "deadline",
    "limit",
    "budget",
    "internal",
]

KINDS: Final[tuple[ErrorKind, ...]] = get_args(ErrorKind)
"""All kinds, in the order in which the reference lists them."""

DEFAULT_KINDS: Final[frozenset[ErrorKind]] = frozenset(KINDS[:9])
"""What `default` in `on:` stands for: nobody's fault but the provider's."""

FINAL_KINDS: Final[frozenset[ErrorKind]] = frozenset(KINDS[12:])
"""Kinds that never move on to another target; naming one in `on:` is a diagnostic."""

STATUS_OF_KIND: Final[dict[ErrorKind, int]] = {
    "connect": 502,
    "timeout": 504,
    "rate_limited": 429,
    "quota": 429,
    "auth": 502,
    "overloaded": 503,
    "server_error": 502,
    "not_found": 502,
    "malformed": 502,
    "context_length": 400,
    "content_filter": 400,
    "unsupported": 400,
    "interrupted": 502,
    "bad_request": 400,
    "deadline": 504,
    "limit": 429,
    "budget": 429,
    "internal": 500,
}
"""The HTTP status a door answers with when a call ends in this kind."""


class TrunklineError(Exception):
    """The root: catch this to catch all that Trunkline raises on purpose.

    Errors can be copied and pickled, so that they cross from one process to another.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, vars(self))


def _again(kind: type[TrunklineError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    """An error as it was. What it was made from is not known any more, only what it holds."""
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error


class ConfigError(TrunklineError):
    """A route file cannot become a plan. `diagnostics` holds every finding, sorted by place."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        first = errors[0].one_line() if errors else "no diagnostic"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first + more)


class EngineClosed(TrunklineError):
    """The engine was closed; open a new one."""


class CallError(TrunklineError):
    """One call failed.

    `kind` says how, `status` is the HTTP status a door would answer with, `target` the leaf id
    concerned (empty if none was asked), `retry_after` the seconds after which a new try is
    useful, and `decision` what was matched, picked, skipped and why.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        target: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.status = STATUS_OF_KIND[kind] if status is None else status
        self.target = target
        self.retry_after = retry_after
        self.decision: Decision | None = None

    def say(self, message: str) -> None:
        """Put another message in the place of this one."""
        self.message = message
        self.args = (message,)


class RequestError(CallError):
    """The caller's request is at fault: malformed, matched by no route, or carried by no target."""


class UpstreamError(CallError):
    """A target failed before anything of its answer was shown, so another target may be tried.

    `upstream_status` is the status the provider answered with, if it answered at all. `stage` is
    how far a send came that got no answer: `pool` (no connection was free), `connect` (none came
    about), `stale` (a kept one died before it was used), `sent` (the request, or part of it), or
    `head` (the answer had begun).
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        target: str = "",
        retry_after: float | None = None,
        upstream_status: int | None = None,
        stage: str = "",
    ) -> None:
        super().__init__(kind, message, status=status, target=target, retry_after=retry_after)
        self.upstream_status = upstream_status
        self.stage = stage


class InterruptedAnswer(CallError):
    """An answer broke off after part of it was shown. That part stands; nothing is replayed."""

    def __init__(self, message: str, *, target: str = "") -> None:
        super().__init__("interrupted", message, target=target)


class DeadlineError(CallError):
    """The time that the request as a whole was given has run out."""

    def __init__(self, message: str, *, target: str = "") -> None:
        super().__init__("deadline", message, target=target)


class InternalError(CallError):
    """Our own fault. The message names the template's line where one is to blame."""

    def __init__(self, message: str, *, target: str = "") -> None:
        super().__init__("internal", message, target=target)

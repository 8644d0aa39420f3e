"""Settings: what may stand beside a strategy key, on a route and in `defaults`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from trunkline.config.models.words import (
    MESSAGE,
    Amount,
    Count,
    Duration,
    HeaderName,
    Name,
    Period,
    Strict,
    Threshold,
)
from trunkline.errors import ErrorKind


class Timeouts(Strict):
    """How long to wait. What is not said is inherited; `off` waits for ever."""

    connect: Duration | None = None
    """Until there is a connection, TLS included."""
    pool: Duration | None = None
    """For a free connection."""
    write: Duration | None = None
    """Until the request is sent."""
    first_byte: Duration | None = None
    """Until the status line of the response. A whole answer has `attempt` instead, unless this is
    said."""
    first_token: Duration | None = None
    """Until the first content of a streamed answer; a whole one comes at once and has
    `attempt`."""
    idle: Duration | None = None
    """Between any two bytes of the answer."""
    idle_content: Duration | None = None
    """Between any two pieces of content."""
    attempt: Duration | None = None
    """For one attempt whose answer is not streamed."""
    total: Duration | None = None
    """For the whole request, over all attempts."""


class Backoff(Strict):
    """How long to wait before the same target is asked again."""

    base: Period | None = None
    """Before the first retry; each further one doubles it. Half of it is chance."""
    cap: Period | None = None
    """At most; a provider that asks for a longer wait is left, unless `prefer: same_target`."""


class RetryBudget(Strict):
    """How much of a target's traffic may be retries, so that nobody hammers what is down."""

    share: Annotated[float, Field(ge=0, le=1)] | None = None
    """Retries for each first attempt, from 0 to 1."""
    per_second: Annotated[float, Field(ge=0)] | None = None
    """Retries a second that are always allowed, however little traffic there is."""


class Retry(Strict):
    """How often to try again."""

    same_target: int | None = Field(default=None, ge=0, le=10)
    """Extra attempts on the same target, after failures that pass by themselves; 1 where nothing
    is said."""
    max_sends: int | None = Field(default=None, ge=1, le=100)
    """At most this many sends a request, over all targets."""
    on: list[ErrorKind | Annotated[int, Field(ge=400, le=599)] | Literal["default"]] | None = None
    """Error kinds or statuses after which the same target is tried again."""
    prefer: Literal["next_target", "same_target"] | None = None
    """Whether a wait that the provider asks for is spent on the same target."""
    when_all_out: Literal["fail_fast", "try_soonest"] | None = None
    """What happens when every target is ejected or cooling down: refuse at once (`fail_fast`, if
    nothing is said), or ask the one that comes back first all the same."""
    backoff: Backoff | None = None
    """How long to wait before the same target is asked again."""
    budget: Literal["off"] | RetryBudget | None = None
    """How much of a target's traffic may be retries. Moving on to another target is none."""


class CircuitBreakerNumbers(Strict):
    """When a target is ejected."""

    consecutive_failures: Threshold | None = None
    """After so many failures in a row."""
    failure_rate: Literal["off"] | Annotated[float, Field(ge=0.01, le=1)] | None = None
    """When more than this share of the requests in `window` failed."""
    minimum_requests: Annotated[int, Field(ge=1)] | None = None
    """Fewer requests than this in `window` say nothing about the share."""


class CircuitBreaker(CircuitBreakerNumbers):
    """When a target is ejected, and for how long."""

    window: Period | None = None
    """Over which time failures are counted."""
    open: Period | None = None
    """How long the first ejection lasts; each further one doubles it."""
    max_open: Period | None = None
    """How long an ejection lasts at most."""
    ramp: Duration | None = None
    """How long a restored target takes to get its whole share again; `off`: at once."""


class Commit(Strict):
    """Hold back this much of the answer before showing any of it."""

    tokens: Annotated[int, Field(ge=1)]
    """How many pieces of content; providers send about one a token."""


class Streaming(Strict):
    """When an answer counts as begun, and what happens when it breaks off."""

    commit: Literal["first_content", "complete"] | Commit | None = None
    """Until then another target may take over without the caller noticing."""
    on_interrupt: Literal["error", "restart", "resume"] | None = None
    """What to do when an answer breaks off after it was committed: say so (`error`, if nothing is
    said), begin anew at the next target as long as nothing was shown, or let the next target go on
    from the text so far, where it is known to take an answer that has begun (capability
    `prefill`)."""
    on_malformed: Literal["fail", "skip"] | None = None
    """What to do with an event of the stream that cannot be read: count it as a failure (`fail`,
    if nothing is said), or leave it out and record that."""
    on_disconnect: Literal["cancel", "drain"] | None = None
    """What to do upstream when the caller goes away: cancel at once (if nothing is said), or read
    the answer to its end, 20 such answers at a time, so that what it cost is known exactly."""
    upstream_stream: bool | None = None
    """Ask the provider for a stream even if the caller wants a whole answer, so that a provider
    that falls silent is noticed early."""


NUMBERS: Final = (
    "requests_per_second",
    "requests_per_minute",
    "requests_per_hour",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_hour",
    "tokens_per_day",
    "cost_per_minute",
    "cost_per_hour",
    "cost_per_day",
    "concurrency",
)
"""What a limit is made of; its other keys say how."""


class LimitBase(Strict):
    """A limit has at least one number."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"type": "object", "allOf": [{"not": {"required": [key]}} for key in NUMBERS]},
            MESSAGE: "this limits nothing: write `requests_per_minute` or the like",
        }
    )

    @model_validator(mode="after")
    def _some_number(self) -> Self:
        if not self.model_fields_set.intersection(NUMBERS):
            raise ValueError("a limit without a number")
        return self


class LimitNumbers(LimitBase):
    """At most this much."""

    requests_per_second: Count | None = None
    """Requests a second."""
    requests_per_minute: Count | None = None
    """Requests a minute."""
    requests_per_hour: Count | None = None
    """Requests an hour."""
    requests_per_day: Count | None = None
    """Requests a day."""
    tokens_per_minute: Count | None = None
    """Tokens a minute, input and output."""
    tokens_per_hour: Count | None = None
    """Tokens an hour, input and output."""
    tokens_per_day: Count | None = None
    """Tokens a day, input and output."""
    cost_per_minute: Amount | None = None
    """Money a minute."""
    cost_per_hour: Amount | None = None
    """Money an hour."""
    cost_per_day: Amount | None = None
    """Money a day."""
    concurrency: Count | None = None
    """Requests at the same time."""
    burst: Count | None = None
    """Requests that may come at once before the rate counts."""
    strict: bool | None = None
    """Never let through more than this, at the price of refusing what might have fitted."""


class Wire(Strict):
    """Changes to what the provider will see."""

    headers: dict[HeaderName, Any] | None = None
    """Headers to add or replace; null removes one. Values are templates."""
    query: dict[str, Any] | None = None
    """Query parameters to add or replace; null removes one. Values are templates."""
    body: dict[str, Any] | None = None
    """Merged into the body: mappings deeply, everything else replaces, null deletes."""


class Response(Strict):
    """Changes to what the caller will see."""

    headers: dict[HeaderName, Any] | None = None
    """Headers to add to the answer. Values are templates."""


class Settings(Strict):
    """What may stand beside a strategy key and on a route; the inner one wins."""

    name: Name | None = None
    """What decision records call this."""
    request: dict[str, Any] | None = Field(
        default=None,
        examples=[
            {"temperature": 0.2},
            {"messages": {"prepend": [{"role": "system", "content": "Be brief."}]}},
        ],
    )
    """Laid over the request before it is written for the provider: mappings merge, scalars and
    lists replace, null deletes, `{$default: v}` sets only what is absent; `messages` also takes
    `{prepend, append}`. Values are templates."""
    response: Response | None = None
    """Changes to what the caller will see."""
    wire: Wire | None = None
    """Changes to what the provider will see."""
    timeouts: Timeouts | None = None
    """How long to wait."""
    retry: Retry | None = None
    """How often to try again."""
    streaming: Streaming | None = None
    """When an answer counts as begun, and what happens when it breaks off."""
    limits: LimitNumbers | None = None
    """At most this much, over all callers. Limits do not replace one another: all apply."""
    unsupported: Literal["skip", "drop", "refuse"] | None = None
    """What happens when a target cannot carry what the request means: `skip` the target (the
    default), `drop` the field, or `refuse` the request."""


__all__ = [
    "NUMBERS",
    "Backoff",
    "CircuitBreaker",
    "CircuitBreakerNumbers",
    "Commit",
    "LimitBase",
    "LimitNumbers",
    "Response",
    "Retry",
    "RetryBudget",
    "Settings",
    "Streaming",
    "Timeouts",
    "Wire",
]

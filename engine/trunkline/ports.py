"""The seams: what the engine needs from outside itself, as Protocols that a test can replace.

`Transport` carries bytes to a provider and back; `Clock` and `Random` make time and chance
arguments; `Decision` is the record of one request that everything on its way writes into.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = [
    "Attempt",
    "Clock",
    "Decision",
    "FetchError",
    "Fetched",
    "Fetcher",
    "HttpRequest",
    "HttpResponse",
    "Random",
    "Skip",
    "Timeouts",
    "Transport",
]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes on the wire. Header names are lower case, in the order sent.

    `secret_headers` names those whose values are credentials: shown masked, never logged.
    `replayable` says that the provider may get it twice: whether it may be sent once more when a
    kept connection turns out to be dead, though some of it may have arrived.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    secret_headers: frozenset[str] = frozenset()
    replayable: bool = True

    def __repr__(self) -> str:
        """Without the values of its credentials."""
        shown = ", ".join(
            f"{name}: {'***' if name in self.secret_headers else value}"
            for name, value in self.headers
        )
        return f"<HttpRequest {self.method} {self.url} [{shown}] {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; None is no limit.

    `connect`: a socket with TLS. `pool`: a free connection. `write`: the request sent.
    `first_byte`: the response's status line. `first_token`: the first content of the answer.
    `idle`: between any two bytes; `idle_content`: between any two pieces of content.
    `attempt`: one send, for whole answers. `total`: the request, over all attempts.
    """

    connect: float | None = 3.0
    pool: float | None = 1.0
    write: float | None = 10.0
    first_byte: float | None = 30.0
    first_token: float | None = 60.0
    idle: float | None = 60.0
    idle_content: float | None = 120.0
    attempt: float | None = 300.0
    total: float | None = 600.0


class HttpResponse(Protocol):
    """A response whose head has arrived. Header names are lower case.

    `idle` is how many seconds may pass without a byte of the body; None is no limit. It begins
    as the longer of `Timeouts.first_token` and `Timeouts.idle`, because a model may think in
    silence; whoever sees the first content sets it to `Timeouts.idle`.
    """

    status: int
    headers: dict[str, str]
    idle: float | None

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. A body cut short raises `UpstreamError`, it does not end."""
        ...

    async def aclose(self) -> None:
        """Stop reading. Closes the socket at once unless the body has been read to its end."""
        ...


class Transport(Protocol):
    """Carries requests to providers. Redirects are never followed, nothing is retried but what
    a kept connection lost before its first answer byte, once (see `HttpRequest.replayable`)."""

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send, and wait for the response's head.

        Raises `UpstreamError` of kind `connect`, `timeout` or `server_error`.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class FetchError(Exception):
    """Why a file could not be fetched, in words that a caller may read."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file from the web: what its host calls it, perhaps nothing, and its bytes."""

    media_type: str
    content: bytes = field(repr=False)


class Fetcher(Protocol):
    """Fetches what callers name by URL. It must reach nothing that only this machine can reach."""

    async def fetch(self, url: str, take: Callable[[int], None]) -> Fetched:
        """The file at an https URL. `take` is told of every piece by its size as it comes, and
        raises `FetchError` when it is too much.

        Raises `FetchError`, and takes as long as its caller lets it.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Clock(Protocol):
    """Time. Tests crank it by hand."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back."""
        ...

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Random(Protocol):
    """Chance. `random.Random` fits; tests seed it."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


@dataclass(slots=True)
class Attempt:
    """One send to one target. `outcome` is `ok`, `cancelled` or an error kind; times are in
    seconds. `credential` is the name of the provider's key that was used, if it has several.

    `usage` is what the provider counted or, with `estimated` in it, what we did; `micro_dollars`
    is what that costs, None where no price is known. `maybe_billed` is what a send that failed
    may have cost all the same: its input, as we estimate it.
    """

    target: str
    outcome: str = ""
    status: int | None = None
    message: str = ""
    started: float = 0.0
    first_content: float | None = None
    seconds: float = 0.0
    credential: str = ""
    usage: Mapping[str, Any] | None = None
    micro_dollars: int | None = None
    maybe_billed: int = 0


@dataclass(slots=True)
class Skip:
    """A target that was not asked, and why."""

    target: str
    reason: str


@dataclass(slots=True)
class Decision:
    """What was matched, picked, skipped and why, for one request.

    `targets` are leaf ids (`provider/upstream-model`) in the order considered; `dropped` names
    request fields that the answering wire could not carry and that only hinted at something;
    `picks` says which member each balance or switch chose, by node id. `trace_id` is what the
    caller's own records call the request.

    When the request is over it is settled: `outcome` is `ok`, `cancelled` or an error kind,
    `seconds` how long it took, `usage` the tokens of all its attempts, and `cost` what they cost
    (see `trunkline.policy.price.Cost.to_json`), with what failed attempts may have been billed.
    """

    request_id: str = ""
    model: str = ""
    route: str = ""
    why: str = ""
    generation: int = 0
    targets: list[str] = field(default_factory=list)
    picks: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    simulated: bool = False
    trace_id: str = ""
    outcome: str = ""
    seconds: float = 0.0
    usage: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON, for `--json`, logs and headers."""
        from dataclasses import asdict

        return asdict(self)

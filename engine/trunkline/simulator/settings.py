"""What a simulated provider is told, and what it remembers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trunkline.dialect import Door

__all__ = ["Fault", "Seen", "Settings", "fault_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong, and when: always, or for the requests that all of `on` (their
    numbers, from 1), `every` (so many) and `when` (asked of the canonical request) let through.

    `delay` waits so many seconds first. Then:

    - `status` answers with that status, the given `body` (JSON, or text as it is) or an error in
      the dialect's own form that says `message`, and `retry_after` in seconds.
    - `error_after` says such an error (500 without a `status`) in a stream, after so many chunks
      of content; an answer that is not streamed, or has not begun, is that status.
    - `stall_after`, `cut_after`, `reset_after` fall silent, close the connection (FIN) or reset
      it (RST) after so many chunks of content; 0 is before anything is sent, the head included.
      `end_after` ends the body there as HTTP wants it, without the dialect's own ending.
    - `malformed_after` spoils the chunk after so many.

    An answer with fewer chunks is struck before its end; one that is not streamed counts as one
    chunk, and is struck in its middle. `headers` are added to whatever is sent.
    """

    on: tuple[int, ...] = ()
    every: int | None = None
    when: Callable[[Mapping[str, Any]], bool] | None = None
    delay: float = 0.0
    status: int | None = None
    body: Any = None
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None
    stall_after: int | None = None
    cut_after: int | None = None
    reset_after: int | None = None
    end_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None

    def applies(self, number: int, request: Mapping[str, Any] | None) -> bool:
        """Whether it strikes this request; `request` is None where it could not be read."""
        if self.on and number not in self.on:
            return False
        if self.every is not None and number % self.every:
            return False
        return self.when is None or (request is not None and self.when(request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one simulated provider behaves.

    `provider` is the name that its answers give; `doors` are those of the dialects that it
    speaks: the one whose paths fit a request's best reads it, the first one where none does, so
    that providers that serve a dialect under a path of their own need nothing said. With
    `tells_usage` streams tell usage whether or not they are asked to, as some providers' do.

    `reply` is what it says instead of words about the request. `latency` passes before an answer
    begins and `chunk_delay` before each chunk, in seconds; `chunk` is a chunk's length in
    characters. Another `seed` gives other answers. The first of `faults` that applies counts.
    """

    provider: str
    doors: Sequence[Door]
    reply: str | None = None
    latency: float = 0.0
    chunk_delay: float = 0.0
    chunk: int = 12
    seed: int = 0
    tells_usage: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Seen:
    """A request that a simulated provider was sent.

    `request` is its canonical form, None where it could not be read. `outcome` is empty while it
    is being answered, then `answered`, `refused`, `cancelled` (the client went away first) or
    the fault that struck: `status`, `stall`, `cut`, `reset`, `end`, `malformed`, `error`.
    """

    number: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    request: dict[str, Any] | None = None
    outcome: str = ""
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> str | None:
        """The value of a header by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    async def over(self) -> str:
        """Wait until it is answered or given up; gives the outcome."""
        await self._over.wait()
        return self.outcome

    def end(self, outcome: str) -> None:
        """It is over."""
        self.outcome = outcome
        self._over.set()


def fault_of(
    faults: Sequence[Fault], number: int, request: Mapping[str, Any] | None
) -> Fault | None:
    """The first fault that strikes this request."""
    return next((fault for fault in faults if fault.applies(number, request)), None)

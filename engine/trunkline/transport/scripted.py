"""A face that answers from a script: for tests, and for the `given:` of a route file's tests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from trunkline.errors import EngineClosed, InternalError, UpstreamError
from trunkline.transport.head import first_idle, on_the_wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from trunkline.ports import Clock, HttpRequest, Timeouts

    _Sleep = Callable[[float], Awaitable[None]]

__all__ = ["Canned", "ScriptedResponse", "ScriptedTransport"]


@dataclass(frozen=True, slots=True)
class Canned:
    """One scripted answer.

    After `delay` seconds comes the head, or `error` in its place. `body` is played in order:
    bytes are a chunk, a number is seconds of silence, an error is raised there.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: tuple[bytes | float | UpstreamError, ...] = ()
    delay: float = 0.0
    error: UpstreamError | None = None

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **headers: str) -> Self:
        """A whole JSON body. Underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(
            status,
            {"content-type": "application/json", **named},
            (json.dumps(value, separators=(",", ":")).encode(),),
        )


class ScriptedTransport:
    """Answers each request from a list, in order, or by a function of the request.

    Every request is kept in `requests` as it would go on the wire, every answer in `responses`.
    Silence is spent on `clock`, and timeouts are kept on it, so a cranked clock makes them exact.
    """

    def __init__(
        self,
        script: Iterable[Canned] | Callable[[HttpRequest], Canned],
        clock: Clock | None = None,
    ) -> None:
        self._answer = script if callable(script) else None
        self._left = iter(() if callable(script) else script)
        self._sleep = clock.sleep if clock is not None else asyncio.sleep
        self._closed = False
        self.requests: list[HttpRequest] = []
        self.responses: list[ScriptedResponse] = []

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> ScriptedResponse:
        """Answer by the script. Raises `InternalError` where the script is too short."""
        if self._closed:
            raise EngineClosed("the transport was closed; open a new engine")
        request = on_the_wire(request)
        self.requests.append(request)
        canned = self._answer(request) if self._answer else next(self._left, None)
        if canned is None:
            raise InternalError(
                f"the script has no answer for request {len(self.requests)}: {request.url}"
            )
        await _wait(self._sleep, canned.delay, timeouts.first_byte, "no answer for {:g} s")
        if canned.error is not None:
            raise canned.error
        response = ScriptedResponse(canned, first_idle(timeouts), self._sleep)
        self.responses.append(response)
        return response

    async def aclose(self) -> None:
        """Refuse further requests."""
        self._closed = True


class ScriptedResponse:
    """A scripted `HttpResponse`. `read` says whether the body was read to its end, `closed`
    whether it was closed or has ended."""

    def __init__(self, canned: Canned, idle: float | None, sleep: _Sleep) -> None:
        self.status = canned.status
        self.headers = {name.lower(): value for name, value in canned.headers.items()}
        self.idle = idle
        self.read = False
        self.closed = False
        self._body = canned.body
        self._sleep = sleep

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as the script has it."""
        try:
            for step in self._body:
                if isinstance(step, UpstreamError):
                    raise step
                if isinstance(step, bytes):
                    yield step
                else:
                    await _wait(self._sleep, step, self.idle, "no byte of the answer for {:g} s")
            self.read = True
        finally:
            self.closed = True

    async def aclose(self) -> None:
        """Stop reading."""
        self.closed = True


async def _wait(sleep: _Sleep, seconds: float, limit: float | None, late: str) -> None:
    if limit is not None and seconds > limit:
        await sleep(limit)
        raise UpstreamError("timeout", late.format(limit))
    if seconds:
        await sleep(seconds)

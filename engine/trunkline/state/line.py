"""The line to a Redis server: commands in order, as many at once as are waiting, each with a time
limit, and a breaker that stops asking a server that does not answer.

The defaults of redis-py wait for tens of seconds for a server that is frozen. Here whoever asks
waits for `timeout` at most, three failures in a row open the breaker, and the server is tried
again in the background, never by a request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trunkline.state.script import SCRIPT, SHA
from trunkline.state.shared import Unreachable
from trunkline.store import StoreSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Command", "Line"]

_FAILURES: Final = 3
_FIRST_REST: Final = 2.0
_LONGEST_REST: Final = 10.0
_CONNECT: Final = 1.0
"""Seconds to connect in when no request waits for it: TLS to a far server takes its time."""
_AT_ONCE: Final = 64
_TOGETHER: Final = 0.005


@dataclass(slots=True, eq=False)
class Command:
    """One command: a call of the script where `script` is set. Without a future nobody waits for
    it, and it is sent until it has arrived."""

    words: tuple[str | int | bytes, ...]
    script: bool = True
    future: asyncio.Future[Any] | None = None
    arrived: Callable[[Any], None] | None = field(default=None)


class Line:
    """`went` is called when the server stops answering, `came` when it answers again."""

    def __init__(
        self,
        url: str,
        timeout: float,
        backlog: int,
        went: Callable[[], None],
        came: Callable[[], None],
    ) -> None:
        try:
            from redis.asyncio import ConnectionPool
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import (
                AuthenticationError,
                NoPermissionError,
                NoScriptError,
                RedisError,
                ResponseError,
            )
            from redis.exceptions import ConnectionError as Broken
        except ImportError as error:
            raise StoreSetupError(
                "state in Redis needs the extra: pip install 'trunkline[redis]'"
            ) from error
        self._denied, self._unknown = NoPermissionError, NoScriptError
        self._answered: tuple[type[Exception], ...] = (AuthenticationError, ResponseError)
        self._broken: type[Exception] = Broken
        self._errors: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        for ours, theirs in (("valkey://", "redis://"), ("valkeys://", "rediss://")):
            if url.startswith(ours):
                url = theirs + url.removeprefix(ours)
        self._connection: Any = None
        try:
            self._pool: Any = ConnectionPool.from_url(
                url, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_connect_timeout=None
            )
            # Parameters that it does not know show only here; redis has no types for it.
            self._pool.make_connection()  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            # What exactly is wrong may quote the password.
            raise StoreSetupError(
                "the address of shared state cannot be read: it is like redis://host:6379/0"
            ) from None
        self._timeout = timeout
        self._backlog = backlog
        self._went, self._came = went, came
        self._waiting: deque[Command] = deque()
        self._by_text = False
        self._failures = 0
        self._sender: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.up = True
        self.again = 0.0
        self.lost = 0

    async def open(self) -> None:
        """Connect, and see that the script may run. A server that does not answer is tried again
        in the background.

        Raises `StoreSetupError` when it answers that we may not.
        """
        try:
            async with asyncio.timeout(_CONNECT):
                (reply,) = await self._exchange([_hello()])
        except self._answered as error:
            raise StoreSetupError(f"the server of shared state refuses us: {error}") from error
        except self._errors:
            self._down()
            return
        if isinstance(reply, self._answered):
            raise StoreSetupError(f"the server of shared state refuses us: {reply}")

    async def ask(self, command: Command) -> Any:
        """The reply. Raises `Unreachable`."""
        if not self.up or self._closed:
            raise Unreachable
        command.future = asyncio.get_running_loop().create_future()
        self.send(command)
        return await command.future

    def send(self, command: Command) -> None:
        """Send it when its turn comes, later if the server is away. What nobody waits for goes
        with the next that somebody does, or after a moment: two commands cost little more than
        one."""
        if self._closed:
            self.lost += command.future is None
            return
        self._waiting.append(command)
        if not self.up:
            self._bound()
        elif command.future is not None:
            self._start()
        elif self._sender is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TOGETHER, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sender is None and self.up and self._waiting:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def aclose(self) -> None:
        """Send what is waiting, if that can be done at once, and hang up."""
        self._start()
        self._closed = True
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=2 * self._timeout)
        for task in (self._sender, self._prober):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self.lost += sum(command.future is None for command in self._waiting)
        self._connection = None
        await self._pool.aclose()

    async def _send(self) -> None:
        try:
            while self._waiting and self.up:
                batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                batch = [one for one in batch if not (one.future and one.future.done())]
                if batch:
                    await self._send_one(batch)
        finally:
            self._sender = None

    async def _send_one(self, batch: list[Command]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                replies = await self._exchange(batch)
        except self._errors:
            self._failed(batch)
            return
        except asyncio.CancelledError:
            self._failed(batch)
            raise
        errors = sum(isinstance(reply, Exception) for reply in replies)
        self._failures = self._failures + errors if errors == len(replies) else 0
        for command, reply in zip(batch, replies, strict=True):
            self._answer(command, reply)
        if self._failures >= _FAILURES:
            self._down()

    def _answer(self, command: Command, reply: Any) -> None:
        failed = isinstance(reply, Exception)
        future = command.future
        if future is None:
            self.lost += failed
        elif not future.done():
            if failed:
                future.set_exception(Unreachable(str(reply)))
            else:
                future.set_result(reply)
        if command.arrived is not None and not failed:
            command.arrived(reply)

    def _failed(self, batch: list[Command]) -> None:
        """Whoever waited here waited for the same silence: all of them give up together."""
        self._failures += 1
        batch += self._waiting
        self._waiting.clear()
        for command in batch:
            if command.future is None:
                self._waiting.append(command)
            elif not command.future.done():
                self._failures += 1
                command.future.set_exception(Unreachable())
        self._bound()
        if self._failures >= _FAILURES:
            self._down()

    def _bound(self) -> None:
        while len(self._waiting) > self._backlog:
            self._waiting.popleft()
            self.lost += 1

    def _down(self) -> None:
        if self.up and not self._closed:
            self.up = False
            self._went()
            for command in self._waiting:
                if command.future is not None and not command.future.done():
                    command.future.set_exception(Unreachable())
            self._prober = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        rest = _FIRST_REST
        while True:
            self.again = loop.time() + rest
            await asyncio.sleep(rest)
            try:
                async with asyncio.timeout(_CONNECT):
                    (reply,) = await self._exchange([_hello()])
                if not isinstance(reply, Exception):
                    break
            except self._errors:
                pass
            rest = min(2 * rest, _LONGEST_REST)
        self._failures = 0
        self.up = True
        self._came()
        self._start()

    async def _exchange(self, batch: Sequence[Command]) -> list[Any]:
        """Replies in order, errors of single commands among them. A script that the server does
        not know, or that may not be called by its hash, was not run and is sent as text."""
        replies = await self._pipe(batch)
        again = [
            place
            for place, reply in enumerate(replies)
            if isinstance(reply, (self._denied, self._unknown)) and batch[place].script
        ]
        if again and not self._by_text:
            self._by_text = any(isinstance(replies[place], self._denied) for place in again)
            for place, reply in zip(
                again,
                await self._pipe([batch[place] for place in again], by_text=True),
                strict=True,
            ):
                replies[place] = reply
        return replies

    async def _pipe(self, batch: Sequence[Command], by_text: bool = False) -> list[Any]:
        verb = ("EVAL", SCRIPT) if by_text or self._by_text else ("EVALSHA", SHA)
        sent = [(*verb, *one.words) if one.script else one.words for one in batch]
        try:
            return await self._pipe_once(sent)
        except self._broken as error:
            if isinstance(error, self._answered):
                raise
            # The connection died while it rested. Nothing of the script is done twice.
            return await self._pipe_once(sent)

    async def _pipe_once(self, sent: Sequence[tuple[Any, ...]]) -> list[Any]:
        connection = self._connection or await self._pool.get_connection()
        self._connection = None
        replies: list[Any] = []
        whole = False
        try:
            await connection.send_packed_command(connection.pack_commands(sent))
            for _ in sent:
                try:
                    replies.append(await connection.read_response())
                except self._answered as error:
                    replies.append(error)
            self._connection = connection
            whole = True
        finally:
            if not whole:
                # What still comes on it would be taken for the reply to something else.
                await connection.disconnect(nowait=True)
                await self._pool.release(connection)
        return replies


def _hello() -> Command:
    return Command((0, "time", ""))

"""One send: a rendered request goes out, and comes back as a committed reply or an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from trunkline.errors import DeadlineError, UpstreamError
from trunkline.graph.answer import Answer
from trunkline.graph.drain import Lasting, drain
from trunkline.graph.reply import Reply
from trunkline.graph.watch import Watch
from trunkline.policy.outcome import NEUTRAL, SUCCESS, classify
from trunkline.wire import WireError
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trunkline.dialect import Fold
    from trunkline.dialect.reader import StreamReader
    from trunkline.graph.passage import Passage
    from trunkline.graph.render import Rendering
    from trunkline.ports import Attempt, HttpRequest, HttpResponse

__all__ = ["Send"]

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of a whole answer; more is malformed."""

MAX_ERROR_BODY: Final = 1024 * 1024
"""Bytes of a failed response that are read to find out what it means."""

ERROR_TIME: Final = 5.0
"""Seconds that this may take: the status has said most of it."""


_HEALTH: Final = {"ok": SUCCESS, "interrupted": classify("interrupted", None, "head", None)}
"""What an answer counts as by how its reading ended."""


class Send:
    """One send to one target, from the first byte out to the commit."""

    __slots__ = (
        "_left_out",
        "_limit",
        "_ours",
        "_silence",
        "_times",
        "attempt",
        "binding",
        "call",
        "passage",
        "rendering",
        "settings",
        "signed",
    )

    def __init__(self, rendering: Rendering, passage: Passage, attempt: Attempt) -> None:
        """`passage` is what the attempt holds, and who signs it. `signed` is what was sent, if it
        came to that."""
        self.rendering = rendering
        self.passage = passage
        self.attempt = attempt
        self.signed: HttpRequest | None = None
        self.binding = rendering.binding
        self.settings = settings = rendering.settings
        self.call = rendering.call
        self._times = settings.timeouts if rendering.streams else settings.whole_timeouts
        self._left_out: StreamReader | None = None
        self._limit: asyncio.Timeout | None = None
        self._ours = True
        self._silence = "no content within" if rendering.streams else "no whole answer within"

    async def perform(self, unsigned: HttpRequest) -> Reply:
        """Sign, send and read up to the commit, within the attempt's time and the request's:
        a signer may have to wait for credentials."""
        seconds = self._patience(self._times.first_token)
        self._silence = f"{self._silence} {seconds:g} s" if seconds is not None else ""
        try:
            async with asyncio.timeout(seconds) as self._limit:
                self.signed = await self.passage.credential.signer.sign(unsigned)
                response = await self.call.transport.send(self.signed, self._times)
                try:
                    return await self._read(response)
                except BaseException:
                    await response.aclose()
                    raise
        except TimeoutError:
            if not self._ours:
                raise DeadlineError(
                    "the request's total time ran out", target=self.binding.id
                ) from None
            raise UpstreamError("timeout", self._silence) from None

    def _patience(self, own: float | None) -> float | None:
        """Seconds until it has taken too long: `own`, or what the request has left, which is
        then nobody's fault."""
        deadline = self.call.deadline
        left = None if deadline is None else deadline - self.call.clock.monotonic()
        self._ours = left is None or (own is not None and own < left)
        return own if self._ours else left

    def _heard(self, response: HttpResponse) -> None:
        """Content has come of an answer that is held back: from now on the times between two
        pieces count."""
        times = self._times
        response.idle = times.idle
        if self.attempt.first_content is None:
            self.attempt.first_content = self.call.since_start()
        seconds = self._patience(times.idle_content)
        self._silence = f"no content came for {seconds:g} s" if seconds is not None else ""
        if self._limit is not None:
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(None if seconds is None else now + seconds)

    async def _read(self, response: HttpResponse) -> Reply:
        self.attempt.status = response.status
        self.passage.heard(response.headers)
        if not 200 <= response.status < 300:
            raise await self._refused(response)
        if self.rendering.streams:
            return await self._streamed(response)
        return await self._whole(response)

    async def _refused(self, response: HttpResponse) -> UpstreamError:
        """What a status that is no success means, in the dialect's words."""
        text = await _beginning(response)
        await response.aclose()
        try:
            body: Any = loads(text)
        except WireError:
            body = text.decode("utf-8", "replace")
        status = response.status
        failure = self.binding.dialect.classify(
            status, response.headers, body, self.call.clock.time()
        )
        return UpstreamError(
            failure.kind,
            failure.message + self._whereabouts(response, body),
            status=status if failure.kind == "bad_request" else None,
            retry_after=failure.retry_after,
            upstream_status=status,
        )

    def _whereabouts(self, response: HttpResponse, body: Any) -> str:
        """What tells that the base URL is wrong, where it is no dialect that speaks."""
        if 300 <= response.status < 400:
            where = _host(response.headers.get("location", ""))
            return f": a redirect{' to ' + where if where else ''}, which is not followed"
        if response.status in (404, 405) and isinstance(body, str) and self.signed is not None:
            return f" ({self.signed.method} {urlsplit(self.signed.url).path})"
        return ""

    async def _whole(self, response: HttpResponse | Peeked) -> Reply:
        text = await _body(response)
        if not text.strip():
            raise UpstreamError("malformed", "the reply is empty")
        try:
            body = loads(text)
        except WireError as error:
            what = _media_type(response)
            what = f" but {what}" if what and "json" not in what else ""
            raise UpstreamError("malformed", f"the reply is not JSON{what}: {error}") from error
        view = self.rendering.upstream.view
        fold = self.binding.dialect.read_reply(body, view, response.headers)
        self._check_filter(fold)
        await response.aclose()
        return self._committed(fold)

    async def _streamed(self, response: HttpResponse) -> Reply:
        dialect = self.binding.dialect
        upstream = self.rendering.upstream
        reader = dialect.reader(response.headers.get("content-type", ""))
        media = _media_type(response)
        if media == "text/html":
            raise UpstreamError("malformed", "the answer is no stream but text/html")
        body: HttpResponse | Peeked = response
        if media == "application/json" and not reader.of_objects:
            body = await Peeked.at(response)
            if body.head.lstrip().startswith(b"{"):
                return await self._whole(body)
        if self.settings.skip_malformed:
            reader.skips = True
            self._left_out = reader
        answer = Answer(body, reader, dialect.fold(upstream.view), upstream.hide)
        hold = self.settings.hold if self.call.stream else None
        while not answer.done and (hold is None or answer.pieces < hold):
            if hold is not None and answer.fold.finished:
                break
            pieces = answer.pieces
            await answer.advance()
            if answer.pieces != pieces:
                self._heard(response)
        if not answer.fold.content:
            raise UpstreamError("malformed", "the stream ended without an answer")
        if answer.fold.finished and (answer.pieces == 0 or hold is None):
            self._check_filter(answer.fold)
        if answer.done:
            await response.aclose()
            return self._committed(answer.fold, ready=answer.ready)
        answer.committed = True
        times, call, mode = self._times, self.call, self.settings.on_interrupt
        response.idle = times.idle
        return self._committed(
            answer.fold,
            answer=Lasting(answer) if self.settings.drain else answer,
            watch=Watch(call.clock.monotonic, times.idle_content, call.deadline),
            rescue=None if call.again is None else call.again.rescue(call, mode, self.attempt),
            drain=(lambda reply: drain(reply, call)) if self.settings.drain else None,
        )

    def _check_filter(self, fold: Fold) -> None:
        """An answer that a content filter stopped counts as a failure where the route says so."""
        if not (self.settings.filter_moves and fold.finished):
            return
        if fold.reply()["choices"][0]["finish"] == "content_filter":
            raise UpstreamError(
                "content_filter", "the provider's content filter stopped the answer"
            )

    def _committed(self, fold: Fold, **arriving: Any) -> Reply:
        """The reply: nobody else will be asked from here on."""
        attempt = self.attempt
        if attempt.first_content is None:
            attempt.first_content = self.call.since_start()
        attempt.outcome = "ok"
        self.passage.committed(attempt.first_content - attempt.started)
        headers = self.rendering.reply_headers if self.settings.replies else None
        return Reply(
            fold,
            self.call.decision,
            on_end=self._ended,
            headers=headers,
            price=self.passage.cost_of,
            **arriving,
        )

    def _ended(self, reply: Reply, outcome: str) -> None:
        self.attempt.outcome = outcome
        self.attempt.seconds = self.call.since_start() - self.attempt.started
        if self._left_out is not None and self._left_out.left_out:
            count = self._left_out.left_out
            self.attempt.message = f"events left out because they could not be read: {count}"
        self.passage.answered(reply, _HEALTH.get(outcome, NEUTRAL), self.attempt)


class Peeked:
    """A response whose body has been read up to its first visible byte: an object where a stream
    was asked for is a whole answer, and mostly an error."""

    __slots__ = ("_response", "_rest", "head", "headers")

    def __init__(self, response: HttpResponse, head: bytes, rest: AsyncIterator[bytes]) -> None:
        self.head = head
        self.headers = response.headers
        self._response = response
        self._rest = rest

    @staticmethod
    async def at(response: HttpResponse) -> Peeked:
        """Read so far. Raises what reading the body raises."""
        head, rest = b"", response.chunks()
        async for chunk in rest:
            head += chunk
            if head.strip() or len(head) > MAX_ERROR_BODY:
                break
        return Peeked(response, head, rest)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body from its beginning."""
        yield self.head
        async for chunk in self._rest:
            yield chunk

    async def aclose(self) -> None:
        """Stop reading."""
        await self._response.aclose()


def _host(url: str) -> str:
    """The host that a URL names, without credentials; empty if it names none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _media_type(response: HttpResponse | Peeked) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(response: HttpResponse | Peeked) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for chunk in response.chunks():
        size += len(chunk)
        if size > MAX_BODY:
            raise UpstreamError("malformed", f"the response is larger than {MAX_BODY} bytes")
        pieces.append(chunk)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _beginning(response: HttpResponse) -> bytes:
    """What came of a failed response. However its body goes on, its status stands."""
    text = bytearray()
    try:
        async with asyncio.timeout(ERROR_TIME):
            async for chunk in response.chunks():
                text += chunk
                if len(text) >= MAX_ERROR_BODY:
                    break
    except (TimeoutError, UpstreamError):
        pass
    return bytes(text[:MAX_ERROR_BODY])

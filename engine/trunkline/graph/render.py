"""From a canonical request to the HTTP request of one target: overlays, dialect, headers, URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trunkline.dialect import check_request
from trunkline.errors import CallError, InternalError, RequestError
from trunkline.graph.media import addresses, with_bytes
from trunkline.graph.needs import lacking, untaken, without
from trunkline.graph.node import SkippedError
from trunkline.ports import FetchError, HttpRequest, Skip
from trunkline.template import ABSENT, Excess, Refusal
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps, exactly

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trunkline.dialect import Rendered
    from trunkline.graph.node import Call
    from trunkline.graph.overlay import Overlay
    from trunkline.graph.provider import Binding, Upstream
    from trunkline.graph.reply import Reply
    from trunkline.graph.target import TargetSettings

__all__ = ["Rendering", "skipped", "unadorned"]

_COMMON: Final = {"content-type": "application/json"}

_ADDRESS_AND_FRAMING: Final = (
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "expect",
    "te",
    "trailer",
)
"""Headers that say where a request goes and where it ends. What lies over a request may not set
them: it may be made of a caller's text, and the credentials belong to one place only."""

_QUERY_SIGNS: Final = "%!$'()*,./:;?@_~+-"
"""What may stand in a part of a query as it is (RFC 3986, 3.4)."""

_PATH: Final = re.compile(
    r"(?:/(?!(?:\.|%2[Ee]){1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+"
)
"""A path that begins with a slash and keeps its segments wherever it is read (RFC 3986, 3.3 and
5.2.4): nothing in it ends the path, steps upwards, or is a slash to some and not to others."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9%!$'()*,./:;?@_~+-]*")


@dataclass(slots=True)
class Rendering:
    """What one target makes of one request. `request` is the caller's until `http` has laid the
    overlays on it."""

    settings: TargetSettings
    binding: Binding
    upstream: Upstream
    call: Call
    request: Mapping[str, Any]

    def http(self) -> HttpRequest:
        """The request as this target's wire wants it, without credentials.

        Raises `SkippedError` for what the target cannot carry, or `RequestError` where the route
        says `unsupported: refuse`.
        """
        try:
            self._settle()
            return self._written()
        except (Refusal, WireError) as error:
            raise self._told(error) from error

    async def http_with_bytes(self) -> HttpRequest:
        """The same for a wire that does not take every address: what it needs the bytes of is
        fetched first, as far as the route file allows it."""
        try:
            self._settle()
            await self._fetch()
            return self._written()
        except (Refusal, WireError) as error:
            raise self._told(error) from error

    @property
    def streams(self) -> bool:
        """Whether the provider is asked for a stream: a whole answer too, where the route says so
        and the wire has streams. Sound has other formats in a stream, so it is asked for whole."""
        call = self.call
        if call.stream or not self.settings.upstream_stream or call.operation != "chat":
            return call.stream
        sounds = "audio" in (self.request.get("modalities") or ())
        return self.binding.dialect.streams and not sounds

    def _settle(self) -> None:
        if self.settings.requests:
            self._overlay()
        if self.streams and not self.call.stream:
            kept = {k: v for k, v in self.request.items() if k != "stream_options"}
            self.request = {**kept, "stream": True}
        if self.call.again is not None:
            why = self.call.again.refusal(self.call, self.binding, self.request)
            if why is not None:
                raise skipped(self.call, self.binding.id, why)
        self._check_carried()

    async def _fetch(self) -> None:
        wanted = addresses(self.request, self.binding, self.upstream)
        if not wanted:
            return
        media, call = self.call.media, self.call
        for one in wanted:
            why = media.refusal(one.url)
            if why is not None:
                raise self._unsupported(why)
        left = None if call.deadline is None else call.deadline - call.clock.monotonic()
        try:
            await media.fetch(wanted, left)
        except FetchError as error:
            raise self._unsupported(str(error)) from error
        self.request = with_bytes(self.request, wanted, media.known)

    def _written(self) -> HttpRequest:
        binding = self.binding
        rendered = binding.dialect.write(
            self.request,
            binding.view,
            self.upstream.view,
            path=binding.path,
            query=binding.query,
        )
        return self._dressed(rendered)

    def _told(self, error: Refusal | WireError) -> CallError:
        if isinstance(error, Refusal) and not isinstance(error, Excess):
            return self._unsupported(str(error))
        return RequestError(
            "bad_request", f"the request cannot be sent: {error}", target=self.binding.id
        )

    def reply_headers(self, reply: Reply) -> dict[str, str]:
        """The answer's own headers, as far as what they say is known by now."""
        data = reply.data
        roots = (*self._roots(), data, data["usage"])
        headers: dict[str, str] = {}
        for overlay in self.settings.replies:
            headers = _texts(overlay, headers, roots)
        return headers

    def _overlay(self) -> None:
        """Lay the overlays on, the outermost first; each sees what those before it made."""
        for overlay in self.settings.requests:
            self.request = overlay.over(self.request, *self._roots())
        request = {**self.request, "stream": True} if self.call.stream else {**self.request}
        if not self.call.stream:
            request.pop("stream", None)
        try:
            check_request(request, self.call.operation)
        except RequestError as error:
            raise InternalError(
                f"with the overlays of the route, {error.message}", target=self.binding.id
            ) from error
        self.request = request

    def _check_carried(self) -> None:
        """Note the hints that are left out; refuse to leave out meaning, unless told to."""
        leaf, dialect = self.binding.id, self.binding.dialect
        if self.call.stream and not dialect.streams:
            raise self._unsupported(f"{dialect.name} cannot be streamed")
        hints, meaning = dialect.loss(self.request, self.binding.view, self.upstream.view)
        if self.binding.lacks:
            more, lost = untaken(self.request, self.binding.lacks, dialect.hints)
            hints, meaning = [*hints, *more], [*meaning, *lost]
        missing = lacking(self.request, self.binding.view.get("capabilities"))
        if self.settings.unsupported != "drop":
            if meaning:
                what = ", ".join(f"`{name}`" for name in meaning)
                raise self._unsupported(f"{self._carrier(meaning)} cannot carry {what}")
            if missing:
                raise self._unsupported(f"it is not known to be capable of {', '.join(missing)}")
        elif missing:
            self.request, more = without(self.request, missing)
            hints = [*hints, *(name for name in more if name not in meaning)]
        if self.binding.lacks:
            kept = self.request.keys() - self.binding.lacks
            self.request = {name: self.request[name] for name in self.request if name in kept}
        if hints or meaning:
            self.call.decision.dropped.extend(f"{leaf}: {name}" for name in (*hints, *meaning))

    def _carrier(self, fields: Collection[str]) -> str:
        """Who cannot carry these fields: the provider, or its whole wire language."""
        own = self.binding.lacks.issuperset(fields)
        return self.binding.id.partition("/")[0] if own else self.binding.dialect.name

    def _unsupported(self, why: str) -> CallError:
        leaf = self.binding.id
        if self.settings.unsupported == "refuse":
            return RequestError("unsupported", f"{leaf}: {why}", target=leaf)
        return skipped(self.call, leaf, why)

    def _dressed(self, rendered: Rendered) -> HttpRequest:
        """With headers and the whole URL. A dialect's headers give way to the provider's, and
        both to overlays."""
        headers = dict(_COMMON)
        headers.update(rendered.headers)
        headers.update(self.upstream.headers)
        query = dict(rendered.query)
        body = rendered.body
        if self.settings.wires:
            headers, query, body = self._overlaid(rendered, headers, query)
        return _addressed(rendered, self.upstream, headers, query, body)

    def _overlaid(
        self, rendered: Rendered, headers: dict[str, str], query: dict[str, str]
    ) -> tuple[dict[str, str], dict[str, str], bytes]:
        roots = self._roots()
        value = rendered.value
        before = headers
        for wire in self.settings.wires:
            headers = _texts(wire.headers, headers, roots)
            query = _texts(wire.query, query, roots)
            if wire.body is not None:
                value = wire.body.over(value, *roots)
        for name in _ADDRESS_AND_FRAMING:
            if headers.get(name) != before.get(name):
                raise InternalError(f"`wire.headers` of the route cannot set the header `{name}`")
        return headers, query, rendered.body if value is rendered.value else exactly(value)

    def _roots(self) -> tuple[Any, ...]:
        """What an overlay's templates see, in the order in which they take it."""
        scope = self.call.scope
        return (
            self.request,
            scope.headers,
            scope.metadata,
            scope.caller,
            scope.route,
            scope.time,
            self.binding.view,
            self.upstream.view,
        )


def unadorned(request: Mapping[str, Any], binding: Binding, upstream: Upstream) -> HttpRequest:
    """A request without anything of a route's on it, and without credentials.

    Raises `Refusal` for what the dialect cannot carry.
    """
    rendered = binding.dialect.write(
        request, binding.view, upstream.view, path=binding.path, query=binding.query
    )
    headers = {**_COMMON, **dict(rendered.headers), **upstream.headers}
    return _addressed(rendered, upstream, headers, dict(rendered.query), rendered.body)


def _addressed(
    rendered: Rendered,
    upstream: Upstream,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> HttpRequest:
    if not _PATH.fullmatch(rendered.path):
        raise InternalError(f"the path `{rendered.path[:80]}` cannot stand in a URL")
    url = upstream.base_url + rendered.path
    if query:
        url += "?" + "&".join([f"{_safe(key)}={_safe(value)}" for key, value in query.items()])
    return HttpRequest(rendered.method, url, tuple(headers.items()), body)


def _safe(text: str) -> str:
    """Part of a query: what came through a template is encoded already, what an author wrote
    beside it may hold signs that a URL cannot."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_QUERY_SIGNS, errors="replace")


def skipped(call: Call, leaf: str, why: str) -> SkippedError:
    """The error for a target that is passed over, noted in the decision record."""
    call.decision.skipped.append(Skip(leaf, why))
    return SkippedError(f"{leaf}: {why}", target=leaf)


def _texts(overlay: Overlay | None, base: dict[str, str], roots: tuple[Any, ...]) -> dict[str, str]:
    """Headers or query with an overlay on them; values that are no text are written as JSON."""
    if overlay is None:
        return base
    return {
        key: value if isinstance(value, str) else dumps(value).decode()
        for key, value in overlay.over(base, *roots).items()
        if value is not ABSENT
    }

"""A wire language, both ways, compiled from its file.

`Dialect` writes canonical requests, reads replies, streams and failures, and, where the file
has a `serve` section, has a `door`. It knows no provider and does no IO.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from trunkline.dialect.classify import Failure, kind_of_status, retry_after, seconds_of
from trunkline.dialect.fold import Fold
from trunkline.dialect.nulls import without_nulls
from trunkline.dialect.reader import StreamReader, StreamRules, as_deltas
from trunkline.errors import KINDS, UpstreamError
from trunkline.template import Template
from trunkline.wire.jsontext import exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trunkline.chat import Usage
    from trunkline.diagnostics import Diagnostic
    from trunkline.dialect.carries import Carries
    from trunkline.dialect.serving import Door
    from trunkline.embeddings import Operation
    from trunkline.errors import ErrorKind

__all__ = ["Dialect", "ErrorRules", "Rendered", "WriteRules"]

JSONMap = dict[str, Any]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

MOST_TOKENS = 10**9
"""No answer has more: a provider that counts so is mistaken, and would use up every limit."""

MAX_MESSAGE = 1024
"""Characters of a provider's own words that are shown on."""


class Rendered(NamedTuple):
    """A request as its dialect writes it; the provider's origin and credentials come later."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    value: Any


class WriteRules(NamedTuple):
    """A dialect's `write` section, compiled: templates over request, target and provider."""

    method: str
    path: Callable[[Any, Any, Any], str]
    query: Callable[[Any, Any, Any], Any]
    headers: Callable[[Any, Any, Any], Any]
    body: Callable[[Any, Any, Any], Any]
    reads: frozenset[str] | None


class ErrorRules(NamedTuple):
    """A dialect's `errors` section, compiled: `(condition, kind)` in order, the message, and
    how long to wait."""

    kinds: Sequence[tuple[Callable[..., Any], Callable[..., Any]]]
    message: Callable[..., Any] | None
    retry_after: Callable[..., Any] | None = None


class Dialect:
    """One wire language. Build it with `load_dialect`.

    `family` is the dialect at the root of what it `extends`, else its own name. Dialects of one
    family share what others cannot carry: opaque reasoning, wire blocks and `extra` are owned by
    the family.
    """

    def __init__(
        self,
        name: str,
        about: str,
        *,
        family: str,
        operation: Operation,
        at_once: Callable[[Any, Any, Any], Any],
        write: WriteRules,
        reply: Callable[[Any, Any], Any],
        usage: Callable[[Any, Any], Any],
        stream: StreamRules | None,
        errors: ErrorRules,
        carries: Carries,
        door: Door | None,
    ) -> None:
        self.name = name
        self.about = about
        self.family = family
        self.operation = operation
        self._at_once = at_once
        self.carries = carries
        self.reads = carries.reads
        self.hints = carries.hints
        self.door = door
        self.streams = stream is not None
        self._write = write
        self._reply = reply
        self._usage = usage
        self._stream = stream
        self._errors = errors

    def reads_of_provider(self) -> frozenset[tuple[str, ...]] | None:
        """The paths below `provider` that any template reads; None for all of them."""
        found: frozenset[tuple[str, ...]] = frozenset()
        for template in self._of_provider():
            paths = template.paths("provider")
            if paths is None:
                return None
            found |= paths
        return found

    def unknown(self, closed: Mapping[str, frozenset[str]]) -> list[Diagnostic]:
        """Findings for fields of request, target and provider that they do not have."""
        return [one for template in self._of_provider() for one in template.unknown(closed)]

    def _of_provider(self) -> list[Template]:
        """The templates that see `provider`."""
        write = self._write
        some = (write.path, write.query, write.headers, write.body, self._usage, self._at_once)
        found = [template for template in some if isinstance(template, Template)]
        return [*found, *self.carries.templates]

    def loss(
        self,
        request: Mapping[str, Any],
        target: Mapping[str, Any] = _NOTHING,
        provider: Mapping[str, Any] = _NOTHING,
    ) -> tuple[list[str], list[str]]:
        """What this wire cannot carry of a request: hints that are dropped, meaning that is lost.

        A target whose wire loses meaning is unsupported for this request.
        """
        return self.carries.loss(request, target, provider)

    def write(
        self,
        request: Mapping[str, Any],
        target: Mapping[str, Any],
        provider: Mapping[str, Any],
        *,
        path: Callable[[Any, Any, Any], str] | None = None,
        query: Callable[[Any, Any, Any], Any] | None = None,
    ) -> Rendered:
        """A canonical request as this dialect writes it.

        `path` and `query` replace the dialect's own, for providers that serve it elsewhere.
        Raises `template.Refusal` for what the dialect says it cannot carry.
        """
        rules = self._write
        request = without_nulls(request)
        body = rules.body(request, target, provider)
        return Rendered(
            rules.method,
            (path or rules.path)(request, target, provider),
            _pairs((query or rules.query)(request, target, provider)),
            _pairs(rules.headers(request, target, provider)),
            exactly(body),
            body,
        )

    def fold(self, provider: Mapping[str, Any]) -> Fold:
        """A fold for one answer of this dialect."""
        return Fold(self.family, lambda raw: self.usage(raw, provider))

    def most_inputs(
        self, request: Mapping[str, Any], target: Mapping[str, Any], provider: Mapping[str, Any]
    ) -> int | None:
        """How many texts of a request for embeddings fit into one; None where nobody says."""
        most = self._at_once(request, target, provider)
        return most if type(most) is int and most > 0 else None

    def usage(self, raw: Mapping[str, Any], provider: Mapping[str, Any]) -> Usage:
        """The provider's own counters as disjoint ones. Counters that are not numbers are left
        out; some providers send floats, which are rounded. Where one of them is more than any
        answer can come to, none is believed."""
        counted = self._usage(raw, provider)
        usage: dict[str, int] = {}
        if isinstance(counted, dict):
            for key, value in counted.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    if value > MOST_TOKENS:
                        return {}
                    usage[key] = round(value)
        return usage  # type: ignore[return-value]

    def read_reply(
        self, body: Any, provider: Mapping[str, Any], headers: Mapping[str, str] = _NOTHING
    ) -> Fold:
        """A whole body, folded. `headers` are those of the response, in lower case.

        Raises `UpstreamError`: of the kind the body names if it is an error after all, of kind
        `malformed` if it holds no answer.
        """
        try:
            deltas = as_deltas(self._reply(body, headers))
        except (TypeError, ValueError, KeyError, RecursionError, OverflowError) as error:
            raise UpstreamError(
                "malformed", f"the reply has a shape we cannot read: {error}"
            ) from error
        fold = self.fold(provider)
        for delta in deltas:
            if "fail" in delta:
                raise failure_of(delta["fail"])
            fold.add(delta)
        if not fold.content:
            raise UpstreamError("malformed", f"the reply is no {self.name} answer")
        return fold

    def reader(self, content_type: str = "") -> StreamReader:
        """A reader for one streamed answer, which came as `content_type`. Only where `streams`
        is true."""
        if self._stream is None:
            raise UpstreamError("unsupported", f"{self.name} cannot be streamed")
        return StreamReader(self._stream, content_type)

    def classify(
        self, status: int, headers: Mapping[str, str], body: Any, now: float = 0.0
    ) -> Failure:
        """What a failed response means. `body` is parsed JSON, or text that was not JSON."""
        kind: ErrorKind | None = None
        for condition, name in self._errors.kinds:
            if condition(status, headers, body) is True:
                said = name(status, headers, body)
                if said in KINDS:
                    kind = said
                    break
        message = None
        if self._errors.message is not None:
            message = self._errors.message(status, headers, body)
        hint = retry_after(headers, now)
        if hint is None and self._errors.retry_after is not None:
            hint = seconds_of(self._errors.retry_after(status, headers, body), now)
        return Failure(
            kind or kind_of_status(status),
            _shown(message) or f"the provider answered with status {status}",
            hint,
        )


def failure_of(fail: Any) -> UpstreamError:
    """A `fail` facet as an error."""
    fail = fail if isinstance(fail, dict) else {}
    kind = fail.get("kind")
    message = _shown(fail.get("message")) or "the provider reported an error"
    return UpstreamError(kind if kind in KINDS else "server_error", message)


def _shown(message: Any) -> str:
    """A provider's own words, in bounds. Anything but text is none."""
    return message[:MAX_MESSAGE] if isinstance(message, str) else ""


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple((key, text if isinstance(text, str) else str(text)) for key, text in value.items())

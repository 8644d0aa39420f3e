"""Reading one streamed answer: bytes to deltas, and whether the answer is whole.

An answer is whole when its dialect's terminal marker has been seen: an event named in
`ends_with`, the payload `done`, or, where the dialect says `ends_after_finish`, a finish
followed by a clean end of the body. Anything else is a cut, however politely the socket closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.errors import UpstreamError
from trunkline.template import ABSENT
from trunkline.wire import Frame, Framing, WireError
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["StreamReader", "StreamRules", "as_deltas"]

Delta = dict[str, Any]

NO_FRAME = Frame("", b"")


class StreamRules:
    """A dialect's `stream` section, compiled.

    `framings` are by media type; the first one also serves bodies of any other. `unwrap` gives
    the event inside what was framed, absent where that is the event itself.

    `each` reads every event; or `events` has a reader per event name, None for events that say
    nothing. `name_of` finds an event's name in its payload; without it the frame's name counts,
    and always where the framing itself calls the event an error.
    """

    __slots__ = (
        "done",
        "each",
        "ends_after_finish",
        "ends_with",
        "events",
        "framings",
        "name_of",
        "unwrap",
    )

    def __init__(
        self,
        framings: Mapping[str, Framing],
        *,
        unwrap: Callable[[Any], Any] | None = None,
        each: Callable[[Any], Any] | None = None,
        events: Mapping[str, Callable[[Any], Any] | None] | None = None,
        name_of: Callable[[Any], Any] | None = None,
        ends_with: frozenset[str] = frozenset(),
        done: bytes = b"",
        ends_after_finish: bool = False,
    ) -> None:
        self.framings = framings
        self.unwrap = unwrap
        self.each = each
        self.events = events or {}
        self.name_of = name_of
        self.ends_with = ends_with
        self.done = done
        self.ends_after_finish = ends_after_finish


class StreamReader:
    """Takes one response body's bytes and gives its deltas; does no IO.

    `complete` turns true when the answer is known to be whole; what follows is not part of it and
    is not read. Deltas that came before a fault are given first: the fault is then in `broken`,
    and raised by the next call. `of_objects` is true for streams that are one JSON object after
    the other, so that they may begin with one. With `skips` an event that cannot be read is left
    out, and counted in `left_out`; where events begin and end must be clear all the same.
    """

    __slots__ = (
        "_decoder",
        "_finished",
        "_rules",
        "broken",
        "complete",
        "left_out",
        "of_objects",
        "skips",
    )

    def __init__(self, rules: StreamRules, content_type: str = "") -> None:
        self._rules = rules
        media_type = content_type.partition(";")[0].strip().lower()
        framings = rules.framings
        framing = framings.get(media_type) or next(iter(framings.values()))
        self._decoder = framing.decoder()
        self.of_objects = framing.name == "ndjson"
        self._finished = False
        self.broken: UpstreamError | None = None
        self.complete = False
        self.skips = False
        self.left_out = 0

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete.

        Raises `UpstreamError` of kind `malformed` for bytes that are not this dialect's.
        """
        if self._over():
            return []
        try:
            frames = self._decoder.feed(data)
        except WireError as error:
            raise UpstreamError("malformed", f"the stream cannot be read: {error}") from error
        return self._read(frames)

    def end(self) -> list[Delta]:
        """The body has ended. Raises `UpstreamError` if the answer is not whole."""
        if self._over():
            return []
        try:
            frames = self._decoder.end()
        except WireError as error:
            raise UpstreamError("malformed", f"the stream was cut: {error}") from error
        deltas = self._read(frames)
        if self.broken is not None:
            return deltas
        if self._finished and self._rules.ends_after_finish:
            self.complete = True
        if not self.complete and not any("fail" in delta for delta in deltas):
            cut = UpstreamError("malformed", "the stream ended before the answer was whole")
            if not deltas:
                raise cut
            self.broken = cut
        return deltas

    def _over(self) -> bool:
        """Whether nothing more is to be read; raises the fault that came after earlier deltas."""
        if self.broken is not None:
            raise self.broken
        return self.complete

    def _read(self, frames: list[Frame]) -> list[Delta]:
        deltas: list[Delta] = []
        for frame in frames:
            if self.complete:
                break
            try:
                deltas.extend(self._deltas(frame))
            except UpstreamError as error:
                if self.skips:
                    self.left_out += 1
                    continue
                if not deltas:
                    raise
                self.broken = error
                break
        return deltas

    def _deltas(self, frame: Frame) -> list[Delta]:
        rules = self._rules
        if rules.done and frame.data == rules.done:
            self.complete = True
            return []
        try:
            event = loads(frame.data)
        except WireError as error:
            raise UpstreamError("malformed", f"an event is not JSON: {error}") from error
        return self.read_event(event, frame)

    def read_event(self, event: Any, frame: Frame = NO_FRAME) -> list[Delta]:
        """The deltas of one event, already parsed."""
        rules = self._rules
        if rules.unwrap is not None and not frame.error:
            inside = _call(rules.unwrap, event)
            event = event if inside is ABSENT or inside is None else inside
        read = rules.each
        if read is None or frame.error:
            name_of = None if frame.error else rules.name_of
            name = frame.name if name_of is None else name_of(event)
            if type(name) is str:
                self.complete = self.complete or name in rules.ends_with
                read = rules.events.get(name)
        if read is None:
            return self._unnamed(event, frame)
        deltas = as_deltas(_call(read, event))
        if not self._finished:
            self._finished = any("finish" in delta for delta in deltas)
        return deltas

    def _unnamed(self, event: Any, frame: Frame) -> list[Delta]:
        """Events that no rule reads say nothing, unless the framing itself calls them errors."""
        if not frame.error:
            return []
        message = event.get("message") if isinstance(event, dict) else None
        return [{"fail": {"kind": "server_error", "message": str(message or frame.name)}}]


def _call(read: Callable[[Any], Any], event: Any) -> Any:
    """A rule that trips over a hostile event makes the event malformed, not us broken."""
    try:
        return read(event)
    except (TypeError, ValueError, KeyError, RecursionError, OverflowError) as error:
        raise UpstreamError("malformed", f"an event has a shape we cannot read: {error}") from error


def as_deltas(value: Any) -> list[Delta]:
    """What a rule gave, as a list: a delta, several, or none."""
    if value is ABSENT or value is None:
        return []
    if isinstance(value, dict):
        return [value]
    return [delta for delta in value if isinstance(delta, dict) and delta]

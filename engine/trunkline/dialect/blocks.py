"""The block writer: steps of an answer become a stream in any dialect.

A wire that streams brackets its blocks: `begin open (add* close open)* close end`, or `fail`.
Which events say so is data in the dialect's file (`serve.stream`); which bracket comes next is
decided here, once for all dialects.

Serial wires have one block open at a time, with dense indices. When the answer being written
interleaves its blocks, a tool call whose arguments are not yet whole JSON stays open and what
comes for other blocks waits; anything else closes, and text that comes for a closed block opens
a new one. Such wires have one answer: other choices than the first are passed over. Wires that
name the block in every event (`interleave: true`) need none of that: what comes for a block is
written at once, and a block closes when the next of its choice opens, or, if it is a call whose
arguments are not yet whole, at the end.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.dialect.brackets import Brackets
from trunkline.template import ABSENT
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import ReplyData
    from trunkline.dialect.block import Block, Step
    from trunkline.wire import Framing

__all__ = ["StreamTemplates", "StreamWriter"]

JSONMap = dict[str, Any]

_OWN_KINDS = frozenset({"wire", "server_call"})


@dataclass(frozen=True, slots=True)
class StreamTemplates:
    """A dialect's `serve.stream`, compiled. Each template gives an event, a list, or absent.

    `name` gives an event's name for framings that have names; `wrap` what is framed instead of
    an event, if anything; `kinds` lists the kinds of block that this wire carries; `done` is the
    payload that ends the stream; `stamp` a key under which events are numbered from 0; `ping` what
    shows that a silent stream is alive, None for the framing's own words;
    `interleave` says that events name their block, so that several may be open at once; `family`
    owns the blocks that only this wire knows.
    """

    family: str
    begin: Callable[..., Any]
    open: Callable[..., Any]
    add: Callable[..., Any]
    close: Callable[..., Any]
    end: Callable[..., Any]
    fail: Callable[..., Any]
    name: Callable[[JSONMap], str]
    kinds: frozenset[str]
    wrap: Callable[[JSONMap], Any] | None = None
    done: bytes = b""
    stamp: str = ""
    ping: bytes | None = None
    interleave: bool = False


class _Written:
    """A block as this stream shows it: what templates see of it, and its pieces so far."""

    __slots__ = ("_arguments", "block", "pieces", "view")

    def __init__(self, block: Block, index: int) -> None:
        self.block = block
        self.pieces: list[str] = []
        self._arguments = Brackets() if block.kind == "tool_call" else None
        self.view: JSONMap = {
            "index": index,
            "choice": block.choice,
            "kind": block.kind,
            "owner": block.owner,
            "call": block.call,
            "id": block.id,
            "name": block.name,
            "text": "",
            "signature": block.signature,
            "redacted": block.redacted,
            "more": block.more,
        }
        if block.data is not None:
            self.view["data"] = block.whole_data()

    def take(self, added: JSONMap) -> None:
        """Note what is written of it."""
        piece = added.get("text") or added.get("arguments")
        if piece:
            self.pieces.append(piece)

    @property
    def unfinished(self) -> bool:
        """Whether this is a call whose arguments are not yet whole."""
        return self._arguments is not None and not self._arguments.closed(self.block.pieces)

    def whole(self) -> JSONMap:
        """The view of the closed block."""
        block = self.block
        self.view.update(
            id=block.id,
            owner=block.owner,
            text="".join(self.pieces),
            signature=block.signature,
            redacted=block.redacted,
            citations=block.citations,
        )
        if block.data is not None:
            self.view["data"] = block.whole_data()
        return self.view


class StreamWriter:
    """Writes one answer. Each method returns the bytes to send, empty if there are none."""

    def __init__(
        self, templates: StreamTemplates, framing: Framing, request: Mapping[str, Any]
    ) -> None:
        self._templates = templates
        self._framing = framing
        self._request = request
        self._encoder = framing.encoder()
        self._reply: JSONMap = {"id": "", "model": ""}
        self._written = 0
        self._open: _Written | None = None
        self._still: dict[_Written, None] = {}
        self._ready: defaultdict[int, dict[_Written, None]] = defaultdict(dict)
        self._all: list[_Written] = []
        self._of_block: dict[Block, _Written] = {}
        self._waiting: OrderedDict[Block, list[Step]] = OrderedDict()

    @property
    def content_type(self) -> str:
        """The media type of the stream."""
        return self._framing.content_type

    @property
    def framing(self) -> str:
        """The name of the stream's framing."""
        return self._framing.name

    @property
    def ping(self) -> bytes:
        """What says between two pieces that the stream is alive, before the prelude too; empty
        where there are no words for that."""
        own = self._templates.ping
        return self._framing.ping if own is None else own

    def begin(self, start: Mapping[str, Any]) -> bytes:
        """The prelude. `start` has `id`, `model` and `created`."""
        self._reply = dict(start)
        return self._emit(self._templates.begin(self._reply, self._request))

    def write(self, steps: list[Step]) -> bytes:
        """What these steps added. Blocks that this wire does not carry are passed over."""
        write = self._interleaved if self._templates.interleave else self._serial
        return b"".join([write(step) for step in steps if self._carries(step.block)])

    def _carries(self, block: Block) -> bool:
        """Kinds come from the dialect's file; what only one wire knows goes back only to it."""
        if block.kind not in self._templates.kinds:
            return False
        if block.choice != 0 and not self._templates.interleave:
            return False
        return block.kind not in _OWN_KINDS or block.owner == self._templates.family

    def end(self, reply: ReplyData) -> bytes:
        """The rest: what waited, the closes, and the ending with usage.

        The stream keeps the id and model that it began with. The ending sees `reply.blocks`:
        the blocks as they were written, each with its whole text.
        """
        self._reply = {**reply, **self._reply}
        pieces = self._release(final=True)
        pieces.append(self._close())
        pieces.extend(self._closed(written) for written in self._still)
        ending = {**self._reply, "blocks": [written.view for written in self._all]}
        pieces.append(self._emit(self._templates.end(ending, self._request)))
        if self._templates.done:
            pieces.append(self._encoder.encode("", self._templates.done))
        pieces.append(self._encoder.end())
        return b"".join(pieces)

    def fail(self, error: Mapping[str, Any], reply: ReplyData | None = None) -> bytes:
        """An error instead of an ending. `error` has `kind`, `message`, `status`, `request_id`;
        `reply` is what had come of the answer."""
        seen = {**(reply or {}), **self._reply}
        payload = self._templates.fail(error, seen, self._request)
        return self._emit(payload, error=True) + self._encoder.end()

    def _interleaved(self, step: Step) -> bytes:
        written = self._of_block.get(step.block)
        if written is not None:
            self._may_close(written)
            return self._added(written, step.added)
        choice = step.block.choice
        ready = [one for one in self._ready.pop(choice, ()) if not one.unfinished]
        for one in ready:
            del self._still[one]
        closed = b"".join([self._closed(one) for one in sorted(ready, key=_index)])
        begun = self._begin_block(step, step.block.index)
        written = self._of_block[step.block]
        self._still[written] = None
        self._may_close(written)
        return closed + begun

    def _may_close(self, written: _Written) -> None:
        """Note a block that closes with the next one of its choice, if it is open and whole."""
        if written in self._still and not written.unfinished:
            self._ready[written.block.choice][written] = None

    def _serial(self, step: Step) -> bytes:
        written = self._open
        if written is not None and step.block is written.block:
            added = self._added(written, step.added)
            return added + b"".join(self._release()) if self._waiting else added
        if self._waiting or (written is not None and written.unfinished):
            self._waiting.setdefault(step.block, []).append(step)
            return b"".join(self._release())
        return self._close() + self._begin_block(step, len(self._all))

    def _release(self, *, final: bool = False) -> list[bytes]:
        """Write what waited, as far as the open block lets it."""
        pieces: list[bytes] = []
        while self._waiting and (final or self._open is None or not self._open.unfinished):
            block, mine = self._waiting.popitem(last=False)
            pieces.append(self._close())
            pieces.append(self._begin_block(mine[0], len(self._all)))
            written = self._of_block[block]
            pieces.extend(self._added(written, step.added) for step in mine[1:])
        return pieces

    def _begin_block(self, step: Step, index: int) -> bytes:
        written = _Written(step.block, index)
        self._all.append(written)
        self._of_block[step.block] = written
        if not self._templates.interleave:
            self._open = written
        opened = self._emit(self._templates.open(written.view, self._reply, self._request))
        return opened + self._added(written, step.added)

    def _added(self, written: _Written, added: JSONMap) -> bytes:
        if not added:
            return b""
        written.take(added)
        return self._emit(self._templates.add(written.view, added, self._reply, self._request))

    def _close(self) -> bytes:
        written, self._open = self._open, None
        return b"" if written is None else self._closed(written)

    def _closed(self, written: _Written) -> bytes:
        return self._emit(self._templates.close(written.whole(), self._reply, self._request))

    def _emit(self, events: Any, *, error: bool = False) -> bytes:
        if not events:
            return b""
        if isinstance(events, dict):
            return self._encode(events, error)
        return b"".join([self._encode(event, error) for event in events])

    def _encode(self, event: JSONMap, error: bool) -> bytes:
        templates = self._templates
        if templates.stamp:
            event = {**event, templates.stamp: self._written}
            self._written += 1
        name = templates.name(event)
        if templates.wrap is not None:
            wrapped = templates.wrap(event)
            event = event if wrapped is ABSENT else wrapped
        return self._encoder.encode(name, dumps(event), error)


def _index(written: _Written) -> int:
    return written.block.index

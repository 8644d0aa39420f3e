"""The block writer: steps of an answer become a stream in any dialect.

A wire that streams brackets its blocks: `begin open (add* close open)* close end`, or `fail`.
Which events say so is data in the dialect's file (`serve.stream`); which bracket comes next is
decided here, once for all dialects.

Serial wires have one block open at a time, with dense indices. When the answer being written
interleaves its blocks, a tool call whose arguments are not yet whole JSON stays open and what
comes for other blocks waits; anything else closes, and text that comes for a closed block opens
a new one. Wires that name the block in every event (`interleave: true`) need none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.chat import ReplyData
    from trunkline.dialect.fold import Block, Step
    from trunkline.dialect.serving import StreamTemplates

__all__ = ["StreamWriter"]

JSONMap = dict[str, Any]

_OWN_KINDS = frozenset({"wire", "server_call"})


class StreamWriter:
    """Writes one answer. Each method returns the bytes to send, empty if there are none."""

    def __init__(self, templates: StreamTemplates, request: Mapping[str, Any]) -> None:
        self._templates = templates
        self._request = request
        self._encoder = templates.framing.encoder()
        self._reply: JSONMap = {"id": "", "model": ""}
        self._written = 0
        self._blocks = 0
        self._open: Block | None = None
        self._view: JSONMap = {}
        self._pieces: list[str] = []
        self._views: dict[Block, JSONMap] = {}
        self._waiting: list[Step] = []

    @property
    def content_type(self) -> str:
        """The media type of the stream."""
        return self._templates.framing.content_type

    @property
    def framing(self) -> str:
        """The name of the stream's framing."""
        return self._templates.framing.name

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
        return block.kind not in _OWN_KINDS or block.owner == self._templates.dialect

    def end(self, reply: ReplyData) -> bytes:
        """The rest: what waited, the open block's close, and the ending with usage."""
        self._reply = {**self._reply, **reply}
        pieces = self._release(final=True)
        pieces.append(self._close())
        pieces.append(self._emit(self._templates.end(self._reply, self._request)))
        pieces.append(self._templates.last)
        pieces.append(self._encoder.end())
        return b"".join(pieces)

    def fail(self, error: Mapping[str, Any]) -> bytes:
        """An error instead of an ending. `error` has `kind`, `message`, `status`, `request_id`."""
        payload = self._templates.fail(error, self._reply, self._request)
        return self._emit(payload) + self._encoder.end()

    def _interleaved(self, step: Step) -> bytes:
        block = step.block
        view = self._views.get(block)
        opened = b""
        if view is None:
            view = self._views[block] = self._new_view(block, block.index)
            opened = self._emit(self._templates.open(view, self._reply, self._request))
        if not step.added:
            return opened
        return opened + self._emit(
            self._templates.add(view, step.added, self._reply, self._request)
        )

    def _serial(self, step: Step) -> bytes:
        block = step.block
        if block is self._open:
            return self._added(step)
        if self._waiting or self._unfinished(self._open):
            self._waiting.append(step)
            return b"".join(self._release())
        return self._close() + self._begin_block(step)

    def _added(self, step: Step) -> bytes:
        if not step.added:
            return b""
        piece = step.added.get("text") or step.added.get("arguments")
        if piece:
            self._pieces.append(piece)
        event = self._templates.add(self._view, step.added, self._reply, self._request)
        written = self._emit(event)
        if self._waiting and not self._unfinished(self._open):
            return written + b"".join(self._release())
        return written

    def _release(self, *, final: bool = False) -> list[bytes]:
        """Write what waited, as far as the open block lets it."""
        written: list[bytes] = []
        while self._waiting and (final or not self._unfinished(self._open)):
            block = self._waiting[0].block
            mine = [step for step in self._waiting if step.block is block]
            self._waiting = [step for step in self._waiting if step.block is not block]
            written.append(self._close())
            written.append(self._begin_block(mine[0]))
            written.extend(self._added(step) for step in mine[1:])
        return written

    @staticmethod
    def _unfinished(block: Block | None) -> bool:
        if block is None or block.kind != "tool_call":
            return False
        try:
            loads(block.text)
        except WireError:
            return True
        return False

    def _begin_block(self, step: Step) -> bytes:
        self._open = step.block
        self._view = self._new_view(step.block, self._blocks)
        self._pieces = []
        self._blocks += 1
        opened = self._emit(self._templates.open(self._view, self._reply, self._request))
        return opened + self._added(step)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        block, self._open = self._open, None
        self._view.update(
            text="".join(self._pieces), signature=block.signature, redacted=block.redacted
        )
        return self._emit(self._templates.close(self._view, self._reply, self._request))

    @staticmethod
    def _new_view(block: Block, index: int) -> JSONMap:
        """What templates see of a block."""
        view: JSONMap = {
            "index": index,
            "choice": block.choice,
            "kind": block.kind,
            "call": block.call,
            "id": block.id,
            "name": block.name,
            "text": "",
            "redacted": block.redacted,
            "more": block.more,
        }
        if block.data is not None:
            view["data"] = block.data
        return view

    def _emit(self, events: Any) -> bytes:
        if not events:
            return b""
        if isinstance(events, dict):
            return self._encode(events)
        return b"".join([self._encode(event) for event in events])

    def _encode(self, event: JSONMap) -> bytes:
        stamp = self._templates.stamp
        if stamp:
            event = {**event, stamp: self._written}
            self._written += 1
        return self._encoder.encode(self._templates.name(event), dumps(event))

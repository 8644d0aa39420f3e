"""One part of an answer while it grows, and what it is when it has grown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Block", "Step", "mint", "part_of"]

JSONMap = dict[str, Any]


def mint(prefix: str) -> str:
    """An id where a wire has none: the prefix and 24 characters, the length OpenAI uses."""
    return prefix + uuid4().hex[:24]


class Block:
    """One part of an answer while it grows.

    `kind` is `text`, `reasoning`, `tool_call`, `server_call`, `refusal`, `image`, `audio` or
    `wire`; `index` counts the blocks of a choice, `call` its tool calls, both from 0; `owner` is
    the dialect that it came in.
    """

    __slots__ = (
        "call",
        "choice",
        "citations",
        "data",
        "id",
        "index",
        "kind",
        "more",
        "name",
        "owner",
        "pieces",
        "redacted",
        "signature",
        "sound",
        "wire_id",
    )

    def __init__(self, choice: int, index: int, kind: str, owner: str) -> None:
        self.owner = owner
        self.choice = choice
        self.index = index
        self.kind = kind
        self.call: int | None = None
        self.id = ""
        self.wire_id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.signature = ""
        self.redacted = ""
        self.citations: list[JSONMap] = []
        self.data: Any = None
        self.sound: dict[str, list[str]] = {}
        self.more: JSONMap = {}

    @property
    def text(self) -> str:
        """What has come so far: text, or a call's arguments."""
        return "".join(self.pieces)

    def hear(self, said: JSONMap) -> None:
        """More of a sound: its base64 and its transcript come in pieces, all else as a whole."""
        whole = self.data = self.data or {}
        for key, piece in said.items():
            if key in ("data", "transcript") and isinstance(piece, str):
                self.sound.setdefault(key, []).append(piece)
                piece = ""
            whole[key] = piece

    def whole_data(self) -> Any:
        """What has come as `data`, its pieces joined."""
        if not self.sound:
            return self.data
        return {**self.data, **{key: "".join(pieces) for key, pieces in self.sound.items()}}


class Step(NamedTuple):
    """What one delta did to one block. `added` has `text`, `arguments`, `signature`,
    `citation`, `redacted` or `data`; empty when the block was only opened."""

    block: Block
    opened: bool
    added: JSONMap


def part_of(block: Block) -> JSONMap | None:
    """A grown block as a canonical part, or None if nothing came."""
    make = _PARTS[block.kind]
    part = make(block)
    if part is None:
        return None
    if block.signature:
        part["signature"] = block.signature
    if block.more:
        part["more"] = block.more
    if block.signature or block.more:
        part["owner"] = block.owner
    return part


def _text_part(block: Block) -> JSONMap | None:
    if not (block.pieces or block.citations or block.signature):
        return None
    part: JSONMap = {"type": "text", "text": block.text}
    if block.citations:
        part["citations"] = block.citations
    return part


def _reasoning_part(block: Block) -> JSONMap | None:
    part: JSONMap = {"type": "reasoning"}
    if block.pieces or not block.redacted:
        part["text"] = block.text
    if block.redacted:
        part["redacted"] = block.redacted
    if block.id:
        part["id"] = block.id
    if block.redacted or block.id:
        part["owner"] = block.owner
    return part


def _call_part(block: Block) -> JSONMap | None:
    part: JSONMap = {
        "type": block.kind,
        "id": block.id,
        "name": block.name,
        "arguments": block.text,
    }
    if block.kind == "server_call":
        part["dialect"] = block.owner
    return part


_PARTS: dict[str, Callable[[Block], JSONMap | None]] = {
    "text": _text_part,
    "reasoning": _reasoning_part,
    "tool_call": _call_part,
    "server_call": _call_part,
    "refusal": lambda block: {"type": "refusal", "refusal": block.text},
    "image": lambda block: {"type": "image_url", "image_url": {"url": block.data}},
    "audio": lambda block: {"type": "audio", "audio": block.whole_data()},
    "wire": lambda block: {"type": "wire", "dialect": block.owner, "block": block.data},
}

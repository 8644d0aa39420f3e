"""An answer in parts, as a wire language has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faultd.play import Play

__all__ = ["Asked", "Streamed", "tokens"]


@dataclass(frozen=True)
class Asked:
    """A request and the play it gets, as far as an answer depends on them."""

    play: Play
    model: str
    body: dict[str, Any]
    number: int = 0
    array: bool = False

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(self.play.pieces())

    @property
    def used(self) -> tuple[int, int]:
        """Tokens of input and output."""
        said = self.play.output_tokens
        return self.play.input_tokens, tokens(self.text) if said is None else said


@dataclass(frozen=True)
class Streamed:
    """Bytes of a stream: what comes before the content, each piece of it, what tells that it is
    finished, and the mark without which the stream is not whole. `error` is the event that says
    that something went wrong."""

    media_type: str
    prelude: list[bytes]
    content: list[bytes]
    finish: list[bytes]
    mark: bytes
    error: bytes
    garbage: bytes = field(default=b'data: {"this is": no JSON\n\n')


def tokens(text: str) -> int:
    """Tokens of a text: four bytes each."""
    return -(-len(text.encode()) // 4)

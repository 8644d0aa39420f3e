"""What one request is to be answered with, and how that goes wrong. All of it is also JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import random

__all__ = ["Break", "How", "Instead", "Play", "Rule"]

How = Literal["stall", "fin", "rst", "unterminated", "eof", "error", "garbage"]
"""`stall`: nothing more comes. `fin`: the socket is closed, and HTTP's own end is missing. `rst`:
the same with a reset. `unterminated`: HTTP ends as it should, without the wire's own end. `eof`:
the body has no length and ends with the connection, without the wire's own end. `error`: the
wire's own event of an error, after which HTTP ends as it should. `garbage`: bytes that are no
event of the wire; the same follows."""

Point = float | Literal["request", "head", "prelude", "content", "finish"]
"""After the request was read, the head sent, the prelude sent, so many pieces of content sent
(40.5: 40 and half of the bytes of the next), all of it, and all but the wire's last mark."""

Instead = Literal[
    "html",
    "empty",
    "error_object",
    "not_json",
    "not_http",
    "endless_header",
    "endless_headers",
    "endless_line",
    "endless_event",
    "gzip_bomb",
]
"""An answer of status 200 that is none; `endless…` go on until the client has enough."""


@dataclass(frozen=True)
class Break:
    """How an answer breaks off, and after what. A whole answer has pieces of content too: shares
    of its bytes."""

    how: How
    at: Point = "request"


@dataclass(frozen=True, kw_only=True)
class Play:
    """One answer. Times are in seconds, and tokens are counted as four bytes of text each.

    The text is `text`, cut into pieces of `piece` characters, or else `chunks` pieces of one
    token. `input_tokens` and `output_tokens` (None: what was said) are the usage, without `usage`
    there is none. A status that is no success gets an error of its wire's shape, made of `code`
    and `message`, unless `body` is given. `slices`: the answer is written so many bytes at a time.
    """

    text: str | None = None
    piece: int = 4
    chunks: int = 3
    usage: bool = True
    input_tokens: int = 9
    output_tokens: int | None = None
    finish: str = "stop"
    before_head: float = 0.0
    before_content: float = 0.0
    between: float = 0.0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    message: str | None = None
    body: str | None = None
    breaks: Break | None = None
    slices: int | None = None
    instead: Instead | None = None
    close: bool = False

    def pieces(self) -> list[str]:
        """The text as it is said."""
        if self.text is None:
            return [f"{number:03d} " for number in range(self.chunks)]
        return [self.text[at : at + self.piece] for at in range(0, len(self.text), self.piece)]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, value: dict[str, Any]) -> Play:
        """From JSON. Raises `TypeError` for a word that there is not."""
        broken = value.get("breaks")
        return cls(**{**value, "breaks": Break(**broken) if broken else None})


@dataclass(kw_only=True)
class Rule:
    """A play, and for which requests: those of this id, with this credential, of this wire, for
    this model, streamed or not. Of them only the `first` so many, the last of `every` so
    many, or each with a `chance`."""

    play: Play
    id: str | None = None
    key: str | None = None
    dialect: str | None = None
    model: str | None = None
    stream: bool | None = None
    first: int | None = None
    every: int = 1
    chance: float = 1.0
    passed: int = 0

    def takes(self, asked: dict[str, Any], dice: random.Random) -> bool:
        """Whether this request is played so. Counts down."""
        for name in ("id", "key", "dialect", "model", "stream"):
            wanted = getattr(self, name)
            if wanted is not None and wanted != asked[name]:
                return False
        self.passed += 1
        if self.passed % self.every:
            return False
        if self.first == 0 or (self.chance < 1 and dice.random() >= self.chance):
            return False
        if self.first is not None:
            self.first -= 1
        return True

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, value: dict[str, Any]) -> Rule:
        """From JSON. Raises `TypeError` for a word that there is not."""
        return cls(**{**value, "play": Play.of(value["play"])})

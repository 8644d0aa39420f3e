"""What is asked of a model, and what a vendor's SDK made of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["PARAMETERS", "PICTURE", "PNG", "SUNNY", "Ask", "Client", "Said", "no_extras"]

JSONMap = dict[str, Any]

PARAMETERS: JSONMap = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
"""Of every tool, and of every structured answer."""

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA"
    "DUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = f"data:image/png;base64,{PNG}"
"""A picture of one pixel."""

SUNNY = "sunny, 21 degrees"
"""What every tool answers."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request in no wire's words. `choice` is `required` or the name of a tool."""

    text: str = "hello there"
    model: str = "m-1"
    image: bool = False
    tools: tuple[str, ...] = ()
    choice: str | None = None
    schema: bool = False
    thinks: bool = False
    n: int | None = None
    stop: str | None = None
    logprobs: bool = False


@dataclass(kw_only=True)
class Said:
    """What an SDK gives its caller. `turn` is the answer as native messages, to be sent back."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """Id, name and arguments of each call."""
    finish: str = ""
    usage: tuple[int, int] = (0, 0)
    """Tokens of input and of output, as the wire counts them."""
    answers: list[str] = field(default_factory=list)
    logprobs: list[tuple[str, float]] = field(default_factory=list)
    model: str = ""
    pieces: int = 0
    """How many events of a stream had text."""
    turn: list[Any] = field(default_factory=list)


class Client(Protocol):
    """A vendor's SDK in front of one server."""

    def user(self, ask: Ask) -> list[Any]:
        """The native messages that ask."""
        ...

    def results(self, said: Said) -> list[Any]:
        """The native messages that answer every call."""
        ...

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        """Ask, and read the answer to its end. Raises what the SDK raises."""
        ...

    async def aclose(self) -> None:
        """Let go of its connections."""
        ...


def no_extras(value: Any, allowed: frozenset[str] = frozenset(), place: str = "") -> None:
    """Hold a pydantic model of an SDK to its own fields: SDKs keep unknown ones without a word."""
    for key in getattr(value, "model_extra", None) or ():
        assert key in allowed, f"{type(value).__name__} has no field {place}.{key}"
    fields = getattr(type(value), "model_fields", None)
    if fields is not None:
        for key in fields:
            no_extras(getattr(value, key), allowed, f"{place}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            no_extras(item, allowed, f"{place}[{index}]")

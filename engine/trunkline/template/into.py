"""Where values go: returned, kept in a local, put under a key, added to a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trunkline.template.words import Source, Speaker

__all__ = ["Into", "Keep", "Onto", "Putter", "Return", "Under"]


@dataclass(slots=True)
class Return:
    """The function's result."""


@dataclass(slots=True)
class Keep:
    """A local."""

    name: str


@dataclass(slots=True)
class Under:
    """A key of the mapping in a local; an empty value is left out if `leave`."""

    mapping: str
    key: str
    leave: bool


@dataclass(slots=True)
class Onto:
    """The end of the list in a local; `splice` adds a list's items."""

    sequence: str
    splice: bool


Into = Return | Keep | Under | Onto


class Putter:
    """Writes the statements that put a value into its place. `bounded`: a result is measured."""

    def __init__(self, speak: Speaker, bounded: bool) -> None:
        self._speak = speak
        self._bounded = bounded

    def put(self, value: Source, into: Into) -> None:
        """Statements that write a value into its place, unless it is absent."""
        say = self._speak.say
        if isinstance(into, Return):
            say(f"return bounded(s, {value.text})" if self._bounded else f"return {value.text}")
        elif isinstance(into, Keep):
            say(f"{into.name} = {value.text}")
        elif isinstance(into, Under):
            self._put_under(value, into)
        else:
            self._put_onto(value, into)

    def _put_onto(self, value: Source, into: Onto) -> None:
        if into.splice:
            held, test = self.when("list", value)
            self._speak.say(f"if {test}: {into.sequence}.extend({held})")
        elif value.absent:
            held, test = self.when("present", value)
            self._speak.say(f"if {test}: {into.sequence}.append({held})")
        else:
            self._speak.say(f"{into.sequence}.append({value.text})")

    def _put_under(self, value: Source, into: Under) -> None:
        target = f"{into.mapping}[{into.key!r}]"
        if value.absent or (into.leave and not value.full):
            held, test = self.when("full" if into.leave else "present", value)
            self._speak.say(f"if {test}: {target} = {held}")
        else:
            self._speak.say(f"{target} = {value.text}")

    def when(
        self, what: Literal["present", "full", "list", "dict"], value: Source
    ) -> tuple[str, str]:
        """A value's name, and the condition that meets it for the first time."""
        held, first = self._speak.bound(value)
        if what in ("list", "dict"):
            return held, f"isinstance({first}, {what})"
        first = f"({first})" if first != held else first
        return held, f"{first} is not A" if what == "present" else f"{first} or {held} == 0"

    def nothing(self, into: Into) -> None:
        """Statements for an absent value."""
        if isinstance(into, Return):
            self._speak.say("return A")
        elif isinstance(into, Keep):
            self._speak.say(f"{into.name} = A")

"""What a dialect file says of the limits of its wire: `hints`, `drops`, `inlines` and `bound`.

::

    hints: [logit_bias]                      # whole fields that may be left out, and recorded
    drops: [messages.name, content.citations]   # what lies deeper and is left out, and recorded
    inlines: part.type == 'file'             # of which parts it needs the bytes, not an address
    bound: [previous_response_id, tools.vector_store_ids]   # what only one provider can read
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from trunkline.chat import DEFAULT_HINTS, MEANINGLESS
from trunkline.diagnostics import Diagnostic, did_you_mean
from trunkline.dialect.losses import DROPPABLE, Finder
from trunkline.template import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trunkline.config.source import Document, Path
    from trunkline.template import Library, Template

__all__ = ["Carries", "carries_of"]

_ALWAYS: Final = frozenset({"model", "messages", "extra", "hints", "encoding_format"})
"""The model goes as the target's own; what `extra` and `hints` lose is told by owner."""

_SHOWN: Final = 64
"""Characters of a caller's own key that are shown."""

_MANY: Final = 64
"""Names of a caller's own that are shown of what is lost, and kinds of finders that are kept."""

_WRITTEN: Final = ("request", "target", "provider")
_BRANCHES: Final = frozenset({"do", "then", "else", "case", "has", "default", "in", "$spread"})


class Carries:
    """What a wire carries of a request, and what becomes of the rest.

    `drops` and `inlines` are templates over what `write` sees, the latter over `part` and `url`
    first, so that quirks and models can matter.
    """

    __slots__ = ("_bound", "_drops", "_family", "_finder", "_inlines", "hints", "reads")

    def __init__(
        self,
        family: str,
        *,
        reads: frozenset[str] | None,
        hints: frozenset[str] = frozenset(),
        drops: Template | None = None,
        inlines: Template | None = None,
        bound: Sequence[str] = (),
    ) -> None:
        self.reads = reads
        self.hints = hints | DEFAULT_HINTS
        self._family = family
        self._drops = drops
        self._inlines = inlines
        self._bound = [(path, tuple(path.split("."))) for path in bound]
        self._finder = lru_cache(_MANY)(partial(Finder, family=family))

    @property
    def templates(self) -> list[Template]:
        """Those that see the provider."""
        return [template for template in (self._drops, self._inlines) if template is not None]

    def loss(
        self, request: Mapping[str, Any], target: Mapping[str, Any], provider: Mapping[str, Any]
    ) -> tuple[list[str], list[str]]:
        """Hints that are dropped and meaning that is lost, by name, each sorted."""
        dropped: list[str] = []
        lost: list[str] = []
        if self.reads is not None:
            for field in request.keys() - self.reads - _ALWAYS:
                value = request[field]
                if _asks(field, value):
                    (dropped if field in self.hints else lost).append(field)
            for field, foreign in (("extra", lost), ("hints", dropped)):
                for owner, fields in (request.get(field) or {}).items():
                    if owner == self._family:
                        continue
                    # null says nothing; an empty mapping may (`web_search_options: {}` searches)
                    said = (name for name, one in fields.items() if one is not None)
                    some = islice(said, _MANY)
                    foreign.extend(f"{field}.{owner[:_SHOWN]}.{name[:_SHOWN]}" for name in some)
        if self._drops is not None:
            dropped += self._finder(self.dropping(request, target, provider))(request)
        return sorted(dropped), sorted(lost)

    def dropping(
        self, request: Mapping[str, Any], target: Mapping[str, Any], provider: Mapping[str, Any]
    ) -> frozenset[str]:
        """The names that `drops` gives for this request's target and provider; what it gives
        beside names that there are counts for nothing."""
        names = self._drops(request, target, provider) if self._drops is not None else ()
        found = (name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
        return frozenset(DROPPABLE.intersection(found))

    @property
    def takes_addresses(self) -> bool:
        """Whether no part's bytes are ever needed."""
        return self._inlines is None

    def inlines(
        self,
        part: Mapping[str, Any],
        url: str,
        target: Mapping[str, Any],
        provider: Mapping[str, Any],
    ) -> bool:
        """Whether this wire needs the bytes of a part that is given by an address."""
        return self._inlines is not None and self._inlines(part, url, target, provider) is True

    def references(self, request: Mapping[str, Any]) -> list[str]:
        """The names of what the wire's own extras and tools refer to and one provider can read.
        A path that begins with `tools` leads into the tools that only this wire knows."""
        found = []
        for path, (first, *rest) in self._bound:
            if first == "tools":
                tools = request.get("tools") or ()
                blocks = [tool.get("block") for tool in tools if tool["type"] == "wire"]
                there = any(_refers(block, rest) for block in blocks)
            else:
                own = (request.get("extra") or {}).get(self._family)
                there = _refers(own, (first, *rest))
            if there:
                found.append(path)
        return found


def _refers(value: Any, steps: Sequence[str]) -> bool:
    """Whether an id stands at a path: text, a list of texts, or a mapping with an `id`."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value = value.get("id")
    texts = value if isinstance(value, list) else [value]
    return bool(texts) and all(isinstance(text, str) and text for text in texts)


def _asks(field: str, value: Any) -> bool:
    """Whether a field's value asks for anything."""
    empty = value is None or value == [] or value == {}
    return not (empty or MEANINGLESS.get(field, ABSENT) == value)


def carries_of(
    document: Document,
    library: Library,
    family: str,
    reads: frozenset[str] | None,
    report: list[Diagnostic],
) -> Carries:
    """What a dialect's document says of these; adds what is wrong with it to `report`."""
    said = document.value
    drops = inlines = None
    if "drops" in said:
        drops = library.compile(("drops",), _WRITTEN, "read")
        report.extend(_unknown(document, ("drops",), said["drops"]))
    if "inlines" in said:
        inlines = library.compile_expression(("inlines",), ("part", "url", "target", "provider"))
    return Carries(
        family,
        reads=reads,
        hints=frozenset(said.get("hints", ())),
        drops=drops,
        inlines=inlines,
        bound=said.get("bound", ()),
    )


def _unknown(document: Document, path: Path, value: Any) -> Iterator[Diagnostic]:
    """Names in `drops` that nothing is found by. Those that an expression gives are not seen."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(document, (*path, index), item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _BRANCHES or path[-1] in ("case", "has"):
                yield from _unknown(document, (*path, key), item)
    elif isinstance(value, str) and "{{" not in value and value not in DROPPABLE:
        near = did_you_mean(value, DROPPABLE)
        hint = f"did you mean `{near}`?" if near else "known: " + ", ".join(sorted(DROPPABLE))
        message = f"a request holds nothing called `{value[:80]}`"
        yield Diagnostic("TL520", "error", message, document.span(path), hint)

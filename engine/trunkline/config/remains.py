"""What can still be read of a document whose shape is wrong, so that its other mistakes show too.

What offends is taken out of a copy, and a key that was probably meant to be another one is read
as that one. What is left is a route file, with every place where it was. It is good for nothing
but looking for further mistakes, and `follows` tells those apart that are there only because
something was taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from trunkline.config import elsewhere
from trunkline.config.models import RouteFile
from trunkline.config.schema import violations
from trunkline.config.source import Document, Place
from trunkline.config.spec import Spec
from trunkline.config.wording import RESERVED, findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.config.source import Path
    from trunkline.config.wording import Violation
    from trunkline.diagnostics import Diagnostic, Span

__all__ = ["Remains", "remains"]

MOST_ROUNDS: Final = 8
"""Taking something out may leave what holds it wrong; beyond this the document is given up."""

MOST_MISTAKES: Final = 200
"""In shape. Nobody mends more of them at a time, and nothing is learned from what is left."""

_DECLARING: Final = ("providers", "targets", "dialects")
_ABOUT_NAMES: Final = ("TL302", "TL303", "TL304", "TL306", "TL309")
_ABOUT_SENDS: Final = "TL404"
_ABOUT_WHOLES: Final = ("TL305", "TL308", "TL520")


@dataclass(slots=True)
class Remains:
    """A route file without its mistakes in shape. `lost` are names that were declared and are
    gone, `damaged` the places of those that lack something now. `found` are the mistakes in
    shape that show only below keys that were read as others."""

    spec: Spec
    found: list[Diagnostic] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    damaged: set[Span] = field(default_factory=set)
    holders: set[Span] = field(default_factory=set)
    renamed: list[Span] = field(default_factory=list)
    sections: bool = False
    sends: bool = False

    def follows(self, finding: Diagnostic) -> bool:
        """Whether this is found only because something was taken out."""
        if finding.code in _ABOUT_NAMES:
            return self.sections or any(f"`{name}`" in finding.message for name in self.lost)
        if finding.code == _ABOUT_SENDS:
            return self.sends
        return finding.code in _ABOUT_WHOLES and finding.span in self.damaged


def remains(document: Document) -> Remains | None:
    """What is left without what is wrong; None where that is not worth reading."""
    if not isinstance(document.value, dict) or document.value.get("version", 1) not in (1, "1"):
        return None
    found = Remains(Spec(RouteFile(version=1), document))
    left = document
    for _ in range(MOST_ROUNDS):
        try:
            found.spec = Spec(RouteFile.model_validate(left.value), left)
        except ValidationError:
            wrong = violations(left.value)
            if len(wrong) > MOST_MISTAKES:
                return None
            found.found += findings(left, [one for one in wrong if _unseen(left, one, found)])
            left = _without(left, wrong, found)
        else:
            return found
        if not isinstance(left.value, dict):
            return None
    return None


def _unseen(document: Document, one: Violation, found: Remains) -> bool:
    """Whether nobody has seen this before, because the key above it was none; and whether it
    is not there only because something was taken out."""
    span = document.span(one.path)
    if one.keyword == "type" and span in found.renamed:
        return False  # Then the key was meant to be another one after all.
    return span not in found.holders and any(
        above.file == span.file and _within(span, above) for above in found.renamed
    )


def _within(span: Span, above: Span) -> bool:
    begins = (above.line, above.column) <= (span.line, span.column)
    return begins and (span.end_line, span.end_column) <= (above.end_line, above.end_column)


def _without(document: Document, wrong: Iterable[Violation], found: Remains) -> Document:
    cuts: set[Path] = set()
    names: dict[Path, str] = {}
    taken: set[Path] = set()
    for one in wrong:
        path = _cut(one)
        if path == ("version",):
            continue
        meant = _meant(document, one)
        if meant is not None and (*path[:-1], meant) not in taken:
            taken.add((*path[:-1], meant))
            names[path] = meant
            found.renamed.append(document.span(path))
            continue
        cuts.add(path)
        _note(document, path, found)
    value, place = _copy(document.value, document.root, _changes(cuts, names))
    if isinstance(value, dict):
        value["version"] = 1
    return Document(document.name, value, document.files, place)


def _cut(one: Violation) -> Path:
    """The path of what to take out."""
    value = one.value
    if one.keyword == "not" and isinstance(value, dict):
        keys = [key for key in one.argument.get("required", ()) if key in value]
        return (*one.path, keys[-1]) if keys else one.path
    if one.keyword == "dependentRequired":
        key = next(
            key
            for key, needs in one.argument.items()
            if key in value and needs[0] not in value and repr(key) in one.detail
        )
        return (*one.path, key)
    if one.keyword == "required" and not one.path:
        return (one.detail,)
    return one.path


def _meant(document: Document, one: Violation) -> str | None:
    """The key that an unknown one was meant to be, unless that one is there as well."""
    if one.keyword != "additionalProperties" or one.path[-1] in RESERVED:
        return None
    near = elsewhere.near(str(one.path[-1]), one.schema.get("properties", {}))
    holder = document.get(one.path[:-1])
    return None if near is None or near in holder else near


def _note(document: Document, path: Path, found: Remains) -> None:
    """What else is going to miss what stands at `path`."""
    found.holders.add(document.span(path[:-1]))
    found.sections = found.sections or (len(path) == 1 and path[0] in _DECLARING)
    found.sends = found.sends or "retry" in path or "max_sends" in path
    if len(path) < 2 or path[0] not in _DECLARING:
        return
    name = path[:2]
    if len(path) == 2:
        found.lost.add(str(path[1]))
    found.damaged.update((document.key_span(name), document.span(name)))


def _changes(cuts: set[Path], names: dict[Path, str]) -> dict[str | int, Any]:
    """The same by steps: None at the end of a path is a cut, text a name."""
    changes: dict[str | int, Any] = {}
    for path, change in [*names.items(), *((path, None) for path in cuts)]:
        at: Any = changes
        for step in path[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                break
        else:
            at[path[-1]] = change
    return changes


def _copy(value: Any, place: Place, changes: Any) -> tuple[Any, Place]:
    """The value without what is cut. What neither a cut nor another name touches is shared."""
    if not isinstance(changes, dict) or not changes or not isinstance(value, dict | list):
        return value, place
    copy = Place(place.file, place.line, place.column, place.end_line, place.end_column)
    copy.source = place.source
    if isinstance(value, list):
        items = [
            _copy(item, place.child(index) or place, changes.get(index, {}))
            for index, item in enumerate(value)
            if changes.get(index, {}) is not None
        ]
        copy.items = [at for _, at in items]
        return [item for item, _ in items], copy
    copy.keys, copy.items = {}, {}
    kept: dict[str, Any] = {}
    for key, item in value.items():
        change = changes.get(key, {})
        if change is None:
            continue
        name = change if isinstance(change, str) else key
        kept[name], copy.items[name] = _copy(item, place.child(key) or place, change)
        copy.keys[name] = (place.keys or {}).get(key, place)
    return kept, copy

"""What a request refers to and one provider alone can read: a file's id, an earlier answer.

Nobody but the provider can tell whose it is. So the first provider that could carry it, in the
order written, is taken for its owner, and from then on no other one is asked. Where that order
is chance, because a balance has several providers to pick from, nobody is asked at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.dialect import Dialect
    from trunkline.graph.node import Node

__all__ = ["owners", "references"]


def references(request: Mapping[str, Any], dialect: Dialect) -> list[str]:
    """The names of what a request refers to, sorted, as far as this dialect would carry it."""
    found = set(dialect.carries.references(request))
    for message in request.get("messages") or ():
        content = message.get("content")
        if type(content) is list and any(map(_is_stored, content)):
            found.add("file_id")
            break
    return sorted(found)


def _is_stored(part: Mapping[str, Any]) -> bool:
    held = part.get(part["type"])
    return isinstance(held, dict) and bool(held.get("file_id"))


def owners(node: Node, request: Mapping[str, Any]) -> list[str]:
    """The providers below a node that could carry what the request refers to, in order."""
    foreign = {owner for owner, fields in (request.get("extra") or {}).items() if fields}
    found = {
        leaf.provider.name: True
        for leaf in _leaves(node)
        for dialect in _spoken(leaf)
        if foreign <= {dialect.family} and references(request, dialect)
    }
    return list(found)


def _leaves(node: Node) -> Iterator[Any]:
    if not node.children:
        yield node
    for child in node.children:
        yield from _leaves(child)


def _spoken(leaf: Any) -> list[Dialect]:
    """The dialects that a target may be asked in."""
    if leaf.binding is not None:
        return [leaf.binding.dialect]
    return [leaf.dialect] if leaf.dialect is not None else leaf.provider.dialects()

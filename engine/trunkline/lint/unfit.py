"""TL603: a limit that no request fits into.

A request takes its input and `max_tokens` from a limit of tokens before it is sent. If an overlay
sets `max_tokens` to more than the limit can hold, every request is refused; and into a limit of 0
none fits at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.config.models import NUMBERS, LimitBase, Money, Settings
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import node_maps, route_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.source import Path
    from trunkline.config.spec import Spec
    from trunkline.lint.walk import Leaf

__all__ = ["check"]

_OUTPUT: Final = ("max_completion_tokens", "max_tokens")
_TOKENS: Final = [name for name in NUMBERS if name.startswith("tokens_")]

_Place = tuple["Path", LimitBase]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every number that is 0, and every overlay that asks for more than a limit can hold."""
    for path, limit in _limits(spec):
        yield from _nothing(spec, path, limit)
    said: set[Path] = set()
    for index in range(len(spec.file.routes or ())):
        for leaf in route_leaves(spec.file, index):
            asked = _asked(leaf)
            if asked is None or asked[0] in said:
                continue
            for place in _on_the_way(spec, index, leaf):
                found = _too_small(spec, asked, place)
                if found is not None:
                    said.add(asked[0])
                    yield found
                    break


def _limits(spec: Spec) -> Iterator[_Place]:
    file = spec.file
    for name, provider in (file.providers or {}).items():
        if provider.limits is not None:
            yield ("providers", name, "limits"), provider.limits
        for index, key in enumerate(getattr(provider, "keys", None) or ()):
            if key.limits is not None:
                yield ("providers", name, "keys", index, "limits"), key.limits
    routes: list[tuple[Path, Settings]] = [
        (("routes", index), route) for index, route in enumerate(file.routes or ())
    ]
    for path, settings in [*routes, *node_maps(file)]:
        if settings.limits is not None:
            yield (*path, "limits"), settings.limits
    for index, limit in enumerate(file.limits or ()):
        yield ("limits", index), limit


def _nothing(spec: Spec, path: Path, limit: LimitBase) -> Iterator[Diagnostic]:
    for name in (*NUMBERS, "burst"):
        value = getattr(limit, name)
        if value == 0 or value == Money(0):
            yield Diagnostic(
                "TL603",
                "error",
                f"`{name}: {spec.document.raw((*path, name))}` lets nothing through",
                spec.document.span((*path, name)),
                "give it a number above 0, or leave it out",
            )


def _asked(leaf: Leaf) -> tuple[Path, int] | None:
    """Where an overlay sets the output of a target, and to what; the innermost counts."""
    for path, settings in reversed(leaf.settings):
        for name in _OUTPUT:
            if name in (settings.request or {}):
                value = (settings.request or {})[name]
                known = isinstance(value, int) and not isinstance(value, bool)
                return ((*path, "request", name), value) if known else None
    return None


def _on_the_way(spec: Spec, index: int, leaf: Leaf) -> Iterator[_Place]:
    """The limits that a request to a target takes from, whoever asks."""
    file = spec.file
    for path, settings in leaf.settings:
        if settings.limits is not None:
            yield (*path, "limits"), settings.limits
    provider = (file.providers or {}).get(leaf.provider)
    if provider is not None and provider.limits is not None:
        yield ("providers", leaf.provider, "limits"), provider.limits
    name = (file.routes or [])[index].name
    for at, limit in enumerate(file.limits or ()):
        if limit.routes is None or name in limit.routes:
            yield ("limits", at), limit


def _too_small(spec: Spec, asked: tuple[Path, int], place: _Place) -> Diagnostic | None:
    at, tokens = asked
    path, limit = place
    for name in _TOKENS:
        most = getattr(limit, name)
        if isinstance(most, int) and 0 < most <= tokens:
            return Diagnostic(
                "TL603",
                "error",
                f"every request would take {tokens:,} tokens and more from a limit of {most:,}",
                spec.document.span(at),
                f"ask for less, or raise `{name}`",
                ((spec.document.span((*path, name)), "the limit"),),
            )
    return None

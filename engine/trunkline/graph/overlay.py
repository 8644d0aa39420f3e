"""Overlays: what a route file lays over a request, and over what a provider will see.

Maps merge deeply, scalars and lists replace, null deletes, `{$default: v}` sets only what is
absent, and `messages` takes `{prepend, append}`. Which of these a key means is fixed by the
route file's own text, when it is compiled. Values that come out of a request through a template
are data: a `$default` or a null inside them does nothing but be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from trunkline.template import DIRECTIVES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["How", "Overlay", "Shape", "is_open", "merge", "shape_of"]


class How(Enum):
    """What one key of an overlay does to the key of its name."""

    SET = "set"
    MERGE = "merge"
    DELETE = "delete"
    DEFAULT = "default"
    AROUND = "around"


Shape = tuple[tuple[str, How, Any], ...]
"""Key, what it does, and for `MERGE` the shape of what is inside."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A compiled overlay: `render` gives its values, `shape` says how they are laid on.

    `lower`: keys count without regard to case, as header names do. `open`: a directive gives
    further keys, or all of them.
    """

    render: Callable[..., Any]
    shape: Shape
    lower: bool = False
    open: bool = False

    def over(self, base: Mapping[str, Any], *roots: Any) -> dict[str, Any]:
        """`base` with the overlay on it; neither is changed."""
        values = self.render(*roots)
        if self.lower and isinstance(values, dict):
            values = {key.lower(): value for key, value in values.items()}
        result = merge(base, values, self.shape)
        if self.open and isinstance(values, dict):
            known = {key for key, _, _ in self.shape}
            for key in values.keys() - known:
                _lay(result, key, values[key], How.SET, None)
        return result


def is_open(tree: Mapping[str, Any]) -> bool:
    """Whether a directive stands among the keys of an overlay as written."""
    return not DIRECTIVES.isdisjoint(tree)


def shape_of(tree: Mapping[str, Any], *, messages: bool = False, lower: bool = False) -> Shape:
    """The shape of an overlay as written. `messages`: the key of that name may say
    `{prepend, append}`. `lower`: keys are taken in lower case. Keys beside a directive are its
    own, but for `$spread`."""
    if not (DIRECTIVES - {"$spread"}).isdisjoint(tree):
        return ()
    return tuple(
        (name, *_how(name, value, messages))
        for key, value in tree.items()
        if key != "$spread"
        for name in ((key.lower() if lower else key).rstrip("~!"),)
    )


def _how(name: str, value: Any, messages: bool) -> tuple[How, Any]:
    if value is None:
        return How.DELETE, None
    if not isinstance(value, dict) or not value:
        return How.SET, None
    if set(value) == {"$default"}:
        return How.DEFAULT, None
    if is_open(value):
        return How.SET, None
    if messages and name == "messages" and set(value) <= {"prepend", "append"}:
        return How.AROUND, None
    return How.MERGE, shape_of(value)


def merge(base: Mapping[str, Any], over: Any, shape: Shape) -> dict[str, Any]:
    """`over` laid on `base`, as `shape` says; keys that the template left out change nothing."""
    result = dict(base)
    if not isinstance(over, dict):
        return result
    for key, how, inner in shape:
        if how is How.DELETE:
            result.pop(key, None)
        elif key in over:
            _lay(result, key, over[key], how, inner)
    return result


def _lay(result: dict[str, Any], key: str, value: Any, how: How, inner: Any) -> None:
    old = result.get(key)
    if how is How.MERGE:
        result[key] = merge(old if isinstance(old, dict) else {}, value, inner)
    elif how is How.DEFAULT:
        if old is None and isinstance(value, dict) and "$default" in value:
            result[key] = value["$default"]
    elif how is How.AROUND:
        middle = old if isinstance(old, list) else []
        result[key] = [*value.get("prepend", ()), *middle, *value.get("append", ())]
    elif value is None:
        result.pop(key, None)
    else:
        result[key] = _deep(old, value)


def _deep(old: Any, value: Any) -> Any:
    """Data over data: maps merge, the rest replaces."""
    if not (isinstance(old, dict) and isinstance(value, dict)):
        return value
    return {**old, **{key: _deep(old.get(key), item) for key, item in value.items()}}

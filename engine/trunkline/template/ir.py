"""What a template is between YAML and Python: checked expressions and directives.

Every name is already resolved to the `Binding` that it means, so later steps never ask about
scope. Expressions are made by `gate`, directives by `tree`; `emit` turns both into Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.diagnostics import Span
    from trunkline.template.filters import Filter

__all__ = ["Binding", "Expr", "Node", "Unit"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_]+")

At: TypeAlias = "Callable[[], Span]"
"""Where something is written, worked out when it is asked for."""
Kind = Literal["param", "loop", "index", "let", "table", "const"]


@dataclass(eq=False, slots=True)
class Binding:
    """One meaning of a name, with what is read of it.

    `value` is that of a table or constant. `fields` are the first-level fields read, each with
    where it is first read; `wholes` counts uses of the value itself, other than handing it to a
    fragment or giving it another name, which is one of `aliases`. For each path below the name,
    `("delta", "text")`, `uses` counts how often it stands in the function, alone or as the
    beginning of a longer one, and `values` how often alone.
    """

    name: str
    kind: Kind
    value: Any = None
    fields: dict[str, At] = field(default_factory=dict)
    wholes: int = 0
    rest: Span | None = None
    aliases: list[Binding] = field(default_factory=list)
    uses: dict[tuple[str, ...], int] = field(default_factory=dict)
    values: dict[tuple[str, ...], int] = field(default_factory=dict)
    maybe_absent: bool = True


# Expressions


@dataclass(slots=True)
class Const:
    """A JSON scalar."""

    value: Any


@dataclass(slots=True)
class Nothing:
    """`absent`: no value."""


@dataclass(slots=True)
class Path:
    """A name, and fields below it: `event.delta.text`."""

    binding: Binding
    keys: tuple[str, ...]


@dataclass(slots=True)
class Get:
    """A field of a value that is not a path: `(a or b).text`."""

    base: Expr
    key: str


@dataclass(slots=True)
class Item:
    """`base[key]`, the key a number or not known before the run."""

    base: Expr
    key: Expr


@dataclass(slots=True)
class ListOf:
    """`[a, b]`; absent items are left out."""

    items: list[Expr]


@dataclass(slots=True)
class DictOf:
    """`{'a': b}`; absent values are left out."""

    pairs: list[tuple[str, Expr]]


@dataclass(slots=True)
class Choose:
    """`a if test else b`; without `else` absent."""

    test: Expr
    then: Expr
    other: Expr | None


@dataclass(slots=True)
class Logic:
    """`a and b and c`, or the same with `or`."""

    word: Literal["and", "or"]
    items: list[Expr]


@dataclass(slots=True)
class Not:
    """`not a`."""

    item: Expr


@dataclass(slots=True)
class Compare:
    """One comparison; chains are made of several."""

    sign: str
    left: Expr
    right: Expr


@dataclass(slots=True)
class Arithmetic:
    """`left sign right` of numbers."""

    sign: str
    left: Expr
    right: Expr


@dataclass(slots=True)
class Negate:
    """`-a`."""

    item: Expr


@dataclass(slots=True)
class Text:
    """Parts as one text: `a ~ b`, or text with holes."""

    parts: list[Expr]
    written: str = ""


@dataclass(slots=True)
class Apply:
    """`value | filter(arguments)`."""

    filter: Filter
    arguments: list[Expr]


@dataclass(slots=True)
class Is:
    """`item is name`."""

    name: str
    item: Expr


Expr = (
    Const
    | Nothing
    | Path
    | Get
    | Item
    | ListOf
    | DictOf
    | Choose
    | Logic
    | Not
    | Compare
    | Arithmetic
    | Negate
    | Text
    | Apply
    | Is
)


# Directives


@dataclass(slots=True)
class Leaf:
    """A value that one expression gives."""

    expr: Expr
    line: int


@dataclass(slots=True)
class Raw:
    """A JSON value as it is."""

    value: Any
    line: int


@dataclass(slots=True)
class Entry:
    """One key of a mapping; `when_empty` says what becomes of an empty value."""

    key: str
    when_empty: Literal["keep", "leave", "drop"]
    node: Node
    line: int


@dataclass(slots=True)
class Mapping:
    """A mapping; a `Spread` among the entries merges one in its place."""

    entries: list[Entry | Spread]
    line: int


@dataclass(slots=True)
class Sequence:
    """A list; a `Spread` among the items splices one in its place."""

    items: list[Node]
    line: int


@dataclass(slots=True)
class Spread:
    """`$spread`."""

    node: Node
    line: int


@dataclass(slots=True)
class If:
    """`$if`."""

    test: Node
    then: Node | None
    other: Node | None
    line: int


@dataclass(slots=True)
class Switch:
    """`$switch` by value, or by the first key that a mapping has."""

    subject: Node
    by_key: bool
    cases: list[tuple[list[str], Node]]
    default: Node | None
    line: int


@dataclass(slots=True)
class For:
    """`$for`."""

    name: Binding
    index: Binding | None
    source: Node
    when: Node | None
    do: Node
    line: int


@dataclass(slots=True)
class Let:
    """`$let`."""

    names: list[tuple[Binding, Node]]
    body: Node
    line: int


@dataclass(slots=True)
class Use:
    """`$use`: a call of a fragment. `given` is `with:`; `scope` finds what is not given."""

    name: str
    given: dict[str, Node]
    inherited: dict[str, Binding]
    line: int
    span: Span
    spans: dict[str, Span]
    scope: Scope


@dataclass(slots=True)
class Refuse:
    """`$refuse`."""

    message: Expr
    line: int


@dataclass(slots=True)
class Rest:
    """`$rest`: the fields that are not read, nor among `but`."""

    binding: Binding
    but: list[str]
    line: int


Node = Leaf | Raw | Mapping | Sequence | Spread | If | Switch | For | Let | Use | Refuse | Rest


def handed(node: Node | None) -> Binding | None:
    """The binding that a node is, if it is nothing but a name."""
    if isinstance(node, Leaf) and isinstance(node.expr, Path) and not node.expr.keys:
        return node.expr.binding
    return None


def python_name(prefix: str, name: str) -> str:
    """A function's name in Python, after its name in YAML, which may be any text."""
    return f"{prefix}_{_UNSAFE.sub('_', name)}"[:80]


class Scope:
    """The names that can be seen from one place in a tree, inner ones first."""

    __slots__ = ("names", "outer", "unit")

    def __init__(self, unit: Unit, outer: Scope | None = None) -> None:
        self.unit = unit
        self.outer = outer
        self.names: dict[str, Binding] = {}

    def find(self, name: str) -> Binding | None:
        """What the name means here. A fragment's unknown names become its parameters."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return self.unit.find(name)

    def inner(self) -> Scope:
        """A scope inside this one."""
        return Scope(self.unit, self)

    def known(self) -> list[str]:
        """Every name that can be seen, for suggestions."""
        names = [] if self.outer is None else self.outer.known()
        return [*names, *self.names] if self.outer else [*self.unit.known(), *self.names]


@dataclass(eq=False, slots=True)
class Unit:
    """One function to be: a template, or a fragment, whose parameters are its free names.

    `python` is the function's name there.
    `misses` are table lookups without a fallback, `open_switches` switches without a default:
    mistakes in what writes, fine in what reads. `loops` are its `$for`, each with whether it
    stands in another.
    """

    name: str
    python: str
    file: str
    fragment: bool
    shared: dict[str, Binding]
    params: dict[str, Binding] = field(default_factory=dict)
    body: Node | None = None
    uses: list[Use] = field(default_factory=list)
    rests: list[Binding] = field(default_factory=list)
    loops: list[tuple[For, bool]] = field(default_factory=list)
    build: Callable[[Any], Node] | None = None
    misses: list[tuple[str, At]] = field(default_factory=list)
    open_switches: list[Span] = field(default_factory=list)

    def find(self, name: str) -> Binding | None:
        """A parameter or a shared constant; in a fragment a new name becomes a parameter."""
        found = self.params.get(name) or self.shared.get(name)
        if found is None and self.fragment:
            found = self.params[name] = Binding(name, "param")
        return found

    def known(self) -> list[str]:
        """Names that can be seen from everywhere in this unit."""
        return [*self.params, *self.shared]

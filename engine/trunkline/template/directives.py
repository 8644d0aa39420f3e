"""The directives: `$if $switch $for $let $spread $use $refuse $rest $raw`.

Each function takes the mapping that it stands in and gives the node that it means, or reports
what is amiss.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.diagnostics import did_you_mean
from trunkline.template import ir
from trunkline.template.places import Place, Spot, check_text_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.config.source import Path
    from trunkline.diagnostics import Span
    from trunkline.template.tree import Builder, Here

__all__ = ["WORDS", "build", "splice"]

DEEPEST: Final = 24
"""Levels that directives may nest in one tree."""
DEEPEST_LOOPS: Final = 12
"""Levels that `$for` alone may nest: Python allows 20 blocks."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_RESERVED: Final = frozenset(
    "absent true false none True False None and or not if else in is".split()  # noqa: SIM905
)


def build(builder: Builder, word: str, value: dict[str, Any], here: Here) -> ir.Node:
    """The directive `word`, with what stands beside it."""
    make, beside = WORDS[word]
    for key in value:
        if key != word and key not in beside:
            return _surplus(builder, word, key, beside, here)
    if builder.depth >= DEEPEST:
        span = builder.document.key_span((*here.path, word))
        return builder.error("TL514", "directives are nested too deeply", span, "use a fragment")
    builder.depth += 1
    node = make(builder, value, here)
    builder.depth -= 1
    return node


def splice(builder: Builder, item: Any, here: Here) -> ir.Node:
    """`$spread` alone: the items of a list, among the items of the list around it."""
    path = (*here.path, "$spread")
    if not here.in_list:
        message = "`$spread` alone stands for items of a list, and there is no list around it"
        hint = 'write the value itself; for no value, "{{ absent }}"'
        return builder.error("TL506", message, builder.document.key_span(path), hint)
    return ir.Spread(builder.node(item, path, here.scope, True), here.line)


def _surplus(builder: Builder, word: str, key: str, beside: frozenset[str], here: Here) -> ir.Node:
    at = builder.document.key_span((*here.path, key))
    if at.file != builder.document.span(here.path).file:
        return _laid_over(builder, word, key, at, here)
    near = did_you_mean(key, beside)
    words = ", ".join(f"`{one}`" for one in sorted(beside)) or "nothing"
    hint = f"did you mean `{near}`?" if near else f"beside `{word}` may stand {words}"
    message = f"`{key}` cannot stand beside `{word}`"
    return builder.error("TL506", message, at, hint)


def _laid_over(builder: Builder, word: str, key: str, at: Span, here: Here) -> ir.Node:
    """The key is from a document below, so what was laid over it is at fault."""
    span = builder.document.key_span((*here.path, word))
    message = f"`{word}` is laid over a mapping that has `{key}`, and they cannot stand together"
    hint = "change single keys of that mapping, or delete the others with null"
    builder.report.add("TL506", message, span, hint, related=((at, f"`{key}` stands here"),))
    return ir.Leaf(ir.Nothing(), here.line)


def _missing(builder: Builder, word: str, needs: str, here: Here) -> ir.Node:
    span = builder.document.key_span((*here.path, word))
    return builder.error("TL506", f"`{word}` needs {needs}", span)


def _subject(
    builder: Builder, value: Any, path: Path, scope: ir.Scope, bare: bool = False
) -> ir.Node:
    """The tree that a directive asks about. Text without holes is a slip, or bare where `bare`."""
    with builder.asking():
        if not isinstance(value, str):
            return builder.node(value, path, scope)
        line = builder.line_of(path)
        if "{{" in value:
            return ir.Leaf(builder.text(value, path, scope, guarded=True), line)
        if bare:
            builder.grow(len(value))
            spot = Spot(Place(builder.document, path, value), 0, value)
            return ir.Leaf(builder.gate.expression(spot, scope, guarded=True), line)
        span = builder.document.span(path)
        hint = f'write "{{{{ {value} }}}}"'
        return builder.error("TL513", f"`{value}` is text, not an expression", span, hint)


def _if(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    if "then" not in value and "else" not in value:
        return _missing(builder, "$if", "`then`", here)
    path, scope, line, in_list = here
    test = _subject(builder, value["$if"], (*path, "$if"), scope)
    then, other = (
        builder.node(value[key], (*path, key), scope, in_list) if key in value else None
        for key in ("then", "else")
    )
    return ir.If(test, then, other, line)


def _switch(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    path, scope, line, in_list = here
    if "has" in value and "case" in value:
        return _surplus(builder, "has", "case", frozenset({"default"}), here)
    word = "has" if "has" in value else "case"
    cases = value.get(word)
    if not isinstance(cases, dict):
        return _missing(builder, "$switch", "`case: {value: …}` or `has: {key: …}`", here)
    subject = _subject(builder, value["$switch"], (*path, "$switch"), scope)
    seen: set[str] = set()
    found: list[tuple[list[str], ir.Node]] = []
    for key, item in cases.items():
        at = (*path, word, key)
        check_text_key(builder.document, at, builder.report)
        names = [name.strip() for name in key.split("|")]
        for name in seen.intersection(names):
            span = builder.document.key_span(at)
            builder.error("TL506", f"the case `{name}` stands here twice", span, "keep one")
        seen.update(names)
        builder.grow(len(key))
        found.append((names, builder.node(item, at, scope, in_list)))
    default: ir.Node | None = None
    if "default" in value:
        default = builder.node(value["default"], (*path, "default"), scope, in_list)
    else:
        builder.unit.open_switches.append(builder.document.key_span((*path, "$switch")))
    return ir.Switch(subject, word == "has", found, default, line)


def _for(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    path, scope, line, _ = here
    for key in ("in", "do"):
        if key not in value:
            return _missing(builder, "$for", f"`{key}`", here)
    if builder.loops >= DEEPEST_LOOPS:
        span = builder.document.key_span((*path, "$for"))
        return builder.error("TL514", "`$for` is nested too deeply", span, "use a fragment")
    source = _subject(builder, value["in"], (*path, "in"), scope)
    inner = scope.inner()
    name = _bind(builder, value["$for"], "loop", (*path, "$for"), inner)
    index = _bind(builder, value["at"], "index", (*path, "at"), inner) if "at" in value else None
    when: ir.Node | None = None
    if "when" in value:
        when = _subject(builder, value["when"], (*path, "when"), inner, bare=True)
    builder.loops += 1
    do = builder.node(value["do"], (*path, "do"), inner, True)
    builder.loops -= 1
    loop = ir.For(name, index, source, when, do, line)
    builder.unit.loops.append((loop, builder.loops > 0))
    return loop


def _bind(
    builder: Builder,
    name: Any,
    kind: Literal["loop", "index", "let"],
    path: Path,
    scope: ir.Scope,
) -> ir.Binding:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        hint = "letters, digits and `_`, not a digit first, and no word that expressions use"
        span = builder.document.key_span(path) if kind == "let" else builder.document.span(path)
        builder.error("TL506", f"`{name}` cannot be a name", span, hint)
        name = "unnamed"
    binding = scope.names[name] = ir.Binding(name, kind, maybe_absent=kind == "let")
    return binding


def _let(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    path, scope, line, in_list = here
    given = value["$let"]
    if not isinstance(given, dict):
        return _missing(builder, "$let", "a mapping, `{name: value}`", here)
    if "in" not in value:
        return _missing(builder, "$let", "`in`", here)
    names: list[tuple[ir.Binding, ir.Node]] = []
    for key, item in given.items():
        at = (*path, "$let", key)
        with builder.asking():
            node = builder.node(item, at, scope)
        scope = scope.inner()
        binding = _bind(builder, key, "let", at, scope)
        if (other := ir.handed(node)) is not None:
            other.wholes -= 1
            other.aliases.append(binding)
        names.append((binding, node))
    return ir.Let(names, builder.node(value["in"], (*path, "in"), scope, in_list), line)


def _use(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    path, scope, line, _ = here
    name, given = value["$use"], value.get("with", {})
    span = builder.document.span((*path, "$use"))
    if not isinstance(name, str) or name not in builder.fragments:
        near = did_you_mean(str(name), builder.fragments)
        known = "there are: " + ", ".join(builder.fragments)
        none = "only a dialect has fragments, under `fragments:`"
        hint = f"did you mean `{near}`?" if near else known if builder.fragments else none
        return builder.error("TL507", f"no fragment `{name}`", span, hint)
    if not isinstance(given, dict):
        return _missing(builder, "$use", "`with` to be a mapping, `{name: value}`", here)
    with builder.asking():
        nodes = {key: builder.node(one, (*path, "with", key), scope) for key, one in given.items()}
    for node in nodes.values():
        if (handed := ir.handed(node)) is not None:
            handed.wholes -= 1
    spans = {key: builder.document.key_span((*path, "with", key)) for key in given}
    use = ir.Use(name, nodes, {}, line, span, spans, scope)
    builder.unit.uses.append(use)
    return use


def _refuse(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    text = value["$refuse"]
    if not isinstance(text, str):
        return _missing(builder, "$refuse", "text that says why", here)
    with builder.asking():
        message = builder.text(text, (*here.path, "$refuse"), here.scope, guarded=True)
    return ir.Refuse(message, here.line)


def _rest(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    name, but = value["$rest"], value.get("but", [])
    span = builder.document.span((*here.path, "$rest"))
    found = here.scope.find(name) if isinstance(name, str) and _NAME.fullmatch(name) else None
    if found is None or found.kind in ("table", "const", "index"):
        known = here.scope.known()
        near = did_you_mean(str(name), known)
        hint = f"did you mean `{near}`?" if near else "names here: " + ", ".join(sorted(known))
        return builder.error("TL501", f"`$rest` wants a name, and `{name}` is none", span, hint)
    if not isinstance(but, list) or not all(isinstance(field, str) for field in but):
        return _missing(builder, "$rest", "`but` to be a list of field names", here)
    found.rest = found.rest or span
    builder.unit.rests.append(found)
    return ir.Rest(found, but, here.line)


def _raw(builder: Builder, value: dict[str, Any], here: Here) -> ir.Node:
    raw = value["$raw"]
    path = (*here.path, "$raw")
    if isinstance(raw, str) and raw.startswith("{{") and raw.endswith("}}"):
        message = "`$raw` writes these braces as they are"
        hint = f'for the value write "{raw}" without `$raw`'
        builder.report.add("TL515", message, builder.document.span(path), hint, "warning")
    builder.grow(len(repr(raw)))
    return ir.Raw(raw, here.line)


WORDS: Final[dict[str, tuple[Callable[..., ir.Node], frozenset[str]]]] = {
    "$if": (_if, frozenset({"then", "else"})),
    "$switch": (_switch, frozenset({"case", "has", "default"})),
    "$for": (_for, frozenset({"in", "at", "when", "do"})),
    "$let": (_let, frozenset({"in"})),
    "$use": (_use, frozenset({"with"})),
    "$refuse": (_refuse, frozenset()),
    "$rest": (_rest, frozenset({"but"})),
    "$raw": (_raw, frozenset()),
}
"""Each directive, how it is built, and the keys that may stand beside it. `$spread` is not
among them: it stands among the items or the keys of data."""

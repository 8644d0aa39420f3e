"""The words for each way in which a document is not a route file (TL2xx)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from trunkline.config import elsewhere, mistakes
from trunkline.config.models import KINDS, LATER, MESSAGE, REFERABLE, TYPE
from trunkline.config.references import joined, meant, misuse
from trunkline.diagnostics import Diagnostic, Span, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trunkline.config.source import Document, Path

__all__ = ["Violation", "findings"]


@dataclass(frozen=True, slots=True, eq=False)
class Violation:
    """One keyword of the schema that a value does not satisfy.

    `argument` is what stands beside the keyword, `schema` what it stands in; `detail` is the
    missing key, for keywords about missing keys.
    """

    keyword: str
    argument: Any
    value: Any
    schema: Mapping[str, Any]
    path: Path
    detail: str


Unknown: TypeAlias = "Mapping[Path, Sequence[Violation]]"
"""The unknown keys, by the path of the mapping that they stand in."""

RESERVED: Final = frozenset({"images", "audio", "rerank", "realtime", "guardrails"})
"""Words for which the language has plans."""

_A: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_FORMS: Final = {
    "name": ("is not a name", "a letter, then up to 63 letters, digits, `_`, `.` or `-`"),
    "node": ("is not a node", "write `provider/model`, a provider, or a target's name"),
    "header": ("is not the name of a header", "letters, digits and `-`"),
    "host": (
        "is not the name of a host",
        "a host's name alone, or `*.example.com` for all below it",
    ),
    "duration": ("is not a duration", "one number and one unit (ms, s, m, h, d), or `off`"),
    "period": ("is not a time", "one number above 0 and one unit (ms, s, m, h, d): `30s`"),
    "period or auto": ("is not a time", "`auto`, or one number and one unit (ms, s, m, h, d)"),
    "count": ("is not a count", "digits, with `_` between them where it helps: 90_000"),
    "count from 1": ("is not a count from 1", "digits, with `_` between them where it helps"),
    "threshold": ("is neither a count from 1 nor `off`", "write a whole number, or `off`"),
    "path": ("is not a path", "it begins with one `/`, below the base URL: `/models`"),
    "priced name": (
        "is not the name of what has a price",
        "write `provider/model`; a `*` may stand at the end",
    ),
    "money": ("is not an amount of money", "a number and USD: `12.50 USD`"),
    "true or false": ("is neither true nor false", "write true or false, without quotes"),
}


def findings(document: Document, violations: Iterable[Violation]) -> Iterator[Diagnostic]:
    """The violations as diagnostics, without those that only follow from another one."""
    found = list(violations)
    unknown: dict[Path, list[Violation]] = {}
    for one in found:
        if one.keyword == "additionalProperties":
            unknown.setdefault(one.path[:-1], []).append(one)
    for one in found:
        diagnostic = _finding(document, one, unknown)
        if diagnostic is not None:
            yield diagnostic


def _finding(document: Document, error: Violation, unknown: Unknown) -> Diagnostic | None:
    handler = _HANDLERS.get(error.keyword)
    if handler is not None:
        return handler(document, error, error.path, unknown)
    return Diagnostic("TL200", "error", error.detail, document.span(error.path))


def _is_join(schema: Mapping[str, Any]) -> bool:
    """Whether the mapping is the one that may stand where text is wanted."""
    return list(schema.get("properties", ())) == ["join"]


def _text_hint(value: Any) -> str:
    name = value.get("env") if isinstance(value, dict) else None
    known = isinstance(name, str) and name.isidentifier()
    return f'write `"${{env:{name if known else "NAME"}}}"`, or the text in quotes'


def _unknown_key(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic | None:
    if _is_join(error.schema) and "join" not in (document.get(path[:-1]) or ()):
        return None  # That the mapping is none is said of it as a whole.
    properties = error.schema.get("properties", {})
    key, span = str(path[-1]), document.key_span(path)
    known = [name for name, one in properties.items() if LATER not in one]
    if key in ("true", "True", "TRUE") and "on" in known:
        hint = "write `on:`; a tool that speaks YAML 1.1 has turned it into `true:`"
        return Diagnostic("TL122", "error", "the key `true` was `on` once", span, hint)
    if key in RESERVED:
        hint = "leave it out; a later version will give it a meaning"
        return Diagnostic("TL218", "error", f"`{key}` is a reserved word", span, hint)
    return Diagnostic("TL201", "error", f"unknown key `{key[:80]}`", span, _key_hint(key, known))


_PLAIN_SPACES: Final = "indent with plain spaces: these look like spaces and are none"


def _key_hint(key: str, known: Sequence[str]) -> str:
    if key == "weight" and "balance" in known:
        return "it stands in a balance: `balance: {of: [{target: …, weight: 3}]}`"
    if key != key.strip():
        return _PLAIN_SPACES
    head, colon, tail = key.partition(":")
    if colon and head in known:
        return f"a space is missing after the colon: `{head}: {tail}`"
    return elsewhere.hint_for(key, known) or f"known keys: {', '.join(known)}"


def _missing(
    document: Document, error: Violation, path: Path, others: Unknown
) -> Diagnostic | None:
    key = error.detail
    if key in _meant(path, others):
        return None
    if _is_join(error.schema):
        message = "expected text, found a mapping"
        return Diagnostic("TL203", "error", message, document.span(path), _text_hint(error.value))
    hint = ""
    if key == "version":
        hint = "write `version: 1` at the top"
    else:
        about = error.schema.get("properties", {}).get(key, {}).get("description", "")
        hint = f"`{key}`: {about}" if about else f"add `{key}:`"
    return Diagnostic("TL202", "error", f"the key `{key}` is missing", document.span(path), hint)


def _meant(path: Path, unknown: Unknown) -> set[str]:
    """The keys that unknown keys of the mapping at `path` were probably meant to be."""
    there = unknown.get(path, ())
    known = there[0].schema["properties"] if there else {}
    return elsewhere.stands_for([str(error.path[-1]) for error in there], known)


def _type(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    value, wanted = error.value, error.argument
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    form = error.schema.get(TYPE, "")
    span, raw = document.span(path), document.raw(path) or ""
    if value is None and "string" not in kinds:
        what = _one_of(kinds, form)
        hint = "leave the key out, or give it a value"
        if kinds == ["object"] and not error.schema.get("required"):
            hint = f"{hint}; `{{}}` where nothing needs to be said"
        place = _at_key(document, path, span)
        message = f"nothing stands here; expected {what}"
        return Diagnostic("TL219", "error", message, place, hint)
    if form in _TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return Diagnostic(
            "TL203",
            "error",
            "a duration needs its unit",
            span,
            f"write `{raw}s` for seconds; units are ms, s, m, h and d",
        )
    if form == "money" and isinstance(value, int | float) and not isinstance(value, bool):
        message = "an amount of money needs its currency"
        return Diagnostic("TL203", "error", message, span, f"write `{raw} USD`")
    if "string" in kinds and _is_scalar(value) and form not in _NOT_QUOTED:
        place = span if raw else _at_key(document, path, span)
        return _quote(place, raw, value, _one_of(kinds, form))
    what = _one_of(kinds, form)
    message = f"expected {what}, found {_found(value, raw)}"
    hint = _shape_hint(value, kinds, path) or _inside_hint(value, kinds, raw, error.schema)
    return Diagnostic("TL203", "error", message, span, hint)


def _inside_hint(value: Any, kinds: Sequence[str], raw: str, schema: Mapping[str, Any]) -> str:
    """How a value reads inside of the mapping that is wanted: as its only needed key, as the
    name of a part that needs nothing said, or as `type`."""
    if kinds != ["object"]:
        return ""
    properties, needed = schema.get("properties", {}), schema.get("required", ())
    if value is True and not needed:
        return "write `{}` where there is nothing more to say"
    if isinstance(value, str) and "type" in properties:
        return f"write `{{type: {raw}}}`"
    if isinstance(value, str) and value in properties:
        return f"write `{{{value}: {{}}}}`" if "$ref" in properties[value] else ""
    if len(needed) == 1 and isinstance(value, str | list):
        return f"write `{{{needed[0]}: {raw[:40] if raw else '[…]'}}}`"
    if isinstance(value, list) and "additionalProperties" in schema and not properties:
        return "write `name: value` lines, or `{name: value}`"
    return ""


def _shape_hint(value: Any, kinds: Sequence[str], path: Path) -> str:
    """What was probably meant by a value of another kind."""
    if isinstance(value, list) and path and path[-1] in ("fallback", "balance"):
        return f"write `{path[-1]}: {{of: […]}}`"
    if isinstance(value, dict) and path and path[-1] == "switch":
        return "write `switch: [{when: …, to: …}, {to: …}]`"
    if not isinstance(value, str):
        return ""
    if "object" in kinds and (slip := _SPACELESS.fullmatch(value)) is not None:
        return f"a space is missing after the colon: `{slip[1]}: {slip[2]}`"
    if {"integer", "number"} & set(kinds) and _NUMBER.fullmatch(value):
        return f"write {value} without quotes"
    return "write a list: `- …` lines, or `[…]`" if kinds == ["array"] else ""


_SPACELESS: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*):(\S.*)")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


_TIMES: Final = ("duration", "period", "period or auto")
_NOT_QUOTED: Final = (
    *_TIMES,
    "count",
    "count from 1",
    "threshold",
    "money",
    "true or false",
)


def _quote(span: Span, raw: str, value: Any, what: str) -> Diagnostic:
    read = "nothing" if value is None else _A[_kind(value)]
    if value is None and raw in ("", "~"):
        return Diagnostic(
            "TL219",
            "error",
            f"nothing stands here; expected {what}",
            span,
            "leave the key out, or give it a value",
        )
    hint = f"quote it: {mistakes.quoted(raw)}"
    return Diagnostic("TL205", "error", f"text is wanted here, and YAML reads {read}", span, hint)


def _at_key(document: Document, path: Path, span: Span) -> Span:
    """Where nothing stands, its key is what can be pointed at."""
    empty = (span.line, span.column) == (span.end_line, span.end_column)
    return document.key_span(path) if empty and path else span


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _found(value: Any, raw: str) -> str:
    if isinstance(value, str):
        return f"the text {mistakes.quoted(value[:60])}"
    if isinstance(value, list | dict) or value is None:
        return _A[_kind(value)]
    return f"`{raw[:60]}`"


def _one_of(kinds: Sequence[str], form: str) -> str:
    if form in ("duration", "count", "count from 1", "name", "node", "header", "path"):
        return f"a {form}"
    if form in _SPOKEN:
        return _SPOKEN[form]
    words = [_A[kind] for kind in kinds if not (form and kind == "object")]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


_SPOKEN: Final = {
    "money": "an amount of money",
    "expression": "an expression",
    "period": "a duration",
    "period or auto": "a duration or `auto`",
    "threshold": "a count from 1 or `off`",
}


def _choice(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    value = error.value
    choices = [str(word).lower() if word is True else str(word) for word in error.argument]
    span, raw = _at_key(document, path, document.span(path)), document.raw(path)
    if path == ("version",):
        hint = "this Trunkline reads version 1: write `version: 1`"
        return Diagnostic("TL204", "error", f"version {raw or '…'} is not known", span, hint)
    if isinstance(value, str) and value in RESERVED:
        hint = f"there are: {', '.join(choices)}"
        return Diagnostic("TL218", "error", f"`{value}` is a reserved word", span, hint)
    if isinstance(value, list | dict) or value is None:
        return Diagnostic(
            "TL203",
            "error",
            f"expected one word, found {_found(value, '')}",
            span,
            f"one of: {', '.join(choices)}",
        )
    near = did_you_mean(str(value), choices)
    hint = f"one of: {', '.join(choices)}"
    meant = f"; did you mean `{near}`?" if near else ""
    shown = value if isinstance(value, str) else raw
    return Diagnostic(
        "TL204", "error", f"`{str(shown)[:60]}` is not a choice here{meant}", span, hint
    )


def _form(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    return _bad_form(str(error.value), error.schema.get(TYPE, ""), document.span(path), path)


def _bad_form(value: str, form: str, span: Span, path: Path) -> Diagnostic:
    shown = value if len(value) <= 60 else value[:57] + "…"
    wrong = misuse(value)
    if wrong or (value.startswith("${") and path and path[0] not in REFERABLE):
        return _reference(wrong, value, span, path)
    if "{{" in value and form in ("expression", "node"):
        return _template(value, form, span)
    if not value.strip():
        return Diagnostic("TL209", "error", "this text is empty", span)
    message, hint = _FORMS.get(form, ("has not the right form", ""))
    if value != value.strip():
        hint = _PLAIN_SPACES if form == "name" else f"{hint}, without blanks around it"
    if form == "host":
        hint = _host_hint(value, hint)
    if form in _TIMES and value.replace(".", "", 1).isdigit():
        hint = f"the unit is missing: `{value}s`"
    return Diagnostic("TL206", "error", f"`{shown}` {message}", span, hint)


def _host_hint(value: str, hint: str) -> str:
    """What was probably meant: a URL without all but its host."""
    name = re.sub(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//", "", value).strip()
    name = re.split(r"[/?#]", name.rpartition("@")[2])[0].partition(":")[0]
    if name in ("", "*"):
        return "name the hosts: any host at all would let callers reach whatever there is"
    return f"write `{name}`" if name != value and "." in name else hint


def _reference(wrong: str | None, value: str, span: Span, path: Path) -> Diagnostic:
    if path and path[0] not in REFERABLE:
        hint = f"references are read in {', '.join(REFERABLE)}"
        return Diagnostic("TL211", "error", "a reference is not read here", span, hint)
    hint = meant(value)
    if wrong and "part of" in wrong:
        hint = _joined_hint(value, path)
    return Diagnostic("TL211", "error", wrong or "this is not a reference", span, hint)


def _joined_hint(value: str, path: Path) -> str:
    _, blank, rest = value.partition(" ")
    if path[-1:] == ("api_key",) and blank and not misuse(rest):
        return f"write `{rest}`; `auth: {{prefix: …}}` says what stands before a key"
    return f"put the parts together: `{{join: {joined(value)}}}`"


def _template(value: str, form: str, span: Span) -> Diagnostic:
    if form == "node":
        hint = "choose between targets with `switch`; `*` stands for what the pattern matched"
        return Diagnostic("TL213", "error", "a node is not a template", span, hint)
    bare = value.replace("{{", "").replace("}}", "").strip()
    hint = f"write it without braces: {bare}"
    return Diagnostic("TL213", "error", "an expression stands here without `{{ }}`", span, hint)


def _bad_name(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    form = _names_form(error)
    return _bad_form(str(path[-1]), form, document.key_span(path), path[:1])


def _names_form(error: Violation) -> str:
    reference = str(error.argument.get("$ref", ""))
    forms = {"HeaderName": "header", "PricedName": "priced name"}
    return forms.get(reference.rpartition("/")[2], "name")


def _strategy(
    document: Document, error: Violation, path: Path, others: Unknown
) -> Diagnostic | None:
    keys = [branch["required"][0] for branch in error.argument]
    there = [key for key in keys if key in error.value]
    if not there and _meant(path, others) & set(keys):
        return None
    what = "a node" if tuple(keys) == KINDS else "this"
    hint = f"one of: {', '.join(keys)}"
    if not there:
        return Diagnostic(
            "TL207",
            "error",
            f"{what} needs one key that says what it is",
            document.span(path),
            hint,
        )
    named = " and ".join(f"`{key}`" for key in there)
    span = document.key_span((*path, there[1]))
    related = ((document.key_span((*path, there[0])), f"`{there[0]}` here"),)
    hint = "keep one; put the other one inside it, or name it under `targets`"
    return Diagnostic("TL207", "error", f"{what} cannot be {named} at once", span, hint, related)


def _together(
    document: Document, error: Violation, path: Path, others: Unknown
) -> Diagnostic | None:
    keys = [key for key in error.argument.get("required", ()) if key in error.value]
    if not keys and _meant(path, others):
        return None
    message = error.schema.get(MESSAGE, "these keys exclude each other")
    span = document.key_span((*path, keys[-1])) if keys else document.span(path)
    related = tuple((document.key_span((*path, key)), f"`{key}` here") for key in keys[:-1])
    return Diagnostic("TL208", "error", message, span, "", related)


def _depends(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic | None:
    key, needed = next(
        (key, needs[0])
        for key, needs in error.argument.items()
        if key in error.value and needs[0] not in error.value and repr(key) in error.detail
    )
    asking = [one for one, needs in error.argument.items() if needed in needs]
    if needed != "target" and key != next(one for one in asking if one in error.value):
        return None  # One key is missing, however many ask for it.
    message = f"`{key}` stands only beside `{needed}`"
    hint = "move it to the targets below" if needed == "target" else f"add `{needed}:`"
    return Diagnostic("TL208", "error", message, document.key_span((*path, key)), hint)


def _empty(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    what = _A[_kind(error.value)].removeprefix("a ")
    return Diagnostic(
        "TL209",
        "error",
        f"this {what} is empty",
        document.span(path),
        "leave the key out, or put something into it",
    )


def _range(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    low, high = error.schema.get("minimum"), error.schema.get("maximum")
    if high is None:
        hint = f"at least {low}"
    elif low is None:
        hint = f"at most {high}"
    else:
        hint = f"from {low} to {high}"
    message = f"`{document.raw(path)}` is out of range"
    return Diagnostic("TL210", "error", message, document.span(path), hint)


def _last_arm(document: Document, error: Violation, path: Path, _: Unknown) -> Diagnostic:
    hint = "add `when:`, or move this arm to the end"
    message = "only the last arm may do without `when`"
    return Diagnostic("TL212", "error", message, document.span(path), hint)


_HANDLERS: Final = {
    "additionalProperties": _unknown_key,
    "required": _missing,
    "type": _type,
    "enum": _choice,
    "pattern": _form,
    "propertyNames": _bad_name,
    "oneOf": _strategy,
    "not": _together,
    "dependentRequired": _depends,
    "minItems": _empty,
    "minProperties": _empty,
    "minimum": _range,
    "maximum": _range,
    "x-trunkline-only-last-without": _last_arm,
}

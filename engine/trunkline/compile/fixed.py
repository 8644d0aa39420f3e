"""What stands written out in an overlay, checked before any request meets it.

A value that comes out of a template is known only when there is a request; all else is known
now, so a field that no request has, or a value that no field takes, need not wait for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trunkline.compile.roots import CHAT_FIELDS, REQUEST_FIELDS
from trunkline.config.references import Reference, misuse
from trunkline.diagnostics import Diagnostic, did_you_mean
from trunkline.dialect import check_request
from trunkline.errors import RequestError
from trunkline.template import DIRECTIVES

if TYPE_CHECKING:
    from trunkline.compile.report import Report
    from trunkline.config.source import Path

__all__ = [
    "check_default",
    "check_fields",
    "check_headers",
    "check_references",
    "check_whole",
]

_NOT_OURS: Final = {
    "model": ("`model` is settled by where a route leads", "name it in `to`: `provider/model`"),
    "stream": ("whether an answer is streamed is the caller's to say", "take it out"),
}
_LEAST: Final[dict[str, Any]] = {"model": "m", "messages": []}
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[]+)")


def check_fields(report: Report, tree: dict[str, Any], path: Path) -> None:
    """The keys of an overlay on the request, and the values that are written out."""
    if any(key in DIRECTIVES and key != "$spread" for key in tree):
        return
    for key, value in tree.items():
        name = key.rstrip("~!")
        at = (*path, key)
        if key.startswith("$"):
            continue
        if name in _NOT_OURS:
            report.error("TL517", _NOT_OURS[name][0], at, _NOT_OURS[name][1], key=True)
        elif name not in REQUEST_FIELDS:
            near = did_you_mean(name, REQUEST_FIELDS)
            hint = f"did you mean `{near}`?" if near else "what only one wire knows: `wire.body`"
            report.error("TL505", f"a request has no `{name}`", at, hint, key=True)
        elif name == "messages":
            _check_messages(report, value, at)
        else:
            _check_value(report, name, value, at)


def _check_messages(report: Report, value: Any, path: Path) -> None:
    if not isinstance(value, dict) or not DIRECTIVES.isdisjoint(value):
        _check_value(report, "messages", value, path)
        return
    for key, listed in value.items():
        at = (*path, key)
        if key in ("prepend", "append"):
            _check_value(report, "messages", listed, at)
        else:
            near = did_you_mean(key, ("prepend", "append"))
            hint = f"did you mean `{near}`?" if near else "there are `prepend` and `append`"
            report.error("TL517", f"`messages` has no `{key}`", at, hint, key=True)


def _check_value(report: Report, name: str, value: Any, path: Path) -> None:
    if isinstance(value, dict) and set(value) == {"$default"}:
        value, path = value["$default"], (*path, "$default")
    if value is None or not _written_out(value):
        return
    try:
        if name in CHAT_FIELDS:
            check_request({**_LEAST, name: value})
        else:
            check_request({"model": "m", "input": ["x"], name: value}, "embeddings")
    except RequestError as error:
        place, _, what = error.message.partition(": ")
        steps = [int(m[1]) if m[1] else m[2] for m in _STEP.finditer(place)][1:]
        at = (*path, *steps)
        missing = report.document.get(at, _NOTHING) is _NOTHING
        if missing and isinstance(value, dict):
            return  # It is laid on a mapping that may have what is missing here.
        while report.document.get(at, _NOTHING) is _NOTHING:
            at = at[:-1]
        named = next(step for step in reversed((name, *steps)) if isinstance(step, str))
        report.error("TL517", f"`{named}`: {what}", at, _near_directive(value))


_NOTHING: Final = object()


def _near_directive(value: Any) -> str:
    """A hint where a key looks like a directive: other `$` keys are data."""
    for key in value if isinstance(value, dict) else ():
        near = did_you_mean(key, [*DIRECTIVES, "$default"]) if key.startswith("$") else None
        if near is not None:
            return f"did you mean `{near}`?"
    return ""


def _written_out(value: Any) -> bool:
    """Whether there is no template and no directive in it."""
    if isinstance(value, str):
        return "{{" not in value
    if isinstance(value, dict):
        return all(
            key not in DIRECTIVES
            and key != "$default"
            and key[-1:] not in ("~", "!")
            and _written_out(item)
            for key, item in value.items()
        )
    return all(map(_written_out, value)) if isinstance(value, list) else True


def check_whole(report: Report, tree: dict[str, Any], path: Path) -> None:
    """An overlay is a mapping, also where `$raw` writes it."""
    raw = tree.get("$raw", {})
    if not isinstance(raw, dict):
        message = "an overlay is a mapping"
        report.error("TL517", message, (*path, "$raw"), "write `key: value` lines")


def check_default(report: Report, value: Any, path: Path, *, alone: bool = True) -> None:
    """`$default` is the whole value of a key, or it would be sent as it stands. `alone`:
    whether it may stand here."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            check_default(report, item, (*path, index), alone=False)
    if not isinstance(value, dict) or "$raw" in value:
        return
    if "$default" in value and not (alone and len(value) == 1):
        message = "`$default` is the whole value of a key of the overlay"
        hint = "write `key: {$default: value}`, with nothing beside it"
        report.error("TL506", message, (*path, "$default"), hint, key=True)
    plain = alone and DIRECTIVES.isdisjoint(value)
    for key, item in value.items():
        check_default(report, item, (*path, key), alone=plain)


def check_headers(report: Report, tree: dict[str, Any], path: Path) -> None:
    """Values that no header can carry."""
    for name, value in tree.items():
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            message = "a header carries printable ASCII only"
            report.error("TL517", message, (*path, name), "encode it, in base64 for example")


def check_references(report: Report, value: Any, path: Path) -> None:
    """Warn of `${env:…}` where no reference is read: it would be sent as it is written."""
    if isinstance(value, str):
        if Reference.parse(value) is not None or misuse(value) is not None:
            message = "a reference is not read here; this is sent as it is written"
            hint = "secrets stand in `providers`; if the text itself is meant: `{$raw: …}`"
            span = report.document.span(path)
            report.found.append(Diagnostic("TL518", "warning", message, span, hint))
    elif isinstance(value, dict) and "$raw" not in value:
        for key, item in value.items():
            check_references(report, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_references(report, item, (*path, index))

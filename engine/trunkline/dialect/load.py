"""From a dialect's document to a `Dialect`.

A dialect file is a mapping; its sections are listed in `_SECTIONS`. All that can be wrong with
it is found here, at once, as diagnostics with a place: nothing is left for the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.config.source import merge
from trunkline.diagnostics import Diagnostic, did_you_mean
from trunkline.dialect.blocks import StreamTemplates
from trunkline.dialect.carries import carries_of
from trunkline.dialect.chat_filters import CHAT_FILTERS
from trunkline.dialect.dialect import Dialect, ErrorRules, WriteRules
from trunkline.dialect.paths import PathPattern
from trunkline.dialect.reader import StreamRules
from trunkline.dialect.serving import Door
from trunkline.template import ABSENT, Library, Template
from trunkline.wire import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.config.source import Document, Path
    from trunkline.embeddings import Operation
    from trunkline.template import Mode
    from trunkline.wire import Framing

__all__ = ["load_dialect"]

_SECTIONS = {
    "": {
        "dialect",
        "about",
        "extends",
        "operation",
        "at_once",
        "hints",
        "drops",
        "inlines",
        "bound",
        "tables",
        "fragments",
        "write",
        "reply",
        "usage",
        "stream",
        "errors",
        "serve",
        "tests",
    },
    "write": {"method", "path", "query", "headers", "body"},
    "stream": {
        "framing",
        "unwrap",
        "event",
        "events",
        "each",
        "ends_with",
        "done",
        "ends_after_finish",
    },
    "errors": {"message", "kinds", "retry_after"},
    "serve": {"paths", "names", "request", "reply", "stream", "error", "headers"},
    "serve.stream": {
        "framing",
        "name",
        "wrap",
        "done",
        "stamp",
        "ping",
        "interleave",
        "kinds",
        "begin",
        "open",
        "add",
        "close",
        "end",
        "fail",
    },
}
_JOINED: tuple[Path, ...] = (("errors", "kinds"),)
_REQUIRED = {
    "": ("dialect", "write", "reply"),
    "write": ("path", "body"),
    "stream": ("framing",),
    "serve": ("paths", "request", "reply", "error"),
    "serve.stream": ("framing",),
}
_KINDS: dict[str, tuple[type, str]] = {
    "hints": (list, "a list of fields of the request"),
    "drops": (list, "a list of what requests hold"),
    "inlines": (str, "an expression, such as `part.type == 'file'`"),
    "bound": (list, "a list of paths in the dialect's own `extra`"),
    "tables": (dict, "a mapping of tables by name"),
    "fragments": (dict, "a mapping of templates by name"),
    "tests": (list, "a list of tests"),
    "write.method": (str, "text, such as `POST`"),
    "stream.done": (str, "the text that ends a stream"),
    "stream.events": (dict, "a mapping of templates by the event's name"),
    "stream.ends_with": (list, "a list of events' names"),
    "errors.kinds": (list, "a list of `{when: …, kind: …}`"),
    "serve.names": (dict, "a mapping of canonical fields to this wire's names"),
    "serve.paths": (list, "a list of paths"),
    "serve.stream.done": (str, "the text that ends a stream"),
    "serve.stream.stamp": (str, "the name of a field"),
    "serve.stream.ping": (str, "text that clients pass over, such as a line end"),
    "serve.stream.kinds": (list, "a list of kinds of blocks"),
}


def load_dialect(
    document: Document, base: Callable[[str], Document | None], *, check: bool = True
) -> tuple[Dialect | None, list[Diagnostic]]:
    """A dialect from its mapping, or what is wrong with it.

    `base` finds the document of the dialect that this one `extends`. Without `check`, templates
    are compiled when they are first used: for files that our own tests have checked.
    """
    report: list[Diagnostic] = []
    whole, family = _extended(document, base, report)
    if whole is None or not _check_sections(whole, report):
        return None, report
    builder = _Builder(whole, family, report)
    dialect = builder.build()
    if check:
        report.extend(builder.library.check_all())
    return (None if any(d.severity == "error" for d in report) else dialect), report


def _extended(
    document: Document, base: Callable[[str], Document | None], report: list[Diagnostic]
) -> tuple[Document | None, str]:
    """The document laid on the one that it extends, and the name at the root of the chain.

    Its error rules are tried before those of the one that it extends.
    """
    value = document.value if isinstance(document.value, dict) else {}
    name = value.get("extends")
    if name is None:
        return document, str(value.get("dialect", ""))
    parent = base(name) if isinstance(name, str) else None
    if parent is None:
        report.append(
            Diagnostic(
                "TL306", "error", f"unknown dialect `{name}` to extend", document.span(("extends",))
            )
        )
        return None, ""
    grown, family = _extended(parent, base, report)
    return (None if grown is None else merge(grown, document, _JOINED)), family


def _check_sections(document: Document, report: list[Diagnostic]) -> bool:
    """Known keys only, and the required ones, in every section that has fixed keys."""
    fine = True
    for section, known in _SECTIONS.items():
        path: Path = tuple(section.split(".")) if section else ()
        value = _at(document.value, path)
        if value is None:
            continue
        if not isinstance(value, dict):
            message = f"`{section or 'dialect'}` must be a mapping"
            hint = "with the keys " + ", ".join(sorted(known))
            report.append(Diagnostic("TL520", "error", message, document.span(path), hint))
            return False
        meant: set[str] = set()
        for key in value.keys() - known:
            near = did_you_mean(str(key), known)
            meant.update([near] if near else ())
            hint = f"did you mean `{near}`?" if near else "known: " + ", ".join(sorted(known))
            message = f"unknown key `{key}` in {_named(section)}"
            place = document.key_span((*path, key))
            report.append(Diagnostic("TL520", "error", message, place, hint))
            fine = False
        for key in _REQUIRED.get(section, ()):
            if key not in value and key not in meant:
                message = f"{_named(section)} needs `{key}`"
                hint = f"add `{key}:`"
                report.append(Diagnostic("TL520", "error", message, document.span(path), hint))
                fine = False
    return _check_kinds(document, report) and fine


def _named(section: str) -> str:
    return f"a dialect's `{section}`" if section else "a dialect"


def _check_kinds(document: Document, report: list[Diagnostic]) -> bool:
    """Lists and mappings where the sections want them."""
    fine = True
    for section, (kind, what) in _KINDS.items():
        path = tuple(section.split("."))
        value = _at(document.value, path)
        names = section not in ("tests", "errors.kinds", "drops") and isinstance(value, list)
        unfit = names and not all(isinstance(item, str) for item in value)
        if value is not None and (unfit or not isinstance(value, kind)):
            message = f"`{section}` must be {what}"
            report.append(Diagnostic("TL520", "error", message, document.span(path)))
            fine = False
    return fine


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class _Builder:
    """Compiles the sections of one dialect, collecting what is wrong."""

    def __init__(self, document: Document, family: str, report: list[Diagnostic]) -> None:
        self.document = document
        self.family = family
        self.report = report
        self.library = Library(
            document, tables=("tables",), fragments=("fragments",), filters=CHAT_FILTERS
        )

    def build(self) -> Dialect:
        name = str(self.document.value["dialect"])
        write = self._write()
        return Dialect(
            name,
            str(self.document.value.get("about", "")),
            family=self.family,
            operation=self._operation(),
            at_once=self._optional(("at_once",), ("request", "target", "provider"), "read")
            or _nothing,
            write=write,
            reply=self._template(("reply",), ("body", "headers"), "read"),
            usage=self._template(("usage",), ("raw", "provider"), "read"),
            stream=self._stream(),
            errors=self._errors(),
            carries=carries_of(self.document, self.library, self.family, write.reads, self.report),
            door=self._door(name),
        )

    def _operation(self) -> Operation:
        said = self.document.value.get("operation", "chat")
        if said not in ("chat", "embeddings"):
            span = self.document.span(("operation",))
            hint = "one of chat, embeddings"
            self.report.append(Diagnostic("TL520", "error", f"no operation `{said}`", span, hint))
        return "embeddings" if said == "embeddings" else "chat"

    def _template(self, path: Path, params: tuple[str, ...], mode: Mode) -> Template:
        return self.library.compile(path, params, mode)

    def _write(self) -> WriteRules:
        params = ("request", "target", "provider")
        body = self._template(("write", "body"), params, "write")
        path = self._template(("write", "path"), params, "path")
        query = self._optional(("write", "query"), params, "query")
        headers = self._optional(("write", "headers"), params, "headers")
        return WriteRules(
            method=str(_at(self.document.value, ("write", "method")) or "POST"),
            path=path,
            query=query or _nothing,
            headers=headers or _nothing,
            body=body,
            reads=_reads_of(body, path, query, headers),
        )

    def _stream(self) -> StreamRules | None:
        section = self.document.value.get("stream")
        if section is None:
            return None
        events: dict[str, Callable[[Any], Any] | None] = {}
        for name, rule in section.get("events", {}).items():
            path = ("stream", "events", name)
            events[name] = None if rule == "ignore" else self._template(path, ("event",), "read")
        return StreamRules(
            self._framings(),
            unwrap=self._optional(("stream", "unwrap"), ("event",), "read"),
            each=self._optional(("stream", "each"), ("event",), "read"),
            events=events,
            name_of=self._optional(("stream", "event"), ("event",), "read"),
            ends_with=frozenset(section.get("ends_with", ())),
            done=str(section.get("done", "")).encode(),
            ends_after_finish=section.get("ends_after_finish") is True,
        )

    def _framings(self) -> dict[str, Framing]:
        """The framings of a stream that is read, by media type; one that is named alone is for
        all of them."""
        path: Path = ("stream", "framing")
        said = _at(self.document.value, path)
        if isinstance(said, dict) and said:
            return {
                str(kind).lower(): self._framing(name, (*path, kind)) for kind, name in said.items()
            }
        return {"": self._framing(said, path)}

    def _framing(self, name: Any, path: Path) -> Framing:
        known = FRAMINGS.get(name) if isinstance(name, str) else None
        if known is None:
            self.report.append(
                Diagnostic(
                    "TL521",
                    "error",
                    f"no framing `{name}`",
                    self.document.span(path),
                    "one of " + ", ".join(FRAMINGS),
                )
            )
            return FRAMINGS["sse"]
        return known

    def _optional(self, path: Path, params: tuple[str, ...], mode: Mode) -> Template | None:
        present = _at(self.document.value, path) is not None
        return self._template(path, params, mode) if present else None

    def _errors(self) -> ErrorRules:
        params = ("status", "headers", "body")
        kinds = []
        for index, rule in enumerate(_at(self.document.value, ("errors", "kinds")) or ()):
            path: Path = ("errors", "kinds", index)
            if not isinstance(rule, dict) or rule.keys() != {"when", "kind"}:
                message = "an error rule has `when` and `kind`"
                span = self.document.span(path)
                hint = "write `{when: status == 529, kind: overloaded}`"
                self.report.append(Diagnostic("TL520", "error", message, span, hint))
                continue
            condition = self.library.compile_expression((*path, "when"), params)
            kinds.append((condition, self._template((*path, "kind"), params, "read")))
        return ErrorRules(
            kinds,
            self._optional(("errors", "message"), params, "read"),
            self._optional(("errors", "retry_after"), params, "read"),
        )

    def _door(self, dialect: str) -> Door | None:
        serve = self.document.value.get("serve")
        if serve is None:
            return None
        return Door(
            dialect,
            self._operation(),
            self._paths(serve["paths"]),
            self._template(("serve", "request"), ("body", "headers", "params", "query"), "serve"),
            self._template(("serve", "reply"), ("reply", "request"), "serve"),
            self._template(("serve", "error"), ("error",), "serve"),
            self._optional(("serve", "headers"), ("error", "reply"), "serve") or _nothing,
            self._serve_stream() if "stream" in serve else None,
            self._framing_asked() if "stream" in serve else _nothing,
            serve.get("names", {}),
        )

    def _paths(self, written: list[str]) -> tuple[PathPattern, ...]:
        patterns = []
        for index, text in enumerate(written):
            try:
                patterns.append(PathPattern(text))
            except ValueError as error:
                span = self.document.span(("serve", "paths", index))
                hint = "such as `/v1/models/{model}:{method:ask|stream}`"
                self.report.append(Diagnostic("TL520", "error", str(error), span, hint))
        return tuple(patterns)

    def _framing_asked(self) -> Callable[[Any, Any], Any]:
        """Which framing a client wants: one name for all of them, or a template's word."""
        path: Path = ("serve", "stream", "framing")
        said = _at(self.document.value, path)
        if isinstance(said, str) and "{{" not in said:
            name = self._framing(said, path).name
            return lambda _params, _query: name
        return self._template(path, ("params", "query"), "serve")

    def _serve_stream(self) -> StreamTemplates:
        section = self.document.value["serve"]["stream"]

        def part(name: str, *params: str) -> Callable[..., Any]:
            path: Path = ("serve", "stream", name)
            return self._optional(path, params, "serve") or _nothing

        name_of = self._optional(("serve", "stream", "name"), ("event",), "serve")
        return StreamTemplates(
            family=self.family,
            begin=part("begin", "reply", "request"),
            open=part("open", "block", "reply", "request"),
            add=part("add", "block", "delta", "reply", "request"),
            close=part("close", "block", "reply", "request"),
            end=part("end", "reply", "request"),
            fail=part("fail", "error", "reply", "request"),
            name=name_of if name_of is not None else _no_name,
            kinds=frozenset(section.get("kinds", ())),
            wrap=self._optional(("serve", "stream", "wrap"), ("event",), "serve"),
            done=str(section.get("done", "")).encode(),
            stamp=section.get("stamp", ""),
            ping=section["ping"].encode() if "ping" in section else None,
            interleave=section.get("interleave") is True,
        )


def _reads_of(*templates: Template | None) -> frozenset[str] | None:
    """The request's fields that any of these read; None where one takes it whole."""
    fields: frozenset[str] = frozenset()
    for template in templates:
        if template is not None:
            read = template.reads("request")
            if read is None:
                return None
            fields |= read
    return fields


def _nothing(*_roots: Any) -> Any:
    return ABSENT


def _no_name(_event: Any) -> str:
    return ""

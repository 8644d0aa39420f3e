"""What hints inside a request: the things below its fields that a wire may have no room for.

Whole fields are classed by what a dialect's `write` reads of them. What lies deeper is not seen
from there, so a dialect file lists in `drops` what it leaves out, by the names here; a test
writes every request with it and without it, and holds the lists to what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args, get_type_hints

from trunkline.chat import ChatRequest, Message, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    There = Callable[[Any, Mapping[str, Any], str], bool]
    """Whether a value says something: takes it, the mapping that it stands in, and the family
    of the dialect that is asked."""

    Rules = tuple[tuple[str, There], ...]
    Table = dict[str, Rules]

__all__ = ["DROPPABLE", "NESTED", "Finder", "Nested"]

Place = Literal["request", "messages", "content", "tool_calls", "tool_results", "tools"]
"""Mappings of a request: itself, a message that is no tool's, a part that is none of the
following, a call, a tool's answer, and a tool that is offered."""


def _said(value: Any, _holder: Mapping[str, Any], _family: str) -> bool:
    return value is not None and value != [] and value != {} and value != ""


def _true(value: Any, _holder: Mapping[str, Any], _family: str) -> bool:
    return value is True


def _inside(key: str, *nothing: Any) -> There:
    """Whether a mapping holds a value under `key`; `nothing` are values that say nothing."""

    def there(value: Any, _holder: Mapping[str, Any], _family: str) -> bool:
        if not isinstance(value, dict):
            return False
        inner = value.get(key)
        return inner is not None and inner != "" and inner not in nothing

    return there


def _of_schema(key: str) -> There:
    said = _inside(key)

    def there(value: Any, _holder: Mapping[str, Any], family: str) -> bool:
        return isinstance(value, dict) and said(value.get("json_schema"), value, family)

    return there


def _sealed(part: Mapping[str, Any]) -> bool:
    return bool(part.get("signature") or part.get("redacted"))


def _thought(value: Any, part: Mapping[str, Any], family: str) -> bool:
    if value != "reasoning" or part.get("owner", family) != family:
        return False
    return bool(part.get("text")) and not _sealed(part)


def _sealed_thought(value: Any, part: Mapping[str, Any], family: str) -> bool:
    return bool(value == "reasoning" and part.get("owner", family) == family and _sealed(part))


def _foreign_thought(value: Any, part: Mapping[str, Any], family: str) -> bool:
    return bool(value == "reasoning" and part.get("owner", family) != family)


def _own_seal(value: Any, part: Mapping[str, Any], family: str) -> bool:
    return bool(value and part.get("owner", family) == family)


def _foreign_seal(value: Any, part: Mapping[str, Any], family: str) -> bool:
    return bool(value and part.get("owner", family) != family and part.get("type") != "reasoning")


def _foreign_extra(value: Any, _holder: Mapping[str, Any], family: str) -> bool:
    return isinstance(value, dict) and any(
        owner != family and fields for owner, fields in value.items()
    )


def _cites(kind: str) -> There:
    def there(value: Any, _holder: Mapping[str, Any], _family: str) -> bool:
        return isinstance(value, list) and any(_kind_of_source(one) == kind for one in value)

    return there


def _kind_of_source(citation: Any) -> str:
    """What a citation points at, by the `type` that wires give it."""
    said = citation.get("type") if isinstance(citation, dict) else None
    said = said if isinstance(said, str) else ""
    if said == "url_citation":
        return "page"
    if said.endswith("_location"):
        return "result" if "url" in citation else "document"
    return "file" if said in ("file_citation", "container_file_citation", "file_path") else "other"


def _new(value: Any, holder: Mapping[str, Any], family: str) -> bool:
    if value is holder.get("extra"):
        return _foreign_extra(value, holder, family)
    return _said(value, holder, family)


class Nested(NamedTuple):
    """Something below a field: in which mappings, under which key, and what it is.

    A key of "" stands for every key that the canonical chat does not know. Who loses `within`
    loses this with it, and need not say so.
    """

    places: tuple[Place, ...]
    key: str
    about: str
    there: There = _said
    within: tuple[str, ...] = ()


NESTED: Final[dict[str, Nested]] = {
    "messages.name": Nested(("messages",), "name", "who of several speaks"),
    "messages.cache_control": Nested(
        ("messages",), "cache_control", "a cache mark on a message, beside its content"
    ),
    "messages.other": Nested(
        ("messages", "tool_results"),
        "",
        "keys of a message that are new, or another wire's (in `extra`)",
        _new,
    ),
    "content.cache_control": Nested(("content",), "cache_control", "a cache mark on a part"),
    "content.prompt_cache_breakpoint": Nested(
        ("content",), "prompt_cache_breakpoint", "where OpenAI's prompt cache is to break"
    ),
    "content.citations": Nested(
        ("content",), "citations", "pages of the web that an answer names", _cites("page")
    ),
    "content.citations.document": Nested(
        ("content",), "citations", "places in documents that an answer names", _cites("document")
    ),
    "content.citations.result": Nested(
        ("content",), "citations", "what a search of the model found", _cites("result")
    ),
    "content.citations.file": Nested(
        ("content",), "citations", "stored files that an answer names", _cites("file")
    ),
    "content.citations.other": Nested(
        ("content",), "citations", "sources of an answer in another form", _cites("other")
    ),
    "content.signature": Nested(
        ("content",),
        "signature",
        "what seals an answer's text for the model that gave it",
        lambda value, part, family: _own_seal(value, part, family) and part["type"] == "text",
    ),
    "content.image_url.detail": Nested(
        ("content",), "image_url", "how closely to look at an image", _inside("detail", "auto")
    ),
    "content.file.filename": Nested(
        ("content",), "file", "the name of a file", _inside("filename")
    ),
    "content.other": Nested(("content",), "", "keys of a part that are new"),
    "content.reasoning": Nested(
        ("content",), "type", "what a model thought, without a seal", _thought
    ),
    "content.reasoning.signature": Nested(
        ("content",), "type", "what a model of this wire thought, sealed", _sealed_thought
    ),
    "content.reasoning.foreign": Nested(
        ("content",), "type", "what a model of another wire thought, sealed", _foreign_thought
    ),
    "tool_calls.signature": Nested(
        ("tool_calls",), "signature", "what seals a call for the model that made it", _own_seal
    ),
    "signature.foreign": Nested(
        ("content", "tool_calls"),
        "signature",
        "what seals text or a call for a model of another wire",
        _foreign_seal,
    ),
    "tool_calls.cache_control": Nested(("tool_calls",), "cache_control", "a cache mark on a call"),
    "tool_results.is_error": Nested(("tool_results",), "is_error", "that a tool failed", _true),
    "tool_results.cache_control": Nested(
        ("tool_results",), "cache_control", "a cache mark on a tool's answer"
    ),
    "tools.cache_control": Nested(
        ("tools",), "cache_control", "a cache mark on a tool", within=("tools",)
    ),
    "tools.description": Nested(
        ("tools",), "function", "what a tool does", _inside("description"), ("tools",)
    ),
    "tools.strict": Nested(
        ("tools",),
        "function",
        "that arguments must fit the schema exactly",
        _inside("strict", False),
        ("tools",),
    ),
    "tools.extra": Nested(
        ("tools",),
        "extra",
        "settings of a tool that only another wire knows",
        _foreign_extra,
        ("tools",),
    ),
    "cache_control.ttl": Nested(
        ("request", "messages", "content", "tool_calls", "tool_results", "tools"),
        "cache_control",
        "how long a cache mark holds",
        _inside("ttl"),
        ("content.cache_control", "tools.cache_control", "tools"),
    ),
    "reasoning.budget_tokens": Nested(
        ("request",),
        "reasoning",
        "tokens to think with, beside the effort",
        _inside("budget_tokens"),
        ("reasoning",),
    ),
    "reasoning.mode": Nested(
        ("request",),
        "reasoning",
        "the wire's own word for thinking",
        _inside("mode"),
        ("reasoning",),
    ),
    "reasoning.summary": Nested(
        ("request",), "reasoning", "how to sum the thinking up", _inside("summary"), ("reasoning",)
    ),
    "response_format.name": Nested(
        ("request",),
        "response_format",
        "the name of an answer's schema",
        _of_schema("name"),
        ("response_format",),
    ),
    "response_format.description": Nested(
        ("request",),
        "response_format",
        "what an answer's schema is for",
        _of_schema("description"),
        ("response_format",),
    ),
    "response_format.strict": Nested(
        ("request",),
        "response_format",
        "that an answer must fit exactly",
        _of_schema("strict"),
        ("response_format",),
    ),
}
"""Every nested thing that a dialect may drop, by its name in `drops` and in decision records."""

FIELDS: Final = frozenset(get_type_hints(ChatRequest)) - {"model", "messages", "extra", "hints"}

DROPPABLE: Final = NESTED.keys() | FIELDS
"""What `drops` may name: nested things, and whole fields that a wire carries at times only."""

_OUR_OWN: Final = {
    *("owner", "dialect", "more", "extra", "prompt_cache_breakpoint"),
    *("media_type", "detail", "json", "as_is"),
}
"""Keys that dialects give to parts, for themselves or to say more exactly what a part is."""

_KNOWN: Final[dict[str, frozenset[str]]] = {
    "messages": frozenset(get_type_hints(Message)),
    "tool_results": frozenset(get_type_hints(Message)),
    "content": frozenset().union(_OUR_OWN, *(get_type_hints(one) for one in get_args(Part))),
}
"""The keys that the canonical chat has a meaning for, where others may stand beside them."""

_PLACE_OF_PART: Final[dict[str, Place]] = {"tool_call": "tool_calls", "tool_result": "tool_results"}


class Finder:
    """Finds some of the names in requests, for a dialect of `family`. A request is walked once,
    and not into its messages or tools where nothing there is asked for."""

    __slots__ = ("_any", "_family", "_fields", "_tables")

    def __init__(self, names: Iterable[str], family: str) -> None:
        wanted = {name: NESTED[name] for name in names if name in NESTED}
        self._family = family
        self._fields = sorted(FIELDS.intersection(names))
        self._tables = {place: _table(place, wanted) for place in get_args(Place)}
        self._any = any(
            place not in ("request", "tools") for one in wanted.values() for place in one.places
        )

    def __call__(self, request: Mapping[str, Any]) -> list[str]:
        """The names of what the request holds, sorted."""
        found = {name for name in self._fields if _said(request.get(name), request, "")}
        tables = self._tables
        self._look(request, tables["request"], found)
        if tables["tools"]:
            for tool in request.get("tools") or ():
                self._look(tool, tables["tools"], found)
        if self._any:
            for message in request.get("messages") or ():
                self._message(message, found)
        return sorted(found)

    def _message(self, message: Mapping[str, Any], found: set[str]) -> None:
        """What holds its required keys only is passed over: most of a request does."""
        tables, size = self._tables, len(message)
        content, calls = message.get("content"), message.get("tool_calls")
        if message["role"] == "tool":
            if size > 3 or content is None:
                self._look(message, tables["tool_results"], found)
        elif size > 3 or (size > 1 and "content" not in message) or (size == 3 and calls is None):
            self._look(message, tables["messages"], found)
        if type(content) is list:
            for part in content:
                kind = part["type"]
                if kind != "text" or len(part) > 2:
                    self._look(part, tables[_PLACE_OF_PART.get(kind, "content")], found)
        for call in calls or ():
            if len(call) > 3 or (len(call) == 3 and "type" not in call):
                self._look(call, tables["tool_calls"], found)

    def _look(self, holder: Mapping[str, Any], table: Table, found: set[str]) -> None:
        if not table:
            return
        new = table.get("", ())
        for key in holder:
            for name, there in table.get(key, new):
                if name not in found and there(holder[key], holder, self._family):
                    found.add(name)


def _table(place: Place, wanted: Mapping[str, Nested]) -> Table:
    """What to ask of each key of the mappings of one place."""
    table: Table = {}
    for name, one in wanted.items():
        if place in one.places and wanted.keys().isdisjoint(one.within):
            table[one.key] = (*table.get(one.key, ()), (name, one.there))
    if "" in table:
        table = dict.fromkeys(_KNOWN[place], ()) | table
    return table

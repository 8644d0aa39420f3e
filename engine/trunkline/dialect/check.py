"""The door's check: is this a canonical request?

The shapes in `trunkline.chat` are the one declaration; they are compiled once into small
checkers. A mistake is a `RequestError` of kind `bad_request` that names the place and what was
wanted there, so that nothing behind the door needs to guard against shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from trunkline.chat import ChatRequest
from trunkline.diagnostics import did_you_mean
from trunkline.embeddings import EmbeddingRequest, Operation
from trunkline.errors import RequestError

__all__ = ["MAX_INPUTS", "MAX_MESSAGES", "MAX_TOOLS", "check_request", "refuse_doubles"]

MAX_MESSAGES = 4096
MAX_TOOLS = 512
MAX_INPUTS = 4096
_MOST = {
    "messages": (MAX_MESSAGES, "messages"),
    "tools": (MAX_TOOLS, "tools"),
    "input": (MAX_INPUTS, "texts"),
}

MAX_PLACE = 200
"""Characters of a place that a message shows: a caller may choose keys as long as a book."""

Checker = Callable[[Any, str], None]
"""Takes a value and its place; raises `RequestError` if the value does not fit."""

_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}


def check_request(request: Any, operation: Operation = "chat") -> None:
    """Raise `RequestError` unless this is a `ChatRequest`, or an `EmbeddingRequest`."""
    _request_checker(operation)(request, "")
    fields = _request_fields(operation)
    for key in request.keys() - fields:
        near = did_you_mean(key, fields)
        raise _wrong(
            key, "no such field in a request" + (f"; did you mean `{near}`?" if near else "")
        )
    for name, (most, what) in _MOST.items():
        if len(request.get(name) or ()) > most:
            raise _wrong(name, f"at most {most} {what}")
    if operation == "embeddings" and not request["input"]:
        raise _wrong("input", "at least one text wanted")


def refuse_doubles(body: dict[str, Any]) -> None:
    """Raise `RequestError` for a key that differs only by case from one that has a meaning.

    JSON readers that pass over case, as Go's does, would take it for that one: then we and the
    provider would see two different requests.
    """
    for key in body:
        lower = key.lower()
        if lower != key and (lower in body or lower in _request_fields("chat")):
            raise _wrong(key, f"keys are told apart by case; this one looks like `{lower}`")


def _wrong(place: str, message: str) -> RequestError:
    place = place if len(place) <= MAX_PLACE else f"{place[:MAX_PLACE]}…"
    return RequestError("bad_request", f"{place}: {message}" if place else message)


_SHAPES: dict[Operation, Any] = {"chat": ChatRequest, "embeddings": EmbeddingRequest}


@cache
def _request_fields(operation: Operation) -> frozenset[str]:
    return frozenset(get_type_hints(_SHAPES[operation]))


@cache
def _request_checker(operation: Operation) -> Checker:
    return _checker(_SHAPES[operation])


def _checker(hint: Any) -> Checker:
    """The checker of a type hint: mappings, lists, unions, literals and JSON's scalars."""
    origin = get_origin(hint)
    if hint is Any:
        return _anything
    if is_typeddict(hint):
        return _mapping_checker(hint)
    if origin is list:
        return _list_checker(_checker(get_args(hint)[0]))
    if origin is dict:
        return _dict_checker(_checker(get_args(hint)[1]))
    if origin is Literal:
        return _literal_checker(get_args(hint))
    if origin in (Union, UnionType):
        return _union_checker(get_args(hint))
    return _scalar_checker(hint)


def _anything(_value: Any, _place: str) -> None:
    """Any JSON will do."""


def _scalar_checker(kind: Any) -> Checker:
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    word = _WORDS[kind]

    def check(value: Any, place: str) -> None:
        if type(value) not in accepted:
            raise _wrong(place, f"{word} wanted, not {_kind_of(value)}")
        if type(value) is float and not math.isfinite(value):
            raise _wrong(place, f"{word} wanted, not {value}")

    return check


def _literal_checker(choices: tuple[str, ...]) -> Checker:
    allowed = frozenset(choices)

    def check(value: Any, place: str) -> None:
        if type(value) is not str or value not in allowed:
            raise _wrong(place, f"one of {', '.join(choices)} wanted")

    return check


def _list_checker(item: Checker) -> Checker:
    def check(value: Any, place: str) -> None:
        if type(value) is not list:
            raise _wrong(place, f"a list wanted, not {_kind_of(value)}")
        for index, entry in enumerate(value):
            item(entry, f"{place}[{index}]")

    return check


def _dict_checker(item: Checker) -> Checker:
    def check(value: Any, place: str) -> None:
        if type(value) is not dict:
            raise _wrong(place, f"a mapping wanted, not {_kind_of(value)}")
        for key, entry in value.items():
            item(entry, f"{place}.{key}")

    return check


def _mapping_checker(shape: Any) -> Checker:
    """Declared keys are checked, required ones demanded; other keys are left alone, because
    the parts of a chat may carry what only their own dialect knows."""
    fields: dict[str, Checker] = {}
    required: list[str] = []
    for name, hint in get_type_hints(shape, include_extras=True).items():
        if get_origin(hint) is NotRequired:
            fields[name] = _checker(get_args(hint)[0])
        else:
            fields[name] = _checker(hint)
            required.append(name)

    def check(value: Any, place: str) -> None:
        if type(value) is not dict:
            raise _wrong(place, f"a mapping wanted, not {_kind_of(value)}")
        inside = f"{place}." if place else ""
        for name in required:
            if name not in value:
                raise _wrong(inside + name, "is required")
        for key, entry in value.items():
            field = fields.get(key)
            if field is not None:
                field(entry, inside + key)

    return check


def _union_checker(members: tuple[Any, ...]) -> Checker:
    """Members are told apart by JSON kind, and mappings by their `type` where they have one."""
    by_kind: dict[type, Checker] = {}
    mappings: dict[str, Checker] = {}
    for member in members:
        checker = _checker(member)
        if is_typeddict(member) and "type" in get_type_hints(member):
            for word in get_args(get_type_hints(member)["type"]):
                mappings[word] = checker
        for kind in _kinds(member):
            by_kind[kind] = checker
    if len(mappings) > 1:
        by_kind[dict] = _tagged_checker(mappings)
    wanted = " or ".join(sorted({_WORDS.get(kind, _KINDS.get(kind, "")) for kind in by_kind}))

    def check(value: Any, place: str) -> None:
        member = by_kind.get(type(value))
        if member is None:
            raise _wrong(place, f"{wanted} wanted, not {_kind_of(value)}")
        member(value, place)

    return check


def _tagged_checker(shapes: dict[str, Checker]) -> Checker:
    choices = ", ".join(shapes)

    def check(value: Any, place: str) -> None:
        tag = value.get("type")
        shape = shapes.get(tag) if isinstance(tag, str) else None
        if shape is None:
            raise _wrong(f"{place}.type", f"one of {choices} wanted")
        shape(value, place)

    return check


_KINDS: dict[type, str] = {dict: "a mapping", list: "a list"}


def _kinds(member: Any) -> tuple[type, ...]:
    """The Python types that a member's JSON values have."""
    origin = get_origin(member)
    if is_typeddict(member) or origin is dict:
        return (dict,)
    if origin is list:
        return (list,)
    if origin is Literal:
        return (str,)
    if member is float:
        return (int, float)
    return (member,)


def _kind_of(value: Any) -> str:
    return _WORDS.get(type(value)) or _KINDS.get(type(value)) or type(value).__name__

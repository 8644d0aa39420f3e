"""Filters: pure functions over JSON that any template may use, by the name written after `|`.

Each is total: whatever JSON it is given it answers with JSON or with absent, never with an
error, and it changes nothing that it is given. A filter that is given an absent value or
argument is not called; its result is absent. (`default` and `required` are part of the
language and see absence.)
"""

from __future__ import annotations

import base64
import binascii
import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trunkline.template.runtime import (
    ABSENT,
    GROWTH,
    Refusal,
    as_text,
    fit,
    is_number,
    limited,
    same,
)
from trunkline.template.vectors import base64_vector, vector_base64
from trunkline.wire.frames import WireError
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FILTERS", "Filter", "as_filter"]

_INLINE: Final = frozenset({"default", "required"})


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A function under the name that templates call it by.

    `sees_absent`: it is called even with absent arguments. `inline`: the compiler writes it
    out instead of calling it.
    """

    name: str
    function: Callable[..., Any]
    signature: inspect.Signature
    sees_absent: bool = False
    inline: bool = False

    @property
    def about(self) -> str:
        """What it does: the first paragraph of its docstring, on one line."""
        text = inspect.getdoc(self.function) or ""
        return " ".join(text.split("\n\n")[0].split())

    def usage(self) -> str:
        """How it is written: `value | at_most(limit)`."""
        first, *others = self.signature.parameters.values()
        words = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in others]
        return f"{first.name} | {self.name}" + (f"({', '.join(words)})" if words else "")


def as_filter(name: str, function: Callable[..., Any] | Filter) -> Filter:
    """A plain function as a filter; its arity is that of its signature."""
    if isinstance(function, Filter):
        return function
    return Filter(name, function, inspect.signature(function))


def default(value: Any, other: Any) -> Any:
    """The value, or `other` where it is absent or null; "", 0 and false stay."""
    return other if value is ABSENT or value is None else value


def required(value: Any, why: Any) -> Any:
    """The value; where it is absent or null, refuse and say why."""
    if value is ABSENT or value is None:
        raise Refusal(str(as_text(why)))
    return value


def rows(value: Any, why: Any) -> Any:
    """A list of mappings as it is; null is absent; anything else refuses, with `why`."""
    if value is None:
        return ABSENT
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    raise Refusal(str(as_text(why)))


def parse_json(value: Any, otherwise: Any = ABSENT) -> Any:
    """Text as the JSON that it holds; `otherwise` where it is blank or not JSON.

    A value that is not text is JSON already, and is given back as it is.
    """
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except WireError:
        return otherwise


def to_json(value: Any) -> Any:
    """The value as compact JSON text."""
    try:
        return dumps(value).decode()
    except WireError:
        return ABSENT


def total(value: Any) -> Any:
    """The sum of a list's numbers; absent if there are none."""
    numbers = [one for one in value if is_number(one)] if isinstance(value, list) else []
    try:
        return fit(sum(numbers)) if numbers else ABSENT
    except OverflowError:
        return ABSENT


def as_list(value: Any) -> Any:
    """A list as it is, anything else as a list of one; absent where it is null."""
    if value is None:
        return ABSENT
    return value if isinstance(value, list) else [value]


def nonblank(value: Any) -> Any:
    """Text that has more than white space in it; absent otherwise."""
    return value if isinstance(value, str) and value.strip() else ABSENT


def at_most(value: Any, limit: Any) -> Any:
    """The smaller of two numbers; the first `limit` items of a list or characters of text."""
    if is_number(value):
        return min(value, limit) if is_number(limit) else ABSENT
    if isinstance(value, (list, str)) and type(limit) is int:
        return value[: max(limit, 0)]
    return ABSENT


def at_least(value: Any, limit: Any) -> Any:
    """The larger of two numbers."""
    return max(value, limit) if is_number(value) and is_number(limit) else ABSENT


def join_text(value: Any, between: Any = "") -> Any:
    """A list's texts as one; items that are not text are left out."""
    if not isinstance(value, list) or not isinstance(between, str):
        return ABSENT
    texts = [one for one in value if isinstance(one, str)]
    if len(between) * len(texts) > GROWTH + sum(map(len, texts)):
        raise Refusal("`join_text` writes far more than it was given")
    return limited(between.join(texts))


def first_where(value: Any, key: Any, wanted: Any = ABSENT) -> Any:
    """The first mapping of a list whose `key` is `wanted`; without `wanted`, that has `key`."""
    if not isinstance(value, list) or not isinstance(key, str):
        return ABSENT
    for one in value:
        if isinstance(one, dict) and key in one and (wanted is ABSENT or same(one[key], wanted)):
            return one
    return ABSENT


def unique(value: Any) -> Any:
    """A list without the items that stand in it already before."""
    if not isinstance(value, list):
        return ABSENT
    found: dict[Any, Any] = {}
    for one in value:
        found.setdefault(to_json(one), one)
    return list(found.values())


def starts_with(value: Any, start: Any) -> bool:
    """Whether text begins with `start`, or with any of a list of texts."""
    if not isinstance(value, str):
        return False
    starts = start if isinstance(start, list) else [start]
    return any(isinstance(one, str) and value.startswith(one) for one in starts)


def before_first(value: Any, mark: Any) -> Any:
    """Text up to the first `mark`; all of it where there is none."""
    if not isinstance(value, str) or not isinstance(mark, str) or not mark:
        return ABSENT
    return value.split(mark, 1)[0]


def after_first(value: Any, mark: Any) -> Any:
    """Text behind the first `mark`; absent where there is none."""
    if not isinstance(value, str) or not isinstance(mark, str) or mark not in value or not mark:
        return ABSENT
    return value.split(mark, 1)[1]


def split(value: Any, mark: Any) -> Any:
    """Text cut at every `mark`, as a list; without the marks."""
    if not isinstance(value, str) or not isinstance(mark, str) or not mark:
        return ABSENT
    return value.split(mark)


def replace_pattern(value: Any, pattern: Any, by: Any) -> Any:
    """Text with every match of a regular expression (RE2, so linear in time) replaced."""
    if not (isinstance(value, str) and isinstance(pattern, str) and isinstance(by, str)):
        return ABSENT
    compiled = _pattern(pattern)
    if compiled is None:
        return ABSENT
    replaced = count(1)

    def replacement(_: Any) -> str:
        if next(replaced) * len(by) > GROWTH + len(value):
            raise Refusal("`replace_pattern` writes far more than it was given")
        return by

    try:
        return limited(str(compiled.sub(replacement, value)))
    except UnicodeError:
        return ABSENT


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        return None


def url_segment(value: Any) -> Any:
    """Text as one segment of a URL path: everything but letters, digits and `-._~` encoded."""
    if not isinstance(value, str) or value in ("", ".", ".."):
        return ABSENT
    try:
        return quote(value, safe="")
    except UnicodeError:
        return ABSENT


def to_base64(value: Any) -> Any:
    """Text, as UTF-8, in base64."""
    if not isinstance(value, str):
        return ABSENT
    try:
        return base64.b64encode(value.encode()).decode()
    except UnicodeError:
        return ABSENT


def base64_text(value: Any) -> Any:
    """The UTF-8 text that base64 holds."""
    if not isinstance(value, str):
        return ABSENT
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ABSENT


def to_base64url(value: Any) -> Any:
    """Text, as UTF-8, in the base64 of URLs (RFC 4648, 5), without padding: letters, digits,
    `-` and `_` only."""
    if not isinstance(value, str):
        return ABSENT
    try:
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    except UnicodeError:
        return ABSENT


def base64url_text(value: Any) -> Any:
    """The UTF-8 text that the base64 of URLs holds, padded or not."""
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        return ABSENT
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value.rstrip("=")) % 4)).decode()
    except (binascii.Error, ValueError):
        return ABSENT


_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*=*")
_DATA_URL: Final = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)


def media_type(value: Any) -> Any:
    """The media type that a `data:` URL names; absent for any other URL."""
    match = _DATA_URL.match(value) if isinstance(value, str) else None
    return match[1] if match and match[1] else ABSENT


def base64_data(value: Any) -> Any:
    """The base64 that a `data:` URL holds; absent for any other URL."""
    match = _DATA_URL.match(value) if isinstance(value, str) else None
    return value[match.end() :] if match and match[3] else ABSENT


def data_url(value: Any, media: Any) -> Any:
    """Base64 text and its media type as a `data:` URL."""
    if not isinstance(value, str) or not isinstance(media, str):
        return ABSENT
    return limited(f"data:{media};base64,{value}")


def length(value: Any) -> Any:
    """How many items, keys or characters there are."""
    return len(value) if isinstance(value, (list, dict, str)) else ABSENT


def lower(value: Any) -> Any:
    """Text in lower case."""
    return value.lower() if isinstance(value, str) else ABSENT


def by_pattern(value: Any, choices: Any) -> Any:
    """The first entry of a mapping whose key, a pattern in which `*` is any run of characters,
    is the whole of a text."""
    if not isinstance(value, str) or not isinstance(choices, dict):
        return ABSENT
    for pattern, chosen in choices.items():
        if _matches(value, pattern):
            return chosen
    return ABSENT


def _matches(text: str, pattern: str) -> bool:
    """Whether the pattern's fixed pieces stand in the text, in order, from end to end."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    last = others.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in others:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def merge_rows(value: Any, key: Any, joined: Any) -> Any:
    """A list's mappings, where those with the same value under `key` are one: texts under the
    keys in `joined` are joined, of the rest the last that is not null counts."""
    if not isinstance(value, list) or not isinstance(key, str) or not isinstance(joined, list):
        return ABSENT
    found: dict[Any, tuple[dict[str, Any], dict[str, list[str]]]] = {}
    for at, one in enumerate(value):
        if not isinstance(one, dict):
            continue
        alone = one.get(key) is None
        row, texts = found.setdefault((at,) if alone else to_json(one[key]), ({}, {}))
        for name, said in one.items():
            if isinstance(said, str) and name in joined:
                texts.setdefault(name, []).append(said)
            elif said is not None or name not in row:
                row[name] = said
    return [
        row | {name: "".join(said) for name, said in texts.items()} for row, texts in found.values()
    ]


def upper(value: Any) -> Any:
    """Text in upper case."""
    return value.upper() if isinstance(value, str) else ABSENT


def trim(value: Any) -> Any:
    """Text without white space at its ends."""
    return value.strip() if isinstance(value, str) else ABSENT


def keys(value: Any) -> Any:
    """A mapping's keys as a list."""
    return list(value) if isinstance(value, dict) else ABSENT


def items(value: Any) -> Any:
    """A mapping as a list of `{key, value}`."""
    if not isinstance(value, dict):
        return ABSENT
    return [{"key": key, "value": one} for key, one in value.items()]


FILTERS: Final[Mapping[str, Filter]] = {
    function.__name__: Filter(
        function.__name__,
        function,
        inspect.signature(function),
        sees_absent=function.__name__ in _INLINE,
        inline=function.__name__ in _INLINE,
    )
    for function in (
        default,
        required,
        rows,
        parse_json,
        to_json,
        total,
        as_list,
        nonblank,
        at_least,
        at_most,
        join_text,
        first_where,
        unique,
        starts_with,
        before_first,
        after_first,
        split,
        replace_pattern,
        url_segment,
        to_base64,
        base64_text,
        to_base64url,
        base64url_text,
        media_type,
        base64_data,
        data_url,
        base64_vector,
        vector_base64,
        length,
        lower,
        upper,
        trim,
        keys,
        items,
        by_pattern,
        merge_rows,
    )
}
"""The filters that every template has."""

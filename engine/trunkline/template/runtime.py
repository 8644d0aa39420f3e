"""What compiled templates call while they run: absence, text, comparison, steps.

Absence is a value of its own. `ABSENT` is falsy, is left out wherever it would be written, and
is what a lookup on anything but a mapping or list gives. Nothing here raises but `Refusal`.
"""

from __future__ import annotations

from typing import Any, Final

from trunkline.errors import TrunklineError
from trunkline.wire.frames import WireError
from trunkline.wire.jsontext import dumps

__all__ = ["ABSENT", "Absent", "Excess", "Refusal"]

STEPS: Final = 10_000
"""Steps that every run may take; each value in its input allows `STEPS_PER_VALUE` more."""
STEPS_PER_VALUE: Final = 64
TEXT_LIMIT: Final = 32 << 20
"""The longest text, in characters, that one template leaf may build: a full body and some."""
GROWTH: Final = 1 << 20
"""Characters by which a result may exceed the input."""
MOST: Final = 64 << 20
"""Characters beyond which nothing is counted: more than any body may have."""
DIGITS_LIMIT: Final = 1 << 12
"""The largest whole number, in bits, that arithmetic may give."""


TOO_DEEP: Final = "what the template is given is nested too deeply"


class Absent:
    """The type of `ABSENT`: what is not there. Falsy, and equal to nothing but itself."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()
EMPTY: Final[dict[str, Any]] = {}
"""What a path looks into where there is no mapping. Never written to."""


class Refusal(TrunklineError):
    """A template says no: `$refuse`, `| required(why)`, an unfit path or header, too many steps.

    The message is the author's text, fit to show to the caller. Whoever runs the template turns
    it into a `CallError` of the kind that fits the direction.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Excess(Refusal):
    """A value that takes more steps, or makes more text, than its size allows."""


def as_text(value: Any) -> Any:
    """How a value reads inside text: itself, its JSON form, or absent for null."""
    if isinstance(value, str):
        return value
    if value is ABSENT or value is None:
        return ABSENT
    try:
        return dumps(value).decode()
    except WireError:
        return ABSENT


def text(*parts: Any) -> Any:
    """The parts as one text; absent if any of them is."""
    words: list[str] = []
    for part in parts:
        if not isinstance(part, str):
            part = as_text(part)
            if part is ABSENT:
                return ABSENT
        words.append(part)
    return limited("".join(words))


def sentence(*parts: Any) -> str:
    """The parts as one text, for a refusal: a part that is absent says nothing."""
    return "".join([word for word in map(as_text, parts) if word is not ABSENT])[:2000]


def limited(value: str) -> str:
    """The text itself, refused where it has grown beyond what a body may hold."""
    if len(value) > TEXT_LIMIT:
        raise Refusal(f"a template builds a text of more than {TEXT_LIMIT} characters")
    return value


def item(value: Any, key: Any) -> Any:
    """`value[key]`: text into a mapping, a whole number into a list, else absent."""
    if isinstance(value, dict):
        return value.get(key, ABSENT) if isinstance(key, str) else ABSENT
    if isinstance(value, list) and type(key) is int and -len(value) <= key < len(value):
        return value[key]
    return ABSENT


def same(left: Any, right: Any) -> bool:
    """`==`, which never converts: true is not 1, "1" is not 1, absent equals only absent."""
    kind = type(left)
    if kind is bool or type(right) is bool:
        return left is right
    if kind is dict and type(right) is dict:
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if kind is list and type(right) is list:
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def within(value: Any, among: Any) -> bool:
    """`in`: part of a text, item of a list, key of a mapping; false in anything else."""
    if isinstance(among, str):
        return isinstance(value, str) and value in among
    if isinstance(among, dict):
        return isinstance(value, str) and value in among
    if isinstance(among, list):
        return any(same(value, one) for one in among)
    return False


def is_number(value: Any) -> bool:
    """Whether the value is a JSON number; true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def alike(left: Any, right: Any) -> bool:
    """Whether the two can be put in order: both numbers, or both text."""
    if is_number(left):
        return is_number(right)
    return isinstance(left, str) and isinstance(right, str)


def less(left: Any, right: Any) -> bool:
    """`<`; false unless both are numbers or both are text."""
    return alike(left, right) and bool(left < right)


def at_most(left: Any, right: Any) -> bool:
    """`<=`; false unless both are numbers or both are text."""
    return alike(left, right) and bool(left <= right)


def fit(value: float) -> Any:
    """A result of arithmetic, absent if it is no JSON number or grows without end."""
    if isinstance(value, int):
        return value if value.bit_length() <= DIGITS_LIMIT else ABSENT
    return value if value - value == 0 else ABSENT


def add(left: Any, right: Any) -> Any:
    """`+` of two numbers or two texts."""
    if isinstance(left, str) and isinstance(right, str):
        return limited(left + right)
    return _arithmetic(left, right, "+")


def subtract(left: Any, right: Any) -> Any:
    """`-` of two numbers."""
    return _arithmetic(left, right, "-")


def multiply(left: Any, right: Any) -> Any:
    """`*` of two numbers; text is never repeated."""
    return _arithmetic(left, right, "*")


def divide(left: Any, right: Any) -> Any:
    """`/` of two numbers; absent where the divisor is 0."""
    return _arithmetic(left, right, "/")


def divide_down(left: Any, right: Any) -> Any:
    """`//` of two numbers; absent where the divisor is 0."""
    return _arithmetic(left, right, "//")


def negate(value: Any) -> Any:
    """`-` of one number."""
    return -value if is_number(value) else ABSENT


def _arithmetic(left: Any, right: Any, sign: str) -> Any:
    if not is_number(left) or not is_number(right):
        return ABSENT
    try:
        if sign == "+":
            return fit(left + right)
        if sign == "-":
            return fit(left - right)
        if sign == "*":
            return fit(left * right)
        return fit(left / right if sign == "/" else left // right)
    except (ZeroDivisionError, OverflowError):
        return ABSENT


def rest(value: Any, read: frozenset[str]) -> Any:
    """The fields of a mapping that are not among those read; absent for anything else."""
    if not isinstance(value, dict):
        return ABSENT
    return {key: item for key, item in value.items() if key not in read}


def some_items(values: list[Any]) -> list[Any]:
    """The values that are there."""
    return [value for value in values if value is not ABSENT]


def some_fields(values: dict[str, Any]) -> dict[str, Any]:
    """The fields whose values are there."""
    return {key: value for key, value in values.items() if value is not ABSENT}


def refuse(message: str) -> Any:
    """Raise, where an expression is wanted."""
    raise Refusal(message)


def overspent(budget: list[Any]) -> None:
    """Called when the steps granted so far are used up: grant what the input allows, once.

    `budget` is `[steps left, inputs]`. Counting the input costs as much as reading it, so it is
    done only by the rare run that needs more than `STEPS`; a third item says that it was.
    """
    if len(budget) == 2:
        values, characters = size(budget[1], MOST)
        budget[0] += STEPS_PER_VALUE * values + characters
        budget.append(True)
    if budget[0] < 0:
        raise Excess("a template takes more steps than its input allows")


def far(budget: list[Any], value: Any) -> Any:
    """Data from outside of the loop that writes it, charged by its size for each round."""
    if isinstance(value, str):
        budget[0] -= len(value) >> 3
    elif isinstance(value, (dict, list)):
        budget[0] -= size(value, MOST)[1] >> 3
    elif type(value) is int:
        budget[0] -= value.bit_length() >> 6
    if budget[0] < 0:
        overspent(budget)
    return value


def paid(budget: list[Any], value: Any) -> Any:
    """A value that was built, its length charged; where growth cannot be seen at load."""
    if isinstance(value, (str, list, dict)):
        budget[0] -= len(value) >> 3
        if budget[0] < 0:
            overspent(budget)
    return value


def bounded(budget: list[Any], value: Any) -> Any:
    """A whole result, refused if it is larger than its input by more than `GROWTH`."""
    if size(value, GROWTH)[1] > GROWTH:
        allowed = GROWTH + size(budget[1], MOST)[1]
        if size(value, allowed)[1] > allowed:
            raise Excess("a template writes far more than it was given")
    return value


def size(value: Any, most: int) -> tuple[int, int]:
    """How many values there are, and about how many characters; counting ends beyond `most`.

    A part that is used many times counts as often, as it will when it is written out.
    """
    values = characters = 0
    waiting = [value]
    while waiting and characters <= most:
        one = waiting.pop()
        values += 1
        characters += 8
        if isinstance(one, str):
            characters += len(one)
        elif isinstance(one, dict):
            characters += sum(map(len, one))
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
    return values, characters

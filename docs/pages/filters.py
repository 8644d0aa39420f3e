"""The page about what expressions may use: filters, tests, operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from docs.pages.markdown import fence, item, paragraph, whole
from trunkline.compile.roots import CONDITION_ROOTS, OVERLAY_ROOTS, PROVIDER_FIELDS, REPLY_ROOTS
from trunkline.dialect.chat_filters import CHAT_FILTERS
from trunkline.template import FILTERS
from trunkline.template.directives import WORDS
from trunkline.template.filters import as_filter
from trunkline.template.gate import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.template import Filter

MEANING: Final = {
    "defined": "there, even if null",
    "present": "the same",
    "none": "null",
    "empty": 'absent, null, `""`, `[]` or `{}`; not 0 and not false',
    "string": "text",
    "number": "a number; true and false are none",
    "boolean": "true or false",
    "mapping": "a mapping",
    "list": "a list",
}


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Expressions: filters and tests",
        paragraph(
            "Expressions stand in `{{ }}` in templates, and bare in `when`. The "
            "[guide to templates](../guide/templates.md) explains them; this page lists what they "
            "may use."
        ),
        "## Filters",
        paragraph(
            "A filter stands behind `|`. It is a pure function of JSON. Given an absent value or "
            "argument, its result is absent, except for `default` and `required`."
        ),
        _filters(FILTERS.values()),
        "## Filters for messages",
        paragraph("These work on the canonical chat. Dialect files use them, and overlays may."),
        _filters(as_filter(name, function) for name, function in CHAT_FILTERS.items()),
        "## Tests",
        paragraph("A test stands behind `is`, or `is not`."),
        "\n".join(item(f"`{name}`: {MEANING[name]}") for name in TESTS),
        "## Operators",
        paragraph(
            "`==` `!=` `<` `<=` `>` `>=` `in` `not in` `and` `or` `not` `+` `-` `*` `/` `//` `~` "
            "(joins text) and `a if condition else b`. `==` never converts. Comparing or "
            "calculating with an absent value or values of unlike kinds gives false, or absent."
        ),
        "## Directives",
        paragraph("Keys with a meaning in templates, and what may stand beside each."),
        "\n".join(
            [
                *(_directive(word, beside) for word, (_, beside) in WORDS.items()),
                item("`$spread`: nothing among the items of a list, any keys in a mapping"),
            ]
        ),
        "## Names",
        paragraph("What an expression sees depends on where it stands."),
        fence(
            "text",
            f"when                {' '.join(CONDITION_ROOTS)}\n"
            f"request, wire       {' '.join(OVERLAY_ROOTS)}\n"
            f"response            {' '.join(REPLY_ROOTS)}",
        ),
        paragraph(
            "`provider` has `name`, `type`, `quirks` and, as far as they are set, "
            + ", ".join(f"`{name}`" for name in PROVIDER_FIELDS)
            + ". `request.tokens`, an estimate of the input, is there for `when` only."
        ),
    )


def _filters(filters: Iterable[Filter]) -> str:
    return "\n".join(item(f"`{_usage(one)}`: {one.about}") for one in filters)


def _usage(one: Filter) -> str:
    return one.usage().replace("ABSENT", "absent").replace("_ |", " |")


def _directive(word: str, beside: frozenset[str]) -> str:
    words = " ".join(f"`{name}`" for name in sorted(beside))
    return item(f"`{word}`: {words or 'nothing'}")

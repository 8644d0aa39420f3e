"""The codes of diagnostics: what each means, with an example of the mistake and of its repair.

A family is a file beside this one (`TL1xx.yaml`, …): a mapping from code to

- `title`: the mistake in a few words,
- `means`: what is wrong and what to do, in sentences,
- `bad`, `good`: a route file, or a mapping from file names to their text where it takes several,
- `by_hand: true` where the mistake cannot be written as text; `bad` then describes it.

`explain-code` and the reference print these pages, and tests run their examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from trunkline.config.source import parse
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Page", "page", "pages"]

ROOT: str = "trunkline.yaml"


@dataclass(frozen=True, slots=True)
class Page:
    """One code. `bad` and `good` map file names to text; `by_hand` says that `bad` is words."""

    code: str
    title: str
    means: str
    bad: Mapping[str, str]
    good: Mapping[str, str]
    by_hand: bool = False


def page(code: str) -> Page | None:
    """The page of a code, in any case of its letters; None if there is none."""
    return pages().get(code.upper())


@cache
def pages() -> Mapping[str, Page]:
    """Every page, by code, in their order."""
    found: dict[str, Page] = {}
    families = [item for item in files(__package__).iterdir() if item.name.endswith(".yaml")]
    for family in sorted(families, key=lambda item: item.name):
        document, wrong = parse(family.read_bytes(), family.name)
        if document is None or wrong:
            raise ConfigError(wrong)
        for code, entry in document.value.items():
            found[code] = _page(code, entry)
    return dict(sorted(found.items()))


def _page(code: str, entry: dict[str, Any]) -> Page:
    return Page(
        code=code,
        title=entry["title"],
        means=" ".join(entry["means"].split()),
        bad=_example(entry["bad"]),
        good=_example(entry["good"]),
        by_hand=entry.get("by_hand", False),
    )


def _example(written: str | dict[str, str]) -> Mapping[str, str]:
    return {ROOT: written} if isinstance(written, str) else written

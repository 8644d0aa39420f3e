"""`trunkline explain-code`: what a diagnostic's code means, with a bad and a good example."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from trunkline.cli.stops import FINE, UsageError
from trunkline.cli.terminal import result, result_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from trunkline.codes import Page

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Print what a code of `trunkline validate` means and what to do about it, with a
bad and a good example. Without a code, list them all.
"""

EXAMPLES = """\
  trunkline explain-code TL203
  trunkline explain-code
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as TL203")
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="how to print it"
    )


def perform(args: argparse.Namespace) -> int:
    """Print one page, or the list of all."""
    from trunkline.codes import page, pages

    if args.code is None:
        known = pages().values()
        if args.format == "json":
            result_json([{"code": one.code, "title": one.title} for one in known])
        else:
            result("\n".join(f"{one.code}  {one.title}" for one in known))
        return FINE
    found = page(args.code)
    if found is None:
        raise UsageError(_unknown(args.code, pages()))
    if args.format == "json":
        result_json(_plain(found))
    else:
        result(_text(found))
    return FINE


def _unknown(code: str, known: Mapping[str, Page]) -> str:
    from trunkline.diagnostics import did_you_mean

    near = did_you_mean(code, known)
    meant = f" (did you mean `{near}`?)" if near else ""
    return f"there is no code `{code}`{meant}; `trunkline explain-code` lists them all"


def _plain(page: Page) -> dict[str, object]:
    return {
        "code": page.code,
        "title": page.title,
        "means": page.means,
        "bad": dict(page.bad),
        "good": dict(page.good),
    }


def _text(page: Page) -> str:
    return "\n".join(
        [
            f"{page.code}  {page.title}",
            "",
            textwrap.fill(page.means, 78),
            *_example("wrong", page.bad, words=page.by_hand),
            *_example("right", page.good),
        ]
    )


def _example(title: str, files: Mapping[str, str], *, words: bool = False) -> list[str]:
    """An example as indented text; several files each under their name."""
    lines = ["", f"{title}:"]
    for name, text in files.items():
        if len(files) > 1:
            lines += ["", f"  # {name}"]
        lines.append(textwrap.indent(text.rstrip() + ("." if words else ""), "  "))
    return lines

"""The page about the command: what each verb's `--help` says, without the wrapping.

The arguments come from the parsers themselves, so the page does not depend on how one version
of Python lays out its help.
"""

from __future__ import annotations

import argparse
from importlib import import_module

from docs.pages.markdown import fence, item, paragraph, whole
from trunkline.cli.command import VERBS, Parser, parser_of


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "The command",
        paragraph(
            "Results go to stdout, everything else to stderr. Exit codes: 0 fine; 1 something "
            "was found or failed; 2 wrong usage; 3 a provider failed."
        ),
        paragraph(
            "`trunkline VERB --help` prints what is here. `trunkline --version` prints the version."
        ),
        "\n".join(item(f"[`{verb}`](#trunkline-{verb}): {about}") for verb, about in VERBS.items()),
        *(_verb(name) for name in VERBS),
    )


def _verb(name: str) -> str:
    verb, parser = import_module(f"trunkline.cli.{name.replace('-', '_')}"), parser_of(name)
    about = [paragraph(" ".join(block.split())) for block in verb.ABOUT.split("\n\n")]
    blocks = [f"## trunkline {name}", *about, "\n".join(_arguments(parser))]
    return "\n\n".join([*blocks, fence("text", _dedented(verb.EXAMPLES))])


def _arguments(parser: Parser) -> list[str]:
    return [
        item(f"`{_written(action)}`: {_help(action)}")
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS
    ]


def _written(action: argparse.Action) -> str:
    """`-f, --format text|json`, or `[PROMPT]`."""
    words = "|".join(map(str, action.choices)) if action.choices else action.metavar
    if not action.option_strings:
        shown = str(words or action.dest.upper())
        several = " …" if action.nargs in ("*", "+") else ""
        return f"[{shown}]{several}" if action.nargs in ("?", "*") else f"{shown}{several}"
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    return f"{names} {words or action.dest.upper()}"


def _help(action: argparse.Action) -> str:
    said = (action.help or "") % {"default": action.default, "prog": "trunkline"}
    default = action.default
    shown = default not in (None, False, argparse.SUPPRESS) and default != []
    return f"{said}; default `{default}`" if shown and "efault" not in said else said


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.rstrip().splitlines())

"""From the words of a command line to a verb, and from whatever happens to an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from trunkline.cli.stops import FAILED, FINE, USAGE, Stop, UsageError
from trunkline.cli.terminal import note, tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["VERBS", "Parser", "Verb", "main", "parser_of", "whole_help"]

VERBS: Final = {
    "run": "perform one call, or a file of them",
    "serve": "be a gateway: the same routes behind HTTP",
    "validate": "check route files, with line, column and the next step",
    "explain": "say where a request would go, and what would be sent",
    "graph": "draw the routes",
    "providers": "list the providers and wire languages that are built in",
    "schema": "print or write the JSON Schemas",
    "init": "write a starter folder",
    "explain-code": "print the page of a diagnostic's code",
}

_ABOUT: Final = "The routing engine for language models that people configure, not code."
_SIGINT, _SIGPIPE = 130, 141


class Verb(Protocol):
    """What the module of a verb has."""

    ABOUT: str
    EXAMPLES: str

    def options(self, parser: Parser) -> None:
        """Add the verb's arguments."""
        ...

    def perform(self, args: Any) -> int:
        """Do it."""
        ...


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of 80 columns, on every terminal and in the reference."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=80)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints say what to write instead."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`; the caller prints it."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def main(argv: Sequence[str] | None = None) -> int:
    """Perform a command line, `sys.argv` where none is given; gives the exit code."""
    tolerant()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _perform(words)
        sys.stdout.flush()
    except Stop as stop:
        if stop.message:
            note(f"trunkline: {stop.message}")
        return stop.code
    except KeyboardInterrupt:
        return _SIGINT
    except BrokenPipeError:
        _forget_stdout()
        return _SIGPIPE
    except OSError as error:
        note(f"trunkline: {_of_the_system(error)}")
        return FAILED
    return code


def _perform(words: list[str]) -> int:
    if not words:
        sys.stderr.write(whole_help())
        return USAGE
    first, rest = words[0], words[1:]
    if first in ("-h", "--help"):
        sys.stdout.write(whole_help())
        return FINE
    if first == "--version":
        from importlib.metadata import version

        print(f"trunkline {version('trunkline')}")
        return FINE
    if first not in VERBS:
        what = "option" if first.startswith("-") else "verb"
        meant = _meant(first, VERBS)
        raise UsageError(f"there is no {what} `{first}`{meant}; see `trunkline --help`")
    from trunkline.errors import ConfigError, TrunklineError

    try:
        args = _arguments(first, rest)
        return _verb(first).perform(args) if args is not None else FINE
    except ConfigError as error:
        from trunkline.cli.findings import show

        show(error.diagnostics)
        return FAILED
    except TrunklineError as error:
        raise Stop(FAILED, str(error)) from error


def _arguments(verb: str, words: list[str]) -> argparse.Namespace | None:
    """The verb's arguments; None where the help was printed instead."""
    parser = parser_of(verb)
    try:
        args, left = parser.parse_known_args(words)
    except SystemExit:
        return None
    if left:
        options = (text for action in parser._actions for text in action.option_strings)
        meant = _meant(left[0].partition("=")[0], options) if left[0].startswith("-") else ""
        parser.error(f"`{left[0]}` is not understood here{meant}")
    return args


def _verb(name: str) -> Verb:
    return cast("Verb", import_module(f"trunkline.cli.{name.replace('-', '_')}"))


def parser_of(name: str) -> Parser:
    """The parser of a verb, whose help is the verb's page in the reference."""
    verb = _verb(name)
    parser = Parser(
        prog=f"trunkline {name}",
        description=verb.ABOUT,
        epilog=f"examples:\n{verb.EXAMPLES}",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    verb.options(parser)
    return parser


def whole_help() -> str:
    """What `trunkline --help` prints."""
    verbs = "\n".join(f"  {name:14}{about}" for name, about in VERBS.items())
    return f"""\
usage: trunkline VERB [ARGUMENTS]

{_ABOUT}

verbs:
{verbs}

options:
  -h, --help    show this help; `trunkline VERB --help` shows a verb's
  --version     show the version

examples:
  trunkline run "hello" --trace
  trunkline init my-routes
  trunkline validate my-routes
"""


def _meant(word: str, choices: Iterable[str]) -> str:
    from trunkline.diagnostics import did_you_mean

    near = did_you_mean(word, choices)
    return f" (did you mean `{near}`?)" if near else ""


def _of_the_system(error: OSError) -> str:
    """What the system refused, in words: `no such file or directory: a.yaml`."""
    reason = (error.strerror or str(error)).lower()
    return f"{reason}: {error.filename}" if error.filename else reason


def _forget_stdout() -> None:
    """Whoever read stdout has gone; what is still in its buffer must not be missed at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

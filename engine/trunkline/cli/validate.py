"""`trunkline validate`: everything that can be known of route files without asking anyone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.cli.routes import VARIABLE, add_changes, variables
from trunkline.cli.stops import FAILED, FINE
from trunkline.cli.terminal import coloured, note

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from trunkline.config.source import Document
    from trunkline.diagnostics import Diagnostic

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Check route files: YAML, shape, names, graph and templates, all at once, each
finding with its line, its column and what to write instead. Needs no network,
no keys and no environment.

A folder means its trunkline.yaml; without one, every file below it that has a
`version:`. `# trunkline: ignore CODE` on a line silences a warning or a hint.
"""

EXAMPLES = """\
  trunkline validate
  trunkline validate routes/ --deny warnings
  trunkline validate prod.yaml --env
  trunkline validate -f github              annotations for a pull request
"""


_UNSET = "an engine cannot open here as long as it is not"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help=f"route files or folders; without one ${VARIABLE}, else the working folder",
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="how to print what is found",
    )
    parser.add_argument(
        "--deny", choices=("warnings",), help="exit 1 for warnings too, not only for errors"
    )
    parser.add_argument(
        "--env",
        action="store_true",
        help="also check that what `${env:}` and `${file:}` name is there",
    )
    add_changes(parser)


def perform(args: argparse.Namespace) -> int:
    """Check all of them; the findings are the result, the count goes to stderr."""
    from trunkline.diagnostics import render, summary, unsilenced

    files: dict[str, str] = {}
    found: list[Diagnostic] = []
    for root in _roots(args.paths):
        found += _check(root, args, files)
    found = unsilenced(found, files)
    sys.stdout.write(render(found, files, args.format, colour=coloured(sys.stdout)))
    note(summary(found, len(files)))
    denied = ("error", "warning") if args.deny else ("error",)
    return FAILED if any(one.severity in denied for one in found) else FINE


def _roots(paths: list[str]) -> Iterator[Path]:
    """Every document that the paths mean, each once. A path that means none stays, so that the
    check says so."""
    from trunkline.config.load import roots

    seen: set[str] = set()
    for path in paths or [os.environ.get(VARIABLE) or "."]:
        for root in roots(path) or [Path(path)]:
            real = os.path.realpath(root)
            if real not in seen:
                seen.add(real)
                yield root


def _check(root: Path, args: argparse.Namespace, files: dict[str, str]) -> list[Diagnostic]:
    from trunkline.compile import compile_document
    from trunkline.config.load import load

    document, found = load(root, variables=variables(args), overlays=args.overlays, files=files)
    if document is None:
        return found
    _, more = compile_document(document)
    return [*found, *more, *(_environment(document) if args.env else ())]


def _environment(document: Document) -> Iterator[Diagnostic]:
    """A finding for each reference whose text is not there."""
    from trunkline.config.models import REFERABLE
    from trunkline.config.references import UnresolvedError, find, resolve
    from trunkline.diagnostics import Diagnostic

    value = document.value if isinstance(document.value, dict) else {}
    for section in REFERABLE:
        for path, reference in find(value.get(section), (section,)):
            try:
                resolve(reference, os.environ)
            except UnresolvedError as error:
                yield Diagnostic("TL310", "warning", str(error), document.span(path), _UNSET)

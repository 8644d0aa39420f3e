"""Which route file a verb works on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trunkline.cli.stops import UsageError
from trunkline.cli.terminal import note

if TYPE_CHECKING:
    import argparse

    from trunkline.compile import Plan

__all__ = [
    "VARIABLE",
    "WHERE",
    "Routes",
    "add_changes",
    "find_routes",
    "say_quickstart",
    "shipped",
    "variables",
]

ROOT_NAME = "trunkline.yaml"
VARIABLE = "TRUNKLINE_ROUTES"

WHERE = f"a route file or folder; without it ${VARIABLE}, ./{ROOT_NAME}, else the quickstart"


class Routes(NamedTuple):
    """A route file or folder; `quickstart` says that none was found and ours stands in."""

    path: Path
    quickstart: bool = False

    def plan(self, args: argparse.Namespace) -> Plan:
        """The plan, with what `--var` and `--with` change. Raises `ConfigError`."""
        from trunkline.compile import load_plan

        return load_plan(self.path, variables=variables(args), overlays=args.overlays)


def find_routes(said: str | None) -> Routes:
    """What was said, else what the environment or the working folder has, else the quickstart."""
    place = said or os.environ.get(VARIABLE)
    if place:
        return Routes(Path(place))
    if Path(ROOT_NAME).is_file():
        return Routes(Path(ROOT_NAME))
    return Routes(shipped("routes") / "quickstart.yaml", quickstart=True)


def shipped(kind: str) -> Path:
    """The folder `routes` or `schemas`: part of an installed package, or of the repository."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_data" / kind
    return installed if installed.is_dir() else package.parent.parent / kind


def say_quickstart(routes: Routes, what: str) -> None:
    """Say on stderr that the quickstart is what is being shown, if it is."""
    if routes.quickstart:
        note(f"{what}: no route file found")


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Add `--var` and `--with`."""
    parser.add_argument(
        "--var", metavar="NAME=VALUE", action="append", default=[], help="set a variable of `vars`"
    )
    parser.add_argument(
        "--with",
        dest="overlays",
        metavar="FILE",
        action="append",
        default=[],
        help="lay this file over the route file",
    )


def variables(args: argparse.Namespace) -> dict[str, str]:
    """What `--var` says."""
    pairs = {}
    for text in args.var:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"`--var {text}`: write `--var NAME=VALUE`")
        pairs[name] = value
    return pairs

"""`trunkline graph`: the routes as a picture."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trunkline.cli.routes import WHERE, add_changes, find_routes, say_quickstart
from trunkline.cli.stops import FINE, UsageError

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Draw the routes and what is below them: as Mermaid (Markdown on GitHub shows
it), as Graphviz DOT, or as JSON.
"""

EXAMPLES = """\
  trunkline graph
  trunkline graph routes/ -f dot | dot -Tsvg > routes.svg
  trunkline graph prod.yaml --route smart
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("routes", nargs="?", metavar="ROUTES", help=WHERE)
    parser.add_argument("--route", metavar="NAME", help="only this one")
    parser.add_argument(
        "-f", "--format", choices=("mermaid", "dot", "json"), default="mermaid", help="in what form"
    )
    add_changes(parser)


def perform(args: argparse.Namespace) -> int:
    """Print the picture."""
    from trunkline.diagnostics import did_you_mean
    from trunkline.draw import draw

    routes = find_routes(args.routes)
    plan = routes.plan(args)
    names = [route.name for route in plan.routes]
    if args.route is not None and args.route not in names:
        near = did_you_mean(args.route, names)
        meant = f" (did you mean `{near}`?)" if near else ""
        raise UsageError(f"no route is called `{args.route}`{meant}")
    say_quickstart(routes, "drawing the quickstart")
    sys.stdout.write(draw(plan, args.format, route=args.route))
    return FINE

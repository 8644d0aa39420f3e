"""`trunkline explain`: where a request would go and what would be sent, without sending it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trunkline.cli.request import add_request, build_request, model_of
from trunkline.cli.routes import WHERE, add_changes, find_routes, say_quickstart
from trunkline.cli.stops import FAILED, FINE
from trunkline.cli.terminal import harmless, result_json

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Say which route a request takes and why, which targets are asked in which order,
which are skipped, and the exact HTTP request that each would get, credentials
masked. Nothing is sent, and no key is needed.
"""

EXAMPLES = """\
  trunkline explain --model smart
  trunkline explain prod.yaml --model gpt-4o --prompt "Why is the sky blue?"
  trunkline explain routes/ --request request.json -f json
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("routes", nargs="?", metavar="ROUTES", help=WHERE)
    parser.add_argument("--prompt", metavar="TEXT", help="what is asked; `hello` if not given")
    add_request(parser)
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="how to print it"
    )
    add_changes(parser)


def perform(args: argparse.Namespace) -> int:
    """Print the explanation; exit 1 if nothing would be sent."""
    import asyncio

    from trunkline.explain import explain, render_text

    prompt = args.prompt if args.request is not None else args.prompt or "hello"
    request = build_request(args, prompt)
    routes = find_routes(args.routes)
    plan = routes.plan(args)
    if request.get("model") is None:
        request["model"] = model_of(plan)
    say_quickstart(routes, "explaining the quickstart")
    explanation = asyncio.run(explain(plan, request))
    if args.format == "json":
        result_json(explanation.to_json())
    else:
        sys.stdout.write(harmless(render_text(explanation), sys.stdout))
    return FINE if explanation.refusal is None else FAILED

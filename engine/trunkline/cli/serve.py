"""`trunkline serve`: the routes behind HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.cli.routes import WHERE, add_changes, find_routes, say_quickstart
from trunkline.cli.stops import FINE, UsageError
from trunkline.cli.terminal import note

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Serve the routes over HTTP, to any client that speaks one of the built-in wire
languages: OpenAI's and Anthropic's own SDKs, for example. `/health` answers
when it is ready. Ctrl-C ends it once the requests under way are answered, a
second Ctrl-C at once. Needs the extra `trunkline[server]`.
"""

EXAMPLES = """\
  trunkline serve
  trunkline serve routes/ --host 0.0.0.0 --port 80
  curl localhost:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "smart", "messages": [{"role": "user", "content": "hi"}]}'
"""

MOST_PORTS = 65_535


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("routes", nargs="?", metavar="ROUTES", help=WHERE)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at; default 127.0.0.1, this machine alone",
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="the port; default 8080, and 0 is any free one"
    )
    add_changes(parser)


def perform(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from trunkline.server import run_server

    if not 0 <= args.port <= MOST_PORTS:
        raise UsageError(f"`--port` is from 0 to {MOST_PORTS:,}")
    routes = find_routes(args.routes)
    plan = routes.plan(args)
    say_quickstart(routes, "simulated answers")
    run_server(plan, args.host, args.port, ready=_ready, say=note)
    return FINE


def _ready(address: str) -> None:
    note(f"listening at {address}; Ctrl-C stops")

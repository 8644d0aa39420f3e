"""`trunkline run`: one call through the engine, or a file of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from trunkline.cli.request import add_request, build_request, model_of
from trunkline.cli.routes import WHERE, add_changes, find_routes, say_quickstart
from trunkline.cli.stops import FAILED, FINE, UPSTREAM, UsageError
from trunkline.cli.terminal import harmless, note, result_json

if TYPE_CHECKING:
    import argparse

    from trunkline.compile import Plan
    from trunkline.errors import CallError
    from trunkline.graph import Reply

__all__ = ["ABOUT", "EXAMPLES", "failure_code", "failure_text", "options", "perform"]

ABOUT = """\
Perform one call by a route file; the answer comes as it is made. The prompt is
the argument, or stdin. Without a route file the quickstart answers, which is
simulated and needs no key.

With --batch, perform a file of calls (the lines of OpenAI's Batch API). Rows
that are in the output already are not sent again, so the same command goes on
where it was stopped, whatever stopped it.
"""

EXAMPLES = """\
  trunkline run "hello" --trace
  trunkline run -r prod.yaml -m smart "Why is the sky blue?"
  git diff | trunkline run -s "Write a commit message" --json
  trunkline run --image cat.png "What is this?"
  trunkline run --request request.json
  trunkline run --batch in.jsonl -o out.jsonl --concurrency 20
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to ask; `-` is stdin")
    parser.add_argument("-r", "--routes", metavar="PATH", help=WHERE)
    add_request(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the whole reply as one JSON object"
    )
    parser.add_argument(
        "--trace", action="store_true", help="show on stderr who was asked, and why"
    )
    parser.add_argument("--batch", metavar="FILE", help="perform the rows of this JSONL file")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the rows of a batch go")
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="rows of a batch that are under way at a time; default 8",
    )
    add_changes(parser)


def perform(args: argparse.Namespace) -> int:
    """Perform the call, or the batch."""
    if args.batch is not None:
        from trunkline.cli.batch import perform_batch

        return perform_batch(args)
    if args.output is not None or args.concurrency is not None:
        raise UsageError("`--output` and `--concurrency` belong to `--batch FILE`")
    request = build_request(args, args.prompt)
    routes = find_routes(args.routes)
    plan = routes.plan(args)
    if request.get("model") is None:
        request["model"] = model_of(plan)
    say_quickstart(routes, "simulated answer")
    import asyncio

    return asyncio.run(_call(plan, request, args))


async def _call(plan: Plan, request: dict[str, Any], args: argparse.Namespace) -> int:
    from trunkline.errors import CallError
    from trunkline.runtime import Engine

    async with Engine.open(plan) as engine:
        try:
            if args.json:
                reply = await engine.chat(request)
                result_json(_plain(reply))
            else:
                async with engine.stream(request) as stream:
                    reply = stream.reply
                    await _print(reply)
        except CallError as error:
            _trace(error.decision, plan, args)
            if args.json:
                result_json(_plain_failure(error))
            note(f"trunkline: {failure_text(error)}")
            return failure_code(error)
    _trace(reply.decision, plan, args, reply)
    return FINE


async def _print(reply: Reply) -> None:
    """The answer's words as they come, then the tools that it wants called."""
    out, ended = sys.stdout, True
    try:
        async for delta in reply:
            text = delta.text or delta.refusal
            if text and not delta.choice:
                out.write(harmless(text, out))
                out.flush()
                ended = text.endswith("\n")
    finally:
        if not ended:
            out.write("\n")
            out.flush()
    for call in reply.tool_calls:
        function = call["function"]
        out.write(harmless(f"→ {function['name']} {function['arguments']}\n", out))
    if reply.finish in _CUT:
        note(f"trunkline: {_CUT[reply.finish]}")


_CUT = {
    "length": "the answer is not whole: it reached the limit of its length",
    "content_filter": "the answer is not whole: the provider's content filter stopped it",
}


def _plain(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "model": reply.model,
        "text": reply.text,
        "message": reply.message,
        "finish": reply.finish,
        "usage": reply.usage,
        "cost": None if reply.cost is None else reply.cost.to_json(),
        "simulated": reply.decision.simulated,
        "decision": reply.decision.to_json(),
    }


def _plain_failure(error: CallError) -> dict[str, Any]:
    said = {
        "kind": error.kind,
        "message": error.message,
        "status": error.status,
        "target": error.target,
        "retry_after": error.retry_after,
    }
    decision = error.decision
    return {
        "error": said,
        "simulated": decision is not None and decision.simulated,
        "decision": None if decision is None else decision.to_json(),
    }


def _trace(decision: Any, plan: Plan, args: argparse.Namespace, reply: Reply | None = None) -> None:
    if args.trace and decision is not None:
        from trunkline.cli.trace import trace

        note("\n".join(trace(decision, plan, reply)))


def failure_code(error: CallError) -> int:
    """Whose fault it is, as an exit code."""
    from trunkline.errors import DeadlineError, InterruptedAnswer, UpstreamError

    theirs = isinstance(error, UpstreamError | InterruptedAnswer | DeadlineError)
    return UPSTREAM if theirs else FAILED


_NEXT = {
    "auth": "check this provider's credential, and what it is allowed to do",
    "quota": "check the provider's billing",
    "connect": "check that the provider's `base_url` can be reached from here",
    "rate_limited": "wait, or add a target to fall back to",
    "overloaded": "wait, or add a target to fall back to",
    "timeout": "raise the route's `timeouts`, or add a target to fall back to",
    "unsupported": "`trunkline explain` shows what each target can carry",
    "internal": "",
}


def failure_text(error: CallError) -> str:
    """The failure in one line: who, what, and what to do about it."""
    who = f"{error.target}: " if error.target and error.target not in error.message else ""
    told = ", for another " in error.message or ": try again in " in error.message
    wait = f" (try again in {error.retry_after:.3g} s)" if error.retry_after and not told else ""
    next_step = _NEXT.get(error.kind, "")
    if error.kind == "auth" and getattr(error, "upstream_status", None) is None:
        next_step = ""  # Nobody refused it: there is none, and the message says where to put one.
    step = f"; {next_step}" if next_step else ""
    said = error.message.rstrip(".") if step else error.message
    return " ".join(f"{who}{said}{wait}{step}".split())

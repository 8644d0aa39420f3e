"""What would happen to a request: its route and why, the targets in order, what is skipped, and
the exact HTTP request that each would be sent, by the same plan that `run` performs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.auth import MASK
from trunkline.errors import CallError
from trunkline.runtime.dry import DryEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan
    from trunkline.ports import Decision, HttpRequest, Random

__all__ = ["Explanation", "Sending", "explain", "masked", "render_text"]


@dataclass(frozen=True, slots=True)
class Sending:
    """What one target would be sent."""

    target: str
    request: HttpRequest

    def to_json(self) -> dict[str, Any]:
        """`{target, method, url, headers, body}`; credentials masked, a JSON body as JSON."""
        return {
            "target": self.target,
            "method": self.request.method,
            "url": self.request.url,
            "headers": dict(masked(self.request)),
            "body": _body(self.request.body),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """`sendings` are in the order in which the targets would be asked if each of them failed;
    `refusal` is why nothing would be sent, if that is so."""

    decision: Decision
    sendings: tuple[Sending, ...]
    refusal: CallError | None

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON."""
        decision = self.decision
        found: dict[str, Any] = {
            "model": decision.model,
            "route": decision.route,
            "why": decision.why,
            "targets": decision.targets,
            "picks": [{"node": node, "picked": picked} for node, picked in decision.picks],
            "skipped": [
                {"target": skip.target, "reason": skip.reason} for skip in decision.skipped
            ],
            "dropped": decision.dropped,
            "sends": [sending.to_json() for sending in self.sendings],
        }
        if self.refusal is not None:
            error = self.refusal
            found["error"] = {
                "kind": error.kind,
                "status": error.status,
                "message": error.message,
            }
        return found


async def explain(
    plan: Plan,
    request: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    caller: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    chance: Random | None = None,
) -> Explanation:
    """Explain what `plan` would do with `request`. Needs no keys and sends nothing."""
    engine = DryEngine(plan, environ=environ, chance=chance)
    try:
        await engine.rehearse(request, headers=headers, metadata=metadata, caller=caller)
    except CallError as error:
        decision, ended = error.decision, error
    finally:
        await engine.aclose()
    assert decision is not None
    reached = zip(decision.attempts, engine.requests, strict=False)
    sendings = tuple(Sending(attempt.target, sent) for attempt, sent in reached)
    return Explanation(decision, sendings, None if _rehearsed(decision, ended) else ended)


def _rehearsed(decision: Decision, ended: CallError) -> bool:
    """Whether a rehearsal ended because each of its targets was passed over, with something
    shown. A target that refuses for the whole request is in neither list."""
    passed = {attempt.target for attempt in decision.attempts}
    passed |= {skip.target for skip in decision.skipped}
    return bool(decision.attempts) and ended.kind == "unsupported" and ended.target in passed


def masked(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """The headers with credentials masked; what stands before the key stays to be seen."""
    return tuple(
        (name, _masked(value) if name in request.secret_headers else value)
        for name, value in request.headers
    )


def _masked(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def _body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def render_text(explanation: Explanation) -> str:
    """The explanation for people."""
    decision = explanation.decision
    lines = [f"model {decision.model}"]
    if decision.route:
        lines.append(f"route {decision.route}: {decision.why}")
    lines += [f"  {node} picks {picked}" for node, picked in decision.picks]
    lines += [f"  skips {skip.target}: {skip.reason}" for skip in decision.skipped]
    lines += [f"  leaves out {dropped}" for dropped in decision.dropped]
    for number, sending in enumerate(explanation.sendings, 1):
        request = sending.request
        lines += ["", f"{number}. {sending.target}", f"   {request.method} {request.url}"]
        lines += [f"   {name}: {value}" for name, value in masked(request)]
        body = _body(request.body)
        text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
        lines += ["", *(f"   {line}" for line in text.splitlines())]
    if explanation.refusal is not None:
        lines += ["", f"{explanation.refusal.kind}: {explanation.refusal.message}"]
    return "\n".join(lines) + "\n"

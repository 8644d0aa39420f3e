"""`switch`: the first arm whose condition is true performs the call.

::

    to:
      switch:
        - {when: "request.tools is present", to: openai/gpt-4o}
        - {to: local}

Conditions see the request as the caller sent it, before overlays. Only the last arm may lack
`when`. When no arm fits, the node fails with the kind `not_found`, so a fallback may go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.errors import UpstreamError
from trunkline.graph.node import least_sends

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

__all__ = ["Arm", "Switch"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm. `when` takes the roots of an expression; `text` is the condition as written."""

    to: Node
    when: Callable[..., Any] | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """The arms, in order."""

    id: str
    arms: tuple[Arm, ...]
    name: str = ""

    @property
    def children(self) -> tuple[Node, ...]:
        """What the arms lead to."""
        return tuple(arm.to for arm in self.arms)

    @property
    def need(self) -> int:
        """That of the most demanding arm."""
        return least_sends(self.children)

    def exits(self, request: Mapping[str, Any], call: Call, *, panic: bool = False) -> bool:
        """Whether the arm that fits leads to somebody who can be asked now."""
        arm = self._fitting(call)
        return arm is not None and arm.to.exits(request, call, panic=panic)

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of the first arm that fits."""
        arm = self._fitting(call)
        if arm is None:
            raise UpstreamError(
                "not_found", f"no arm of the switch at {self.id} fits this request", status=404
            )
        call.decision.picks.append((self.name or self.id, arm.text or "otherwise"))
        return await arm.to.call(request, call)

    def _fitting(self, call: Call) -> Arm | None:
        """The first arm whose condition holds."""
        scope = call.scope
        roots = (call.seen, scope.headers, scope.metadata, scope.caller, scope.route, scope.time)
        fits = (arm for arm in self.arms if arm.when is None or arm.when(*roots))
        return next(fits, None)

"""`fallback`: ask the members in order until one answers.

::

    to: [openai/gpt-4o, claude/claude-sonnet-4-5]
    to: {fallback: {of: [sonnet, azure/gpt-4o], on: [default, content_filter, 413]}}

`on` names the error kinds, or the statuses of a provider's answer, that move on; `default` is
the nine kinds that are nobody's fault but the provider's. A member that cannot carry the
request, or is not to be asked now, is passed over, whatever `on` says. No member may use up the
sends that the members after it need, so the last resort is always reached. When all fail, the
last real failure is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.errors import DEFAULT_KINDS, DeadlineError, UpstreamError
from trunkline.graph.asking import says_more
from trunkline.graph.node import SkippedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

__all__ = ["Fallback"]


@dataclass(frozen=True, slots=True)
class Fallback:
    """`after[i]` is how many sends the members after the i-th need at least; `sends` is the
    node's own `max_sends`, None where it has none."""

    id: str
    members: tuple[Node, ...]
    after: tuple[int, ...]
    kinds: frozenset[str] = DEFAULT_KINDS
    statuses: frozenset[int] = frozenset()
    sends: int | None = None
    name: str = ""

    @property
    def children(self) -> tuple[Node, ...]:
        """The members, in order."""
        return self.members

    @property
    def need(self) -> int:
        """Each member in its turn."""
        return self.members[0].need + self.after[0]

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of the first member that answers."""
        outer, more, lower = call.cap, call.more, call.lower
        tiered, panic = call.tiered, call.panic
        cap = outer if self.sends is None else min(outer, call.sent + self.sends)
        last = len(self.members) - 1
        failure: UpstreamError | None = None
        for index, member in enumerate(self.members):
            call.cap = max(call.sent + 1, cap - self.after[index])
            call.more = more or index < last
            call.lower = (*self.members[index + 1 :], *lower)
            call.tiered = call.panic = False
            try:
                return await member.call(request, call)
            except DeadlineError:
                if not says_more(failure, call):
                    raise
                break
            except UpstreamError as error:
                if failure is None or not isinstance(error, SkippedError):
                    failure = error
                if not self.moves_on(error) or not call.options.fallback:
                    break
            finally:
                call.cap, call.more, call.lower = outer, more, lower
                call.tiered, call.panic = tiered, panic
        assert failure is not None
        raise failure

    def exits(self, request: Mapping[str, Any], call: Call, *, panic: bool = False) -> bool:
        """Whether any member can be asked now."""
        return any(member.exits(request, call, panic=panic) for member in self.members)

    def moves_on(self, error: UpstreamError) -> bool:
        """Whether the next member is asked after this failure."""
        return (
            error.kind in self.kinds
            or error.upstream_status in self.statuses
            or isinstance(error, SkippedError)
        )

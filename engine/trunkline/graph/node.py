"""What every node of the graph is, and what it is given.

The invariants that the nodes rest on:

- A node that *returns* holds a committed reply; a node that *raises* `UpstreamError` may be tried
  elsewhere. So fallback and balance are short loops, and half an answer is never replayed.
- A whole body and a stream are the same `Reply`: a whole body is one that is already complete.
- Nodes hold no run state. What must be remembered lives in `State`, by node id and leaf id, so
  that a reload swaps the plan and keeps the counters.
- There is one interpreter: `run`, `test`, `explain` and `simulate` call the same nodes with
  another transport and another clock in the `Call`.

Leaf ids are `provider/upstream-model`; node ids are the node's path in the route file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trunkline.errors import UpstreamError
from trunkline.graph.aside import DROPPED
from trunkline.graph.media import Media
from trunkline.graph.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.chat import JSON
    from trunkline.embeddings import Operation
    from trunkline.graph.account import Account
    from trunkline.graph.aside import Aside
    from trunkline.graph.provider import Upstream
    from trunkline.graph.reply import Reply
    from trunkline.graph.rescue import Again
    from trunkline.graph.state import State
    from trunkline.policy.health import Exclusion
    from trunkline.ports import Clock, Decision, Random, Transport

__all__ = [
    "Call",
    "ExcludedError",
    "Node",
    "Scope",
    "SkippedError",
    "Through",
    "Walks",
    "least_sends",
]


class SkippedError(UpstreamError):
    """A target cannot carry this request. Nothing was sent; the next one is asked, whatever
    `on:` says, and the caller hears of it only if no target can."""

    def __init__(self, message: str, *, target: str) -> None:
        super().__init__("unsupported", message, target=target)


class ExcludedError(SkippedError):
    """A target is not to be asked now: it is ejected or cooled, its credentials are out, or a
    limit leaves no room. `exclusion` says why and until when."""

    def __init__(self, message: str, *, target: str, exclusion: Exclusion) -> None:
        super().__init__(message, target=target)
        self.exclusion = exclusion


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions and templates see beside the request.

    `headers` have lower-case names; `time` is the moment the request came, as the `time` root
    of the template language wants it.
    """

    headers: Mapping[str, str]
    metadata: Mapping[str, JSON]
    caller: Mapping[str, JSON]
    route: Mapping[str, JSON]
    time: JSON


class Walks:
    """What all walks of one request through the graph have in common.

    `sent` counts its sends, `begun` the walks that a hedge has begun, and `asked` tells which of
    those has asked a target. `copied` are the mirrors that have sent their copy.
    """

    __slots__ = ("asked", "begun", "copied", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.begun = 0
        self.asked: dict[str, tuple[int, ...]] = {}
        self.copied: set[str] = set()


@dataclass(slots=True)
class Call:
    """One request on its way through the graph.

    `operation` is what is asked for, `door` the dialect that it came in, empty from Python.
    `seen` is the request as conditions see it: as the caller sent it, with `tokens` if a
    condition asks for it. `cap` is the count of
    sends at which the node that is called now must stop; `more` tells whether something else may
    be tried after it. `deadline` is on `clock.monotonic()`. `media` is what may be fetched for it.
    `pin` names the provider that has what the request refers to, once that is settled, and
    `picker` is the outermost node that picks among several below which we are.

    `account` is what it takes from limits and budgets, `excluded` which targets were not asked
    because of their health or headroom, and why.
    `lower` are the nodes that are asked if the one that is called now fails; `tiered` tells
    whether a balance above has looked at its members' health already, and `panic` whether too few
    of them were well, so that those that only fail too often are asked all the same. `lone` is
    true where the route has one target only, `forced` names a target that is asked whatever its
    health. `too_long_for` is the largest window that the request did not fit into,
    and `too_late` tells that a further attempt was not begun for want of time.

    `walk` tells this walk from those beside it, where a hedge has begun several: the numbers of
    the hedge's walk and of those around it, outermost first. `most` is the count of sends that
    all of them have together. `aside` takes work that the caller does not wait for,
    and `again` walks once more for a stream that breaks off.
    """

    decision: Decision
    operation: Operation
    door: str
    seen: Mapping[str, JSON]
    scope: Scope
    upstreams: Mapping[str, Upstream]
    transport: Transport
    clock: Clock
    random: Random
    state: State
    account: Account
    started: float
    deadline: float | None
    cap: int
    stream: bool = False
    capture: str = ""
    more: bool = False
    media: Media = field(default_factory=Media)
    options: Options = field(default_factory=Options)
    pin: str = ""
    picker: Node | None = None
    excluded: list[tuple[str, Exclusion]] = field(default_factory=list)
    lower: tuple[Node, ...] = ()
    tiered: bool = False
    panic: bool = False
    lone: bool = False
    forced: str = ""
    too_long_for: int = 0
    too_late: bool = False
    walks: Walks = field(default_factory=Walks)
    walk: tuple[int, ...] = ()
    most: float = math.inf
    aside: Aside = DROPPED
    again: Again | None = None

    @property
    def sent(self) -> int:
        """Sends so far, those of all walks."""
        return self.walks.sent

    @sent.setter
    def sent(self, count: int) -> None:
        self.walks.sent = count

    def barred(self, target: str, *, alone: bool = False) -> bool:
        """Whether this walk may not ask a target: one beside it has asked it already, or any
        other one if it must be `alone`, or all of them have used up their sends."""
        if not self.walk:
            return False
        asked = self.walks.asked
        others = asked.values() if alone else (asked.get(target, ()),)
        return self.sent >= self.most or any(map(self._beside, others))

    def _beside(self, walk: tuple[int, ...]) -> bool:
        level = min(len(walk), len(self.walk))
        return walk[:level] != self.walk[:level]

    def since_start(self) -> float:
        """Seconds since the request came."""
        return self.clock.monotonic() - self.started


class Node(Protocol):
    """A frozen dataclass that performs a call, or hands it to one of its children.

    `need` is the least number of sends that lets every tier of the node be reached: what
    `max_sends` must allow.
    """

    @property
    def id(self) -> str:
        """The node's path in the route file."""
        ...

    @property
    def children(self) -> tuple[Node, ...]:
        """The nodes directly below, in the order written."""
        ...

    @property
    def need(self) -> int:
        """See the class."""
        ...

    def exits(self, request: Mapping[str, JSON], call: Call, *, panic: bool = False) -> bool:
        """Whether any target below could be asked now, as far as its health and its headroom
        tell. Asked only while something is wrong somewhere (`State.calm` is false). `panic` is as
        in `Call`."""
        ...

    async def call(self, request: Mapping[str, JSON], call: Call) -> Reply:
        """Perform the call; the reply returned is committed.

        Raises `UpstreamError` when nothing was shown and another target may be tried, and any
        other `CallError` when the call is over.
        """
        ...


class Through:
    """A node that hands calls to one other, `of`, and is as demanding and as well as that."""

    __slots__ = ()

    of: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Who answers."""
        return (self.of,)

    @property
    def need(self) -> int:
        """That of who answers."""
        return self.of.need

    def exits(self, request: Mapping[str, JSON], call: Call, *, panic: bool = False) -> bool:
        """Whether somebody who answers can be asked now."""
        return self.of.exits(request, call, panic=panic)


def least_sends(members: tuple[Node, ...]) -> int:
    """The `need` of a node that asks one of its members."""
    return max((member.need for member in members), default=1)

"""`cache`: answer a repeated request from the store.

::

    to:
      cache:
        ttl: 1h
        of: openai/gpt-4o

Two requests are the same if the same caller asks the same of the same targets by the same route,
and whatever the overlays and conditions below read of headers, metadata and time is the same.
`key` takes the place of what is asked; a request that has nothing there is not kept. `shared`
lets callers see what others were answered.

What is kept is a whole answer that ended by itself (`stop`, `tool_calls`, `length`), up to 1 MiB.
An answer that a content filter stopped is not: the next target, or the next time, may let it
through. A kept answer costs nothing, whole or as a stream. A store that is down has nothing.

Refuses to keep or to repeat the answer to a request that makes the provider act (tools that it
runs, `store: true`): the caller wants that done, not only told.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trunkline.dialect import Fold
from trunkline.errors import CallError
from trunkline.graph.asking import acts
from trunkline.graph.node import Through
from trunkline.graph.reply import Reply
from trunkline.policy.price import Cost
from trunkline.template import ABSENT
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import ReplyData
    from trunkline.graph.node import Call, Node

__all__ = ["MOST_BYTES", "Cache"]

MOST_BYTES: Final = 1 << 20
"""Of one answer, as it is kept."""

_FORM: Final = 1
"""Of what is kept: answers kept in another form are not read."""

_FINISHED: Final = frozenset({"stop", "tool_calls", "length"})
_NOTHING: Final = Cost(0, estimated=False, price_source="cache", parts={})
_canonical: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Cache(Through):
    """`ttl` is in seconds. `key` tells what makes two requests the same, None for all of a
    request. `mark` stands for the targets below and what is laid over requests to them, `open`
    tells whether they depend on the requested model, and `varies` names what is read below of
    each root of an expression, None for all of it. Whether it can be asked is whether who is below
    can be: what is kept cannot be told beforehand."""

    id: str
    of: Node
    ttl: float
    mark: str
    key: Callable[..., Any] | None = None
    shared: bool = False
    open: bool = False
    varies: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    name: str = ""

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The answer that was kept, or that of the node below."""
        key = None if acts(request) else self._key(request, call)
        if key is None:
            return await self.of.call(request, call)
        coming: dict[str, bytes] = call.state.keep(self.id, None, dict)
        if call.options.cache:
            kept = _read(coming.get(key) or await call.account.store.get(key))
            if kept is not None:
                call.decision.picks.append((self.name or self.id, "cache: hit"))
                call.account.charge(_NOTHING, None)
                return _replayed(kept, call)
        reply = await self.of.call(request, call)
        reply.at_end(lambda whole, outcome: self._keep(whole, outcome, call, key, coming))
        return reply

    def _key(self, request: Mapping[str, Any], call: Call) -> str | None:
        """Under what the answer is kept; None where it is not."""
        scope = call.scope
        asked: Any = {name: value for name, value in request.items() if name != "stream"}
        if self.key is not None:
            roots = (scope.headers, scope.metadata, scope.caller, scope.route, scope.time)
            asked = self.key(call.seen, *roots)
            if asked is None or asked is ABSENT:
                return None
        whole = [
            _FORM,
            self.id,
            self.mark,
            scope.route.get("name"),
            call.operation,
            request["model"] if self.open else None,
            None if self.shared else dict(scope.caller),
            [_part(getattr(scope, root), names) for root, names in self.varies],
            asked,
        ]
        try:
            text = _canonical(whole)
        except (TypeError, ValueError, RecursionError):  # Such as half a surrogate pair.
            return None
        return f"cache {blake2b(text, digest_size=24).hexdigest()}"

    def _keep(
        self, reply: Reply, outcome: str, call: Call, key: str, coming: dict[str, bytes]
    ) -> None:
        """Send an answer that is whole on its way to the store. Until it is there, it is found
        here."""
        data = reply.data
        if outcome != "ok" or any(one["finish"] not in _FINISHED for one in data["choices"]):
            return
        try:
            value = dumps({"data": data, "owner": reply.owner, "headers": reply.headers})
        except (CallError, WireError):  # Whoever reads the headers is told; here nothing is kept.
            return
        if len(value) > MOST_BYTES:
            return

        async def put() -> None:
            await call.account.store.put(key, value, self.ttl)

        def ended(_: object) -> None:
            coming.pop(key, None)

        coming[key] = value
        if not call.aside.start(put(), ended, finish=True):
            ended(None)


class _Kept(Fold):
    """An answer that is whole already."""

    def __init__(self, owner: str, data: ReplyData) -> None:
        super().__init__(owner)
        self._data = data

    def reply(self) -> ReplyData:
        """All of it."""
        return self._data


def _read(value: bytes | None) -> dict[str, Any] | None:
    """What was kept, None if it is nothing that we can read."""
    if value is None:
        return None
    try:
        kept = loads(value)
    except WireError:
        return None
    return kept if isinstance(kept, dict) and kept.keys() >= {"data", "owner", "headers"} else None


def _replayed(kept: Mapping[str, Any], call: Call) -> Reply:
    headers: dict[str, str] = kept["headers"]
    fold = _Kept(kept["owner"], kept["data"])
    return Reply(fold, call.decision, headers=lambda _: dict(headers), price=lambda _: _NOTHING)


def _part(root: Mapping[str, Any], names: tuple[str, ...] | None) -> Any:
    return dict(root) if names is None else {name: root[name] for name in names if name in root}

"""Embeddings of more texts than a wire takes at once: several sends, one reply."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trunkline.errors import UpstreamError
from trunkline.graph.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from trunkline.dialect import Fold
    from trunkline.graph.node import Call
    from trunkline.graph.provider import Binding

__all__ = ["in_batches"]


async def in_batches(
    request: Mapping[str, Any],
    call: Call,
    binding: Binding,
    provider: Mapping[str, Any],
    ask: Callable[[Mapping[str, Any]], Awaitable[Reply]],
) -> Reply:
    """The vectors for all texts of a request, asked for as many at a time as the wire takes.

    A batch that fails fails them all: vectors of another target do not mix with these. Usage is
    added up, and the batches count as one send of the call. Raises what `ask` raises, and
    `UpstreamError` of kind `malformed` for a batch that has not one vector for each text.
    """
    texts = request["input"]
    most = binding.dialect.most_inputs(request, binding.view, provider)
    if most is None or len(texts) <= most:
        return await ask(request)
    sent = call.sent
    replies: list[Reply] = []
    for at in range(0, len(texts), most):
        batch = texts[at : at + most]
        reply = await ask({**request, "input": batch})
        found = len(reply.data.get("embeddings", ()))
        if found != len(batch):
            raise UpstreamError("malformed", f"{found} vectors came for {len(batch)} texts")
        replies.append(reply)
        call.sent = sent
    call.sent = sent + 1
    last = replies[-1]
    fold = _joined(replies, binding.dialect.fold(provider))
    return Reply(fold, call.decision, headers=lambda _reply: last.headers, price=last.priced)


def _joined(replies: list[Reply], fold: Fold) -> Fold:
    counted: Counter[str] = Counter()
    at = 0
    for reply in replies:
        fold.add({"start": {"id": reply.id, "model": reply.model}})
        for vector in reply.data.get("embeddings", ()):
            fold.add({"at": at, "embedding": vector})
            at += 1
        counted.update(_numbers(reply.data["raw_usage"]))
    if counted:
        fold.add({"usage": dict(counted)})
    return fold


def _numbers(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (usage or {}).items() if type(value) in (int, float)}

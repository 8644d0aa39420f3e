"""An answer that broke off after it was committed goes on elsewhere, where the route wants that.

`restart`: as long as nothing of it was handed out, the request is performed anew. `resume`: the
text so far becomes the beginning of the next target's answer, which is asked to go on with it
(a prefill). Either way the graph is walked once more, past the targets whose answers broke off,
and within the sends and the time that the request has left. When that comes to nothing, the
caller is told why the first answer broke off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import CallError, InterruptedAnswer, UpstreamError
from trunkline.graph.asking import acts, in_time
from trunkline.policy.price import total

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping

    from trunkline.chat import ReplyData, Usage
    from trunkline.dialect import Fold, Step
    from trunkline.dialect.block import Block
    from trunkline.graph.node import Call, Node
    from trunkline.graph.provider import Binding
    from trunkline.graph.reply import Reply
    from trunkline.policy.price import Cost
    from trunkline.ports import Attempt

__all__ = ["Again", "Further", "Rescue"]

_RESUMABLE: Final = frozenset({"text", "reasoning"})


class Again:
    """The way through the graph once more, for one request. `call` is how it came to `node`."""

    __slots__ = ("_avoided", "_begun", "_call", "_node", "_request")

    def __init__(self, node: Node, request: Mapping[str, Any], call: Call) -> None:
        self._node = node
        self._request = request
        self._call = call
        self._avoided: set[str] = set()
        self._begun: Mapping[str, Any] | None = None

    def rescue(self, call: Call, mode: str, attempt: Attempt) -> Rescue | None:
        """What to do when this attempt's answer breaks off; None if the caller is to be told. A
        copy of the request has nobody who waits for it, and what has effects happens once."""
        ours = call.decision is self._call.decision
        if mode == "error" or not ours or not call.options.fallback or acts(self._request):
            return None
        return Rescue(self, mode, attempt)

    def refusal(self, call: Call, binding: Binding, request: Mapping[str, Any]) -> str | None:
        """Why a target is passed over on the way; `request` has the overlays on it."""
        if not self._avoided or call.decision is not self._call.decision:
            return None
        if binding.id in self._avoided:
            return "its answer broke off"
        if self._call.sent >= self._call.cap:
            return "the request was sent as often as it may be"
        if self._begun is None:
            return None
        if "prefill" not in (binding.view.get("capabilities") or ()):
            return "it is not known to go on with an answer that has begun (`prefill`)"
        if request["messages"][-1] != self._begun:
            return "what lies over the request does not leave the answer so far at its end"
        return None

    async def walk(self, broken: str, text: str) -> Reply | None:
        """A committed reply of another target than those that broke off, to the request with
        this text as the beginning of its answer; None if there is nobody."""
        call = self._call
        self._avoided.add(broken)
        request = _begun(self._request, text)
        if request is None or call.sent >= call.cap:
            return None
        self._begun = request["messages"][-1] if text else None
        call.walks.asked.clear()
        try:
            in_time(call)
            options = replace(call.options, cache=False)
            return await self._node.call(request, replace(call, options=options))
        except CallError:
            return None


class Rescue:
    """What happens when one attempt's answer breaks off."""

    __slots__ = ("_again", "_attempt", "_mode")

    def __init__(self, again: Again, mode: str, attempt: Attempt) -> None:
        self._again = again
        self._mode = mode
        self._attempt = attempt

    async def after(self, reply: Reply, *, shown: bool) -> Further | None:
        """The answer that goes on with `reply`, of which something was `shown` or not; None if
        there is none. The attempt that broke off must be settled."""
        text = ""
        if shown:
            said = _text(reply.data) if self._mode == "resume" else None
            if said is None:
                return None
            text = said
        fresh = await self._again.walk(self._attempt.target, text.rstrip())
        if fresh is None:
            return None
        return Further(reply, fresh, self._attempt, shown=shown, text=text)


class Further:
    """An answer as what goes on with one that broke off; is read like `graph.answer.Answer`.

    `fold` is that of the whole: what was `shown` stands at its beginning, and its last text goes
    on in the same block. Id and model stay those that were shown. `rescue` is what to do when
    this one breaks off too.
    """

    __slots__ = (
        "_cost",
        "_joint",
        "_logprobs",
        "_ours",
        "_reply",
        "_said",
        "_seen",
        "_tail",
        "_usage",
        "done",
        "fold",
        "pieces",
        "ready",
        "rescue",
        "shown",
    )

    def __init__(
        self, broken: Reply, reply: Reply, attempt: Attempt, *, shown: bool, text: str
    ) -> None:
        self._reply = reply
        self.rescue = reply.give_way()
        self.shown = shown
        self.fold: Fold = broken.fold if shown else reply.fold
        self.ready: deque[tuple[dict[str, Any], list[Step]]] = broken.waiting()
        if not shown:
            self.ready.clear()
        self.pieces = 0
        self.done = False
        self._ours: Block | None = self.fold.open_text() if shown else None
        self._joint: Block | None = None
        self._seen = False
        self._said = len(text)
        self._tail = text[len(text.rstrip()) :]
        self._logprobs = broken.data["choices"][0]["logprobs"] if shown else None
        self._usage: Mapping[str, Any] = attempt.usage or {}
        self._cost = broken.priced(attempt.usage) if attempt.usage else None  # type: ignore[arg-type]

    def headers(self, _reply: Reply) -> dict[str, str]:
        """Those of the answer that goes on."""
        return self._reply.headers

    def price(self, usage: Usage | None) -> Cost | None:
        """What both cost; what only the last one does where nothing of the first was shown."""
        if not self.shown:
            return self._reply.priced(usage)
        costs = [cost for cost in (self._cost, self._reply.cost) if cost is not None]
        return total(costs) if len(costs) == 2 else None

    async def advance(self) -> None:
        """Read more. Raises `UpstreamError` when this one breaks off too."""
        try:
            taken = await self._reply.chunk()
        except InterruptedAnswer as error:
            raise UpstreamError("interrupted", error.message) from error
        if self.shown:
            for delta, steps in taken:
                self._join(delta, steps)
            self.fold.ends_as(self._reply.fold, self._logprobs, self._both)
        else:
            self.ready.extend(taken)
        self.pieces += sum(1 for _, steps in taken if steps)
        self.done = not taken

    def _join(self, delta: dict[str, Any], steps: list[Step]) -> None:
        """One delta, with what it did to blocks of the whole."""
        made: list[Step] = []
        for step in steps:
            block = step.block
            if not self._seen and block.kind == "text" and self._ours is not None:
                self._joint = block
            self._seen = True
            if block is not self._joint or self._ours is None:
                made.append(self.fold.adopt(step))
                continue
            added = self._continued(step.added)
            if "text" in step.added:
                delta = {**delta, "text": added.get("text", "")}
            if added:
                made.append(self.fold.continued(self._ours, added))
        if made or "finish" in delta:
            self.ready.append((delta, made))

    def _continued(self, added: Mapping[str, Any]) -> dict[str, Any]:
        """What a step adds to the text that was there. Spaces at the end of that were not sent
        along, because some models refuse them there, so they may come again. A signature would
        vouch for half of the text only."""
        kept = {key: value for key, value in added.items() if key != "signature"}
        text = kept.get("text", "")
        while text and self._tail and text[0] == self._tail[0]:
            text, self._tail = text[1:], self._tail[1:]
        if text:
            self._tail = ""
        if "text" in kept:
            kept["text"] = text
            if not text:
                del kept["text"]
        if "citation" in kept:
            kept["citation"] = _shifted(kept["citation"], self._said)
        return kept

    def _both(self, usage: Usage | None) -> Any:
        """Usage of both answers."""
        if usage is None:
            return None
        summed: dict[str, Any] = dict(self._usage)
        for name, count in usage.items():
            estimated = name == "estimated"
            summed[name] = True if estimated else summed.get(name, 0) + count
        return summed

    async def aclose(self) -> None:
        """Stop reading."""
        await self._reply.aclose()


def _text(data: ReplyData) -> str | None:
    """The text so far, for answers that somebody else can go on with: nothing but text, and
    thoughts, of one choice."""
    choices = data["choices"]
    if len(choices) != 1 or not all(part["type"] in _RESUMABLE for part in choices[0]["parts"]):
        return None
    return "".join(part["text"] for part in choices[0]["parts"] if part["type"] == "text")


def _begun(request: Mapping[str, Any], text: str) -> Mapping[str, Any] | None:
    """The request with the beginning of its answer at its end; None where an assistant's message
    stands there already that text cannot be added to."""
    if not text:
        return request
    messages = list(request["messages"])
    if messages and messages[-1]["role"] == "assistant":
        before = messages.pop()
        if not isinstance(before.get("content"), str) or before.get("tool_calls"):
            return None
        text = before["content"] + text
    return {**request, "messages": [*messages, {"role": "assistant", "content": text}]}


def _shifted(citation: dict[str, Any], by: int) -> dict[str, Any]:
    """A citation whose place, in characters of the text, is counted from an earlier beginning."""
    kind = str(citation.get("type"))
    inner = citation.get(kind)
    if not isinstance(inner, dict):
        return citation
    moved = {
        name: value + by if name in ("start_index", "end_index") and type(value) is int else value
        for name, value in inner.items()
    }
    return {**citation, kind: moved}

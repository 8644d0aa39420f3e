"""The reply: what a node that succeeds returns, and what a caller holds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Self

from trunkline.dialect import Fold
from trunkline.dialect.turns import from_turns
from trunkline.errors import CallError, InterruptedAnswer, UpstreamError
from trunkline.graph.played import deltas_of, face
from trunkline.patience import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trunkline.chat import Delta, ReplyData, Usage
    from trunkline.dialect import Step
    from trunkline.graph.answer import Answer
    from trunkline.graph.drain import Lasting
    from trunkline.graph.rescue import Further, Rescue
    from trunkline.graph.watch import Watch
    from trunkline.policy.price import Cost
    from trunkline.ports import Decision

__all__ = ["Reply"]


_BROKEN_OFF: Final = frozenset({"interrupted", "deadline"})


class Reply:
    """A committed answer: whole, or still arriving.

    Iterate over it for `Delta`s, or `await reply.read()` to have it whole. The properties show
    what has come so far. A stream that breaks raises `InterruptedAnswer`; it never just ends.
    Close a reply that is not read to its end (`aclose`, or `async with`), which closes the
    socket upstream, unless the route says `on_disconnect: drain`. `decision` says how it came
    about.
    """

    __slots__ = (
        "_answer",
        "_data",
        "_drain",
        "_failure",
        "_fold",
        "_headers",
        "_left",
        "_on_end",
        "_outcome",
        "_patience",
        "_price",
        "_ready",
        "_rescue",
        "_settle",
        "_shown",
        "_watch",
        "decision",
    )

    def __init__(
        self,
        fold: Fold,
        decision: Decision,
        *,
        answer: Answer | Lasting | None = None,
        ready: deque[tuple[dict[str, Any], list[Step]]] | None = None,
        watch: Watch | None = None,
        on_end: Callable[[Reply, str], None] | None = None,
        headers: Callable[[Reply], dict[str, str]] | None = None,
        price: Callable[[Usage | None], Cost | None] | None = None,
        rescue: Rescue | None = None,
        drain: Callable[[Reply], bool] | None = None,
    ) -> None:
        """A reply without an `answer` is complete; `ready` is what was read of it as a stream.
        `on_end` is called once, with `ok`, an error kind or `cancelled`, when all has been read
        or the reading stops. `price` tells what its tokens cost. `rescue` knows who goes on when
        it breaks off; `drain` has it read to its end when its caller leaves it, if it can."""
        self.decision = decision
        self._fold = fold
        self._answer: Answer | Lasting | Further | None = answer
        self._rescue = rescue
        self._drain = drain
        self._failure: CallError | None = None
        self._shown = False
        self._left = False
        self._watch = watch
        self._patience = Patience()
        self._headers = headers
        self._price = price
        self._settle = on_end
        self._on_end: list[Callable[[Reply, str], None]] = []
        self._outcome = ""
        self._ready = ready if answer is None else answer.ready
        self._data: ReplyData | None = None
        if answer is None:
            self._end("ok")

    @property
    def fold(self) -> Fold:
        """What the answer is gathered in."""
        return self._fold

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""
        return self._answer is None

    @property
    def data(self) -> ReplyData:
        """The reply as plain JSON: see `trunkline.chat.ReplyData`."""
        if self._data is not None:
            return self._data
        data = self._fold.reply()
        if self._outcome:
            self._data = data
        return data

    @property
    def owner(self) -> str:
        """The dialect it came in: what only one provider can read of it is marked with that."""
        return self._fold.owner

    @property
    def id(self) -> str:
        """The id that the provider gave it."""
        return self.data["id"]

    @property
    def model(self) -> str:
        """The model that answered, in the provider's words."""
        return self.data["model"]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The ordered parts of the first answer."""
        return self.data["choices"][0]["parts"]

    @property
    def text(self) -> str:
        """The text of the first answer."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def reasoning(self) -> str:
        """What the model thought on the way, where the provider shows it."""
        return "".join(part.get("text", "") for part in self.parts if part["type"] == "reasoning")

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The tools to call: `[{id, type, function: {name, arguments}}]`, arguments as text."""
        return [
            {
                "id": part["id"],
                "type": "function",
                "function": {"name": part["name"], "arguments": part["arguments"]},
            }
            for part in self.parts
            if part["type"] == "tool_call"
        ]

    @property
    def message(self) -> dict[str, Any]:
        """The first answer as a message, ready to be appended to the next request's."""
        return from_turns([{"role": "assistant", "parts": self.parts}])[0]

    @property
    def finish(self) -> str:
        """Why the first answer ended: `stop`, `length`, `tool_calls` or `content_filter`."""
        return self.data["choices"][0]["finish"]

    @property
    def usage(self) -> Usage | None:
        """Tokens in counters that do not overlap, if the provider has said."""
        return self.data["usage"]

    @property
    def cost(self) -> Cost | None:
        """What its tokens cost and how that was computed; None where no price is known. What
        attempts that failed on the way may have cost is in `decision.cost`."""
        return self.priced(self.usage)

    def priced(self, usage: Usage | None) -> Cost | None:
        """What so many tokens cost where this answer came from."""
        return None if self._price is None else self._price(usage)

    @property
    def headers(self) -> dict[str, str]:
        """What the route's `response.headers` say, as far as it is known by now."""
        return {} if self._headers is None else self._headers(self)

    async def read(self) -> Self:
        """Wait for all of it. Raises `InterruptedAnswer` if it breaks off."""
        while self._answer is not None and not self._left:
            await self._advance(self._answer)
        self._check()
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        while True:
            ready = self.waiting()
            while ready:
                delta = face(*ready.popleft())
                if delta is not None:
                    self._shown = True
                    return delta
            if self._answer is None or self._left:
                self._check()
                raise StopAsyncIteration
            await self._advance(self._answer)

    async def steps(self) -> AsyncIterator[list[Step]]:
        """What doors write: the steps as they come, those of one chunk together. Take either
        these or the deltas, not both."""
        while taken := await self.chunk():
            steps = [step for _, made in taken for step in made]
            if steps:
                yield steps

    async def chunk(self) -> list[tuple[dict[str, Any], list[Step]]]:
        """What has come next: deltas, each with the steps it made; none when all was read."""
        while True:
            ready = self.waiting()
            if ready:
                taken = list(ready)
                ready.clear()
                self._shown = True
                return taken
            if self._answer is None or self._left:
                self._check()
                return []
            await self._advance(self._answer)

    def waiting(self) -> deque[tuple[dict[str, Any], list[Step]]]:
        """What has come and was not handed out; a whole body is taken apart when asked for."""
        if self._ready is None:
            fold = Fold(self._fold.owner)
            self._ready = deque((delta, fold.add(delta)) for delta in deltas_of(self.data))
        return self._ready

    def _check(self) -> None:
        """Raises what the answer broke off by."""
        if self._failure is not None:
            raise self._failure

    async def _advance(self, answer: Answer | Lasting | Further) -> None:
        watch = self._watch
        pieces = answer.pieces
        try:
            with self._patience.within(None if watch is None else watch.begin()):
                await answer.advance()
        except TimeoutError:
            if not answer.done:
                over = watch is not None and watch.over
                why = watch.verdict() if watch else "no time was left"
                await self._interrupted(why, None, "deadline" if over else "interrupted")
                return
        except UpstreamError as error:
            await self._interrupted(error.message, error)
            return
        except BaseException:
            await self._leave()
            raise
        if watch is not None:
            watch.end(answer.pieces != pieces)
        if answer.done:
            await self._stop("ok")

    async def _interrupted(
        self, why: str, cause: UpstreamError | None, how: str = "interrupted"
    ) -> None:
        """It has broken off: somebody else goes on, or its reader is told why, once all that came
        is handed out. `how` is what the attempt counts as."""
        rescue, self._rescue = self._rescue, None
        outcome = "cancelled"
        further: Further | None = None
        try:
            await self._release(how)
            if self._failure is None:
                self._failure = self._broken(why)
                self._failure.__cause__ = cause
            if rescue is not None:
                further = await rescue.after(self, shown=self._shown)
            outcome = how
        finally:
            if further is None:
                self._patience.close()
                self._end(outcome)
        if further is not None:
            self._go_on(further)

    def _go_on(self, further: Further) -> None:
        """Another answer takes over. Should that one break off too, the first cause counts."""
        self._answer = further
        self._watch = None
        self._fold = further.fold
        self._ready = further.ready
        self._price = further.price
        self._rescue = further.rescue
        if not further.shown:
            self._headers = further.headers

    def give_way(self) -> Rescue | None:
        """This reply becomes part of another one, which is told how it ends, reads it, and does
        what is to be done when it breaks off."""
        rescue, self._rescue = self._rescue, None
        self._drain = None
        self._on_end.clear()
        return rescue

    def _broken(self, why: str) -> CallError:
        attempts = reversed(self.decision.attempts)
        target = next((one.target for one in attempts if one.outcome in _BROKEN_OFF), "")
        error = InterruptedAnswer(f"the answer broke off: {why}", target=target)
        error.decision = self.decision
        return error

    async def _stop(self, outcome: str) -> None:
        self._patience.close()
        try:
            await self._release(outcome)
        finally:
            self._failure = None if outcome == "ok" else self._failure
            self._end("cancelled" if self._left else outcome)

    async def _release(self, outcome: str) -> None:
        """Close what is read, and settle the attempt that brought it."""
        answer, self._answer = self._answer, None
        try:
            if answer is not None:
                await answer.aclose()
        finally:
            self._settled(outcome)

    def _settled(self, outcome: str) -> None:
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(self, outcome)

    def _end(self, outcome: str) -> None:
        self._outcome = outcome
        self._settled(outcome)
        waiting, self._on_end = self._on_end, []
        for on_end in waiting:
            on_end(self, outcome)

    def at_end(self, on_end: Callable[[Reply, str], None]) -> None:
        """Have this called too when all has been read or the reading stops; at once, if it is
        over already."""
        if self._outcome:
            on_end(self, self._outcome)
        else:
            self._on_end.append(on_end)

    async def aclose(self) -> None:
        """Stop reading; what has come stays readable. Safe to call at any time."""
        if self._answer is not None and not self._left:
            await self._leave()

    async def _leave(self) -> None:
        """Nobody reads it any further."""
        self._rescue = None
        drain, self._drain = self._drain, None
        if drain is not None and drain(self):
            self._left = True
        else:
            await self._stop("cancelled")

    async def drained(self) -> None:
        """Read it to its end, for nobody."""
        while self._answer is not None:
            self.waiting().clear()
            await self._advance(self._answer)

    def drop(self) -> None:
        """It is over, whatever became of it."""
        if not self._outcome:
            self._end("cancelled")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "complete" if self.complete else "arriving"
        return f"<Reply {self.model or 'without a model'} {state}>"

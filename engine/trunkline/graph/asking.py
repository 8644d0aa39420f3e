"""Asking one target, from the gate to a committed reply: again where that makes sense.

The same target is asked once more at once when no connection came about, after a short wait when
the provider answered with a status that passes by itself, and with another of its credentials
when one was refused. How many retries there may be is bounded by the request's own count, and by
a budget that all requests to the target share: a share of its first attempts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from trunkline.auth import SecretError
from trunkline.errors import CallError, DeadlineError, InternalError, UpstreamError
from trunkline.graph.node import ExcludedError, SkippedError
from trunkline.graph.send import Send
from trunkline.policy.outcome import NEUTRAL, classify
from trunkline.policy.retry import wait_before_retry
from trunkline.ports import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.graph.gate import Gate
    from trunkline.graph.node import Call
    from trunkline.graph.passage import Passage
    from trunkline.graph.render import Rendering
    from trunkline.graph.reply import Reply
    from trunkline.policy.outcome import Outcome
    from trunkline.policy.retry_budget import RetryBudget
    from trunkline.ports import HttpRequest

__all__ = ["LEAST_TIME", "Asking", "acts", "in_time", "says_more"]

LEAST_TIME: Final = 1.0
"""Seconds that must be left of the request's total time for another send."""


_REFUSED: Final = frozenset({401, 403})
"""Statuses of a key that may not enter: nothing was done, and nothing is billed."""

_NOTHING_SENT: Final = frozenset({"pool", "connect"})


class Asking:
    """One request at one target. `times` is how often it has been asked by this."""

    __slots__ = ("_call", "_gate", "_outcome", "_rendering", "_unsigned", "times")

    def __init__(self, rendering: Rendering, gate: Gate, unsigned: HttpRequest) -> None:
        self._rendering = rendering
        self._gate = gate
        self._unsigned = unsigned
        self._call = rendering.call
        self._outcome: Outcome = NEUTRAL
        self.times = 0

    async def reply(self, passage: Passage) -> Reply:
        """A committed reply. `passage` is that of the first attempt.

        Raises `UpstreamError` when another target may be tried.
        """
        budget = self._budget(passage)
        if budget is not None:
            budget.deposit(self._call.clock.monotonic())
        while True:
            self.times += 1
            try:
                return await self._send(passage)
            except UpstreamError as error:
                if self._unsure(error):
                    raise _not_repeated(error) from error
                wait = self._wait(error, passage, budget)
                if wait is None:
                    raise
                if wait:
                    await self._call.clock.sleep(wait)
                try:
                    in_time(self._call)
                    passage = await self._gate.enter(self._rendering.request)
                except (ExcludedError, DeadlineError):
                    raise error from error.__cause__

    async def _send(self, passage: Passage) -> Reply:
        """One attempt, and a second one where the provider refuses the credentials and there are
        fresher ones by then. The refused one got nothing done, so it is no send."""
        send = Send(self._rendering, passage, self._new_attempt(passage))
        try:
            try:
                return await self._attempt(send)
            except UpstreamError as error:
                if not await _renewed(error, send):
                    raise
            send.attempt.message += " (sent again with other credentials)"
            self._call.sent -= 1
            send = Send(self._rendering, passage, self._new_attempt(passage))
            return await self._attempt(send)
        except BaseException as error:
            self._leave(error, send)
            raise

    def _leave(self, error: BaseException, send: Send) -> None:
        """Settle an attempt that came to nothing. One that was cut by us had begun, so its input
        is paid for, as far as anyone can tell; not where the fault is ours, or the key was
        refused."""
        refused = send.attempt.status in _REFUSED and not isinstance(error, UpstreamError)
        if send.signed is None or refused or isinstance(error, SkippedError | InternalError):
            send.passage.unsent()
        elif isinstance(error, UpstreamError):
            send.passage.failed(self._outcome, send.attempt)
        else:
            send.passage.answered(None, NEUTRAL, send.attempt)

    def _new_attempt(self, passage: Passage) -> Attempt:
        return Attempt(
            self._gate.binding.id,
            started=self._call.since_start(),
            credential=passage.credential.name,
        )

    async def _attempt(self, send: Send) -> Reply:
        """From the signature to the commit, noted in the decision record."""
        call, attempt = self._call, send.attempt
        call.decision.attempts.append(attempt)
        call.decision.simulated = self._gate.upstream.simulated
        call.sent += 1
        try:
            return await send.perform(self._unsigned)
        except BaseException as error:
            attempt.seconds = call.since_start() - attempt.started
            if isinstance(error, SkippedError):
                call.sent -= 1
            self._outcome = _outcome_of(error)
            if isinstance(error, UpstreamError) and error.kind == "context_length":
                window = self._gate.binding.view.get("context") or 0
                call.too_long_for = max(call.too_long_for, window)
            raise _noted(error, attempt, self._gate) from error.__cause__

    def _wait(
        self, error: UpstreamError, passage: Passage, budget: RetryBudget | None
    ) -> float | None:
        """Seconds until the target is asked once more; None to leave it."""
        call, settings = self._call, self._rendering.settings
        if call.sent >= call.cap or isinstance(error, SkippedError):
            return None
        if self._outcome.credential and len(self._gate.upstream.credentials) > 1:
            return 0.0 if self._gate.opens(panic=False) else None
        if self.times > settings.same_target:
            return None
        now = call.clock.monotonic()
        wait = wait_before_retry(
            error.kind,
            error.upstream_status,
            error.retry_after,
            nth=self.times,
            left=None if call.deadline is None else call.deadline - now,
            alone=not call.more,
            patient=settings.prefer_same,
            chance=call.random.random(),
            on=settings.retry_on,
            rules=settings.retry_rules,
        )
        if wait is None or now + wait < self._opens_at():
            return None
        return wait if budget is None or budget.withdraw(now) else None

    def _opens_at(self) -> float:
        """When the target can be asked again: to wait for less would be to wait for nothing."""
        gate = self._gate
        return gate.opens_at(panic=gate.panics(self._rendering.request))

    def _unsure(self, error: UpstreamError) -> bool:
        """Whether the provider may have done what must not be done twice."""
        unanswered = error.upstream_status is None and error.stage not in _NOTHING_SENT
        return unanswered and acts(self._rendering.request) and not isinstance(error, SkippedError)

    def _budget(self, passage: Passage) -> RetryBudget | None:
        """What the target's retries are paid from; None where they are not counted."""
        said = self._rendering.settings.retry_budget
        return None if said is None else self._call.state.retries(passage.site.breaker, *said)


def in_time(call: Call) -> None:
    """A first send is always allowed; a further one needs a second to be of any use."""
    if not call.sent or call.deadline is None:
        return
    if call.deadline - call.clock.monotonic() < LEAST_TIME:
        call.too_late = True
        raise DeadlineError("the request's total time does not allow another try")


def says_more(failure: UpstreamError | None, call: Call) -> bool:
    """Whether an earlier failure tells the caller more than that there is no time for another
    try: it does, if it is what a provider said."""
    if failure is None or isinstance(failure, SkippedError) or not call.too_late:
        return False
    return failure.kind != "timeout"


def acts(request: Mapping[str, Any]) -> bool:
    """Whether the provider does more for this request than answer it: runs tools of its own, or
    stores the answer. That must not happen twice."""
    if request.get("store") is True:
        return True
    return any(tool.get("type") == "wire" for tool in request.get("tools") or ())


def _not_repeated(error: UpstreamError) -> CallError:
    """The error for a request that nobody may be asked again."""
    message = f"{error.message}; the request may have had effects, so it is not repeated"
    return CallError(error.kind, message, target=error.target)


def _outcome_of(error: BaseException) -> Outcome:
    """What an attempt counts as that came to nothing."""
    if isinstance(error, UpstreamError) and not isinstance(error, SkippedError):
        return classify(error.kind, error.upstream_status, error.stage, error.retry_after)
    return NEUTRAL


async def _renewed(error: UpstreamError, send: Send) -> bool:
    """Whether a failure is one of credentials, and there are fresher ones, with time to try
    them."""
    refused = error.kind == "auth" and error.upstream_status in _REFUSED
    if not refused or send.signed is None:
        return False
    call = send.call
    left = None if call.deadline is None else call.deadline - call.clock.monotonic()
    if left is not None and left < LEAST_TIME:
        return False
    try:
        async with asyncio.timeout(left):
            return await send.passage.credential.signer.refused(send.signed)
    except TimeoutError:
        return False


def _noted(error: BaseException, attempt: Attempt, gate: Gate) -> BaseException:
    """The error to raise for a failed attempt, written into its record."""
    if isinstance(error, SecretError):
        error = InternalError(str(error))
    if isinstance(error, CallError):
        error.target = attempt.target
        error.say(gate.upstream.hide(error.message))
        attempt.outcome = error.kind
        attempt.message = error.message
    else:
        attempt.outcome = "cancelled"
    return error

"""One attempt's way through a gate: what it holds while it is under way, and how it is settled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from trunkline.graph.account import tokens_of
from trunkline.policy.budgets import is_low, worth_waiting
from trunkline.policy.estimate import estimate_input, estimate_output
from trunkline.policy.headroom import read_headroom
from trunkline.policy.health import Exclusion
from trunkline.policy.limits import refund, worth_another_try
from trunkline.policy.outcome import NEUTRAL, SUCCESS
from trunkline.policy.price import cost
from trunkline.store import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.chat import Usage
    from trunkline.graph.gate import Gate
    from trunkline.graph.provider import Credential
    from trunkline.graph.reply import Reply
    from trunkline.policy.health import Event, Permit, Site
    from trunkline.policy.limits import LimitRule
    from trunkline.policy.outcome import Outcome
    from trunkline.policy.price import Cost, Price
    from trunkline.ports import Attempt
    from trunkline.store import Claim

__all__ = ["Passage"]


class Passage:
    """Held by one attempt, and ended by it once: `unsent`, `failed` or `answered`."""

    __slots__ = (
        "_claims",
        "_counted_in",
        "_ended",
        "_gate",
        "_input",
        "_money",
        "_name",
        "_paid",
        "_permit",
        "_request",
        "credential",
        "price",
        "site",
    )

    def __init__(
        self, gate: Gate, credential: Credential, site: Site, request: Mapping[str, Any]
    ) -> None:
        """`request` is the one that is sent, from which its size is told."""
        self.credential = credential
        self.site = site
        self.price: Price | None = gate.price
        self._gate = gate
        self._request = request
        self._input: int | None = None
        self._claims: list[tuple[LimitRule, list[Claim]]] = []
        self._money: list[Claim] = []
        self._name = ""
        self._permit: Permit | None = None
        self._ended = False
        self._counted_in = False
        self._paid: Cost | None = None

    async def reserve(self, rules: Sequence[LimitRule]) -> Exclusion | None:
        """Take what the limits and the caller's budgets must lend, all or nothing. Raises
        `StoreDownError`."""
        call = self._gate.call
        account = call.account
        if self.price is None and any(not rule.unpriced_allowed for rule, _ in account.budgets):
            return Exclusion("unpriced", math.inf, False)
        tokens, money = self._gate.most(self._request, self._plain(), rules)
        self._claims = [(rule, rule.claims("", tokens, money, account.lease)) for rule in rules]
        self._money = [rule.claim(who, money, account.epoch) for rule, who in account.budgets]
        self._name = account.next_name()
        claims = [claim for _, some in self._claims for claim in some]
        claims += self._money
        if not claims:
            return None
        refused = await account.store.reserve(self._name, claims)
        self._watch_budgets(money if refused is None else 0)
        if refused is None:
            return None
        budget = refused.index >= len(claims) - len(self._money)
        self._claims, self._money = [], []
        now = call.clock.monotonic()
        wait = worth_another_try(claims[refused.index], refused.retry_after)
        wait = worth_waiting(refused) if budget else wait
        until = math.inf if wait is None else now + wait
        return Exclusion("budget" if budget else "limit", until, not budget)

    def _watch_budgets(self, reserved: int) -> None:
        """Tell of budgets that are nearly used up; what this attempt has `reserved` is mostly more
        than it comes to, so it does not count yet."""
        call = self._gate.call
        account = call.account
        for (rule, _), claim in zip(account.budgets, self._money, strict=True):
            left = account.store.left(claim)
            if left is not None and is_low(rule, claim.capacity - int(left) - reserved):
                until = call.clock.monotonic() + claim.end - account.epoch
                call.state.budget_low(rule.name, claim.start, until)

    def begin(self) -> None:
        """The attempt begins."""
        state = self._gate.call.state
        now = self._gate.call.clock.monotonic()
        self._permit = state.health.begin(self.site, now)
        key = self.site.limited
        if self.site.credential in state.told:
            state.headrooms.sent(key, self._plain())
            state.tighten(key, now)
        state.begin(self._gate.leaf)

    def heard(self, headers: Mapping[str, str]) -> None:
        """The head of a response has come; it may say what is left of the provider's limits."""
        call = self._gate.call
        now = call.clock.monotonic()
        headroom = read_headroom(headers, now, call.clock.time())
        if headroom is not None:
            key = self.site.limited
            call.state.headrooms.lower(key, headroom, now)
            call.state.told.add(self.site.credential)
            call.state.tighten(key, now)

    def cost_of(self, usage: Usage | None) -> Cost | None:
        """What so many tokens cost here; what the answer cost by our own estimate, where the
        provider did not count."""
        if usage is None:
            return self._paid
        return None if self.price is None else cost(usage, self.price)

    def committed(self, seconds: float) -> None:
        """The answer has begun to come, so many seconds after it was asked for."""
        call = self._gate.call
        assert self._permit is not None
        now = call.clock.monotonic()
        self._tell(call.state.health.committed(self._permit, now))
        self._count(True, now)
        call.state.timing(self._gate.leaf).observe(seconds, now)
        adaptive = self._gate.adaptive
        if adaptive is not None:
            adaptive.ended(seconds, now)

    def failed(self, outcome: Outcome, attempt: Attempt) -> None:
        """Nothing came of it."""
        adaptive = self._gate.adaptive
        strained = outcome.credential == "cooldown" or outcome.health != "neutral"
        if adaptive is not None and strained and not outcome.origin:
            now = self._gate.call.clock.monotonic()
            adaptive.ended(attempt.seconds, now, overloaded=True)
        maybe = 0
        if outcome.billed and self.price is not None:
            usage = {"input": self._input_tokens(), "estimated": True}
            maybe = attempt.maybe_billed = cost(usage, self.price).micro_dollars
            self._gate.call.account.charge_maybe(maybe)
        self._end(outcome, 0, maybe)

    def unsent(self) -> None:
        """Nothing was sent, so nothing is owed, and nothing is known of the target."""
        if self._ended:
            return
        self._ended = True
        if self._permit is not None:
            self._leave(NEUTRAL)
        lent = [claim for _, some in self._claims for claim in some]
        self._settle(refund([*lent, *self._money]))

    def answered(self, reply: Reply | None, outcome: Outcome, attempt: Attempt) -> None:
        """It was answered, wholly or in part; None if it was given up before anything came."""
        usage = self._counted(reply, whole=outcome is SUCCESS)
        attempt.usage = usage
        paid = self._paid = None if self.price is None else cost(usage, self.price)
        if paid is not None:
            attempt.micro_dollars = paid.micro_dollars
        self._gate.call.account.charge(paid, usage)
        self._end(outcome, tokens_of(usage), 0 if paid is None else paid.micro_dollars)

    def _end(self, outcome: Outcome, tokens: int, money: int) -> None:
        if self._ended:
            return
        self._ended = True
        self._leave(outcome)
        changes = [
            change for rule, some in self._claims for change in rule.changes(some, tokens, money)
        ]
        changes += [Change(claim, money) for claim in self._money]
        self._settle(changes)

    def _settle(self, changes: Sequence[Change]) -> None:
        if changes:
            self._gate.call.account.store.settle(self._name, changes)

    def _leave(self, outcome: Outcome) -> None:
        call = self._gate.call
        call.state.end(self._gate.leaf)
        assert self._permit is not None
        bad = outcome.health in ("hard", "slow")
        digest = _digest(call.seen) if bad else ""
        now = call.clock.monotonic()
        if bad or outcome.reached:
            self._count(not bad, now)
        self._tell(call.state.health.end(self._permit, outcome, now, digest))

    def _count(self, accepted: bool, now: float) -> None:
        """Tell the throttle what came of the attempt, as soon as that is known: one that is still
        under way was not refused."""
        if self._counted_in:
            return
        self._counted_in = True
        throttle = self._gate.call.state.throttle(self.site.breaker)
        throttle.asked(now)
        if accepted:
            throttle.accepted(now)

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self._gate.call.state.alert(event)

    def _counted(self, reply: Reply | None, *, whole: bool) -> Usage:
        """What the provider counted, or an estimate where it did not, or not to the end."""
        estimates, key = self._gate.call.state.estimates, self.site.breaker
        said = (reply.usage or None) if reply is not None else None
        parts = [] if reply is None else [p for c in reply.data["choices"] for p in c["parts"]]
        if said is not None and whole:
            estimates.learn(key, said, asked=self._plain(), shown=estimate_output(parts))
            return said
        guess = estimates.usage(key, self._plain(), parts)
        if said is None:
            return guess  # type: ignore[return-value]  # a Usage, by its keys
        more = max(guess["output"], said.get("output", 0))
        return {**said, "output": more, "estimated": True}

    def _input_tokens(self) -> int:
        return self._gate.call.state.estimates.input(self.site.breaker, self._plain())

    def _plain(self) -> int:
        if self._input is None:
            self._input = estimate_input(self._request)
        return self._input


def most_output(request: Mapping[str, Any]) -> int | None:
    """Output tokens that a request may come to, None if it does not say; embeddings have none.
    Numbers below 0 are for the provider to refuse: nothing can be reserved with them."""
    if "input" in request:
        return 0
    most = request.get("max_completion_tokens") or request.get("max_tokens")
    return None if most is None else max(0, most) * max(1, request.get("n") or 1)


_LONG: Final = 8192
"""Characters of a text, of which only the beginning and the end are looked at beyond that."""


def _digest(request: Mapping[str, Any]) -> str:
    """What tells one request from others, so that a poisonous one is known when it comes again."""
    hashed = blake2b(digest_size=12)
    left: list[Any] = [request]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            left.extend(one)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        else:
            text = one if isinstance(one, str) else repr(one)
            if len(text) > _LONG:
                text = f"{len(text)} {text[: _LONG // 2]} {text[-_LONG // 2 :]}"
            hashed.update(text.encode("utf-8", "surrogatepass"))
        hashed.update(b"\0")
    return hashed.hexdigest()

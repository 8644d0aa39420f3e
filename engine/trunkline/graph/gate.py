"""The way in to one target: its health, a credential that may be used, room in every limit, money.

A target that is not to be asked now is passed over like one that cannot carry the request. Who
gets in holds a `Passage` (see `trunkline.graph.passage`), and must end it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError
from trunkline.graph.account import down
from trunkline.graph.asking import acts
from trunkline.graph.node import ExcludedError
from trunkline.graph.passage import Passage, most_output
from trunkline.policy.health import Exclusion, Site
from trunkline.policy.pick import Weighted
from trunkline.policy.price import worst
from trunkline.ports import Skip
from trunkline.store import StoreDownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline.graph.node import Call
    from trunkline.graph.provider import Binding, Credential, Provider, Upstream
    from trunkline.policy.adaptive import AdaptiveLimit
    from trunkline.policy.limits import LimitRule
    from trunkline.policy.price import Price

__all__ = ["Gate"]

_THROTTLED: Final = 1.0
"""Seconds after which a target that refuses nearly everything may be worth another try."""


class Gate:
    """The gate before one target, for one request. `common` tells that the model's name is the
    caller's own choice, so that what becomes of it says little about the provider."""

    __slots__ = ("_common", "_provider", "_rules", "binding", "call", "leaf", "upstream")

    def __init__(
        self,
        call: Call,
        binding: Binding,
        provider: Provider,
        leaf: str,
        rules: tuple[LimitRule, ...] = (),
        *,
        common: bool = False,
    ) -> None:
        """`leaf` is the id under which sends are counted and timed, `rules` are the limits of the
        nodes above the target."""
        self.call = call
        self.leaf = leaf
        self.binding = binding
        self.upstream: Upstream = call.upstreams[provider.name]
        self._provider = provider
        self._rules = rules if provider.limits is None else (*rules, provider.limits)
        self._common = common

    @property
    def price(self) -> Price | None:
        """What the model costs here, if that is known."""
        return self.upstream.price(self.binding.view["model"])

    @property
    def adaptive(self) -> AdaptiveLimit | None:
        """What is known of how many sends at once the target can take, where that is wanted."""
        if not self._provider.adaptive:
            return None
        return self.call.state.adaptive(self._site(self.upstream.credentials[0]).breaker)

    def opens(self, *, panic: bool) -> bool:
        """Whether somebody could get in now, as far as this process knows."""
        if self.call.barred(self.binding.id):
            return False
        return bool(self._open(self.call.clock.monotonic(), panic))

    def opens_at(self, *, panic: bool = False) -> float:
        """When somebody can get in, as far as is known: a time on the call's clock."""
        now = self.call.clock.monotonic()
        if self.call.forced == self.binding.id:
            return now
        refusals = [self._refusal(one, now, panic) for one in self.upstream.credentials]
        return min(now if one is None else one.until for one in refusals)

    def panics(self, request: Mapping[str, Any]) -> bool:
        """Whether one that fails too often is asked all the same: a balance above has decided
        that, or else there is nobody well below this tier."""
        call = self.call
        if call.state.calm:
            return False
        if call.tiered:
            return call.panic
        return not any(node.exits(request, call) for node in call.lower)

    def share(self) -> float:
        """The share of its traffic that the target should get: less than 1 for a while after it
        was ejected."""
        now, health = self.call.clock.monotonic(), self.call.state.health
        return max(health.weight(self._site(one), now) for one in self.upstream.credentials)

    def most(
        self, request: Mapping[str, Any], read: int, rules: Iterable[LimitRule] = ()
    ) -> tuple[int, int]:
        """Tokens and micro-dollars that an attempt may come to; `read` is its input, as it was
        estimated before anything was known of the target.

        Where one of the rules is strict, that is the most that the model can answer. Raises
        `RequestError` if nobody knows how much that is.
        """
        key = self._site(self.upstream.credentials[0]).breaker
        estimates = self.call.state.estimates
        asked, usual = most_output(request), estimates.expected_output(key)
        if asked is None:
            asked = self._strictly(rules)
        read = estimates.input(key, read)
        usual *= request.get("n") or 1
        money = 0 if self.price is None else worst(self.price, read, asked, usual)
        return read + (usual if asked is None else asked), money

    def _strictly(self, rules: Iterable[LimitRule]) -> int | None:
        """All that the model can answer with, where a rule is strict about that."""
        strict = next((rule for rule in rules if rule.strict), None)
        if strict is None:
            return None
        most: int | None = self.binding.view.get("max_output")
        if most is None:
            raise RequestError(
                "limit",
                f"the limit `{strict.name}` is strict, and nobody knows how much {self.binding.id} "
                "may answer with: say `max_completion_tokens`",
                status=400,
                target=self.binding.id,
            )
        return most

    async def enter(self, request: Mapping[str, Any]) -> Passage:
        """Get in with a credential that may be used, and with what the limits must lend.

        Raises `ExcludedError` if there is none, noted in the decision record.
        """
        call = self.call
        now = call.clock.monotonic()
        if call.walk and call.barred(self.binding.id, alone=acts(request)):
            raise self._excluded(Exclusion("avoided", math.inf, False), now)
        if call.walk:
            call.walks.asked[self.binding.id] = call.walk
        panic = self.panics(request)
        left = self._open(now, panic)
        if not left:
            refusals = [self._refusal(one, now, panic) for one in self.upstream.credentials]
            found = [one for one in refusals if one is not None]
            raise self._excluded(min(found, key=lambda one: one.until), now)
        if not call.more:
            throttle = call.state.throttle(self._site(left[0]).breaker)
            if throttle.rejects(now, call.random):
                throttle.asked(now)
                raise self._excluded(Exclusion("throttled", now + _THROTTLED, False), now)
        adaptive = self.adaptive
        if adaptive is not None and not adaptive.admits(call.state.in_flight.get(self.leaf, 0)):
            raise self._excluded(Exclusion("limit", now + _THROTTLED, True), now)
        while True:
            credential = left[0] if len(left) == 1 else self._pick(left)
            passage = Passage(self, credential, self._site(credential), request)
            refusal = await self._reserve(passage) or self._overtaken(credential, panic)
            if refusal is None:
                passage.begin()
                return passage
            passage.unsent()
            left.remove(credential)
            if not left:
                raise self._excluded(refusal, now)

    def _overtaken(self, credential: Credential, panic: bool) -> Exclusion | None:
        """Why not, after all: while this one waited for the limits, another may have taken the
        one permit of a target that is on its way back."""
        if self.call.state.calm or self.call.forced == self.binding.id:
            return None
        return self._refusal(credential, self.call.clock.monotonic(), panic)

    async def _reserve(self, passage: Passage) -> Exclusion | None:
        """Take what the limits must lend; why not, if one of them has no room."""
        own = passage.credential.limits
        rules = self._rules if own is None else (*self._rules, own)
        if not rules and not self.call.account.budgets:
            return None
        try:
            return await passage.reserve(rules)
        except StoreDownError as error:
            raise down("budget" if self.call.account.budgets else "limit", error) from error

    def _open(self, now: float, panic: bool) -> list[Credential]:
        """The credentials by which somebody may get in."""
        credentials = self.upstream.credentials
        if self.call.state.calm or self.call.forced == self.binding.id:
            return list(credentials)
        return [one for one in credentials if self._refusal(one, now, panic) is None]

    def _refusal(self, credential: Credential, now: float, panic: bool) -> Exclusion | None:
        state, site = self.call.state, self._site(credential)
        lone = self.call.lone and len(self.upstream.credentials) == 1
        found = state.health.excluded(site, now, lone=lone, panic=panic)
        if found is not None or lone:
            return found
        until = state.left_until(site.limited, now)
        return None if until is None else Exclusion("headroom", until, True)

    def _pick(self, left: list[Credential]) -> Credential:
        """The next of a provider's credentials, by their weights."""
        upstream = self.upstream
        state = self.call.state
        turn = state.keep(
            f"keys {self._provider.name}", upstream.weights, lambda: Weighted(upstream.weights)
        )
        out = {i for i, one in enumerate(upstream.credentials) if one not in left}
        index = turn.pick(out, _ALIKE, self.call.random)
        return left[0] if index is None else upstream.credentials[index]

    def _site(self, credential: Credential) -> Site:
        """Under which names its health is kept."""
        binding, provider = self.binding, self._provider
        key = provider.name if self._common else f"{binding.id} {binding.dialect.name}"
        model = binding.view["model"] if self._common else ""
        sites = self.upstream.sites
        site = sites.get((key, model, credential.id))
        if site is None:
            origin = self.upstream.origin
            leaf, rules = binding.id, provider.breaker
            site = Site(key, origin, credential.id, leaf, rules, model)
            if not model:
                sites[key, model, credential.id] = site
        return site

    def _excluded(self, exclusion: Exclusion, now: float) -> ExcludedError:
        """The error for a target that is not asked now, noted in the decision record."""
        leaf = self.binding.id
        why = _WORDS[exclusion.reason]
        if now < exclusion.until < math.inf:
            left = exclusion.until - now
            why += f", for another {left:.3g} s" if left < 100 else f", for another {left:.0f} s"
        self.call.decision.skipped.append(Skip(leaf, why))
        if exclusion.reason != "avoided":
            self.call.excluded.append((leaf, exclusion))
        return ExcludedError(f"{leaf}: {why}", target=leaf, exclusion=exclusion)


class _Alike:
    """Members of which nothing is known but their weights (`policy.pick.Members`)."""

    key = ""
    ramping = False

    def load(self, index: int) -> int:
        """None are counted."""
        return 0

    def latency(self, index: int) -> float | None:
        """None is measured."""
        return None

    def cost(self, index: int) -> float:
        """All cost the same."""
        return 0.0

    def share(self, index: int) -> float:
        """All have their whole share."""
        return 1.0


_ALIKE: Final = _Alike()

_WORDS: Final = {
    "ejected": "ejected, because it kept failing",
    "cooled": "cooled down, because it limits how often it is asked",
    "credential_out": "its credential was refused",
    "target_out": "the provider does not know it",
    "origin_down": "there is no connection to it",
    "down": "its health check fails",
    "headroom": "the provider said that nothing is left of its rate limit",
    "limit": "a limit on it leaves no room",
    "budget": "the budget does not reach for it",
    "unpriced": "its price is not known, and a budget has to pay for it",
    "throttled": "it refuses nearly all requests",
    "avoided": "the request is under way already",
}

"""Active health checks: a provider is asked now and then whether it is there.

They stand beside what requests show, and change nothing but whether the provider's origin is
asked: they take nothing from limits and budgets, are no rows of the ledger, and no breaker
counts them. An engine performs those of its present plan only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from trunkline.auth import SecretError
from trunkline.errors import CallError, UpstreamError
from trunkline.graph.render import unadorned
from trunkline.policy.checks import Series, verdict
from trunkline.policy.health import Event
from trunkline.ports import HttpRequest, Timeouts
from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.graph import Provider, State, Upstream
    from trunkline.policy.checks import CheckRules
    from trunkline.ports import Clock, Random, Transport

__all__ = ["HealthChecks"]

JITTER: Final = 0.1
"""The share of `every` by which a wait may be shorter or longer, so that not all ask at once."""

_LOG = logging.getLogger("trunkline.health")


class _Current:
    """Whose checks are performed, and what the checks of each provider said so far."""

    def __init__(self) -> None:
        self.checks: HealthChecks | None = None
        self.series: dict[tuple[str, str, CheckRules], Series] = {}


class HealthChecks:
    """The checks of a plan's providers. They begin at once, and end those of the plan before."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        upstreams: Mapping[str, Upstream],
        transport: Transport,
        *,
        state: State,
        clock: Clock,
        chance: Random,
    ) -> None:
        self._transport = transport
        self._state = state
        self._clock = clock
        self._chance = chance
        self._current = state.keep("health checks", None, _Current)
        before, self._current.checks = self._current.checks, self
        if before is not None:
            before._end()
        checked = [
            (provider, provider.checks, upstreams[name])
            for name, provider in providers.items()
            if provider.checks is not None
        ]
        kept, self._current.series = self._current.series, {}
        for provider, rules, upstream in checked:
            key = (provider.name, upstream.origin, rules)
            self._current.series[key] = kept.pop(key) if key in kept else Series(rules)
        still = self._down()
        for _, origin, _ in kept:
            state.health.down(origin, origin in still)
        self._tasks = [asyncio.create_task(self._run(*one)) for one in checked]

    def _down(self) -> set[str]:
        """The origins that some check keeps out."""
        return {origin for (_, origin, _), one in self._current.series.items() if one.down}

    async def _run(self, provider: Provider, rules: CheckRules, upstream: Upstream) -> None:
        series = self._current.series[provider.name, upstream.origin, rules]
        request = _question(provider, rules, upstream)
        if request is None:
            return
        while True:
            passed = await self._passes(request, rules, upstream)
            if series.take(passed):
                self._tell(upstream.origin, series.down, rules)
            spread = 1 - JITTER + 2 * JITTER * self._chance.random()
            await self._clock.sleep(rules.every * spread)
            await asyncio.sleep(0)

    def _tell(self, origin: str, down: bool, rules: CheckRules) -> None:
        before = not down and origin in self._down()
        if before:
            return
        self._state.health.down(origin, down)
        self._state.alert(Event("down" if down else "restored", origin))

    async def _passes(
        self, request: HttpRequest, rules: CheckRules, upstream: Upstream
    ) -> bool | None:
        """One check. Without credentials it says nothing of the provider."""
        most = rules.timeout
        times = Timeouts(most, most, most, most, most, most, most, most, most)
        try:
            async with asyncio.timeout(most):
                signed = await upstream.credentials[0].signer.sign(request)
                response = await self._transport.send(signed, times)
                await response.aclose()
        except SecretError:
            return None
        except UpstreamError as error:
            return None if error.kind == "auth" else False
        except TimeoutError:
            return False
        except CallError:
            return None
        return verdict(response.status)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """End them."""
        self._end()
        if self._tasks:
            await asyncio.wait(self._tasks)


def _question(provider: Provider, rules: CheckRules, upstream: Upstream) -> HttpRequest | None:
    """What is asked each time, without credentials; None, with a line in the log, where the
    provider's wire has no words for it."""
    asked: dict[str, Any] = {
        "model": rules.model or provider.name,
        "messages": [{"role": "user", "content": "ping"}],
        "max_completion_tokens": 1,
    }
    binding = provider.bind(asked["model"])
    request = None
    if binding is not None:
        with contextlib.suppress(Refusal, CallError):
            request = unadorned({**asked, "model": binding.view["model"]}, binding, upstream)
    if not rules.path:
        if request is None:
            _LOG.error("%s cannot be asked for one token of %s", provider.name, rules.model)
        return request
    headers = request.headers if request is not None else tuple(upstream.headers.items())
    kept = tuple(one for one in headers if one[0] != "content-type")
    return HttpRequest("GET", upstream.base_url + rules.path, kept, b"")

"""Property 10: the counters in memory, the script in Redis and the file decide alike.

The script tells the server's time of each decision, and the twin in memory is asked at that time.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.state.stores import CrankedClock
from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import refund
from trunkline.policy.state_settings import StateSettings
from trunkline.state.file import FileStore
from trunkline.state.script import SCRIPT, SHA, arguments, outcome
from trunkline.store import Change, Claim

if TYPE_CHECKING:
    from pathlib import Path

    from tests.state.redis_server import RedisServer

EPOCH = 50.0
PREFIXES = (f"{{twin-{n}}}:" for n in count())


def claim_of(what: int, amount: int, variant: int) -> Claim:
    if what < 3:
        return Claim(f"b{what}", "bucket", amount, (5, 8, 9)[what], (0.0, 0.4, 900.0)[what])
    if what < 5:
        return Claim(f"l{what}", "lease", 1, what - 2, ttl=(0.0005, 30.0, 60.0)[variant])
    start = 100.0 * variant
    return Claim("w", "window", amount, 9, start=start, end=start + 100.0)


claims = st.builds(claim_of, st.integers(0, 5), st.integers(0, 9), st.integers(0, 2))
operations = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle", "charge", "refund"]),
        st.lists(claims, min_size=1, max_size=4, unique_by=lambda claim: claim.key),
        st.integers(0, 12),
        st.integers(0, 5),
        st.floats(0, 20),
    ),
    max_size=15,
)
Operations = list[tuple[str, list[Claim], int, int, float]]


class Twin:
    """The counters in memory, and which reservations are open."""

    def __init__(self) -> None:
        self.limiter = Limiter()
        self.made: list[tuple[str, list[Claim]]] = []

    def named(self, verb: str, place: int, wanted: list[Claim], which: int, used: int):
        """The reservation that an operation is about, and what changes."""
        if verb in ("settle", "refund"):
            if not self.made:
                return "unknown", [Change(claim, used) for claim in wanted]
            name, claims = self.made[which % len(self.made)]
            return name, [Change(claim, used) for claim in claims[: 1 + used % 4]]
        return f"{verb}-{place}", [Change(claim, used) for claim in wanted]

    def do(self, verb: str, name: str, changes: list[Change], now: float) -> Any:
        claims = [change.claim for change in changes]
        if verb == "reserve":
            refused = self.limiter.reserve(name, claims, now, EPOCH)
            if refused is None:
                self.made.append((name, claims))
            return refused
        if verb == "charge":
            self.limiter.charge(name, changes, now, EPOCH)
        else:
            self.limiter.settle(name, changes, now, EPOCH)
        return None


def same(one: Any, other: Any) -> bool:
    if one is None or other is None or one.retry_after is None or other.retry_after is None:
        return bool(one == other)
    return one.index == other.index and one.retry_after == pytest.approx(other.retry_after)


def against_redis(client: Any, made: Operations) -> None:
    twin, prefix = Twin(), next(PREFIXES)
    for place, (verb, wanted, used, which, _) in enumerate(made):
        name, changes = twin.named(verb, place, wanted, which, used)
        if verb == "refund":
            changes = refund([change.claim for change in changes])
        sent = "settle" if verb == "refund" else verb
        reply = client.execute_command(
            "EVALSHA",
            SHA,
            *arguments(sent, prefix, name, changes),  # type: ignore[arg-type]
        )
        now = int(reply[1]) + int(reply[2]) / 1000000
        assert same(outcome(reply, EPOCH), twin.do(sent, name, changes, now))
    ask = Claim("", "bucket", 0, 0)
    for key in ("b0", "b1", "b2"):
        stored = client.hmget(prefix + key, "l", "t")
        dumped = twin.limiter.dump(ask._replace(key=key), 0.0, EPOCH)
        if stored[0] is not None and dumped is not None and float(stored[1]) == dumped[0][1]:
            assert float(stored[0]) == pytest.approx(dumped[0][0], abs=1e-9)
    spent = client.hget(prefix + "w", "u")
    dumped = twin.limiter.dump(ask._replace(key="w"), 0.0, EPOCH)
    if spent is not None:
        assert dumped is not None
        assert int(spent) == dumped[0][2]


@pytest.fixture
def client(shared_redis: RedisServer) -> Any:
    import redis

    with redis.Redis(port=shared_redis.port) as opened:
        assert opened.script_load(SCRIPT) == SHA
        yield opened


# Shrinking a difference takes minutes; what is found is short enough.
QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
ANYWHERE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=1000, phases=QUICK, suppress_health_check=ANYWHERE)
@given(made=operations)
def test_property_10_the_script_decides_as_the_counters_in_memory(
    client: Any, made: Operations
) -> None:
    against_redis(client, made)


@pytest.mark.nightly
@settings(max_examples=50_000, suppress_health_check=ANYWHERE)
@given(made=operations)
def test_property_10_the_script_decides_as_the_counters_in_memory_all_night(
    client: Any, made: Operations
) -> None:
    against_redis(client, made)


async def against_file(path: Path, made: Operations) -> None:
    twin, clock = Twin(), CrankedClock(epoch=EPOCH)
    store = FileStore(StateSettings("file", path=str(path)), clock)
    await store.open()
    try:
        for place, (verb, wanted, used, which, step) in enumerate(made):
            clock.now += step
            name, changes = twin.named(verb, place, wanted, which, used)
            if verb == "refund":
                changes = refund([change.claim for change in changes])
            if verb == "reserve":
                decided = await store.reserve(name, [change.claim for change in changes])
                assert same(decided, twin.do(verb, name, changes, clock.now))
            elif verb != "charge":
                store.settle(name, changes)
                await store.get("wait until it is written")
                twin.do("settle", name, changes, clock.now)
    finally:
        await store.aclose()


@settings(max_examples=100, phases=QUICK, suppress_health_check=ANYWHERE)
@given(made=operations)
def test_property_10_the_file_decides_as_the_counters_in_memory(
    tmp_path: Path, made: Operations
) -> None:
    path = tmp_path / "twin.db"
    path.unlink(missing_ok=True)
    asyncio.run(against_file(path, made))


def test_what_was_given_up_is_not_taken_by_a_message_that_comes_late(client: Any) -> None:
    wanted = [Change(Claim("b", "bucket", 3, 5, 0.0), 3)]
    prefix = next(PREFIXES)
    for verb in ("release", "reserve"):
        client.execute_command("EVALSHA", SHA, *arguments(verb, prefix, "late", wanted))
    assert client.hget(prefix + "b", "l") is None
    client.execute_command("EVALSHA", SHA, *arguments("reserve", prefix, "other", wanted))
    assert client.hget(prefix + "b", "l") == b"2"


def test_a_message_that_comes_twice_counts_once(client: Any) -> None:
    prefix = next(PREFIXES)
    wanted = [Change(Claim("b", "bucket", 1, 5, 0.0), 1)]
    for verb in ("reserve", "charge", "charge", "reserve"):
        client.execute_command("EVALSHA", SHA, *arguments(verb, prefix, verb, wanted))
    assert client.hget(prefix + "b", "l") == b"3"


def test_no_key_is_kept_forever(client: Any) -> None:
    prefix = next(PREFIXES)
    wanted = [Claim("b", "bucket", 3, 5, 1.0), Claim("l", "lease", 1, 5, ttl=50.0)]
    wanted.append(Claim("w", "window", 3, 5, start=0.0, end=3600.0))
    changes = [Change(claim, 1) for claim in wanted]
    client.execute_command("EVALSHA", SHA, *arguments("reserve", prefix, "x", changes))
    lives = [client.ttl(prefix + key) for key in ("b", "l", "w", "r:x")]
    assert lives == pytest.approx([4, 51, 3601 + 86400, 3601], abs=1)
    client.execute_command("EVALSHA", SHA, *arguments("settle", prefix, "x", changes))
    assert client.exists(prefix + "l", prefix + "r:x") == 0

"""L9: an ACL forbids SCRIPT and EVALSHA: EVAL is used; forbids EVAL too: it does not start. It
never counts for itself in silence."""

from __future__ import annotations

import pytest

from tests.state.redis_server import running
from tests.state.stores import redis_store
from trunkline.policy.limits import LimitRule, Quota
from trunkline.store import StoreSetupError

pytestmark = pytest.mark.anyio

RULE = LimitRule("l9", (Quota("requests", 5, 1e9),))


async def test_l9_without_evalsha_two_processes_still_share_a_limit() -> None:
    with running() as server:
        server.acl("-script", "-evalsha")
        async with (
            redis_store(server, prefix="{l9}:", timeout=1.0) as one,
            redis_store(server, prefix="{l9}:", timeout=1.0) as other,
        ):
            claims = RULE.claims("", 0, 0, 0.0)
            asked = [await (one, other)[n % 2].reserve(str(n), claims) for n in range(10)]
            assert asked.count(None) == 5
            assert (one.degraded, other.degraded) == (None, None)


async def test_l9_a_script_that_is_forbidden_later_is_sent_as_text() -> None:
    with running() as server:
        async with redis_store(server, timeout=1.0) as store:
            claims = RULE.claims("", 0, 0, 0.0)
            first = [await store.reserve(f"a{n}", claims) for n in range(3)]
            server.acl("-script", "-evalsha")
            second = [await store.reserve(f"b{n}", claims) for n in range(5)]
            assert (first.count(None), second.count(None)) == (3, 2)
            assert store.degraded is None


async def test_l9_without_any_script_it_does_not_start() -> None:
    with running() as server:
        server.acl("-script", "-evalsha", "-eval")
        with pytest.raises(StoreSetupError, match="refuses us"):
            async with redis_store(server):
                pass

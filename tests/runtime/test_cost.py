"""Every reply carries what it cost, and how that was computed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, Crank, chunk, failing, opened, plan, streamed
from trunkline.catalog.prices import Prices
from trunkline.errors import InterruptedAnswer, UpstreamError
from trunkline.transport import Canned

if TYPE_CHECKING:
    from trunkline.graph.reply import Reply
    from trunkline.policy.price import Cost

pytestmark = pytest.mark.anyio

PRICES = """
prices:
  a/m: {input: 2, output: 10, cache_read: 0.5, reasoning: 20}
  a/plain: {input: 2, output: 10}
  b/*: {input: 20, output: 100}
  c/m: {input: 0.3, output: 0.1}
"""
ROUTES = """
  - {match: m, to: a}
  - {match: plain, to: a}
  - {match: cheap, to: c/m}
  - {match: both, to: [a/m, b/m]}
  - {match: none, to: d}
"""
USAGE: dict[str, Any] = {
    "prompt_tokens": 1_000,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens": 300,
    "completion_tokens_details": {"reasoning_tokens": 200},
}


def whole(usage: dict[str, Any] | None = None, text: str = "hi") -> Canned:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    said = {} if usage is None else {"usage": usage}
    return Canned.of_json({"id": "x", "model": "m", "choices": [choice], **said})


def stream(usage: dict[str, Any] | None = None, *text: str) -> Canned:
    last = json.dumps({"id": "x", "model": "m", "choices": [], "usage": usage}).encode()
    counted = () if usage is None else (b"data: " + last + b"\n\n",)
    end = (chunk(None, "stop"), *counted, b"data: [DONE]\n\n")
    return streamed(*(text or ("hi",)), *end)


async def asked(model: str, *script: Canned) -> Reply:
    engine, _ = await opened(plan(ROUTES, PRICES), script, Crank())
    return await engine.chat(model=model, messages=HELLO)


def known(reply: Reply) -> Cost:
    assert reply.cost is not None
    return reply.cost


async def test_a_reply_says_what_it_cost_and_by_which_price() -> None:
    cost = known(await asked("m", whole(USAGE)))
    assert cost.parts == {
        "input": 600 * 2_000_000,
        "cache_read": 400 * 500_000,
        "output": 100 * 10_000_000,
        "reasoning": 200 * 20_000_000,
    }
    assert cost.micro_dollars == 1_200 + 200 + 1_000 + 4_000
    assert (cost.estimated, cost.price_source) == (False, "prices.a/m")


async def test_cached_tokens_and_thoughts_without_prices_of_their_own_are_not_free() -> None:
    cost = known(await asked("plain", whole(USAGE)))
    assert cost.micro_dollars == 1_000 * 2 + 300 * 10


async def test_a_stream_costs_what_a_whole_answer_does() -> None:
    engine, _ = await opened(plan(ROUTES, PRICES), [stream(USAGE)], Crank())
    async with engine.stream(model="m", messages=HELLO) as live:
        async for _ in live:
            pass
    assert known(live.reply) == known(await asked("m", whole(USAGE)))


async def test_the_cost_is_in_the_decision_record() -> None:
    reply = await asked("m", whole(USAGE))
    assert reply.decision.cost == known(reply).to_json()
    assert reply.decision.usage == reply.usage
    assert [one.micro_dollars for one in reply.decision.attempts] == [6_400]
    assert json.loads(json.dumps(reply.decision.to_json()))["cost"]["dollars"] == 0.0064


async def test_a_part_of_a_micro_dollar_is_rounded_up_once() -> None:
    cost = known(await asked("cheap", whole({"prompt_tokens": 3, "completion_tokens": 2})))
    assert (sum(cost.parts.values()), cost.micro_dollars) == (1_100_000, 2)


async def test_a_fallback_to_a_dearer_model_costs_what_that_costs() -> None:
    reply = await asked("both", failing(500), failing(500), whole(USAGE))
    cost = known(reply)
    assert (cost.micro_dollars, cost.price_source) == (1_000 * 20 + 300 * 100, "prices.b/*")
    assert [one.micro_dollars for one in reply.decision.attempts][-1] == cost.micro_dollars


async def test_a_model_without_a_price_has_no_cost_rather_than_none_to_pay() -> None:
    reply = await asked("none", whole(USAGE))
    assert reply.cost is None
    assert reply.decision.cost is None


async def test_a_provider_that_counts_zero_is_paid_zero() -> None:
    cost = known(await asked("m", whole({"prompt_tokens": 0, "completion_tokens": 0})))
    assert (cost.micro_dollars, cost.estimated) == (0, False)


async def test_a_price_of_the_list_counts_writes_to_the_cache_and_long_inputs() -> None:
    usage = {
        "input_tokens": 150_000,
        "cache_read_input_tokens": 60_000,
        "cache_creation_input_tokens": 3_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000},
        "output_tokens": 100,
    }
    said = {"id": "x", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    content = [{"type": "text", "text": "hi"}]
    body = {**said, "content": content, "stop_reason": "end_turn", "usage": usage}
    providers = "  claude: {type: anthropic, api_key: k}\n"
    engine, _ = await opened(
        plan("  - {match: '*', to: claude}", providers), [Canned.of_json(body)]
    )
    reply = await engine.chat(model="claude-sonnet-4-5", messages=HELLO, max_tokens=9)
    cost = known(reply)
    listed = Prices(entries={}, named={}, asked={}, at=datetime.now(UTC))
    price = listed.of("anthropic", "claude-sonnet-4-5", "claude/claude-sonnet-4-5")
    assert price is not None
    rates = price.at(213_000)
    assert rates != price.rates
    assert cost.parts == {
        "input": 150_000 * rates.input,
        "cache_read": 60_000 * rates.cache_read,
        "cache_write": 1_000 * rates.cache_write,
        "cache_write_1h": 2_000 * rates.cache_write_1h,
        "output": 100 * rates.output,
    }
    assert cost.price_source.startswith("genai-prices ")


@pytest.mark.parametrize("streams", [False, True])
async def test_s14_what_nobody_counted_is_estimated_and_says_so(streams: bool) -> None:
    """S14: an answer without usage."""
    text = "word " * 100
    answer = stream(None, text) if streams else whole(None, text)
    engine, _ = await opened(plan(ROUTES, PRICES), [answer], Crank())
    async with engine.stream(model="m", messages=HELLO) as live:
        async for _ in live:
            pass
    record = live.reply.decision
    assert record.usage is not None
    assert record.usage["estimated"] is True
    assert record.usage["output"] == pytest.approx(125, rel=0.1)
    assert record.cost is not None
    assert record.cost["estimated"] is True
    assert record.cost["micro_dollars"] >= 1_250


async def test_s9_a_stream_that_was_cut_costs_an_estimate_of_what_had_come() -> None:
    """S9: the accounting, in one process and without sockets."""
    cut = UpstreamError("interrupted", "the connection was closed")
    engine, _ = await opened(plan(ROUTES, PRICES), [streamed("word " * 100, cut)], Crank())
    with pytest.raises(InterruptedAnswer) as raised:
        async with engine.stream(model="m", messages=HELLO) as live:
            async for _ in live:
                pass
    record = raised.value.decision
    assert record is not None
    assert record.usage is not None
    assert record.usage["output"] == pytest.approx(125, rel=0.1)
    assert record.cost is not None
    assert record.cost["estimated"] is True
    assert record.cost["micro_dollars"] >= 1_250


async def test_l12_what_an_attempt_that_failed_may_have_cost_is_named_apart() -> None:
    """L12: the cost is that of the success; what the failed attempt may have cost is flagged."""
    reply = await asked("both", failing(504), whole(USAGE))
    record = reply.decision
    assert known(reply).micro_dollars == 50_000
    assert record.cost is not None
    assert (record.cost["micro_dollars"], record.cost["estimated"]) == (50_000, False)
    assert [one.maybe_billed for one in record.attempts] == [4, 0]
    assert record.cost["maybe_billed"] == 4


async def test_counters_beyond_reason_are_not_believed() -> None:
    reply = await asked("plain", whole({"prompt_tokens": 10**30, "completion_tokens": 3}))
    assert reply.decision.cost is not None
    assert 0 < reply.decision.cost["micro_dollars"] < 1_000
    assert reply.decision.cost["estimated"]

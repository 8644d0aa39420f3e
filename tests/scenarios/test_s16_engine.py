"""S16 in process: a request that wants no other target than the first gets none, in streams too,
nor a second one beside it, nor one that goes on where an answer breaks off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import bench
from trunkline.errors import CallError

if TYPE_CHECKING:
    from trunkline.runtime import Engine

pytestmark = pytest.mark.anyio

NONE = {"fallback": "none"}
NODES: dict[str, Any] = {
    "fallback": ["a", "b"],
    "balance": {"balance": {"by": "weighted", "of": [{"target": "a", "weight": 99}, "b"]}},
    "hedge": {"hedge": {"of": ["a", "b"], "after": "100ms", "share": 1}},
}
FAILS = {
    "503": Play(status=503),
    "reset": Play(breaks=Break("rst")),
    "cut": Play(breaks=Break("fin", 2)),
    "slow": Play(before_head=0.4, status=503),
}


async def alone(engine: Engine, stream: bool) -> None:
    """Ask for an answer of the first target or of nobody."""
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    if not stream:
        await engine.chat(asked, options=NONE)
        return
    async with engine.stream(asked, options=NONE) as answer:
        assert [delta.text async for delta in answer] == ["never"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fails", FAILS)
@pytest.mark.parametrize("node", NODES)
async def test_s16_nobody_else_is_asked(node: str, fails: str, stream: bool) -> None:
    route = {
        "allow": ["fallback"],
        "retry": {"same_target": 0},
        "streaming": {"commit": "complete", "on_interrupt": "restart"},
    }
    async with bench("openai-chat", "openai-chat", to=NODES[node], route=route) as found:
        found.servers[0].script(FAILS[fails])
        with pytest.raises(CallError) as failed:
            await alone(found.engine, stream)
        assert found.counts == [1, 0]
        assert failed.value.decision is not None
        assert [one.target for one in failed.value.decision.attempts] == ["a/gpt-5.1"]
        answered = await found.hear(stream=stream)
        assert (answered.error, answered.text) == ("", "000 001 002 ")
        assert found.counts[1] == 1

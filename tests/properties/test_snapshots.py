"""Property 20: a request is performed by one plan from its beginning to its end, however often the
plan is changed meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.making import PROVIDERS, failing
from tests.scenarios.scripted import scripted


def document(number: int) -> str:
    """A route whose every target is of this plan; its hedge asks both."""
    leaves = f"[a/m{number}, b/m{number}, c/m{number}]"
    node = f"[{{hedge: {{of: {leaves}, after: 1s, share: 1}}}}, d/m{number}]"
    return f"  - {{name: r{number}, match: m, to: {node}, retry: {{max_sends: 6}}}}"


async def perform(steps: list[int]) -> None:
    async with scripted(document(1)) as stage:
        for name, seconds in {"a": 5.0, "b": 0.5, "c": 2.0}.items():
            stage.answers[name] = replace(failing(408), delay=seconds)
        asking = []
        for number, requests in enumerate(steps, start=2):
            asking += [
                asyncio.create_task(stage.ask(f"{number} {n}", stream=n % 2 > 0))
                for n in range(requests)
            ]
            await stage.clock.sleep(0.7)
            text = f"version: 1\nproviders:\n{PROVIDERS}\nroutes:\n{document(number)}\n"
            await stage.engine.reload(text)
        heard = await asyncio.gather(*asking)
        assert {one.text for one in heard} <= {"d"}
        assert len(stage.rows) == sum(steps)
        for row in stage.rows:
            assert row.route == f"r{row.generation}"
            assert {target.partition("/m")[2] for target in row.targets} == {f"{row.generation}"}
            assert {one.target for one in row.attempts} <= set(row.targets)
        begun = [row.generation for row in sorted(stage.rows, key=lambda row: row.generation)]
        assert begun == [n for n, requests in enumerate(steps, start=1) for _ in range(requests)]


@settings(max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_a_request_keeps_the_plan_that_it_began_with(steps: list[int]) -> None:
    asyncio.run(perform(steps))

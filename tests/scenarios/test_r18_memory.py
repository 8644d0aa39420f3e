"""R18: a large body is sent again as it was, and held once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Play
from tests.scenarios.harness import KEY, bench
from tests.scenarios.harness_doors import DOORS, post
from tests.scenarios.harness_processes import gateway

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

SIZE = 18 * 2**20
"""Bytes of text; the gateway takes bodies of up to 20 MiB."""


def peak(pid: int) -> int:
    """The most memory that a process has held since `forget`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget(pid: int) -> None:
    """Begin to measure anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.nightly
async def test_r18_a_large_body_is_held_once(tmp_path: Path, figure: Figure) -> None:
    path, body = DOORS["openai-chat"]
    async with (
        bench(*["openai-chat"] * 3) as found,
        gateway(found.document, tmp_path, {"KEY": KEY}) as running,
    ):
        pid = running.process.pid
        assert (await post(running.port, path, body)).status == 200
        for server in found.servers[:2]:
            server.script(Play(status=503))
        forget(pid)
        before = peak(pid)
        large = {**body, "messages": [{"role": "user", "content": "x" * SIZE}]}
        assert (await post(running.port, path, large)).status == 200
        grown = peak(pid) - before
    size = len(json.dumps(large))
    assert len({one.digest for server in found.servers for one in server.seen[-1:]}) >= 1
    figure("memory, in bodies", grown / size, most=1.3)
    assert grown <= 1.3 * size, f"{grown / size:.2f} times the body"

"""A file of calls: what goes in comes out once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import random
import signal
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import COMMAND, ROUTES
from trunkline.catalog import dialect
from trunkline.cli.rows import Output
from trunkline.cli.stops import Stop
from trunkline.simulator import Fault, Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.cli.conftest import Cli


def row(name: str, model: str = "pair", **more: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": f"hello {name}"}]}
    return {
        "custom_id": name,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
        **more,
    }


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return file


def read(file: Path) -> list[dict[str, Any]]:
    lines = file.read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line is whole"
    return [json.loads(line) for line in lines]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", [row(f"r{number}") for number in range(20)])


def test_every_row_comes_out_once_in_the_form_of_the_batch_api(
    cli: Cli, routes: Path, asked: Path
) -> None:
    code, out, err = cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl")
    assert (code, out, err) == (0, "", "20 rows are in out.jsonl\n")
    rows = read(Path("out.jsonl"))
    assert sorted(one["custom_id"] for one in rows) == sorted(f"r{n}" for n in range(20))
    for one in rows:
        assert set(one) == {"id", "custom_id", "response", "error"}
        assert one["error"] is None
        assert one["response"]["status_code"] == 200
        assert one["response"]["body"]["object"] == "chat.completion"
        said = one["response"]["body"]["choices"][0]["message"]["content"]
        assert said in ("Good day.", "Good evening.")
    assert len({one["id"] for one in rows}) == 20


def test_rows_that_are_there_are_not_sent_again(cli: Cli, routes: Path, asked: Path) -> None:
    words = ("run", "-r", routes, "--batch", asked, "-o", "out.jsonl")
    cli(*words)
    before = Path("out.jsonl").read_bytes()
    code, _, err = cli(*words)
    assert (code, Path("out.jsonl").read_bytes()) == (0, before)
    assert err == "20 of 20 rows are in out.jsonl already\n20 rows are in out.jsonl\n"


def test_the_url_of_a_row_says_which_language_its_body_is_in(cli: Cli, routes: Path) -> None:
    body = {"model": "pair", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    asked = write(Path("in.jsonl"), [row("a", url="/v1/messages", body=body)])
    assert cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl").code == 0
    answered = read(Path("out.jsonl"))[0]["response"]["body"]
    assert answered["type"] == "message"
    assert answered["content"][0]["text"] == "Good day."


def test_a_row_that_fails_is_a_row_with_an_error(cli: Cli, routes: Path) -> None:
    routes.write_text(ROUTES.replace("reply: Good evening.", "faults: [{status: 529}]"))
    rows = [row("ok"), row("down", "claude-x"), row("lost", "nobody"), row("odd", temperature=1)]
    rows[3]["body"]["messages"] = "hello"
    asked = write(Path("in.jsonl"), rows)
    code, _, err = cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl")
    assert code == 3
    assert "4 rows are in out.jsonl, 3 of them failed" in err
    by_id = {one["custom_id"]: one for one in read(Path("out.jsonl"))}
    assert by_id["ok"]["error"] is None
    found = {
        name: (one["response"]["status_code"], one["error"]["code"])
        for name, one in by_id.items()
        if name != "ok"
    }
    assert found == {
        "down": (503, "overloaded"),
        "lost": (404, "not_found"),
        "odd": (400, "bad_request"),
    }
    assert by_id["lost"]["response"]["body"]["error"]["message"].startswith("no route")


def test_rows_that_fail_by_their_own_fault_are_exit_code_1(cli: Cli, routes: Path) -> None:
    asked = write(Path("in.jsonl"), [row("a", "nobody")])
    assert cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl").code == 1
    assert cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl").code == 1


def test_model_asks_for_another_one_in_every_row(cli: Cli, routes: Path, asked: Path) -> None:
    cli("run", "-r", routes, "-m", "claude-x", "--batch", asked, "-o", "out.jsonl")
    assert {one["response"]["body"]["model"] for one in read(Path("out.jsonl"))} == {"claude-x"}


def test_every_mistake_of_the_input_is_told_before_anything_is_sent(cli: Cli) -> None:
    Path("in.jsonl").write_text(
        "\n".join(
            [
                json.dumps(row("a")),
                "{",
                "[]",
                "",
                json.dumps(row("a")),
                json.dumps(row("b", method="GET")),
                json.dumps(row("c", url="/v1/rerank")),
                json.dumps(row("d", body=1)),
                json.dumps({**row("e"), "custom_id": 5}),
            ]
        )
    )
    code, out, err = cli("run", "--batch", "in.jsonl", "-o", "out.jsonl")
    assert (code, out) == (1, "")
    assert not Path("out.jsonl").exists()
    lines = err.splitlines()
    assert lines[0] == "trunkline: nothing was sent"
    assert [line.split(": ")[0] for line in lines[1:]] == [
        f"in.jsonl:{number}" for number in (2, 3, 5, 6, 7, 8, 9)
    ]
    assert "the custom_id 'a' is that of line 1 too" in err
    assert "in.jsonl:2: the text is not JSON" in err
    assert "`url` must be one of " in err
    assert "/v1/chat/completions, " in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs `-o FILE`"),
        (["-o", "x", "hello"], "a prompt does not go with `--batch`"),
        (["-o", "x", "--trace"], "`--trace` does not go with `--batch`"),
        (["-o", "x", "--concurrency", "0"], "`--concurrency` is from 1 to 1,000"),
        (["-o", "./in.jsonl"], "the output cannot be the input"),
    ],
)
def test_what_does_not_go_with_a_batch_is_wrong_usage(
    cli: Cli, asked: Path, words: list[str], said: str
) -> None:
    code, _, err = cli("run", "--batch", "in.jsonl", *words)
    assert code == 2
    assert said in err


@pytest.mark.parametrize("missing", ["in.jsonl", "no/out.jsonl"])
def test_a_file_that_is_not_there_is_said(cli: Cli, asked: Path, missing: str) -> None:
    source = "no.jsonl" if missing == "in.jsonl" else "in.jsonl"
    output = "out.jsonl" if missing == "in.jsonl" else missing
    code, _, err = cli("run", "--batch", source, "-o", output)
    assert code == 1
    assert "no such file or directory" in err


def test_a_file_that_is_no_output_of_a_batch_is_left_alone(cli: Cli, asked: Path) -> None:
    Path("notes.txt").write_text("mine\nand mine\n")
    code, _, err = cli("run", "--batch", asked, "-o", "notes.txt")
    assert code == 1
    assert "notes.txt:1: not a row of a batch; choose another file" in err
    assert Path("notes.txt").read_text() == "mine\nand mine\n"


def test_two_processes_do_not_write_to_one_output(cli: Cli, asked: Path) -> None:
    with Output(Path("out.jsonl")):
        code, _, err = cli("run", "--batch", asked, "-o", "out.jsonl")
    assert code == 1
    assert "another process is writing to out.jsonl" in err


WHOLE = b"".join(
    json.dumps({"custom_id": f"r{n}", "response": {"body": "ü\n"}, "error": None}).encode() + b"\n"
    for n in range(4)
)


@given(cut=st.integers(0, len(WHOLE)))
def test_an_output_that_was_cut_anywhere_is_repaired_to_whole_rows(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("cut") / "out.jsonl"
    file.write_bytes(WHOLE[:cut])
    ends = [end for end, byte in enumerate(WHOLE) if byte == ord("\n")]
    with Output(file) as output:
        assert output.done == {f"r{n}" for n, end in enumerate(ends) if end <= cut}
        output.write({"custom_id": "more", "error": {"code": "timeout"}})
        assert output.failed == {"more": "timeout"}
    rows = read(file)
    assert [one["custom_id"] for one in rows][-1] == "more"
    with Output(file) as output:
        assert output.done == {one["custom_id"] for one in rows}
        assert output.failed == {"more": "timeout"}


def test_a_line_in_the_middle_that_is_no_row_is_not_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    text = b'{"custom_id": "a", "error": null}\n{"custom\n{"custom_id": "b", "error": null}\n'
    file.write_bytes(text)
    with pytest.raises(Stop, match=r"out\.jsonl:2"):
        Output(file)
    assert file.read_bytes() == text


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_that_is_killed_loses_no_row_and_doubles_none(
    tmp_path: Path, seed: int
) -> None:
    rows, chance = 60, random.Random(seed)
    asked = write(tmp_path / "in.jsonl", [row(f"r{number}") for number in range(rows)])
    output = tmp_path / "out.jsonl"
    async with served(tmp_path, latency=0.01) as provider:
        for _ in range(2):
            running = await begun(tmp_path)
            await provider.arrival(provider.count + chance.randint(1, 25))
            running.send_signal(signal.SIGKILL)
            assert await running.wait() == -signal.SIGKILL
        kept = read_whole(output)
        sent = provider.count
        assert await (await begun(tmp_path)).wait() == 0
        assert provider.count - sent == rows - len(kept), "what was kept was not sent again"
    names = [one["custom_id"] for one in read(output)]
    assert sorted(names) == sorted(one["custom_id"] for one in read(asked))


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Simulated]:
    """A provider of this process, and a route file that leads to it."""
    door = dialect("openai-chat").door
    assert door is not None
    async with await start(Settings(provider="p", doors=[door], **settings)) as provider:
        (folder / "trunkline.yaml").write_text(
            "version: 1\nproviders: {p: {type: openai-compatible,"
            f" base_url: {provider.origin}/v1}}}}\nroutes: [{{match: pair, to: p/m}}]\n"
        )
        yield provider


async def begun(folder: Path, *words: str) -> asyncio.subprocess.Process:
    batch = ("run", "--batch", "in.jsonl", "-o", "out.jsonl", *(words or ("--concurrency", "4")))
    return await asyncio.create_subprocess_exec(
        *COMMAND, *batch, cwd=folder, stderr=asyncio.subprocess.PIPE
    )


def read_whole(file: Path) -> list[bytes]:
    return [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.anyio
async def test_ctrl_c_says_how_far_it_came_and_how_to_go_on(tmp_path: Path, asked: Path) -> None:
    async with served(tmp_path, faults=(Fault(on=(4,), stall_after=0),)) as provider:
        running = await begun(tmp_path, "--concurrency", "1")
        await provider.arrival(4)
        running.send_signal(signal.SIGINT)
        _, err = await running.communicate()
    assert running.returncode == 130
    assert err == b"stopped at 3 of 20 rows; the same command goes on from here\n"
    assert len(read(tmp_path / "out.jsonl")) == 3


def test_a_terminal_gets_a_bar(routes: Path, asked: Path) -> None:
    pytest.importorskip("rich")
    near, far = pty.openpty()
    running = subprocess.Popen(
        [*COMMAND, "run", "-r", str(routes), "--batch", "in.jsonl", "-o", "out.jsonl"],
        stderr=far,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(far)
    said = b""
    try:
        while piece := os.read(near, 4096):
            said += piece
    except OSError:
        pass  # Linux says so when the other end has been closed.
    os.close(near)
    assert running.wait(60) == 0
    assert b"20/20" in said
    assert b"0 failed" in said
    assert said.endswith(b"20 rows are in out.jsonl\r\n")


def test_elsewhere_a_line_comes_now_and_then(
    cli: Cli, routes: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.cli.progress.EVERY", 0.0)
    err = cli("run", "-r", routes, "--batch", asked, "-o", "out.jsonl").err
    assert err.splitlines()[:20] == [f"{n} of 20 rows done, 0 failed" for n in range(1, 21)]

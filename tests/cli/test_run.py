"""One call from the command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import COMMAND, command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_answer_goes_to_stdout_and_nothing_else(cli: Cli, routes: Path) -> None:
    assert cli("run", "hello", "-r", routes) == (0, "Good day.\n", "")


def test_an_answer_that_ends_its_line_gets_no_second_end(cli: Cli, routes: Path) -> None:
    routes.write_text(routes.read_text().replace("Good day.", '"Good day.\\n"'))
    assert cli("run", "hello", "-r", routes).out == "Good day.\n"


def test_the_answer_comes_as_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "trunkline.yaml").write_text(
        "version: 1\nproviders: {p: {type: simulated, as: openai, reply: one two three, chunk: 4,"
        " faults: [{cut_after: 1}]}}\nroutes: [{match: p, to: p}]\n"
    )
    done = subprocess.run(
        [*COMMAND, "run", "hi"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stdout == b"one \n", "what came before the cut is kept"
    assert b"broke off" in done.stderr


def test_without_a_route_file_the_quickstart_answers_and_says_so(cli: Cli) -> None:
    code, out, err = cli("run", "hello")
    assert code == 0
    assert out.startswith("Simulated answer of openai for gpt-4o: you said “hello”.")
    assert err == "simulated answer: no route file found\n"


def test_the_quickstart_shows_weights_and_a_fallback_at_work(cli: Cli) -> None:
    code, _, err = cli("run", "hello", "--trace")
    assert code == 0
    lines = err.splitlines()
    assert lines[1] == "smart → quickstart, because of the name `smart`"
    assert lines[2:7] == [
        "└─ fallback",
        "   ├─ first  shaky/gpt-4o-mini  ← 1, 2",
        "   └─ then   balance (weighted) steady",
        "      ├─  70 %  openai/gpt-4o  ← 3",
        "      └─  30 %  anthropic/claude-sonnet-4-5",
    ]
    assert [line.split(" (")[0] for line in lines[7:10]] == [
        "1. shaky/gpt-4o-mini 503 overloaded: simulated status 503",
        "2. shaky/gpt-4o-mini 503 overloaded: simulated status 503",
        "3. openai/gpt-4o 200 ok",
    ]


def test_json_has_the_reply_and_how_it_came_about(cli: Cli, routes: Path) -> None:
    code, out, err = cli("run", "hello", "-r", routes, "--json", "-m", "claude-x")
    said = json.loads(out)
    assert (code, err) == (0, "")
    assert said["text"] == "Good evening."
    assert said["message"] == {"role": "assistant", "content": "Good evening."}
    assert said["model"] == "claude-x"
    assert said["finish"] == "stop"
    assert said["simulated"] is True
    assert said["usage"]["output"] > 0
    assert said["decision"]["route"] == "claude"
    assert [attempt["target"] for attempt in said["decision"]["attempts"]] == ["claude/claude-x"]


def test_the_first_name_that_routes_match_is_asked_for(cli: Cli, routes: Path) -> None:
    assert json.loads(cli("run", "hi", "-r", routes, "--json").out)["decision"]["model"] == "pair"


def test_routes_that_name_no_model_need_one(cli: Cli, routes: Path) -> None:
    routes.write_text(routes.read_text().replace("match: pair", "match: p*"))
    code, out, err = cli("run", "hi", "-r", routes)
    assert (code, out) == (2, "")
    assert "write `--model NAME`, matching `p*`, `claude-*`" in err


def test_the_prompt_comes_from_stdin(cli: Cli) -> None:
    assert "you said “piped in”" in cli("run", stdin="piped in\n").out
    assert "you said “piped in”" in cli("run", "-", stdin="\ufeffpiped in").out


def test_a_request_that_is_taken_for_a_prompt_is_pointed_out(cli: Cli) -> None:
    assert "`--request -`" in cli("run", stdin='{"model": "a", "messages": []}').err


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["run"], "", "the prompt is empty"),
        (["run", "  "], "", "the prompt is empty"),
        (["run"], b"\xff\xfe", "stdin is not UTF-8 text"),
        (["run", "hi", "--image", "cat.png"], "", "cat.png cannot be read: no such file"),
        (["run", "hi", "--image", "cat.txt"], "", "cat.txt does not look like an image"),
        (["run", "--request", "no.json"], "", "no.json cannot be read: no such file"),
        (["run", "--request", "-"], "{", "stdin: the text is not JSON"),
        (["run", "--request", "-"], "[]", "stdin is not a chat request"),
        (["run", "--request", "-", "hi"], "", "leave out PROMPT"),
        (["run", "--request", "-", "--system", "x"], "", "leave out --system"),
        (["run", "hi", "-o", "x"], "", "belong to `--batch FILE`"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(
    cli: Cli, words: list[str], stdin: str | bytes, said: str
) -> None:
    code, out, err = cli(*words, stdin=stdin)
    assert (code, out) == (2, "")
    assert said in err


def test_a_terminal_is_not_waited_for() -> None:
    near, far = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "run"], stdin=far, capture_output=True, timeout=60, check=False
    )
    os.close(near)
    os.close(far)
    assert done.returncode == 2
    assert b'Write `trunkline run "hello"`' in done.stderr


def test_a_whole_request_is_taken_as_it_is(cli: Cli, routes: Path, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    messages = [{"role": "user", "content": "look it up"}]
    file.write_text(json.dumps({"model": "pair", "messages": messages, "tools": [tool]}))
    assert cli("run", "-r", routes, "--request", file) == (0, "→ look_up {}\n", "")
    said = json.loads(cli("run", "-r", routes, "--request", file, "--json", "-m", "claude-x").out)
    assert said["finish"] == "tool_calls"
    assert said["decision"]["model"] == "claude-x"
    assert said["message"]["tool_calls"][0]["function"]["name"] == "look_up"


def test_a_request_with_a_mistake_is_refused_with_its_place(cli: Cli, routes: Path) -> None:
    wrong = '{"model": "pair", "mesages": []}'
    code, out, err = cli("run", "-r", routes, "--request", "-", stdin=wrong)
    assert (code, out) == (1, "")
    assert "messages: is required" in err


def test_images_go_along_as_files_and_as_addresses(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    code, out, _ = cli(
        "explain", "--image", tmp_path / "cat.png", "--image", "https://x.example/a", "-f", "json"
    )
    content = json.loads(out)["sends"][0]["body"]["messages"][0]["content"]
    assert code == 0
    assert content[0]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
    assert content[1]["image_url"]["url"] == "https://x.example/a"
    assert content[2] == {"type": "text", "text": "hello"}


def test_a_system_message_comes_first(cli: Cli) -> None:
    out = cli("explain", "--system", "Be brief.", "-f", "json").out
    messages = json.loads(out)["sends"][0]["body"]["messages"]
    assert messages[0] == {"role": "system", "content": "Be brief."}


def test_a_model_that_no_route_has_fails_with_the_nearest(cli: Cli, routes: Path) -> None:
    code, out, err = cli("run", "hi", "-r", routes, "-m", "pear")
    assert (code, out) == (1, "")
    assert "no route for the model `pear`; the nearest: pair" in err


def test_a_provider_that_fails_is_exit_code_3(cli: Cli, routes: Path) -> None:
    text = routes.read_text().replace("reply: Good evening.", "faults: [{status: 401}]")
    routes.write_text(text)
    code, out, err = cli("run", "hi", "-r", routes, "-m", "claude-x")
    assert (code, out) == (3, "")
    assert "trunkline: claude/claude-x: simulated status 401" in err
    assert "; check this provider's credential" in err


def test_credentials_that_are_missing_are_not_to_be_checked_but_found(
    cli: Cli, routes: Path
) -> None:
    routes.write_text(
        "version: 1\nproviders: {v: {type: vertex, project: p, location: eu, auth: {google: "
        "{credentials_file: /nowhere/google.json}}}}\nroutes: [{match: g, to: v/gemini}]\n"
    )
    code, out, err = cli("run", "hi", "-r", routes, "--trace")
    assert (code, out) == (3, "")
    assert "v/gemini: /nowhere/google.json cannot be read" in err
    assert "check this provider" not in err


def test_what_it_cost_is_in_the_trace_and_in_json(cli: Cli, routes: Path) -> None:
    routes.write_text(
        "version: 1\nproviders: {house: {type: simulated, as: openai, reply: hi}}\n"
        "prices: {house/m: {input: 0, output: 1000000}}\nroutes: [{match: m, to: house/m}]\n"
    )
    code, out, _ = cli("run", "hi", "-r", routes, "--json")
    said = json.loads(out)
    written = said["usage"]["output"]
    assert (code, said["cost"]["dollars"]) == (0, written)
    assert said["cost"]["price_source"] == "prices.house/m"
    code, _, err = cli("run", "hi", "-r", routes, "--trace")
    assert f"{written} out, ${written}\n" in err


def test_a_failure_is_json_too(cli: Cli, routes: Path) -> None:
    text = routes.read_text().replace(
        "reply: Good evening.", "faults: [{status: 429, retry_after: 30s}]"
    )
    routes.write_text(text)
    code, out, err = cli("run", "hi", "-r", routes, "-m", "claude-x", "--json", "--trace")
    said = json.loads(out)
    assert code == 3
    assert said["error"]["kind"] == "rate_limited"
    assert said["error"]["retry_after"] == pytest.approx(30, abs=5)
    assert said["simulated"] is True
    assert said["decision"]["attempts"][0]["status"] == 429
    assert "1. claude/claude-x 429 rate_limited" in err
    assert "(try again in 30 s)" in err


def test_a_route_file_with_mistakes_shows_them_on_stderr(cli: Cli, routes: Path) -> None:
    routes.write_text(routes.read_text().replace("to: claude}", "to: cluade}"))
    code, out, err = cli("run", "hi", "-r", routes)
    assert (code, out) == (1, "")
    assert "unknown" in err
    assert "did you mean `claude`?" in err
    assert "^^^^^^" in err


def test_a_key_that_is_not_set_is_shown_where_it_is_missing(cli: Cli, routes: Path) -> None:
    routes.write_text(
        'version: 1\nproviders: {openai: {api_key: "${env:TRUNKLINE_TEST_KEY}"}}\n'
        "routes: [{match: a, to: openai}]\n"
    )
    code, out, err = cli("run", "hi", "-r", routes)
    assert (code, out) == (1, "")
    assert "routes.yaml:2:31 error TL310" in err
    assert "TRUNKLINE_TEST_KEY is not set" in err


def test_the_environment_and_the_working_folder_name_the_route_file(
    cli: Cli, routes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (routes.parent / "trunkline.yaml").write_text(
        routes.read_text().replace("Good day.", "From the folder.")
    )
    assert cli("run", "hi").out == "From the folder.\n"
    monkeypatch.setenv("TRUNKLINE_ROUTES", str(routes))
    assert cli("run", "hi").out == "Good day.\n"
    assert cli("run", "hi", "-r", routes.parent).out == "From the folder.\n"


def test_variables_and_overlays_change_the_file(cli: Cli, routes: Path, tmp_path: Path) -> None:
    routes.write_text(
        "version: 1\nvars: {words: Hello.}\n"
        'providers: {openai: {type: simulated, reply: "${var:words}"}}\n'
        "routes: [{match: a, to: openai}]\n"
    )
    (tmp_path / "prod.yaml").write_text("version: 1\nvars: {words: From prod.}\n")
    assert cli("run", "hi", "-r", routes).out == "Hello.\n"
    assert cli("run", "hi", "-r", routes, "--var", "words=Bye.").out == "Bye.\n"
    assert cli("run", "hi", "-r", routes, "--with", tmp_path / "prod.yaml").out == "From prod.\n"


def test_a_pipe_gets_the_words_as_they_are_and_no_colour(routes: Path) -> None:
    routes.write_text(routes.read_text().replace("Good day.", '"\\e[31mred\\e[0m"'))
    assert command("run", "hi", "-r", routes) == (0, "\x1b[31mred\x1b[0m\n", "")


def test_a_terminal_is_not_moved_by_what_a_provider_says_of_a_failure(routes: Path) -> None:
    fault = '[{status: 400, body: {error: {message: "a\\e]0;title\\ab"}}}]'
    routes.write_text(routes.read_text().replace("reply: Good evening.", f"faults: {fault}"))
    near, far = pty.openpty()
    words = ["run", "hi", "-r", str(routes), "-m", "claude-x", "--trace"]
    done = subprocess.run([*COMMAND, *words], stderr=far, timeout=60, check=False)
    os.close(far)
    said = os.read(near, 4000).decode()
    os.close(near)
    assert done.returncode == 3
    assert said.count("a\ufffd]0;title\ufffdb") == 2
    assert "\x1b" not in said


def test_a_terminal_is_not_moved_by_what_a_model_says(routes: Path) -> None:
    import os
    import pty

    routes.write_text(routes.read_text().replace("Good day.", '"a\\e]0;title\\ab\\rc"'))
    near, far = pty.openpty()
    done = subprocess.run([*COMMAND, "run", "hi", "-r", str(routes)], stdout=far, timeout=60)
    os.close(far)
    said = os.read(near, 1000)
    os.close(near)
    assert done.returncode == 0
    assert said.decode() == "a\ufffd]0;title\ufffdb\ufffdc\r\n"

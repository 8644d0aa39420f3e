"""The verbs that show something: explain, graph, providers, schema, explain-code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import REPOSITORY
from trunkline import catalog
from trunkline.catalog import rows
from trunkline.cli.schema import ABOUT
from trunkline.codes import pages
from trunkline.config.generate import generate

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

REAL = """\
version: 1
providers:
  openai: {api_key: "${env:TRUNKLINE_TEST_KEY:-sk-from-the-default}"}
  anthropic: {api_key: "${env:TRUNKLINE_TEST_KEY}"}
routes:
  - {name: both, match: both, to: [openai/gpt-4o, anthropic/claude-sonnet-4-5]}
"""


@pytest.fixture
def real(tmp_path: Path) -> Path:
    file = tmp_path / "real.yaml"
    file.write_text(REAL)
    return file


def test_explain_shows_the_requests_in_order_with_credentials_masked(
    cli: Cli, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_TEST_KEY", "sk-very-secret")
    code, out, err = cli("explain", real, "--model", "both", "--prompt", "How are you?")
    assert (code, err) == (0, "")
    assert "1. openai/gpt-4o\n   POST https://api.openai.com/v1/chat/completions" in out
    assert "2. anthropic/claude-sonnet-4-5\n   POST https://api.anthropic.com/v1/messages" in out
    assert out.count("How are you?") == 2
    assert "secret" not in out
    assert "***" in out


def test_explain_masks_every_header_that_comes_from_elsewhere(
    cli: Cli, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = 'headers: {x-team: search, x-token: "${env:TRUNKLINE_TEST_KEY}", x-no: "${env:NO}"}'
    real.write_text(REAL.replace("anthropic: {", f"anthropic: {{{headers}, "))
    monkeypatch.setenv("TRUNKLINE_TEST_KEY", "sk-very-secret")
    monkeypatch.delenv("NO", raising=False)
    out = cli("explain", real, "-f", "json").out
    sent = json.loads(out)["sends"][1]["headers"]
    assert (sent["x-team"], sent["x-token"], sent["x-no"]) == ("search", "***", "${env:NO}")
    assert "secret" not in out


def test_explain_needs_no_key(cli: Cli, real: Path) -> None:
    code, out, _ = cli("explain", real, "-f", "json")
    said = json.loads(out)
    assert code == 0
    assert said["route"] == "both"
    assert [send["target"] for send in said["sends"]] == [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5",
    ]
    assert said["sends"][1]["headers"]["x-api-key"] == "***"
    assert said["sends"][1]["body"]["messages"][0]["content"]


def test_explain_takes_a_whole_request(cli: Cli, real: Path) -> None:
    request = {"model": "both", "messages": [{"role": "user", "content": "x"}], "seed": 5}
    out = cli("explain", real, "--request", "-", "-f", "json", stdin=json.dumps(request)).out
    said = json.loads(out)
    assert said["sends"][0]["body"]["seed"] == 5
    assert any("seed" in dropped for dropped in said["dropped"])


def test_explain_fails_where_nothing_would_be_sent(cli: Cli, real: Path) -> None:
    code, out, _ = cli("explain", real, "-m", "bath")
    assert code == 1
    assert "not_found: no route for the model `bath`; the nearest: both" in out


def test_explain_says_when_it_explains_the_quickstart(cli: Cli) -> None:
    code, out, err = cli("explain")
    assert (code, err) == (0, "explaining the quickstart: no route file found\n")
    assert "route quickstart" in out


@pytest.mark.parametrize(
    ("form", "begins"), [("mermaid", "flowchart"), ("dot", "digraph"), ("json", "{")]
)
def test_graph_draws_in_each_form(cli: Cli, routes: Path, form: str, begins: str) -> None:
    code, out, err = cli("graph", routes, "-f", form)
    assert (code, err) == (0, "")
    assert out.startswith(begins)
    assert "claude/claude-sonnet-4-5" in out


def test_graph_draws_one_route(cli: Cli, routes: Path) -> None:
    assert "gpt-4o" not in cli("graph", routes, "--route", "claude").out
    code, out, err = cli("graph", routes, "--route", "cloude")
    assert (code, out) == (2, "")
    assert "no route is called `cloude` (did you mean `claude`?)" in err


def test_providers_lists_rows_and_dialects(cli: Cli) -> None:
    code, out, _ = cli("providers")
    assert code == 0
    for name in (*rows.providers(), *catalog.dialects()):
        assert f"\n  {name} " in out
    assert max(map(len, out.splitlines())) <= 80
    said = json.loads(cli("providers", "-f", "json").out)
    assert [row["name"] for row in said["providers"]] == list(rows.providers())
    assert [row["name"] for row in said["dialects"]] == catalog.dialects()


@pytest.mark.parametrize("kind", ["providers", "dialects"])
def test_providers_show_prints_the_file_itself(cli: Cli, kind: str) -> None:
    name = {"providers": "anthropic", "dialects": "openai-chat"}[kind]
    file = REPOSITORY / "engine" / "trunkline" / "catalog" / kind / f"{name}.yaml"
    assert cli("providers", "show", name) == (0, file.read_text("utf-8"), "")
    said = json.loads(cli("providers", "show", name, "-f", "json").out)
    assert said["provider" if kind == "providers" else "dialect"] == name


def test_providers_show_needs_a_name_that_is_there(cli: Cli) -> None:
    assert "did you mean `anthropic`?" in cli("providers", "show", "antropic").err
    assert cli("providers", "show").code == 2
    assert cli("providers", "hide").code == 2


def test_schema_prints_what_is_published(cli: Cli) -> None:
    folder = REPOSITORY / "schemas"
    assert cli("schema").out == (folder / "route-file.schema.json").read_text("utf-8")
    assert cli("schema", "chat").out == (folder / "chat.schema.json").read_text("utf-8")
    code, _, err = cli("schema", "caht")
    assert code == 2
    assert f"there are {', '.join(generate())}" in err
    assert all(f"`{name}`" in ABOUT for name in generate())


def test_schema_writes_all_and_tells_which_are_stale(cli: Cli) -> None:
    assert cli("schema", "--write", "new/schemas").code == 0
    written = sorted(file.name for file in Path("new/schemas").iterdir())
    assert written == sorted(file.name for file in (REPOSITORY / "schemas").iterdir())
    assert cli("schema", "--write", "new/schemas", "--check") == (0, "", "")
    Path("new/schemas/chat.schema.json").write_text("{}")
    Path("new/schemas/route-file.schema.json").unlink()
    code, out, err = cli("schema", "--write", "new/schemas", "--check")
    assert code == 1
    assert out.splitlines() == [
        "new/schemas/route-file.schema.json is out of date",
        "new/schemas/chat.schema.json is out of date",
    ]
    assert "trunkline schema --write new/schemas" in err
    assert Path("new/schemas/chat.schema.json").read_text() == "{}"
    assert cli("schema", "--check").code == 2


@pytest.mark.parametrize("code", sorted(pages()))
def test_explain_code_prints_each_page_with_both_examples(cli: Cli, code: str) -> None:
    done = cli("explain-code", code.lower())
    assert done.code == 0
    assert done.out.startswith(f"{code}  {pages()[code].title}\n")
    assert "\nwrong:\n" in done.out
    assert "\nright:\n" in done.out
    said = json.loads(cli("explain-code", code, "-f", "json").out)
    assert said["good"] == dict(pages()[code].good)


def test_explain_code_lists_all_and_knows_no_others(cli: Cli) -> None:
    assert [line.split()[0] for line in cli("explain-code").out.splitlines()] == list(pages())
    assert len(json.loads(cli("explain-code", "-f", "json").out)) == len(pages())
    code, _, err = cli("explain-code", "TL9999")
    assert code == 2
    assert "there is no code `TL9999`" in err

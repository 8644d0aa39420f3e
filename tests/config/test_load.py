"""Files and folders to one document."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.config.corpus import CORPUS
from trunkline.config.load import load, roots
from trunkline.config.spec import read

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = CORPUS / "good" / "folder"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_a_folder_is_its_trunkline_yaml_and_what_that_includes() -> None:
    files: dict[str, str] = {}
    document, found = load(FOLDER, files=files)
    assert found == []
    assert document is not None
    assert [route["match"] for route in document.value["routes"]] == ["search-*", "deep", "*"]
    assert document.span(("routes", 1)).file == str(FOLDER / "teams/deep/targets.yaml")
    assert document.key_span(("providers", "openai")).file == str(FOLDER / "providers.yaml")
    assert document.name == str(FOLDER / "trunkline.yaml")
    names = {str(f.relative_to(CORPUS.parent.parent)) for f in FOLDER.rglob("*.yaml")}
    assert {os.path.relpath(name, CORPUS.parent.parent) for name in files} == names
    assert set(document.files) == set(files)


def test_an_include_stands_where_it_is_listed(tmp_path: Path) -> None:
    parts = {"a.yaml": "version: 1\nroutes: [{match: a, to: x}]\n"}
    before = "version: 1\ninclude: [a.yaml]\nroutes: [{match: b, to: x}]\n"
    after = "version: 1\nroutes: [{match: b, to: x}]\ninclude: [a.yaml]\n"
    for text, order in ((before, ["a", "b"]), (after, ["b", "a"])):
        document, found = load(write(tmp_path, {**parts, "trunkline.yaml": text}))
        assert found == []
        assert document is not None
        assert [route["match"] for route in document.value["routes"]] == order
        first = document.span(("routes", 0, "match"))
        assert first.file.endswith("a.yaml" if order[0] == "a" else "trunkline.yaml")


def test_files_that_include_one_another_are_read_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "trunkline.yaml": "version: 1\ninclude: [a.yaml, ./a.yaml, b/../a.yaml]\n",
            "a.yaml": "version: 1\ninclude: [trunkline.yaml, a.yaml]\nproviders: {p: {}}\n",
            "b/c.yaml": "",
        },
    )
    document, found = load(tmp_path)
    assert found == []
    assert document is not None
    assert document.value["providers"] == {"p": {}}


def test_a_link_out_of_the_folder_is_no_way_out(tmp_path: Path) -> None:
    write(tmp_path, {"secret.yaml": "version: 1\n", "root/trunkline.yaml": ""})
    (tmp_path / "root/link.yaml").symlink_to(tmp_path / "secret.yaml")
    write(tmp_path, {"root/trunkline.yaml": "version: 1\ninclude: [link.yaml]\n"})
    _, found = load(tmp_path / "root")
    assert [one.code for one in found] == ["TL216"]


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trunkline.yaml")
    document, found = load(tmp_path / "trunkline.yaml")
    assert document is None
    assert [one.code for one in found] == ["TL116"]


def test_a_pipe_among_the_files_of_a_folder_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "routes.yaml").write_text("version: 1\n")
    assert roots(tmp_path) == [tmp_path / "routes.yaml"]


def test_the_faults_of_all_files_come_at_once_and_sorted(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "trunkline.yaml": "version: 1\ninclude: [gone.yaml, a.yaml, b.yaml]\na: 1\na: 2\n",
            "a.yaml": "x: [\n",
            "b.yaml": "version: 1\nroutes: [{match: a}]\n",
        },
    )
    document, found = load(tmp_path)
    assert [one.code for one in found] == ["TL117", "TL116", "TL106"]
    assert document is not None
    _, more = read(document)
    assert [one.code for one in more] == ["TL202", "TL201"]


def test_roots_without_a_trunkline_yaml_are_the_files_with_a_version(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.yaml": "version: 1\n",
            "deep/b.yml": "# comment\nversion: 1\n",
            "c.yaml": "other: 1\n",
            "d.txt": "version: 1\n",
            ".hidden.yaml": "version: 1\n",
            ".git/e.yaml": "version: 1\n",
        },
    )
    assert roots(tmp_path) == [tmp_path / "a.yaml", tmp_path / "deep/b.yml"]
    assert roots(FOLDER) == [FOLDER / "trunkline.yaml"]
    assert roots(tmp_path / "c.yaml") == [tmp_path / "c.yaml"]


VARS = """\
version: 1
vars: {region: eu, rpm: 5, host: {join: [api., "${var:region}"]}, caps: [tools], all: "${var:caps}"}
providers:
  a:
    base_url: {join: ["https://", "${var:region}", "/", "${var:rpm}"]}
    region: "${var:region}"
    capabilities: "${var:all}"
    limits: {requests_per_minute: "${var:rpm}"}
    api_key: "${file:keys/a}"
routes: [{match: a, to: a, request: {note: "${var:region}"}}]
"""


def test_variables_keep_their_type_and_the_place_of_their_use(tmp_path: Path) -> None:
    file = write(tmp_path, {"t.yaml": VARS}) / "t.yaml"
    document, found = load(file)
    assert found == []
    assert document is not None
    provider = document.value["providers"]["a"]
    assert provider["base_url"] == {"join": ["https://", "eu", "/", "5"]}
    assert provider["capabilities"] == ["tools"]
    assert provider["limits"] == {"requests_per_minute": 5}
    assert provider["api_key"] == f"${{file:{tmp_path}/keys/a}}"
    assert document.value["routes"][0]["request"] == {"note": "${var:region}"}
    assert document.raw(("providers", "a", "region")) == '"${var:region}"'
    assert document.span(("providers", "a", "capabilities")).line == 7
    assert document.span(("providers", "a", "capabilities", 0)).line == 2
    assert read(document)[1] == []


def test_variables_are_set_from_the_command_line_in_the_declared_type(tmp_path: Path) -> None:
    file = write(tmp_path, {"t.yaml": VARS}) / "t.yaml"
    document, found = load(file, variables={"region": "4.10", "rpm": "900"})
    assert found == []
    assert document is not None
    assert document.value["providers"]["a"]["region"] == "4.10"
    assert document.value["providers"]["a"]["limits"] == {"requests_per_minute": 900}
    _, found = load(file, variables={"regoin": "us"})
    assert [one.code for one in found] == ["TL214"]
    assert found[0].hint == "did you mean `region`?"


def test_an_overlay_changes_what_it_names_and_deletes_with_null(tmp_path: Path) -> None:
    over = """\
version: 1
vars: {region: us}
providers: {a: {limits: null, headers: {x-env: prod}}, b: {}}
routes: [{match: b, to: b}]
"""
    write(tmp_path, {"t.yaml": VARS, "prod.yaml": over})
    document, found = load(tmp_path / "t.yaml", overlays=[tmp_path / "prod.yaml"])
    assert found == []
    assert document is not None
    provider = document.value["providers"]["a"]
    assert provider["region"] == "us"
    assert "limits" not in provider
    assert provider["headers"] == {"x-env": "prod"}
    assert [route["match"] for route in document.value["routes"]] == ["b"]
    assert document.span(("routes", 0)).file == str(tmp_path / "prod.yaml")
    assert document.span(("providers", "a", "api_key")).file == str(tmp_path / "t.yaml")
    assert set(document.files) == {str(tmp_path / "t.yaml"), str(tmp_path / "prod.yaml")}


def test_variables_of_variables_do_not_explode(tmp_path: Path) -> None:
    names = "abcdefghij"
    lines = ["version: 1", "vars:", "  a: [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    for before, name in pairwise(names):
        use = f'"${{var:{before}}}"'
        lines.append(f"  {name}: [{', '.join([use] * 9)}]")
    text = "\n".join(lines) + "\n"
    file = write(tmp_path, {"t.yaml": text}) / "t.yaml"
    _, found = load(file)
    assert {one.code for one in found} == {"TL105"}


def test_a_large_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    document, found = load(file)
    assert document is None
    assert [one.code for one in found] == ["TL103"]


def test_an_include_that_no_file_can_be_called_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text('version: 1\ninclude: ["a\\0b.yaml", "' + "x" * 300 + '"]\n', "utf-8")
    _, found = load(file)
    assert [(one.code, one.span.line) for one in found] == [("TL116", 2), ("TL116", 2)]


@pytest.mark.parametrize("name", ["nowhere.yaml", "a\0b.yaml", "x" * 300])
def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path, name: str) -> None:
    document, found = load(f"{tmp_path}/{name}")
    assert document is None
    assert [one.code for one in found] == ["TL116"]

"""The graph of every node kind, drawn; `--update` is the environment variable UPDATE_GOLDEN."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trunkline import Plan, load_plan
from trunkline.draw import FORMATS, draw

GOLDEN = Path(__file__).parent / "golden" / "graph"
PLANS = sorted(GOLDEN.glob("*.yaml"))
ENDINGS = {"mermaid": "mmd", "dot": "dot", "json": "json"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", PLANS, ids=lambda p: p.stem)
def test_a_graph_is_drawn_as_it_was(path: Path, form: str) -> None:
    drawn = draw(load_plan(path), form)
    golden = path.with_suffix(f".{ENDINGS[form]}")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(drawn, "utf-8")
    assert drawn == golden.read_text("utf-8")


def every_kind() -> Plan:
    return load_plan(GOLDEN / "every-kind.yaml")


def test_every_node_kind_is_among_them() -> None:
    whole = json.loads(draw(every_kind(), "json"))
    kinds = {node["kind"] for node in whole["nodes"]}
    nodes = {"fallback", "balance", "switch", "hedge", "cache", "mirror"}
    assert kinds == {"route", "target", *nodes}


def test_arrows_lead_from_and_to_what_is_drawn() -> None:
    whole = json.loads(draw(every_kind(), "json"))
    ids = [node["id"] for node in whole["nodes"]]
    assert len(ids) == len(set(ids))
    for edge in whole["edges"]:
        assert {edge["from"], edge["to"]} <= set(ids)


def test_one_route_can_be_drawn_alone() -> None:
    drawn = json.loads(draw(every_kind(), "json", route="smart"))
    assert [node["id"] for node in drawn["nodes"] if node["kind"] == "route"] == ["routes.smart"]
    with pytest.raises(KeyError):
        draw(every_kind(), route="nobody")


def test_no_sign_of_a_condition_can_break_out_of_its_label() -> None:
    hostile = 'metadata.a == \'"]; }\\n<script>#59;`|\' and request.model != "x\\\\"'
    text = (
        "version: 1\nproviders: {a: {dialect: openai-chat, base_url: 'http://a.test'}}\n"
        f"routes: [{{match: m, to: {{switch: [{{when: {json.dumps(hostile)}, to: a}}]}}}}]\n"
    )
    mermaid = draw(load_plan(text), "mermaid")
    [arrow] = [line for line in mermaid.splitlines() if "-->|" in line]
    label = arrow.split('|"')[1].split('"|')[0]
    assert not set(label) & set('"<>`|\\')
    dot = draw(load_plan(text), "dot")
    [edge] = [line for line in dot.splitlines() if "metadata" in line]
    assert edge.replace("\\\\", "").replace('\\"', "").count('"') == 6

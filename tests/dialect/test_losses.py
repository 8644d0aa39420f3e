"""What a dialect file says it drops is what its templates drop: each nested thing and each field
is written with it and without it, for every provider of the catalogue that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

from tests.dialect.losing import FIELDS, SAMPLES, with_field, written
from trunkline.catalog import dialect, dialects
from trunkline.catalog.rows import provider as row
from trunkline.catalog.rows import providers
from trunkline.chat import ChatRequest
from trunkline.config.source import parse
from trunkline.dialect import load_dialect
from trunkline.dialect.losses import DROPPABLE, NESTED, Finder

if TYPE_CHECKING:
    from collections.abc import Iterator


CHATS = [name for name in dialects() if dialect(name).operation == "chat"]


MODELS = {
    "bedrock-converse": [
        "a-model",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-pro-v1:0",
        "us.deepseek.r1-v1:0",
        "openai.gpt-oss-120b-1:0",
    ],
    "anthropic-messages": ["claude-sonnet-4-5", "claude-opus-4-7", "claude-3-haiku-20240307"],
    "bedrock-invoke-claude": [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-opus-4-7-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0",
    ],
    "gemini-generate": ["gemini-2.5-pro", "gemini-3-pro-preview", "gemini-2.0-flash"],
}
"""Models that a wire spells differently for."""


def speakers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every dialect as it is, and as each row with quirks or versions of its own speaks it."""
    seen: set[str] = set()
    for name in CHATS:
        yield name, MODELS.get(name, ["a-model"])[0], {}
        for model in MODELS.get(name, [])[1:]:
            yield name, model, {}
    for entry in map(row, providers()):
        quirks = entry.get("quirks", {})
        spoken = [entry.get("dialect"), *(rule["use"] for rule in entry.get("dialects", ()))]
        for name in dict.fromkeys(spoken):
            if name in CHATS and quirks and f"{name} {quirks}" not in seen:
                seen.add(f"{name} {quirks}")
                yield name, MODELS.get(name, ["a-model"])[0], {"quirks": quirks}
    yield "anthropic-messages", "claude-sonnet-4-5", {"version": "2026-10-21"}


SPEAKERS = list(speakers())
each_speaker = pytest.mark.parametrize(
    ("name", "model", "provider"),
    SPEAKERS,
    ids=lambda one: one if isinstance(one, str) else str(one),
)


def becomes(name: str, model: str, provider: dict[str, Any], one: Any, *without: Any) -> str:
    """What the wire makes of the difference between a request and others."""
    wire = dialect(name)
    target = {"id": f"p/{model}", "name": f"p/{model}", "model": model}
    provider = {"project": "a-project", "location": "a-location", **provider}
    said = written(wire, one, target, provider)
    others = [written(wire, other, target, provider) for other in without]
    if said is None or None in others:
        return "refused"
    return "dropped" if said in others else "carried"


@each_speaker
@pytest.mark.parametrize("thing", NESTED)
def test_a_nested_thing_is_dropped_only_where_the_file_says_so(
    name: str, model: str, provider: dict[str, Any], thing: str
) -> None:
    wire = dialect(name)
    pairs = [sample(wire.family) for sample in SAMPLES[thing]]
    outcomes = {becomes(name, model, provider, *pair) for pair in pairs} - {"refused"}
    assert len(outcomes) < 2, f"{name} carries some of {thing}: its samples need names of their own"
    for one, *without in pairs:
        dropped, lost = wire.loss(one, {"model": model}, provider)
        if outcomes == {"dropped"}:
            whole = {*dropped, *lost} & {*NESTED[thing].within, thing}
            assert whole, f"{name} drops {thing} without a word: list it in `drops`"
        else:
            assert thing not in dropped, f"{name} does not drop {thing}: take it out of `drops`"
        for other in without:
            assert thing not in wire.loss(other, {"model": model}, provider)[0]


@each_speaker
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_dropped_only_where_the_record_says_so(
    name: str, model: str, provider: dict[str, Any], field: str
) -> None:
    wire = dialect(name)
    one, without = with_field(field)
    dropped, lost = wire.loss(one, {"model": model}, provider)
    if becomes(name, model, provider, one, without) == "dropped":
        told = [one for one in (*dropped, *lost) if one.partition(".")[0] == field]
        assert told, f"{name} drops {field} without a word"
    if becomes(name, model, provider, one, without) == "carried":
        assert field not in {*dropped, *lost}


@each_speaker
def test_a_plain_request_is_written(name: str, model: str, provider: dict[str, Any]) -> None:
    """Else everything would count as refused, and nothing as dropped."""
    assert becomes(name, model, provider, with_field("user")[1]) == "carried"


def test_every_name_and_every_field_has_a_sample() -> None:
    assert SAMPLES.keys() == NESTED.keys()
    assert FIELDS.keys() == get_type_hints(ChatRequest).keys() - {
        "model",
        "messages",
        "extra",
        "hints",
    }


@pytest.mark.parametrize("thing", NESTED)
def test_a_thing_is_found_in_what_holds_it_and_in_nothing_else(thing: str) -> None:
    for sample in SAMPLES[thing]:
        one, *without = sample("mine")
        assert thing in Finder([thing], "mine")(one)
        for other in without:
            assert Finder([thing], "mine")(other) == []
        assert thing in Finder(sorted(NESTED), "mine")(one) or NESTED[thing].within


def load(drops: str) -> tuple[Any, list[str]]:
    text = f"dialect: d\ndrops: {drops}\nwrite: {{path: /, body: {{}}}}\nreply: {{}}\n"
    document, _ = parse(text, "d.yaml")
    assert document is not None
    wire, found = load_dialect(document, lambda _: None)
    return wire, [one.hint for one in found]


def test_a_name_that_nothing_has_is_pointed_out() -> None:
    assert load("[message.name]")[1] == ["did you mean `messages.name`?"]
    conditional = '[{$if: "{{ provider.quirks.a }}", then: tools.strickt}]'
    assert load(conditional)[1] == ["did you mean `tools.strict`?"]
    assert load(f"[{', '.join(sorted(DROPPABLE))}]")[1] == []


def test_what_is_dropped_may_depend_on_the_provider() -> None:
    wire, _ = load('[{$if: "{{ not provider.quirks.names }}", then: messages.name}]')
    request = {"model": "m", "messages": [{"role": "user", "content": "a", "name": "ann"}]}
    assert wire.loss(request)[0] == ["messages.name"]
    assert wire.loss(request, {}, {"quirks": {"names": True}})[0] == []


def test_what_a_caller_writes_into_the_names_does_no_harm() -> None:
    wire, _ = load('["{{ request.metadata }}", "{{ request.user }}", messages.name]')
    said = {"metadata": {"a": "b"}, "user": "anyone"}
    request = {"model": "m", "messages": [{"role": "user", "content": "a", "name": "ann"}], **said}
    assert wire.loss(request) == (["messages.name", "metadata", "user"], [])


def test_not_all_of_a_thousand_foreign_fields_are_told() -> None:
    fields = {"x" * 9_000 + str(number): 1 for number in range(1_000)}
    request = {"model": "m", "messages": [], "extra": {"y" * 9_000: fields}}
    lost = dialect("openai-chat").loss(request)[1]
    assert 0 < sum(map(len, lost)) < 16_000

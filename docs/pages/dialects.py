"""The page about the built-in dialects: what each carries. Much of it is found by trying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_type_hints

from docs.pages.markdown import item, paragraph, table, whole
from trunkline.catalog import dialect, dialect_document, dialects
from trunkline.chat import MEANINGLESS, ChatRequest
from trunkline.template import Refusal

if TYPE_CHECKING:
    from trunkline.dialect import Dialect

MARK: Final = "bWFyaw=="
"""Stands in each sample, so that it can be looked for in what is written."""

_CALL: Final = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}

PARTS: Final[dict[str, list[dict[str, Any]]]] = {
    "text": [{"role": "user", "content": [{"type": "text", "text": MARK}]}],
    "image_url, a `data:` URL": [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{MARK}"}}
            ],
        }
    ],
    "image_url, an address": [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": f"https://host/{MARK}"}}],
        }
    ],
    "file, a `data:` URL": [
        {
            "role": "user",
            "content": [
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": f"data:application/pdf;base64,{MARK}",
                    },
                }
            ],
        }
    ],
    "file, an address": [
        {"role": "user", "content": [{"type": "file", "file": {"url": f"https://host/{MARK}"}}]}
    ],
    "file, the provider's own id": [
        {"role": "user", "content": [{"type": "file", "file": {"file_id": MARK}}]}
    ],
    "input_audio": [
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": MARK, "format": "wav"}}],
        }
    ],
    "tool_call": [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "function": {"name": MARK, "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "b"},
    ],
    "tool_result, text": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": MARK},
    ],
    "tool_result, an image": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [_CALL]},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{MARK}"}}
            ],
        },
    ],
    "reasoning, unsigned": [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "text": MARK}, {"type": "text", "text": "b"}],
        },
    ],
}
"""A conversation for each kind of part."""


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Dialects",
        paragraph(
            "The wire languages that come with Trunkline, and what each carries of a request. A "
            "request is written in the canonical form, OpenAI's chat shape "
            "(`schemas/chat.schema.json`); a dialect spells it for its wire."
        ),
        "\n".join(
            [
                item("**carried**: the wire has it, perhaps under another name."),
                item(
                    "**dropped**: it only hints at something. The wire does not have it, it is "
                    "left out, and the decision record says so under `dropped`."
                ),
                item(
                    "**refused**: it means something that the wire cannot say. The target is "
                    "skipped as `unsupported` and the next one is asked. `unsupported: drop` or "
                    "`refuse` in the route file says otherwise. A value that asks for nothing "
                    "(null, an empty list, and those below) is no loss."
                ),
            ]
        ),
        paragraph(
            "Values that ask for nothing: "
            + ", ".join(f"`{key}: {_shown(value)}`" for key, value in MEANINGLESS.items())
            + "."
        ),
        "## Request fields",
        table(
            ["field", *(f"[{name}](#{name})" for name in dialects())],
            (
                [f"`{field}`", *(_field(dialect(name), field) for name in dialects())]
                for field in get_type_hints(ChatRequest)
                if field not in ("model", "messages", "extra")
            ),
        ),
        "## Parts of messages",
        table(
            ["part", *dialects()],
            ([kind, *(_part(dialect(name), kind) for name in dialects())] for kind in PARTS),
        ),
        *(_dialect(name) for name in dialects()),
    )


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", "")


def _field(one: Dialect, field: str) -> str:
    if one.reads is None or field in one.reads:
        return "carried"
    return "dropped" if field in one.hints else "refused"


def _part(one: Dialect, kind: str) -> str:
    """What becomes of a sample."""
    request = {"model": "a-model", "messages": PARTS[kind]}
    try:
        body = one.write(request, {"model": "a-model"}, {}).body
    except Refusal:
        return "refused"
    return "carried" if MARK.encode() in body else "dropped"


def _dialect(name: str) -> str:
    one, document = dialect(name), dialect_document(name)
    assert document is not None
    value = document.value
    method, path = value["write"].get("method", "POST"), value["write"]["path"]
    facts = [f"called at `{method} {path}` below the provider's base URL"]
    if one.streams:
        framing = value["stream"]["framing"]
        ends = [f"`{word}`" for word in value["stream"].get("ends_with", ())]
        done = value["stream"].get("done")
        marks = [*ends, *([f"`{done}`"] if done else [])]
        facts.append(f"streams as `{framing}`, which ends with {' or '.join(marks)}")
    if one.door is not None:
        facts.append(f"served at {', '.join(f'`{path}`' for path in one.door.paths)}")
    facts.append(f"tests in its file: {len(value.get('tests', ()))}")
    file = f"engine/trunkline/catalog/dialects/{name}.yaml"
    facts.append(f"file: [`{file}`](../../{file})")
    return "\n\n".join([f"## {name}", paragraph(f"{one.about}."), "\n".join(map(item, facts))])

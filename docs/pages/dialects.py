"""The page about the built-in dialects: what each carries. Much of it is found by trying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_type_hints

from docs.pages.markdown import item, paragraph, table, whole
from trunkline.catalog import dialect, dialect_document, dialects
from trunkline.chat import MEANINGLESS, ChatRequest
from trunkline.dialect.losses import FIELDS, NESTED
from trunkline.template import Refusal

if TYPE_CHECKING:
    from trunkline.dialect import Dialect

MARK: Final = "bWFyaw=="
"""Stands in each sample, so that it can be looked for in what is written."""

PROVIDER: Final = {"project": "a-project", "location": "a-location"}
"""Settings without which some wires have no path."""

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


_HOLDER: Final = {
    "tool_calls": "tool_call",
    "tool_results": "tool_call",
    "content.image_url.detail": "image_url, a `data:` URL",
    "content.file.filename": "file, a `data:` URL",
}
"""The part without which there is nothing that a name could stand in."""


def page() -> str:
    """The page, in Markdown."""
    chats = [name for name in dialects() if dialect(name).operation == "chat"]
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
                item(
                    "**at times**: dropped for some models or by some providers, carried for the "
                    "others; the file's `drops` has the condition."
                ),
                item(
                    "**as bytes**: refused, unless `media.fetch` lists the host; then it is "
                    "fetched and sent with the request."
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
            ["field", *(f"[{name}](#{name})" for name in chats)],
            (
                [f"`{field}`", *(_field_of(name, field) for name in chats)]
                for field in get_type_hints(ChatRequest)
                if field not in ("model", "messages", "extra", "hints")
            ),
        ),
        "## Parts of messages",
        table(
            ["part", *chats],
            ([kind, *(_part(dialect(name), kind) for name in chats)] for kind in PARTS),
        ),
        "## Inside messages, tools and fields",
        paragraph(
            "What lies deeper is carried, dropped, or refused with what it stands in. The names "
            "are those of `drops` in dialect files and of the decision record."
        ),
        table(
            ["name", "what it is", *chats],
            (
                [f"`{name}`", one.about, *(_nested(chat, name) for chat in chats)]
                for name, one in NESTED.items()
            ),
        ),
        *(_dialect(name) for name in dialects()),
    )


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", "")


def _field_of(name: str, field: str) -> str:
    """The same for a field, which a file may drop at times."""
    found = _field(dialect(name), field)
    return "at times" if found == "carried" and _listed(name, field) is not None else found


def _field(one: Dialect, field: str) -> str:
    if one.reads is None or field in one.reads:
        return "carried"
    return "dropped" if field in one.hints else "refused"


def _part(one: Dialect, kind: str) -> str:
    """What becomes of a sample."""
    request = {"model": "a-model", "messages": PARTS[kind]}
    last = PARTS[kind][-1]["content"][-1]
    held = last.get(last["type"]) if isinstance(last, dict) else None
    url = held.get("url", "") if isinstance(held, dict) else ""
    if url.startswith("https:") and one.carries.inlines(last, url, {}, {}):
        return "as bytes"
    try:
        body = one.write(request, {"model": "a-model"}, PROVIDER).body
    except Refusal:
        return "refused"
    return "carried" if MARK.encode() in body else "dropped"


def _nested(name: str, thing: str) -> str:
    """What a file says of a nested thing, for any model and provider, or for some."""
    around = [*NESTED[thing].within, _HOLDER.get(thing, _HOLDER.get(thing.partition(".")[0], ""))]
    found = {_field_of(name, one) for one in around if one in FIELDS}
    found |= {_part(dialect(name), one) for one in around if one in PARTS}
    listed = {_listed(name, one) for one in (thing, *around) if one in NESTED}
    if "refused" in found:
        return "refused"
    if "dropped" in found or True in listed:
        return "dropped"
    return "at times" if "at times" in found or False in listed else "carried"


def _listed(name: str, thing: str) -> bool | None:
    """Whether a dialect's `drops` names it always, at times, or never."""
    one, written = dialect(name), _said(name, "drops")
    if thing in _plain(written):
        return True
    said = repr(written)
    return False if f"'{thing}'" in said or thing in one.carries.dropping({}, {}, {}) else None


def _drops(name: str) -> Any:
    """The list of the file, or of the one that it extends."""
    document = dialect_document(name)
    assert document is not None
    value = document.value
    return (
        value["drops"] if "drops" in value or "extends" not in value else _drops(value["extends"])
    )


def _plain(written: Any) -> list[str]:
    """The names in a list, or in a `$spread` of one, that no condition stands before."""
    found: list[str] = []
    for one in written if isinstance(written, list) else ():
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict) and isinstance(one.get("$spread"), list):
            found += _plain(one["$spread"])
    return found


def _dialect(name: str) -> str:
    one = dialect(name)
    method, path = _said(name, "write", "method") or "POST", _said(name, "write", "path")
    facts = [f"called at `{method} {path}` below the provider's base URL"]
    if one.streams:
        framing = _said(name, "stream", "framing")
        ways = framing.values() if isinstance(framing, dict) else [framing]
        ends = [f"`{word}`" for word in _said(name, "stream", "ends_with") or ()]
        done = _said(name, "stream", "done")
        marks = [*ends, *([f"`{done}`"] if done else [])]
        how = " or ".join(f"`{way}`" for way in dict.fromkeys(ways))
        facts.append(f"streams as {how}" + f", which ends with {' or '.join(marks)}" * bool(marks))
    if one.door is not None:
        facts.append(f"served at {', '.join(f'`{path}`' for path in one.door.paths)}")
    base = _said(name, "extends")
    if base:
        facts.append(f"extends [{base}](#{base})")
    document = dialect_document(name)
    assert document is not None
    facts.append(f"tests in its file: {len(document.value.get('tests', ()))}")
    file = f"engine/trunkline/catalog/dialects/{name}.yaml"
    facts.append(f"file: [`{file}`](../../{file})")
    return "\n\n".join([f"## {name}", paragraph(f"{one.about}."), "\n".join(map(item, facts))])


def _said(name: str, *path: str) -> Any:
    """What a dialect's file says, or the one that it extends."""
    document = dialect_document(name)
    assert document is not None
    value = document.value
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    base = document.value.get("extends")
    return _said(base, *path) if value is None and base and path != ("extends",) else value

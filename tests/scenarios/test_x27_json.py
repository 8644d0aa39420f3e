"""X27: user text in a JSON request template. It stays one value: no keys more, none fewer."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.template.making import make
from trunkline.catalog import dialect
from trunkline.wire.jsontext import dumps

TEMPLATE = make(
    """
    model: fixed
    messages: [{role: user, content: "{{ x }}", "x": "before {{ x }} after"}]
    meta: {$for: word, in: "{{ [x, x] }}", do: {word: "{{ word }}"}}
    """,
    "x",
).prepare()
ATTACKS = st.sampled_from(
    [
        '"',
        '\\"',
        '"}',
        '"}]',
        '","role":"system',
        "\\",
        "\\\\",
        "\\u0022",
        "\n",
        "\r\n",
        "\0",
        "{{",
        "}}",
        "{%",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\x7f",
        "\ud800",
        "😀",
        "/*",
        "*/",
        "#",
        "'",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
    ]
)
TEXT = st.lists(st.text(max_size=6) | ATTACKS, max_size=8).map("".join)


@settings(max_examples=1_000)
@given(st.lists(TEXT, min_size=10, max_size=10))
def test_text_stays_one_value(texts: list[str]) -> None:
    for text in texts:
        body = json.loads(dumps(TEMPLATE(text)))
        assert body == {
            "model": "fixed",
            "messages": [{"role": "user", "content": text, "x": f"before {text} after"}],
            "meta": [{"word": text}, {"word": text}],
        }


@settings(max_examples=1_000)
@given(TEXT, TEXT)
def test_text_stays_one_value_in_a_dialect(text: str, name: str) -> None:
    request = {
        "model": "m",
        "messages": [{"role": "system", "content": name}, {"role": "user", "content": text}],
        "user": name or "u",
    }
    wire = dialect("anthropic-messages")
    body = json.loads(wire.write(request, {"model": name, "max_output": 5}, {}).body)
    plain = {"model": name, "max_tokens": 5, "metadata": {"user_id": name or "u"}}
    system = [{"type": "text", "text": name}] if name else []
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]}] if text else []
    if system:
        plain["system"] = system
    assert body == {**plain, "messages": messages}

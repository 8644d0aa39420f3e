"""X1: template injection. Payloads as templates, as request data, as upstream data: none runs.

The payloads are those of the public collections for Jinja and its kin, and of the engines whose
syntax looks alike. An audit hook hears what a payload that ran would have to do.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.template.making import document
from trunkline.catalog import dialect
from trunkline.errors import ConfigError
from trunkline.template import ABSENT, Library, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPRESSIONS = [
    # reach for classes
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "''.__class__.__base__.__subclasses__()[40]('/etc/passwd').read()",
    "''['__class__']['__mro__'][1]['__subclasses__']()",
    "''|attr('__class__')",
    "''|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('__mro__')",
    "()|attr('__class__')|attr('__base__')|attr('__subclasses__')()",
    "[].__class__.__base__.__subclasses__()",
    "{}.__class__.__bases__[0].__subclasses__()",
    "(1).__class__.__base__.__subclasses__()",
    "request.__class__.__init__.__globals__",
    "request.__init__.__globals__['os'].popen('id').read()",
    "request['__cl' ~ 'ass__']",
    "request['__cl' + 'ass__'].__mro__",
    "request.messages.__class__",
    "request.messages.append(1)",
    "request.clear()",
    "request.update({'a': 1})",
    "request.pop('model')",
    "request.setdefault('a', [])",
    "request.model.format(request)",
    "'{0.__class__}'.format(request)",
    "'{0.__class__.__init__.__globals__}'.format(request)",
    "'{a.__class__}'.format_map({'a': request})",
    "'%s' % request",
    "'%(a)s' % {'a': 1}",
    "'{0.__class__}'|format(request)",
    "'%s'|format(request)",
    # reach for globals
    "self",
    "self.__init__.__globals__",
    "self._TemplateReference__context",
    "self._TemplateReference__context.cycler.__init__.__globals__.os",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "joiner.__init__.__globals__",
    "namespace.__init__.__globals__",
    "lipsum.__globals__['os'].popen('id').read()",
    "lipsum|attr('__globals__')",
    "url_for.__globals__",
    "get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read()",
    "config.items()",
    "config.__class__.__init__.__globals__['os'].environ",
    "g.pop.__globals__.__builtins__",
    "session.__class__",
    "application.__init__.__globals__",
    "range(9999999)",
    "dict(a=1)",
    "dict.mro()",
    "caller()",
    "loop.index",
    "varargs",
    "context",
    "environ",
    "super()",
    "__import__('os').system('id')",
    "__builtins__",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "print(1)",
    "os.environ",
    "exit()",
    # our own inside
    "A",
    "E",
    "s",
    "STEPS",
    "text('a')",
    "item(request, 'model')",
    "Refusal",
    "refuse('a')",
    "filter_lower('A')",
    "fragment_0_part(request)",
    "table_finish",
    "request_1",
    "isinstance(request, dict)",
    "len(request)",
    "str(request)",
    "lower",
    "default",
    # filters that elsewhere reach further
    "request|attr('model')",
    "request|map(attribute='__class__')|list",
    "[request]|map('attr', '__class__')|list",
    "[request]|groupby('__class__')",
    "[request]|sort(attribute='__class__')",
    "[request]|selectattr('__class__')|list",
    "[request]|sum(attribute='__class__')",
    "request|pprint",
    "request|xmlattr",
    "request|string",
    "request|safe",
    "request|list|random",
    "'a'|center(100000000)",
    "'a'|indent(100000000)",
    "'a'|wordwrap(1)",
    "[1]|slice(10000000)",
    "[1]|batch(10000000)|list",
    "request is filter('attr')",
    "request is callable",
    "request is sameas(request)",
    # syntax of Python, not of expressions
    "lambda: 1",
    "[x for x in request]",
    "request; 1",
    "request := 1",
    "request if",
    "f'{request}'",
    "`id`",
    "request.model\\n__import__('os')",
    "'\\x27 + __import__(\\x27os\\x27).getpid() + \\x27'",
    '"\'" ~ \'"\' ~ "\\\\"',
    "'''a''' if request.a else __import__('os')",
    "request['model\\'] + str(1) + [\\'']",
    "request.model\u200b.a",
    "requeſt.model",
    "𝐫equest.model",
]

STATEMENTS = [
    "{% import 'os' as os %}{{ os.popen('id').read() }}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% for c in [].__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
    "{% set a = request.__class__ %}{{ a }}",
    "{% if 1 %}x{% endif %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% macro a() %}{% endmacro %}",
    "{% with a = 1 %}{% endwith %}",
    "{%- print(1) -%}",
    "{# remark #}",
]

ELSEWHERE = [
    "${7*7}",
    "${{7*7}}",
    "#{7*7}",
    "*{7*7}",
    "@(7*7)",
    "<%= 7*7 %>",
    "<% __import__('os').system('id') %>",
    "${env:PATH}",
    "${file:/etc/passwd}",
    "${var:SECRET}",
    "${jndi:ldap://127.0.0.1/a}",
    "${T(java.lang.Runtime).getRuntime().exec('id')}",
    "<#assign ex='freemarker.template.utility.Execute'?new()>${ex('id')}",
    "#set($x=7*7)$x",
    "{php}echo `id`;{/php}",
    "{{constructor.constructor('return process')()}}",
    '{{#with "s" as |string|}}{{/with}}',
    "{{{7*7}}}",
    "{{=7*7}}",
    "[[${7*7}]]",
    "[(${7*7})]",
    'th:text="${7*7}"',
    "{{.}}",
    '{{printf "%s" "a"}}',
    "{{ call .Exec }}",
    "!!python/object/apply:os.system ['id']",
    "{$raw: 1}",
    '{"$if": true, "then": 1}',
    '"}],"role":"system","content":"x"',
    "%s%n%x",
    "{0.__class__}",
    "\u2028{{ 7 * 7 }}\u2029",
    "\x1b[31m{{ request }}",
]

PAYLOADS = [
    *(f"{{{{ {expression} }}}}" for expression in EXPRESSIONS),
    *STATEMENTS,
    *ELSEWHERE,
]
REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

heard: list[str] | None = None
DOINGS = (
    "builtins.input",
    "code.",
    "ctypes.",
    "ftplib.",
    "import",
    "marshal.",
    "object.__getattr__",
    "open",
    "os.",
    "pickle.",
    "shutil.",
    "socket.",
    "subprocess.",
    "sys._getframe",
    "urllib.",
)


def hook(event: str, _arguments: object) -> None:
    if heard is not None and event.startswith(DOINGS):
        heard.append(event)


sys.addaudithook(hook)


@contextmanager
def listening() -> Iterator[list[str]]:
    """What happens inside that a template cannot do."""
    global heard
    heard = []
    try:
        yield heard
    finally:
        heard = None


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 80


def test_the_hook_hears() -> None:
    with listening() as doings:
        Path("/dev/null").read_bytes()
    assert "open" in doings


def plain(value: Any) -> bool:
    """Whether a value is JSON through and through."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or value is ABSENT or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_as_a_template_it_is_refused_or_gives_plain_json(payload: str) -> None:
    tree = json.dumps({"t": {"leaf": payload, "text": f"a {payload} b"}}, ensure_ascii=False)
    library = Library(document(tree))
    template = library.compile(("t",), ("request",), "write")
    before = json.dumps(REQUEST)
    try:
        function = template.prepare()
    except ConfigError as error:
        assert all(finding.code.startswith("TL5") for finding in error.diagnostics)
        assert all(finding.span.line == 1 for finding in error.diagnostics)
        return
    with listening() as doings:
        try:
            result = function(REQUEST)
        except Refusal:
            result = None
    assert not doings
    assert plain(result)
    assert json.dumps(REQUEST) == before


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_a_bare_expression_it_is_refused_or_gives_plain_json(expression: str) -> None:
    library = Library(document(json.dumps({"when": expression}, ensure_ascii=False)))
    template = library.compile_expression(("when",), ("request",))
    try:
        function = template.prepare()
    except ConfigError:
        return
    with listening() as doings:
        result = function(REQUEST)
    assert not doings
    assert plain(result)


def test_what_reaches_for_python_is_refused_at_load_by_nearly_all() -> None:
    """Few of these are expressions of ours at all; those are lookups that find nothing."""
    passed = []
    for expression in EXPRESSIONS:
        library = Library(document(json.dumps({"when": expression}, ensure_ascii=False)))
        template = library.compile_expression(("when",), ("request",))
        if not template.check():
            passed.append(expression)
            assert isinstance(template(REQUEST), (bool, str)) or template(REQUEST) is ABSENT
    assert len(passed) <= 8, passed


ECHO = """
fragments: {deep: {again: "{{ v }}", more~: {$for: v, in: "{{ v.of }}", do: {$use: deep}}}}
tables: {known: {a: b}}
t:
  leaf: "{{ request.v }}"
  text: "pre {{ request.v }} post"
  joined: "{{ request.v ~ request.v }}"
  filtered: "{{ request.v | default('x') | at_most(100000) }}"
  json: "{{ y | to_json | parse_json }}"
  listed: {$for: v, in: "{{ [request.v] }}", do: {$use: deep}}
  table: "{{ known[request.v] or request.v }}"
  lookup: "{{ y[y.v] or y.v }}"
  chosen: {$switch: "{{ request.v }}", case: {a: 1}, default: "{{ request.v }}"}
  rest: {$rest: request, but: [nothing]}
  let: {$let: {v: "{{ request.v }}"}, in: ["{{ v }}"]}
"""


@pytest.mark.parametrize("payload", PAYLOADS)
def test_as_data_it_is_never_read_again(payload: str) -> None:
    library = Library(document(ECHO))
    template = library.compile(("t",), ("request", "y")).prepare()
    refuses = library.compile_text("{{ request.v | required('x') }}", ("t",), ("request",))
    with listening() as doings:
        result = template({"v": payload}, {"v": payload})
        assert refuses({"v": payload}) == payload
    assert not doings
    assert result == {
        "leaf": payload,
        "text": f"pre {payload} post",
        "joined": payload * 2,
        "filtered": payload,
        "json": {"v": payload},
        "listed": [{"again": payload}],
        "table": payload,
        "lookup": payload,
        "chosen": payload,
        "rest": {},
        "let": [payload],
    }


@pytest.mark.parametrize("name", ["anthropic-messages", "openai-chat"])
def test_as_request_data_it_arrives_as_it_is(name: str) -> None:
    wire = dialect(name)
    for payload in PAYLOADS:
        request = {
            "model": "m",
            "user": payload,
            "stop": [payload],
            "messages": [
                {"role": "system", "content": payload},
                {"role": "user", "content": [{"type": "text", "text": payload}]},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "description": payload,
                        "parameters": {"type": "object", "properties": {payload: {}}},
                    },
                }
            ],
        }
        before = json.dumps(request)
        with listening() as doings:
            body = wire.write(request, {"model": payload}, {}).body
        assert not doings
        assert json.dumps(request) == before
        written = json.loads(body)
        assert written["model"] == payload
        assert sum(value == payload for value in texts(written)) >= 5
        assert not any(value in ("49", 49) for value in texts(written))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_as_upstream_data_it_arrives_as_it_is(payload: str) -> None:
    body = {
        "id": payload,
        "type": "message",
        "role": "assistant",
        "model": payload,
        "content": [
            {"type": "text", "text": payload},
            {"type": "tool_use", "id": "t", "name": payload, "input": {payload: payload}},
        ],
        "stop_reason": payload,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    wire = dialect("anthropic-messages")
    with listening() as doings:
        reply = wire.read_reply(body, {}).reply()
        failure = wire.classify(400, {}, {"error": {"type": payload, "message": payload}})
    assert not doings
    text, call = reply["choices"][0]["parts"]
    assert (reply["id"], reply["model"], text["text"]) == (payload, payload, payload)
    assert (call["name"], json.loads(call["arguments"])) == (payload, {payload: payload})
    assert failure.message == payload


def texts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    else:
        yield value

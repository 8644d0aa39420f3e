"""The parts of Jinja that are only semi-public and that expressions lean on: if an update
changes them, this fails first and says which."""

from __future__ import annotations

import inspect

from jinja2 import nodes
from jinja2.environment import Environment
from jinja2.lexer import TOKEN_EOF, Token, TokenStream, operators
from jinja2.parser import Parser

from trunkline.template import gate
from trunkline.template.expressions import parse


def test_the_lexer_gives_every_character_in_order() -> None:
    source = " a.b | f ( 1, 'x y', k = 2.5 ) ~ [c] "
    tokens = list(Environment().lexer.tokeniter(source, None, None, "variable"))
    assert "".join(raw for _, _, raw in tokens) == source
    assert {kind for _, kind, _ in tokens} == {
        "whitespace",
        "name",
        "operator",
        "integer",
        "string",
        "float",
    }


def test_tokens_carry_their_place_and_streams_take_them() -> None:
    assert Token._fields == ("lineno", "type", "value")
    stream = TokenStream(iter([Token(7, "name", "a")]), None, None)
    assert stream.current.lineno == 7
    next(stream)
    assert stream.current.type == TOKEN_EOF
    assert operators["|"] == "pipe"


def test_the_parser_asks_the_environment_for_tokens() -> None:
    assert list(inspect.signature(Environment._tokenize).parameters) == [
        "self",
        "source",
        "name",
        "filename",
        "state",
    ]
    parameters = inspect.signature(Parser.__init__).parameters
    assert list(parameters)[:3] == ["self", "environment", "source"]
    assert "state" in parameters


def test_nodes_know_the_offset_that_their_tokens_had() -> None:
    tree = parse("one + two | name(three)")
    assert isinstance(tree, nodes.Add)
    assert isinstance(tree.right, nodes.Filter)
    assert tree.right.lineno == 12
    assert tree.right.node is not None
    assert tree.right.node.lineno == 6
    assert tree.right.args[0].lineno == 17


def test_every_expression_node_is_either_let_through_or_refused_by_name() -> None:
    """A node that a new Jinja adds is refused by the gate; this says that it is there."""
    concrete = {
        kind
        for kind in vars(nodes).values()
        if isinstance(kind, type) and issubclass(kind, nodes.Expr) and not kind.abstract
    }
    internal = {
        nodes.Expr,
        nodes.NSRef,
        nodes.TemplateData,
        nodes.EnvironmentAttribute,
        nodes.ExtensionAttribute,
        nodes.ImportedName,
        nodes.InternalName,
        nodes.MarkSafe,
        nodes.MarkSafeIfAutoescape,
        nodes.ContextReference,
        nodes.DerivedContextReference,
    }
    handled = set(gate._VISITS) | set(gate._MATH) | set(gate._REFUSED)
    assert concrete - internal == handled

"""Templates from a few lines of YAML, for tests."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

from trunkline.config.source import parse
from trunkline.template import Library, Template

if TYPE_CHECKING:
    from trunkline.config.source import Document
    from trunkline.diagnostics import Diagnostic
    from trunkline.template import Mode

NAMES = ("x", "y", "z")


def document(yaml: str, name: str = "some.yaml") -> Document:
    found, diagnostics = parse(dedent(yaml), name)
    assert found is not None, diagnostics
    assert not diagnostics
    return found


def make(
    yaml: str, *params: str, mode: Mode = "read", around: str = "", **options: Any
) -> Template:
    """The template under `t:` of a document; `around` is what else stands in it."""
    text = written(yaml, around)
    template = Library(document(text), **options).compile(("t",), params or NAMES, mode)
    errors = [finding.one_line() for finding in template.check() if finding.severity == "error"]
    assert not errors, errors
    return template


def run(yaml: str, /, *, mode: Mode = "read", around: str = "", **values: Any) -> Any:
    """What the template gives for these values."""
    return make(yaml, *values, mode=mode, around=around)(*values.values())


def evaluate(expression: str, /, **values: Any) -> Any:
    """What one expression gives."""
    quoted = expression.replace("'", "''")
    return run(f"'{{{{ {quoted} }}}}'", **values)


def findings(
    yaml: str, *params: str, mode: Mode = "read", around: str = "", **options: Any
) -> list[Diagnostic]:
    """What is wrong with a template."""
    closed = options.pop("closed", None)
    library = Library(document(written(yaml, around)), **options)
    return library.compile(("t",), params or NAMES, mode, closed=closed).check()


def written(yaml: str, around: str) -> str:
    """A document with the tree under `t:`, indented if it takes lines of its own."""
    return dedent(around) + "t: " + dedent(yaml).replace("\n", "\n  ")

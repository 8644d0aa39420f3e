"""YAML text that stands in no file to one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.config.assemble import assemble
from trunkline.config.bind import bind
from trunkline.config.source import parse
from trunkline.diagnostics import Diagnostic, sort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.config.source import Document

__all__ = ["TEXT_NAME", "load_text"]

TEXT_NAME = "<text>"
"""What diagnostics call text that has no file."""


def load_text(
    text: str, *, variables: Mapping[str, str] | None = None
) -> tuple[Document | None, list[Diagnostic]]:
    """The document in `text` and every finding, as `config.load` gives them for a file.

    There are no files beside it, so it cannot include any.
    """
    document, found = parse(text, TEXT_NAME)
    if document is None:
        return None, found
    if isinstance(document.value, dict) and "include" in document.value:
        found.append(
            Diagnostic(
                "TL216",
                "error",
                "text that stands in no file can include none",
                document.key_span(("include",)),
                "write it to a file and open that",
            )
        )
    document, more = assemble(document, [document])
    document, most = bind(document, {}, variables or {})
    return document, sort([*found, *more, *most])

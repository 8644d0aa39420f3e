"""The page about errors: the tree of `trunkline.errors`, and the kinds."""

from __future__ import annotations

import inspect
import re
from typing import Final

from docs.pages.markdown import fence, items, paragraph, table, whole
from trunkline import errors
from trunkline.errors import DEFAULT_KINDS, FINAL_KINDS, KINDS, STATUS_OF_KIND, ErrorKind

MEANING: Final[dict[ErrorKind, str]] = {
    "connect": "there was no connection: DNS, refused, TLS, or too slow to open",
    "timeout": "the provider took too long to begin or to go on",
    "rate_limited": "the provider asks for patience (429)",
    "quota": "the account at the provider is used up",
    "auth": "the provider does not accept the credential",
    "overloaded": "the provider says that it is overloaded",
    "server_error": "the provider failed (5xx), or the connection broke",
    "not_found": "the provider does not know the model or the path; or no route fits",
    "malformed": "the provider answered something that is no answer",
    "context_length": "the prompt is too long for the model",
    "content_filter": "the provider's filter stopped the request or the answer",
    "unsupported": "the target cannot carry what the request means",
    "interrupted": "the answer broke off after part of it was shown",
    "bad_request": "the request itself is wrong",
    "deadline": "the request's total time has run out",
    "limit": "a limit of this document was reached",
    "budget": "a budget of this document is spent",
    "internal": "a fault of Trunkline itself",
}
"""What each kind is about, in a few words."""


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Errors",
        paragraph(
            "Everything that Trunkline raises on purpose is a `TrunklineError`. They are in "
            "`trunkline.errors`."
        ),
        fence("text", _tree()),
        "## Classes",
        *(f"### {one.__name__}\n\n{_about(one)}" for one in _classes()),
        "## Kinds",
        paragraph(
            "A failed call has a `kind`, one of a closed set. Route files name kinds in the `on:` "
            "of a fallback."
        ),
        items(
            [
                "**default**: moves on to the next target; `default` in `on:` stands for all of "
                "these.",
                "**where listed**: moves on only where `on:` names it.",
                "**never**: no other target is asked; naming it in `on:` is an error.",
                "An `unsupported` that was noticed before anything was sent always moves on.",
            ]
        ),
        table(
            ["kind", "status", "moves on", "what happened"],
            ([f"`{k}`", str(STATUS_OF_KIND[k]), _moves(k), MEANING[k]] for k in KINDS),
        ),
        paragraph(
            "The status is what a door of the server answers with; a provider's own 400, 413 or "
            "422 is passed on as it is."
        ),
    )


def _classes() -> list[type[Exception]]:
    """In the order of the tree; those of other rooms are described there."""
    names = re.findall(r"\b[A-Z][A-Za-z]+\b(?=  |$)", _tree(), re.MULTILINE)
    return [getattr(errors, name) for name in names if hasattr(errors, name)]


def _tree() -> str:
    """The drawing in the module's docstring."""
    text = inspect.getdoc(errors) or ""
    lines = text.partition("::\n")[2].strip("\n").splitlines()
    drawn = [line for line in lines if line.startswith("    ")]
    return "\n".join(line[4:] for line in drawn)


def _about(one: type[Exception]) -> str:
    blocks = (inspect.getdoc(one) or "").split("\n\n")
    return "\n\n".join(paragraph(" ".join(block.split())) for block in blocks)


def _moves(kind: ErrorKind) -> str:
    if kind in DEFAULT_KINDS:
        return "default"
    return "never" if kind in FINAL_KINDS else "where listed"

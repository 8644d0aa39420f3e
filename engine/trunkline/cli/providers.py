"""`trunkline providers`: the built-in providers and wire languages, as the data that they are."""

from __future__ import annotations

import textwrap
from importlib.resources import files
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from trunkline.cli.stops import FINE, UsageError
from trunkline.cli.terminal import result, result_json

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
List the providers that a route file can name by `type`, and the wire languages
(dialects) that they speak. `show NAME` prints the YAML of one: the same
language that a route file declares its own with.
"""

EXAMPLES = """\
  trunkline providers
  trunkline providers show anthropic
  trunkline providers show openai-chat      a dialect
  trunkline providers -f json
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("show", nargs="?", choices=("show",), help="print the YAML of one")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a provider or a dialect")
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="how to print it"
    )


def perform(args: argparse.Namespace) -> int:
    """List all, or show one."""
    if args.show and args.name is None:
        raise UsageError(
            "`trunkline providers show` needs a name; `trunkline providers` lists them"
        )
    if args.show:
        return _show(args.name, args.format)
    providers, dialects = _rows()
    if args.format == "json":
        result_json({"providers": providers, "dialects": dialects})
    else:
        result(_table("providers", providers) + "\n" + _table("dialects", dialects))
    return FINE


def _rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every row and every dialect, with what the list says of them."""
    from trunkline import catalog
    from trunkline.catalog import rows

    providers = []
    for name in rows.providers():
        row = rows.provider(name)
        speaks = [row["dialect"]] if "dialect" in row else [r["use"] for r in row["dialects"]]
        settings = {key: one["about"] for key, one in row.get("settings", {}).items()}
        providers.append(
            {
                "name": name,
                "about": row.get("about", ""),
                "base_url": row.get("base_url"),
                "urls": list(rows.urls(row)),
                "dialects": list(dict.fromkeys(speaks)),
                "env": row.get("env", {}),
                "settings": settings,
            }
        )
    dialects = []
    for name in catalog.dialects():
        document = catalog.dialect_document(name)
        about = document.value.get("about", "") if document is not None else ""
        dialects.append({"name": name, "about": about})
    return providers, dialects


def _table(title: str, rows: list[dict[str, Any]]) -> str:
    width = max(len(row["name"]) for row in rows) + 2
    lines = [f"{title}:"]
    for row in rows:
        speaks = ", ".join(row.get("dialects", ()))
        said = (row["about"], *row.get("urls", ()), *row.get("env", {}).values(), speaks)
        texts = [
            text
            for one in said
            for text in textwrap.wrap(
                one, 78 - width, break_long_words=False, break_on_hyphens=False
            )
        ]
        for name, text in zip_longest([row["name"]], texts, fillvalue=""):
            lines.append(f"  {name:{width}}{text}".rstrip())
    return "\n".join(lines) + "\n"


def _show(name: str, output: str) -> int:
    from trunkline import catalog
    from trunkline.catalog import rows
    from trunkline.diagnostics import did_you_mean

    known = dict.fromkeys(rows.providers(), "providers")
    known |= dict.fromkeys(catalog.dialects(), "dialects")
    if name not in known:
        near = did_you_mean(name, known)
        meant = f" (did you mean `{near}`?)" if near else ""
        raise UsageError(f"no provider or dialect is called `{name}`{meant}")
    if output == "json":
        document = (
            rows.provider_document(name)
            if known[name] == "providers"
            else catalog.dialect_document(name)
        )
        result_json(document.value if document is not None else None)
    else:
        result((files("trunkline.catalog") / known[name] / f"{name}.yaml").read_text("utf-8"))
    return FINE

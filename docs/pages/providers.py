"""The page about the providers of the catalogue."""

from __future__ import annotations

from typing import Any

from docs.pages.markdown import fence, item, paragraph, whole, yaml
from docs.pages.route_file import keys_of
from trunkline.catalog import rows
from trunkline.config.generate import generate
from trunkline.config.models import ProviderRow

_FORMS = {
    "aws": "without an `api_key` [AWS signatures](../guide/credentials.md#aws)",
    "google": "without an `api_key` [Google access tokens](../guide/credentials.md#google)",
}


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Providers",
        paragraph(
            "The rows of the catalogue: what is known of a provider before you configure it. "
            "`type:` names a row; a provider whose own name is that of a row needs no `type`. "
            "What your route file says is laid over the row, key by key."
        ),
        *(_provider(name) for name in rows.providers()),
        "## Keys of a row",
        paragraph(
            "A row is a YAML file in `engine/trunkline/catalog/providers/`; "
            "`schemas/provider-row.schema.json` is its schema."
        ),
        keys_of(ProviderRow, generate()["provider-row"]).replace("](#", "](route-file.md#"),
    )


def _provider(name: str) -> str:
    row = rows.provider(name)
    blocks = [f"## {name}", paragraph(f"{row['about']}."), "\n".join(_facts(row))]
    return "\n\n".join([*blocks, fence("yaml fragment", _example(name, row))])


def _facts(row: dict[str, Any]) -> list[str]:
    auth = row["auth"]
    facts = [
        f"base URL: {row['base_url']}" if "base_url" in row else "base URL: yours to give",
        f"credential: `{auth['header']}: {auth.get('prefix', '')}KEY`"
        + (", if there is an `api_key`" if auth.get("optional") else "")
        + "".join(f"; {said}" for form, said in _FORMS.items() if form in auth),
    ]
    facts += [f"dialect: {_rule(rule)}" for rule in row.get("dialects", ())]
    facts += [f"setting `{key}`: {one['about']}" for key, one in row.get("settings", {}).items()]
    if "quirks" in row:
        facts.append(f"quirks: `{yaml(row['quirks'])}`")
    return [item(fact) for fact in facts]


def _rule(rule: dict[str, Any]) -> str:
    models = f" for `{rule['models']}`" if "models" in rule else ""
    path = f", at `{rule['path']}`" if "path" in rule else ""
    return f"[{rule['use']}](dialects.md#{rule['use']}){models}{path}"


def _example(name: str, row: dict[str, Any]) -> str:
    """The least that a route file must say to use it."""
    said = {}
    if "base_url" not in row:
        said["base_url"] = "https://llm.example.com"
    if not row["auth"].get("optional") and not _FORMS.keys() & row["auth"]:
        said["api_key"] = "${env:" + row["env"]["api_key"] + "}"
    inside = ", ".join(f'{key}: "{value}"' for key, value in said.items())
    return f"providers:\n  {name}: {{{inside}}}"

"""The page about the providers of the catalogue."""

from __future__ import annotations

from typing import Any

from docs.pages.markdown import fence, item, paragraph, whole, yaml
from docs.pages.route_file import keys_of
from trunkline.catalog import rows
from trunkline.config.generate import generate
from trunkline.config.models import ProviderRow
from trunkline.config.models.providers import Setting

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
        keys_of(ProviderRow, generate()["provider-row"])
        .replace("](#", "](route-file.md#")
        .replace("](route-file.md#setting)", "](#keys-of-a-setting)"),
        "## Keys of a setting",
        keys_of(Setting, generate()["provider-row"]["$defs"]["Setting"]).replace(
            "](#", "](route-file.md#"
        ),
    )


def _provider(name: str) -> str:
    row = rows.provider(name)
    blocks = [f"## {name}", paragraph(f"{row['about']}."), "\n".join(_facts(row))]
    return "\n\n".join([*blocks, fence("yaml fragment", _example(name, row))])


def _facts(row: dict[str, Any]) -> list[str]:
    auth = row["auth"]
    places = " or ".join(f"`{url}`" for url in rows.urls(row))
    facts = [
        f"base URL: {places or 'yours to give'}",
        f"credential: `{auth['header']}: {auth.get('prefix', '')}KEY`"
        + (", if there is an `api_key`" if auth.get("optional") else "")
        + "".join(f"; {said}" for form, said in _FORMS.items() if form in auth),
    ]
    facts += [f"dialect: {_rule(rule)}" for rule in row.get("dialects", ())]
    facts += [
        f"setting `{key}`{', required' if one.get('required') else ''}: {one['about']}"
        for key, one in row.get("settings", {}).items()
    ]
    if "quirks" in row:
        facts.append(f"quirks: `{yaml(row['quirks'])}`")
    if "lacks" in row:
        facts.append(f"fields that it does not take: {_names(row['lacks'])}")
    return [item(fact) for fact in facts]


def _rule(rule: dict[str, Any]) -> str:
    said = rule.get("models", [])
    patterns = _names([said] if isinstance(said, str) else said)
    models = f" for {patterns}" if patterns else ""
    places = " or ".join(f"`{path}`" for path in _paths(rule.get("path")))
    place = f", at {places}" if places else ""
    lacks = f", without {_names(rule['lacks'])}" if "lacks" in rule else ""
    return f"[{rule['use']}](dialects.md#{rule['use']}){models}{place}{lacks}"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _paths(tree: Any) -> list[str]:
    """The paths in a template, whatever decides between them."""
    if isinstance(tree, dict):
        found = [path for branch in tree.values() for path in _paths(branch)]
        return list(dict.fromkeys(found))
    return [tree] if isinstance(tree, str) and tree.startswith("/") else []


def _example(name: str, row: dict[str, Any]) -> str:
    """The least that a route file must say to use it."""
    said = {}
    if "base_url" not in row:
        said["base_url"] = "https://llm.example.com"
    if not row["auth"].get("optional") and not _FORMS.keys() & row["auth"]:
        said["api_key"] = "${env:" + row["env"]["api_key"] + "}"
    for key, one in row.get("settings", {}).items():
        if one.get("required") or f"{{{key}}}" in "".join(rows.urls(row)[-1:]):
            variable = row["env"].get(key)
            said[key] = "${env:" + variable + "}" if variable else f"my-{key}"
    inside = ", ".join(f'{key}: "{value}"' for key, value in said.items())
    return f"providers:\n  {name}: {{{inside}}}"

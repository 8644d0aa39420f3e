"""Keys that gateways, SDKs and clouds know and route files do not, and what is written instead.

Whoever comes from elsewhere brings its words along; a list of all known keys helps them little.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trunkline.config.models.auth import AwsAuth, EntraAuth, GoogleAuth
from trunkline.diagnostics import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic import BaseModel

__all__ = ["hint_for", "near", "stands_for"]

_FORMS: Final[Mapping[str, type[BaseModel]]] = {
    "aws": AwsAuth,
    "google": GoogleAuth,
    "entra": EntraAuth,
}

_CREDENTIALS: Final = {
    **{
        prefix + name: (form, name)
        for form, model in _FORMS.items()
        for name in model.model_fields
        for prefix in ("", f"{form}_")
        if not (prefix == "" and name in ("region", "service"))
    },
    **{f"azure_{name}": ("entra", name) for name in EntraAuth.model_fields},
    "aws_profile_name": ("aws", "profile"),
    "aws_role_name": ("aws", "role_arn"),
    "role": ("aws", "role_arn"),
    "vertex_credentials": ("google", "credentials_file"),
    "google_application_credentials": ("google", "credentials_file"),
    "credentials_path": ("google", "credentials_file"),
    "service_account": ("google", "credentials_file"),
    "service_account_file": ("google", "credentials_file"),
    "service_account_json": ("google", "credentials"),
}
"""Where each part of a credential stands: the form of `auth`, and the key in it."""


def _same(**words: str) -> Mapping[str, str]:
    return {old: new for new, olds in words.items() for old in olds.split()}


_RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "provider": _same(
        type="api_type provider kind vendor custom_llm_provider",
        base_url="api_base endpoint azure_endpoint api_endpoint url uri host server base_path",
        api_key="token key secret access_token bearer bearer_token auth_token password",
        region="aws_region_name aws_region region_name",
        project="vertex_project vertex_project_id project_id google_cloud_project gcp_project",
        location="vertex_location google_cloud_location",
        resource="resource_name azure_resource azure_resource_name",
        organization="org org_id organization_id",
        account="account_id account_identifier",
        api_version="azure_api_version",
        version="anthropic_version",
        headers="extra_headers default_headers custom_headers",
    ),
    "route": _same(match="model models model_name"),
}
"""Other words for the same thing in the same shape."""

_TO_MODELS: Final = "write `models: {gpt-4o: my-deployment}`, or the deployment in the target"
_TO_NODE: Final = "write `to: provider/model`, or a list of them, which is a fallback"
_TO_KIND: Final = "write `fallback: {of: […]}` or `balance: {of: […]}`"
_TO_TARGET: Final = "write `target: provider/model`"
_TO_TIMES: Final = "write `timeouts: {attempt: 60s}`"
_TO_RETRY: Final = "write `retry: {same_target: 2}` in a route or in `defaults`"

_OTHERWISE: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "provider": {
        **dict.fromkeys(
            ("deployment", "deployments", "deployment_id", "deployment_name", "azure_deployment"),
            ("models", _TO_MODELS),
        ),
        **dict.fromkeys(
            ("model", "model_name", "default_model"),
            ("", "the model stands in targets: `to: provider/model`"),
        ),
        **dict.fromkeys(("timeout", "request_timeout"), ("timeouts", _TO_TIMES)),
        **dict.fromkeys(("max_retries", "num_retries", "retries", "retry"), ("", _TO_RETRY)),
        **{form: ("auth", f"write `auth: {{{form}: …}}`") for form in _FORMS},
        "azure_ad_token": (
            "api_key",
            'write `api_key: …` and `auth: {header: authorization, prefix: "Bearer "}`',
        ),
        "drops": ("", "a provider's `lacks` names what is left out; dialects have `drops`"),
        "drop_params": ("", "write `unsupported: drop` in a route or in `defaults`"),
    },
    "auth": {
        "type": ("", "name the form itself: `aws: {}`, `google: {}` or `entra: {}`"),
        **dict.fromkeys(
            ("api_key", "token", "key", "value"), ("", "`api_key` stands beside `auth`, not in it")
        ),
        "bearer": ("header", 'write `header: authorization` and `prefix: "Bearer "`'),
    },
    "route": {
        **dict.fromkeys(
            ("target", "targets", "provider", "providers", "strategy", "fallbacks", "upstream"),
            ("to", _TO_NODE),
        ),
        **dict.fromkeys(("timeout", "request_timeout"), ("timeouts", _TO_TIMES)),
        **dict.fromkeys(("max_retries", "num_retries", "retries"), ("retry", _TO_RETRY)),
    },
    "node": {
        **dict.fromkeys(("provider", "model"), ("target", _TO_TARGET)),
        **dict.fromkeys(("strategy", "targets", "members", "of"), ("fallback", _TO_KIND)),
    },
    "simulated": {
        **dict.fromkeys(("api_key", "keys", "auth"), ("", "what is simulated needs no credential")),
        **dict.fromkeys(("base_url", "region"), ("", "what is simulated is on this machine")),
    },
}
"""Words for what is said in another shape here: the key that it is said with, or none, and how."""

_KNOWN_BY: Final = {
    "provider": {"api_key", "base_url"},
    "auth": {"aws", "google", "entra"},
    "route": {"match", "to"},
    "node": {"target", "fallback"},
    "simulated": {"as", "faults"},
}


def hint_for(key: str, known: Collection[str]) -> str:
    """What to write instead of an unknown key of a mapping that has the `known` ones; empty if
    nothing better than a list of those is known."""
    place, word = _place(known), _plain(key)
    otherwise = _OTHERWISE.get(place, {}).get(word)
    if otherwise is not None:
        return otherwise[1]
    named = _RENAMED.get(place, {}).get(word)
    if named is not None:
        return f"did you mean `{named}`?"
    if place in ("provider", "auth") and word in _CREDENTIALS:
        form, name = _CREDENTIALS[word]
        inner = f"{form}: {{{name}: …}}"
        return f"write `{inner}`" if place == "auth" else f"write `auth: {{{inner}}}`"
    found = did_you_mean(key, known)
    return f"did you mean `{found}`?" if found else ""


def near(key: str, known: Collection[str]) -> str | None:
    """The known key that an unknown one was probably meant to be, its value being the same."""
    place, word = _place(known), _plain(key)
    if word in _OTHERWISE.get(place, {}):
        return None
    if place in ("provider", "auth") and word in _CREDENTIALS:
        return None
    return _RENAMED.get(place, {}).get(word) or did_you_mean(key, known)


def stands_for(keys: Iterable[str], known: Collection[str]) -> set[str]:
    """The known keys that are not missing, because unknown ones say the same."""
    otherwise = _OTHERWISE.get(_place(known), {})
    said = {otherwise[_plain(key)][0] for key in keys if _plain(key) in otherwise}
    return said | {found for key in keys if (found := near(key, known))}


def _place(known: Collection[str]) -> str:
    return next((name for name, keys in _KNOWN_BY.items() if keys <= set(known)), "")


def _plain(key: str) -> str:
    """`apiBase` and `api-base` as `api_base`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()

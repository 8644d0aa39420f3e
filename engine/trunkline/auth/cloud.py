"""From what `auth:` says to a signer: the forms beside a key in a header, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.auth.aws import AWS_HEADERS, AwsLookup, AwsSigner
from trunkline.auth.bearer import Bearer
from trunkline.auth.entra import AUTHORITY, ENTRA_SCOPE, ClientCredentials, DefaultIdentity
from trunkline.auth.google import GOOGLE_SCOPE, GoogleLookup
from trunkline.auth.renewing import Renewing
from trunkline.auth.secret import origin_of
from trunkline.auth.signer import Masked
from trunkline.auth.sigv4 import ALGORITHM, Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.auth.hiding import Hiding
    from trunkline.auth.signer import Signer

__all__ = [
    "CLOUD_SECRETS",
    "bearer_key",
    "cloud_form",
    "cloud_mask",
    "cloud_signer",
    "credential_headers",
    "path_as_content",
    "signing_settings",
]

CLOUD_SECRETS: Final = ("secret_access_key", "session_token", "client_secret")
"""What is secret as a whole among the settings of the forms."""

_OWN: Final = ("access_key_id", "profile", "role_arn")

_DEFAULT_KEY: Final = {"header": "authorization", "prefix": "Bearer "}


def cloud_form(settings: Mapping[str, Any]) -> str | None:
    """The form of `auth` that signs for a provider with these settings; None where a key does,
    or nothing."""
    auth = settings.get("auth") or {}
    if settings.get("api_key") or settings.get("keys"):
        return None
    return next((form for form in _FORMS if auth.get(form) is not None), None)


def path_as_content(settings: Mapping[str, Any]) -> tuple[tuple[str, ...], str] | None:
    """Where a path is written though what stands in the file is wanted, and that path."""
    said = ((settings.get("auth") or {}).get("google") or {}).get("credentials")
    if isinstance(said, str) and not said.lstrip().startswith(("{", "${")):
        return ("auth", "google", "credentials"), said
    return None


def signing_settings(settings: Mapping[str, Any]) -> frozenset[str]:
    """The provider's own settings that its form of `auth` reads beside what stands in it, whether
    or not it signs: with a key, a region that is told is no mistake."""
    return frozenset({"region"}) if "aws" in (settings.get("auth") or {}) else frozenset()


def credential_headers(settings: Mapping[str, Any]) -> frozenset[str]:
    """The headers that credentials stand in, in lower case: nothing else may set them."""
    form = cloud_form(settings)
    if form == "aws":
        return AWS_HEADERS
    if form is not None:
        return frozenset({"authorization"})
    if not settings.get("api_key"):
        return frozenset()
    auth = settings.get("auth") or _DEFAULT_KEY
    return frozenset({str(auth.get("header", "authorization")).lower()})


def bearer_key(said: Mapping[str, Any], variable: Callable[[str], str]) -> str:
    """The key of the environment variable that the form names, for when nothing else is said of
    whose credentials to use; empty without one. `variable` gives an empty text for those that
    are not set."""
    name = said.get("bearer_env")
    if name is None or any(said.get(own) is not None for own in _OWN):
        return ""
    return variable(name)


def cloud_mask(form: str) -> Signer:
    """Shows where the form's credentials would be."""
    if form == "aws":
        return Masked(("x-amz-date", ""), ("authorization", f"{ALGORITHM} "))
    return Masked(("authorization", "Bearer "))


def cloud_signer(form: str, said: Mapping[str, Any], base_url: str, hide: Hiding) -> Signer:
    """The signer. `said` are the form's settings as text, with the provider's `region`; `hide`
    is told of every token that is found. Raises `ValueError` for what cannot be used."""
    for name, value in said.items():
        # Never the machine's own credentials where others were meant; not all keys have a session.
        if value == "" and name != "session_token":
            raise ValueError(f"`{name}` is empty")
    return _FORMS[form](said, base_url, hide)


def _aws(said: Mapping[str, Any], base_url: str, hide: Hiding) -> Signer:
    region, service = said.get("region"), said.get("service")
    if not region:
        raise ValueError("a signature needs the region: write `region: …` for the provider")
    if not service:
        raise ValueError("a signature needs the service's name: write `aws: {service: …}`")
    _check_texts(region, service)
    keys = None
    if said.get("access_key_id"):
        token = said.get("session_token") or None
        keys = Keys(said["access_key_id"], said["secret_access_key"], token)
        _check_texts(keys.access_key_id, keys.session_token or "")
    given = {name: said.get(name) for name in ("profile", "role_arn", "external_id")}

    def learn(found: Keys) -> None:
        hide.learn(found.secret_access_key, found.session_token or "")

    look = AwsLookup(region, keys, **given)
    return AwsSigner(Renewing(look, learn=learn), base_url, region, service)


def _google(said: Mapping[str, Any], base_url: str, hide: Hiding) -> Signer:
    look = GoogleLookup(
        said.get("credentials"),
        said.get("credentials_file"),
        tuple(said.get("scopes") or (GOOGLE_SCOPE,)),
        said.get("quota_project"),
    )
    _check_texts(look.quota_project or "")
    return Bearer(Renewing(look, learn=lambda token: hide.learn(token.text)), base_url)


def _entra(said: Mapping[str, Any], base_url: str, hide: Hiding) -> Signer:
    scope = said.get("scope") or ENTRA_SCOPE
    authority = said.get("authority") or AUTHORITY
    origin_of(authority)
    look: Any = DefaultIdentity(scope)
    if said.get("client_secret"):
        named = (said["tenant_id"], said["client_id"], said["client_secret"])
        look = ClientCredentials(*named, scope, authority)
    return Bearer(Renewing(look, learn=lambda token: hide.learn(token.text)), base_url)


def _check_texts(*texts: str) -> None:
    if not all(text.isascii() and (text.isprintable() or not text) for text in texts):
        raise ValueError("a credential holds a character that no header can carry")


_FORMS: Final[dict[str, Callable[[Mapping[str, Any], str, Hiding], Signer]]] = {
    "aws": _aws,
    "google": _google,
    "entra": _entra,
}

"""Google: access tokens of Application Default Credentials or of a credentials file.

::

    auth: {google: {}}                                           # whatever the machine offers
    auth: {google: {credentials_file: /run/secrets/models.json}}
    auth: {google: {credentials: "${env:GOOGLE_CREDENTIALS}", quota_project: my-project}}

google-auth knows the kinds of credentials (service_account, authorized_user, external_account,
impersonated_service_account) and where the defaults are; it is imported at the first lookup, in
the lookup's thread, and speaks to token servers through httpx.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trunkline.auth.bearer import Token
from trunkline.auth.hiding import Hiding
from trunkline.auth.renewing import Lease, NoCredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GOOGLE_SCOPE", "GoogleLookup"]

GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""What a token is asked for, where nothing else is said."""

_HINT: Final = (
    " Set GOOGLE_APPLICATION_CREDENTIALS to a file, run `gcloud auth application-default login`, "
    "or write `auth: {google: {credentials_file: …}}`."
)
_QUOTA: Final = "x-goog-user-project"
_TIMEOUT: Final = 15.0
_SECRETS: Final = frozenset({"client_secret", "private_key", "refresh_token"})


@dataclass(frozen=True, slots=True)
class GoogleLookup:
    """Finds a token: of the credentials given as JSON text or as a file, or of the defaults."""

    credentials: str | None = field(default=None, repr=False)
    credentials_file: str | None = None
    scopes: tuple[str, ...] = (GOOGLE_SCOPE,)
    quota_project: str | None = None

    def __call__(self) -> Lease[Token]:
        """Blocks. Raises `NoCredentialsError`."""
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

        info = self._info()
        try:
            return self._fetch(info)
        except DefaultCredentialsError as error:
            why = f"no Google credentials: {error.args[0]}{_HINT if info is None else ''}"
        except GoogleAuthError as error:
            why = f"no Google credentials: {error.args[0] if error.args else error}"
        except (ValueError, KeyError, TypeError) as error:
            why = f"the Google credentials cannot be used: {error}"
        # Not from within the handlers: what google-auth raises may hold what it was told.
        raise NoCredentialsError(Hiding(_secrets(info))(why))

    def _info(self) -> Any:
        """What the credentials say; None if they are the machine's own."""
        text, where = self.credentials, "`credentials`"
        if self.credentials_file is not None:
            where = self.credentials_file
            try:
                text = Path(where).read_text("utf-8")
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8 text"
                raise NoCredentialsError(f"{where} cannot be read: {reason}") from None
        if text is None:
            return None
        try:
            info = json.loads(text)
        except ValueError:
            info = None
        if isinstance(info, dict):
            return info
        path = "; a path goes into `credentials_file`" if self.credentials_file is None else ""
        raise NoCredentialsError(f"{where} holds no JSON object of Google credentials{path}")

    def _fetch(self, info: Any) -> Lease[Token]:
        import google.auth

        with _client() as client:
            request = _request(client)
            if info is None:
                found: Any
                found, _ = google.auth.default(scopes=list(self.scopes), request=request)
            else:
                found = _made(info, list(self.scopes))
            found.refresh(request)
            project = self.quota_project or getattr(found, "quota_project_id", None)
        if not isinstance(found.token, str):
            raise NoCredentialsError("the Google token server answered without a token")
        end = found.expiry
        return Lease(
            Token(found.token, ((_QUOTA, project),) if project else ()),
            None if end is None else end.replace(tzinfo=UTC).timestamp(),
        )


def _secrets(info: Any) -> Iterator[str]:
    for name, value in info.items() if isinstance(info, dict) else ():
        if name in _SECRETS and isinstance(value, str):
            yield value
        yield from _secrets(value)


def _made(info: dict[str, Any], scopes: list[str]) -> Any:
    """Credentials of the kind that `info` says it is."""
    kind = info.get("type")
    if kind not in _KINDS:
        raise ValueError(f"their `type` is {json.dumps(kind)}, and not one of {', '.join(_KINDS)}")
    return _KINDS[kind](info, scopes)


def _service_account(info: dict[str, Any], scopes: list[str]) -> Any:
    from google.oauth2 import service_account

    kind: Any = service_account.Credentials
    return kind.from_service_account_info(info, scopes=scopes)


def _authorized_user(info: dict[str, Any], scopes: list[str]) -> Any:
    from google.oauth2 import credentials

    kind: Any = credentials.Credentials
    found = kind.from_authorized_user_info(info, scopes=scopes)
    # google-auth goes by this only for the other kinds; the file's secrets are its author's.
    return found.with_token_uri(info["token_uri"]) if "token_uri" in info else found


def _external_account(info: dict[str, Any], scopes: list[str]) -> Any:
    from google.auth import aws, identity_pool, pluggable

    kind: Any = identity_pool.Credentials
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        kind = aws.Credentials
    elif "executable" in (info.get("credential_source") or {}):
        kind = pluggable.Credentials
    return kind.from_info(info, scopes=scopes)


def _impersonated(info: dict[str, Any], scopes: list[str]) -> Any:
    from google.auth import impersonated_credentials

    kind: Any = impersonated_credentials.Credentials
    return kind.from_impersonated_service_account_info(info, scopes=scopes)


_KINDS: Final[dict[Any, Callable[[dict[str, Any], list[str]], Any]]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external_account,
    "impersonated_service_account": _impersonated,
}


def _client() -> Any:
    import httpx

    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False)


def _request(client: Any) -> Any:
    """google-auth's way to speak HTTP, on `client`."""
    import httpx
    from google.auth import exceptions, transport

    failed: Any = exceptions.TransportError

    class Response(transport.Response):
        def __init__(self, response: httpx.Response) -> None:
            self._response = response

        @property
        def status(self) -> int:
            return self._response.status_code

        @property
        def headers(self) -> Any:
            return self._response.headers

        @property
        def data(self) -> bytes:
            return self._response.content

    class Request(transport.Request):
        def __call__(
            self,
            url: str,
            method: str = "GET",
            body: Any = None,
            headers: Any = None,
            timeout: float | None = None,
            **_: Any,
        ) -> Response:
            seconds = min(timeout or _TIMEOUT, _TIMEOUT)
            try:
                said = client.request(method, url, content=body, headers=headers, timeout=seconds)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise failed(f"{url} cannot be reached: {error}") from None
            return Response(said)

    return Request()

"""Microsoft Entra ID: access tokens by client credentials, or by azure-identity.

::

    auth: {entra: {tenant_id: …, client_id: …, client_secret: "${env:AZURE_CLIENT_SECRET}"}}
    auth: {entra: {}}                     # managed identity and the like: the extra `azure`

Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from trunkline.auth.bearer import Token
from trunkline.auth.renewing import Lease, NoCredentialsError

__all__ = ["AUTHORITY", "ENTRA_SCOPE", "ClientCredentials", "DefaultIdentity"]

AUTHORITY: Final = "https://login.microsoftonline.com"
ENTRA_SCOPE: Final = "https://cognitiveservices.azure.com/.default"
"""What a token is asked for, where nothing else is said."""

_TIMEOUT: Final = 15.0


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Asks for a token with an application's own secret."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ENTRA_SCOPE
    authority: str = AUTHORITY

    def __call__(self) -> Lease[Token]:
        """Blocks. Raises `NoCredentialsError`."""
        import httpx

        url = f"{self.authority.rstrip('/')}/{quote(self.tenant_id, safe='')}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": self.scope,
        }
        asked = time.time()
        try:
            answer = httpx.post(url, data=form, timeout=_TIMEOUT, follow_redirects=False)
            said = answer.json()
        except httpx.HTTPError as error:
            why = f"{url} cannot be reached: {error}"
        except ValueError:
            why = f"{url} answered with status {answer.status_code} and no JSON"
        else:
            return _lease(url, answer.status_code, said, asked)
        raise NoCredentialsError(f"no Entra credentials: {why}")


def _lease(url: str, status: int, said: Any, asked: float) -> Lease[Token]:
    body = said if isinstance(said, dict) else {}
    token: Any = body.get("access_token")
    seconds: Any = body.get("expires_in")
    if status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
        # Some versions of the service write the number as text.
        lifetime = int(seconds) if str(seconds).isdecimal() else 300
        return Lease(Token(token), asked + lifetime)
    why = body.get("error_description") or body.get("error") or "no token"
    raise NoCredentialsError(f"no Entra credentials: {url} answered {status}: {str(why)[:500]}")


@dataclass(frozen=True, slots=True)
class DefaultIdentity:
    """Asks azure-identity, which looks at environment, workload and managed identity, and the
    command-line tools of Azure."""

    scope: str = ENTRA_SCOPE

    def __call__(self) -> Lease[Token]:
        """Blocks. Raises `NoCredentialsError`."""
        try:
            from azure.core.exceptions import AzureError
            from azure.identity import DefaultAzureCredential
        except ImportError:
            raise NoCredentialsError(
                "Entra credentials of this machine need azure-identity: "
                '`pip install "trunkline[azure]"`, or write `auth: {entra: {tenant_id: …, '
                "client_id: …, client_secret: …}}`"
            ) from None
        try:
            with DefaultAzureCredential() as credential:
                found = credential.get_token(self.scope)
                return Lease(Token(found.token), float(found.expires_on))
        except AzureError as error:
            why = str(error)
        raise NoCredentialsError(f"no Entra credentials: {why}")

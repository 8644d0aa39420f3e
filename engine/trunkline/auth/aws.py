"""AWS: requests signed with Signature Version 4, credentials from AWS's own chain.

::

    auth: {aws: {service: bedrock}}                             # whatever the machine offers
    auth: {aws: {profile: models}}
    auth: {aws: {access_key_id: "${env:ID}", secret_access_key: "${env:SECRET}"}}
    auth: {aws: {role_arn: arn:aws:iam::123456789012:role/models}}

The chain is botocore's (environment, profiles, SSO, web identity, container, instance). It is
imported at the first lookup, in the lookup's thread.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

from trunkline.auth.renewing import Lease, NoCredentialsError, Renewing
from trunkline.auth.signer import Place, with_headers
from trunkline.auth.sigv4 import (
    ALGORITHM,
    Keys,
    canonical_request,
    host_of,
    signing_key,
    string_to_sign,
    time_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.ports import HttpRequest

__all__ = ["AWS_HEADERS", "AwsLookup", "AwsSigner", "signed"]

AWS_HEADERS: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
"""The headers that a signature is made of."""

_SECRET: Final = frozenset({"authorization", "x-amz-security-token"})

_TELLING: Final = ("botocore.auth", "botocore.endpoint", "botocore.hooks", "botocore.parsers")


def signed(
    request: HttpRequest, keys: Keys, region: str, service: str, moment: str, key: bytes = b""
) -> HttpRequest:
    """The request, signed at `moment` (`sigv4.time_text`). `key` is the `signing_key` of that
    day, where it is known.

    As few headers are signed as AWS allows: what stands between may change all others.
    """
    new = [("x-amz-date", moment)]
    if keys.session_token:
        new.append(("x-amz-security-token", keys.session_token))
    types = [header for header in request.headers if header[0] == "content-type"]
    covered = [*types, ("host", host_of(request.url)), *new]
    canonical, names = canonical_request(request.method, request.url, covered, request.body)
    text = string_to_sign(canonical, moment, region, service)
    key = key or signing_key(keys.secret_access_key, moment[:8], region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    scope = f"{keys.access_key_id}/{moment[:8]}/{region}/{service}/aws4_request"
    authorization = f"{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={signature}"
    return with_headers(request, (*new, ("authorization", authorization)), _SECRET)


class AwsSigner:
    """Signs every attempt anew, for the moment at which it is sent."""

    def __init__(
        self,
        keys: Renewing[Keys],
        base_url: str,
        region: str,
        service: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`service` is the signing name (`bedrock`), which is not always in the host's name."""
        self._keys = keys
        self._place = Place(base_url)
        self._region = region
        self._service = service
        self._now = now
        self._day: tuple[str, str, bytes] = ("", "", b"")

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The signed request. Raises what `Signer.sign` raises."""
        self._place.check(request)
        keys = await self._keys.get()
        moment = time_text(self._now())
        secret, date = keys.secret_access_key, moment[:8]
        if self._day[:2] != (secret, date):
            key = signing_key(secret, date, self._region, self._service)
            self._day = (secret, date, key)
        return signed(request, keys, self._region, self._service, moment, self._day[2])

    async def refused(self, request: HttpRequest) -> bool:
        """Whether the chain has other credentials by now than those of this request."""
        sent = dict(request.headers)
        token = sent.get("x-amz-security-token")
        by = "Credential={}/"
        return await self._keys.renewed(
            lambda keys: (
                keys.session_token == token
                and by.format(keys.access_key_id) in sent.get("authorization", "")
            )
        )

    async def aclose(self) -> None:
        """Stop looking for credentials."""
        await self._keys.aclose()

    def __repr__(self) -> str:
        return f"AwsSigner({self._service}, {self._region})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AwsSigner cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class AwsLookup:
    """Finds credentials: those given, or the chain's; with `role_arn`, that role's."""

    region: str
    keys: Keys | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)

    def __call__(self) -> Lease[Keys]:
        """Blocks. Raises `NoCredentialsError`."""
        if self.keys is not None and self.role_arn is None:
            return Lease(self.keys)
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with _discreetly():
                return self._from_chain()
        except (BotoCoreError, ClientError) as error:
            why = f"no AWS credentials: {error}"
        # Not from within the handler: what botocore raises may hold what it was told.
        raise NoCredentialsError(why)

    def _from_chain(self) -> Lease[Keys]:
        from botocore.config import Config
        from botocore.session import Session

        session = Session(profile=self.profile)
        session.set_config_variable("region", self.region)
        times = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
        session.set_default_client_config(times)
        if self.keys is not None:
            session.set_credentials(
                self.keys.access_key_id, self.keys.secret_access_key, self.keys.session_token
            )
        if self.role_arn is not None:
            return self._of_role(session)
        found = session.get_credentials()
        if found is None:
            raise NoCredentialsError(_nothing(session))
        frozen = found.get_frozen_credentials()
        # Only credentials that expire have this; there is no public name for it.
        end = getattr(found, "_expiry_time", None)
        keys = Keys(frozen.access_key, frozen.secret_key, frozen.token)
        return Lease(keys, None if end is None else end.timestamp())

    def _of_role(self, session: Any) -> Lease[Keys]:
        asked = {"RoleArn": self.role_arn, "RoleSessionName": "trunkline"}
        if self.external_id is not None:
            asked["ExternalId"] = self.external_id
        if session.get_credentials() is None:
            raise NoCredentialsError(_nothing(session))
        sts = session.create_client("sts", region_name=self.region)
        try:
            said = sts.assume_role(**asked)["Credentials"]
        finally:
            sts.close()
        keys = Keys(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"])
        return Lease(keys, said["Expiration"].timestamp())


@contextlib.contextmanager
def _discreetly() -> Iterator[None]:
    """Without what botocore writes to its debug log in this thread: whole requests to and answers
    of the token service, secrets included."""
    thread = threading.get_ident()

    def kept(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno > logging.DEBUG

    loggers = [logging.getLogger(name) for name in _TELLING]
    for logger in loggers:
        logger.addFilter(kept)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(kept)


def _nothing(session: Any) -> str:
    files = " and ".join(
        str(session.get_config_variable(name)) for name in ("config_file", "credentials_file")
    )
    profile = session.get_config_variable("profile") or "default"
    return (
        "no AWS credentials were found: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor "
        f"the profile `{profile}` in {files}, nor AWS_WEB_IDENTITY_TOKEN_FILE, nor a container's "
        "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) or an instance's role; set one of them, or write "
        "`auth: {aws: {access_key_id: …, secret_access_key: …}}`"
    )

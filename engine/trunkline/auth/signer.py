"""Signers: a finished request in, the same request with its credentials out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Protocol

from trunkline.auth.secret import MASK, Secret, SecretError, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.ports import HttpRequest

__all__ = ["ApiKey", "Fixed", "Masked", "Place", "Signer", "Unsigned", "with_headers"]


class Signer(Protocol):
    """Signs requests for one provider."""

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with its credentials, named in `secret_headers`.

        Raises `SecretError` when the request goes elsewhere than the credentials belong, and
        `UpstreamError("auth")` when there are none to be had.
        """
        ...

    async def refused(self, request: HttpRequest) -> bool:
        """The provider did not accept the credentials of this signed request: whether there are
        others by now, so that one more try makes sense."""
        ...

    async def aclose(self) -> None:
        """Stop looking for credentials."""
        ...


class Fixed:
    """What signers whose credentials do not change have in common."""

    __slots__ = ()

    async def refused(self, request: HttpRequest) -> bool:
        """False: there are no others."""
        return False

    async def aclose(self) -> None:
        """Nothing to stop."""


class Unsigned(Fixed):
    """For providers that ask for no credentials, such as a model server on this machine."""

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request as it is."""
        return request


class Place:
    """The one place that credentials belong to: everything below a base URL.

    A request is held against the beginning of its URL, which is cheaper than to take it apart.
    """

    __slots__ = ("_base",)

    def __init__(self, base_url: str) -> None:
        origin_of(base_url)
        self._base = base_url.rstrip("/") + "/"

    def check(self, request: HttpRequest) -> None:
        """Raise `SecretError` for a request that goes elsewhere."""
        if not request.url.startswith(self._base):
            raise SecretError(
                f"a credential of {self._base} was about to be sent to another place; it was not"
            )


def with_headers(
    request: HttpRequest, headers: Iterable[tuple[str, str]], secret: frozenset[str]
) -> HttpRequest:
    """The request with these headers in the place of those of the same names."""
    new = tuple(headers)
    names = {name for name, _ in new}
    kept = tuple(header for header in request.headers if header[0] not in names)
    return replace(request, headers=kept + new, secret_headers=request.secret_headers | secret)


class ApiKey(Fixed):
    """A key in a header of any name, behind a prefix such as `Bearer `."""

    __slots__ = ("_header", "_names", "_place")

    def __init__(self, secret: Secret, base_url: str, header: str, prefix: str = "") -> None:
        """`base_url` is the provider's; every request must go below it."""
        header = header.lower()
        value = prefix + secret.reveal(origin_of(base_url))
        if any(ord(c) < 32 or ord(c) == 127 for c in value) or not value.isascii():
            raise ValueError("the API key holds a character that no header can carry")
        self._header = (header, value)
        self._names = frozenset((header,))
        self._place = Place(base_url)

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with the key; one of the same name that stood there is replaced."""
        self._place.check(request)
        return with_headers(request, (self._header,), self._names)

    def __repr__(self) -> str:
        return f"ApiKey({self._header[0]}: ***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an ApiKey cannot be pickled or copied")


class Masked(Fixed):
    """Shows where credentials would be, for whoever looks on."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        """Names of headers, and what stands before the credential in each."""
        self._headers = tuple((name.lower(), before + MASK) for name, before in headers)
        self._names = frozenset(name for name, _ in self._headers)

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with masks."""
        return with_headers(request, self._headers, self._names)

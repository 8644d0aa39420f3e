"""Signers: a finished request in, the same request with its credentials out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Protocol

from trunkline.auth.secret import Secret, SecretError, origin_of

if TYPE_CHECKING:
    from trunkline.ports import HttpRequest

__all__ = ["ApiKey", "Signer", "Unsigned"]


class Signer(Protocol):
    """Signs requests for one provider."""

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with its credentials, named in `secret_headers`.

        Raises `SecretError` when the request goes elsewhere than the credentials belong, and
        `UpstreamError("auth")` when there are none to be had.
        """
        ...


class Unsigned:
    """For providers that ask for no credentials, such as a model server on this machine."""

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request as it is."""
        return request


class ApiKey:
    """A key in a header of any name, behind a prefix such as `Bearer `.

    The header's value is made once; a request is signed by comparing the beginning of its URL
    with the key's own base URL, which is cheaper than taking the URL apart.
    """

    __slots__ = ("_base", "_header", "_names")

    def __init__(self, secret: Secret, base_url: str, header: str, prefix: str = "") -> None:
        """`base_url` is the provider's; every request must go below it."""
        header = header.lower()
        value = prefix + secret.reveal(origin_of(base_url))
        if any(ord(c) < 32 or ord(c) == 127 for c in value) or not value.isascii():
            raise ValueError("the API key holds a character that no header can carry")
        self._header = (header, value)
        self._names = frozenset((header,))
        self._base = base_url.rstrip("/") + "/"

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with the key; one of the same name that stood there is replaced."""
        if not request.url.startswith(self._base):
            raise SecretError(
                f"the API key of {self._base} was about to be sent to another place; it was not"
            )
        name = self._header[0]
        kept = tuple(h for h in request.headers if h[0] != name)
        return replace(
            request,
            headers=(*kept, self._header),
            secret_headers=request.secret_headers | self._names,
        )

    def __repr__(self) -> str:
        return f"ApiKey({self._header[0]}: ***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an ApiKey cannot be pickled or copied")

"""OAuth: an access token that is fetched, sent as `Authorization: Bearer`, and renewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from trunkline.auth.signer import Place, with_headers

if TYPE_CHECKING:
    from trunkline.auth.renewing import Renewing
    from trunkline.ports import HttpRequest

__all__ = ["Bearer", "Token"]

_SECRET: Final = frozenset({"authorization"})


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and headers that belong to it where the request has none of their names."""

    text: str = field(repr=False)
    beside: tuple[tuple[str, str], ...] = ()


class Bearer:
    """Sends the token of the moment."""

    def __init__(self, tokens: Renewing[Token], base_url: str) -> None:
        self._tokens = tokens
        self._place = Place(base_url)

    async def sign(self, request: HttpRequest) -> HttpRequest:
        """The request with the token. Raises what `Signer.sign` raises."""
        self._place.check(request)
        token = await self._tokens.get()
        there = {name for name, _ in request.headers}
        beside = (header for header in token.beside if header[0] not in there)
        headers = (*beside, ("authorization", f"Bearer {token.text}"))
        return with_headers(request, headers, _SECRET)

    async def refused(self, request: HttpRequest) -> bool:
        """Whether there is another token by now than that of this request."""
        sent = dict(request.headers).get("authorization")
        return await self._tokens.renewed(lambda token: sent == f"Bearer {token.text}")

    async def aclose(self) -> None:
        """Stop looking for tokens."""
        await self._tokens.aclose()

    def __repr__(self) -> str:
        return "Bearer(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Bearer cannot be pickled or copied")

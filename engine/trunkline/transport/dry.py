"""A face that sends nothing: `explain` reads from it what would have been sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import UpstreamError
from trunkline.ports import Fetched
from trunkline.transport.head import on_the_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.ports import HttpRequest, HttpResponse, Timeouts

__all__ = ["DryFetcher", "DryTransport"]


class DryFetcher:
    """Fetches nothing: where a file would be, there are the bytes of `fetched`."""

    async def fetch(self, url: str, take: Callable[[int], None]) -> Fetched:
        """Without a media type, so that the URL's ending says what the file would be."""
        return Fetched("", b"fetched")

    async def aclose(self) -> None:
        """Nothing to close."""


class DryTransport:
    """Keeps each request in `requests`, exactly as it would go on the wire, and fails.

    It fails as an overloaded provider does, which is never tried again on the same target, so
    that a fallback shows all of its targets in order.
    """

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Keep the request; always raises `UpstreamError` of kind `overloaded`."""
        self.requests.append(on_the_wire(request))
        raise UpstreamError("overloaded", "nothing was sent: this is a dry run")

    async def aclose(self) -> None:
        """Nothing to close."""

"""A secret: text that does not show itself, and that belongs to one origin."""

from __future__ import annotations

from typing import Final, NoReturn
from urllib.parse import urlsplit

from trunkline.errors import TrunklineError

__all__ = ["MASK", "Secret", "SecretError", "check_base", "origin_of"]

MASK: Final = "***"
"""What stands in place of a secret wherever a person may look."""

_PORTS: Final = {"http": 80, "https": 443}


class SecretError(TrunklineError):
    """A secret was about to leave for another place than the one it belongs to."""


def origin_of(url: str) -> str:
    """`scheme://host:port` of a URL, lower case, the port always written.

    Raises `ValueError` when there is no http or https scheme, no host, no valid port, or a user
    name, which would make one host look like another.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"`{url}` is not an http:// or https:// URL")
    if not parts.hostname:
        raise ValueError(f"`{url}` names no host")
    if "@" in parts.netloc:
        raise ValueError("the URL carries a user name or password")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


def check_base(url: str) -> None:
    """Raise `ValueError` for a URL that no path can be put behind."""
    origin_of(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment or url[-1:] in ("?", "#"):
        raise ValueError("a base URL has no query and no fragment: paths are put behind it")


class Secret:
    """Text that prints as `***` and is revealed only for the origin that it is bound to."""

    __slots__ = ("_origin", "_text")

    def __init__(self, text: str, origin: str) -> None:
        """`origin` is what `origin_of` gives for the provider's base URL."""
        self._text = text
        self._origin = origin

    def reveal(self, origin: str) -> str:
        """The text, for a request that goes to `origin`; raises `SecretError` for another one."""
        if origin != self._origin:
            raise SecretError(
                f"a credential of {self._origin} was about to be sent to {origin}; it was not"
            )
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

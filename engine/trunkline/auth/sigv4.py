"""AWS Signature Version 4: a request, credentials and a moment in, signature headers out.

Nothing here waits, reads a clock or keeps anything. Source: AWS, "Create a signed AWS API request"
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Keys", "canonical_request", "host_of", "signing_key", "string_to_sign", "time_text"]

ALGORITHM: Final = "AWS4-HMAC-SHA256"

_URLS: Final = 256
"""URLs whose canonical forms are kept: a deployment calls few models, again and again."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Keys:
    """AWS credentials. Temporary ones have a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def time_text(seconds: float) -> str:
    """A moment in seconds since the epoch, as signatures write it: `20150830T123600Z`."""
    from time import gmtime, strftime

    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


@lru_cache(_URLS)
def host_of(url: str) -> str:
    """The value of the `host` header, without a port that goes without saying."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def canonical_request(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes
) -> tuple[str, str]:
    """The canonical request and the names of its headers; all of `headers` are signed.

    Every path segment is encoded once more than it is sent, as all services but S3 want it:
    `%3A` and a raw `:` are different paths, and sign differently.
    """
    by_name: dict[str, list[str]] = {}
    for name, value in headers:
        by_name.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = sorted(by_name)
    lines = [
        method,
        *_path_and_query(url),
        *(f"{name}:{','.join(by_name[name])}" for name in names),
        "",
        ";".join(names),
        sha256(body).hexdigest(),
    ]
    return "\n".join(lines), ";".join(names)


@lru_cache(_URLS)
def _path_and_query(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return quote(_path(parts.path), safe="/~"), _query(parts.query)


def _path(path: str) -> str:
    """Without dots and empty segments, as the receiver compares it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + end


def _query(query: str) -> str:
    """Sorted, each name and value encoded in the one way that counts."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = [(_encoded(name), _encoded(value)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), safe="-_.~", errors="surrogateescape")


def string_to_sign(canonical: str, moment: str, region: str, service: str) -> str:
    """What the signature is made over."""
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    return f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one day (`20150830`), region and service."""
    key = ("AWS4" + secret).encode()
    for text in (date, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return key

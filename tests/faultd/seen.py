"""What the server saw of one request, and what it did."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

__all__ = ["KEPT", "Seen", "identity"]

KEPT = 64 * 1024
"""Bytes of a request's body that are kept beside its digest."""

_MARK = re.compile(rb"\[id:([\w.-]+)\]")


@dataclass(kw_only=True)
class Seen:
    """One request. Times are seconds of the machine's monotonic clock, the same for all processes.

    `id` is the header `x-request-id`, else what the body says as `[id:…]`. `sent` (bytes), `chunks`
    and `tokens` are what of the answer has been handed to the socket. `outcome` is `complete` or
    the word of what broke it; `client_gone` is `fin` or `rst`, at the time `gone_at`.
    """

    number: int
    connection: int
    nth: int
    at: float
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)
    size: int = 0
    digest: str = ""
    id: str = ""
    dialect: str = ""
    model: str = ""
    stream: bool = False
    key: str = ""
    status: int = 0
    sent: int = 0
    chunks: int = 0
    tokens: int = 0
    head_at: float | None = None
    content_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    client_gone: str | None = None
    gone_at: float | None = None

    def header(self, name: str) -> str:
        """The value of a header, empty where it is not there."""
        return next((value for key, value in self.headers if key == name), "")

    def to_json(self) -> dict[str, Any]:
        """As JSON, the body as text."""
        return {**asdict(self), "body": self.body.decode("latin-1")}

    @classmethod
    def of(cls, value: dict[str, Any]) -> Seen:
        """From JSON."""
        headers = [(name, text) for name, text in value["headers"]]
        return cls(**{**value, "body": value["body"].encode("latin-1"), "headers": headers})

    def read(self, body: bytes) -> None:
        """Note the whole body."""
        self.size, self.digest, self.body = len(body), sha256(body).hexdigest(), body[:KEPT]
        self.id = identity(self.header("x-request-id"), body)


def identity(header: str, body: bytes) -> str:
    """Whose request it is, as far as it says so."""
    found = _MARK.search(body)
    return header or (found[1].decode() if found else "")

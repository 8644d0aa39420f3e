"""A server on this machine that answers as a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SECRET", "Asked", "Loopback", "serving"]

SECRET = "aws-secret-canary-0123456789"
"""The secret of the AWS keys that are given out here."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Loopback:
    """`answer` gives status, headers and body; JSON values become a body of their own."""

    origin: str
    answer: Callable[[Asked], Any]
    asked: list[Asked] = field(default_factory=list)

    def answered(self, asked: Asked) -> Answer:
        said = self.answer(asked)
        if isinstance(said, tuple):
            return said
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()


@contextmanager
def serving(answer: Callable[[Asked], Any]) -> Iterator[Loopback]:
    """Serve at a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            loopback.asked.append(asked)
            status, said, content = loopback.answered(asked)
            self.send_response(status)
            for name, value in {**said, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    loopback = Loopback(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A file server with a certificate of its own on loopback, which counts who connects."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from contextlib import asynccontextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trunkline.transport import HttpsFetcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOSTS = ("cdn.example.com", "files.example.com")


@cache
def certified(
    hosts: tuple[str, ...] = HOSTS, ip: str | None = None
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server that is called by these names, and for clients that believe it."""
    server, pem = _certified(hosts, ip)
    return server, ssl.create_default_context(cadata=pem)


@cache
def _certified(hosts: tuple[str, ...], ip: str | None) -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "canary")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_names(hosts, ip)), False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_bytes(secret + pem)
        server.load_cert_chain(file)
    return server, pem.decode()


def _names(hosts: tuple[str, ...], ip: str | None) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    return names if ip is None else [*names, x509.IPAddress(ip_address(ip))]


def authority(hosts: tuple[str, ...], ip: str | None = None) -> str:
    """The certificate of that server in PEM."""
    return _certified(hosts, ip)[1]


class Canary:
    """Answers every request with `answer`, and counts. If it `holds`, it leaves the connection
    open, and sets `left` when the client closes it."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.heads: list[bytes] = []
        self.port = 0
        self.holds = False
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
            if self.holds:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.left.set()
            writer.transport.abort()

    def fetcher(self) -> HttpsFetcher:
        """A fetcher for which every name leads here, and which may connect here."""

        async def here(_host: str, _port: int) -> list[tuple[str, int]]:
            return [("127.0.0.1", self.port)]

        return HttpsFetcher(resolve=here, admits=lambda ip: ip == "127.0.0.1", tls=certified()[1])


@asynccontextmanager
async def canary(answer: bytes) -> AsyncIterator[Canary]:
    """The server, running."""
    one = Canary(answer)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=certified()[0])
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()


def answer(body: bytes = b"bytes", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; headers with `_` for `-`."""
    given = {"content_type": "image/png", "content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items() if value]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode() + body

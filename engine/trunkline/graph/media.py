"""`media.fetch`: addresses of images and files become their bytes, for wires that need them.

::

    media: {fetch: {hosts: [cdn.example.com, "*.files.example.com"]}}

Off by default: then a target whose wire needs the bytes is unsupported, and so it is for hosts
that are not listed. A file is fetched at most once for a request, whichever targets want it, and
what could not be fetched is not asked for again.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from trunkline.ports import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trunkline.graph.provider import Binding, Upstream
    from trunkline.ports import Fetched, Fetcher

__all__ = ["FetchRules", "Media", "addresses", "with_bytes"]

_WEB: Final = re.compile(r"(?i:https?)://([^/?#]*)([^?#]*)")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_BY_ENDING: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
}
"""What a file is by the ending of its name, where its host says only that it is bytes."""

_AT_ONCE: Final = 8
"""Files of one request that are fetched side by side."""


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What a route file allows to be fetched.

    `hosts` are names, or `*.` and the name of a domain for every name below it. `max_bytes` is
    for all files of one request together, `timeout` in seconds for fetching them.
    """

    hosts: tuple[str, ...]
    max_bytes: int = 20_000_000
    timeout: float = 10.0

    def allows(self, host: str) -> bool:
        """Whether files may be fetched from a host."""
        host = host.lower()
        return any(
            host.endswith(one[1:]) and len(host) > len(one) - 1 if one[0] == "*" else host == one
            for one in self.hosts
        )


@dataclass(slots=True)
class Media:
    """What one request may fetch, and what it has fetched already, by URL."""

    rules: FetchRules | None = None
    fetcher: Fetcher | None = None
    known: dict[str, str | FetchError] = field(default_factory=dict)
    """`data:` URLs, or why there is none."""
    taken: int = 0

    def refusal(self, url: str) -> str | None:
        """Why a URL is not to be fetched; None if it may be."""
        needs = f"it needs the bytes of {shown_url(url)}"
        if self.rules is None or self.fetcher is None:
            return f"{needs}, and `media.fetch` is off: list the host in `media.fetch.hosts`"
        host = host_of(url)
        if not self.rules.allows(host):
            return f"{needs}, and `media.fetch.hosts` does not list `{host[:253]}`"
        return None

    async def fetch(self, wanted: Sequence[Wanted], left: float | None) -> None:
        """Make every wanted URL known, all at once. `left` is how many seconds the request has.

        Raises `FetchError` with the first reason why one of them cannot be had.
        """
        assert self.rules is not None
        seconds = self.rules.timeout if left is None else min(self.rules.timeout, left)
        new = {one.url: one for one in wanted if one.url not in self.known}
        few = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for one in new.values():
                    group.create_task(self._learn(one, few))
        except TimeoutError:
            for url in new.keys() - self.known.keys():
                self.known[url] = FetchError(f"no answer within {seconds:g} s")
        for one in wanted:
            found = self.known[one.url]
            if isinstance(found, FetchError):
                raise FetchError(f"{shown_url(one.url)} cannot be fetched: {found}")

    async def _learn(self, one: Wanted, few: asyncio.Semaphore) -> None:
        assert self.fetcher is not None
        try:
            async with few:
                fetched = await self.fetcher.fetch(one.url, self._take)
            self.known[one.url] = _data_url(one, fetched)
        except FetchError as error:
            self.known[one.url] = error

    def _take(self, size: int) -> None:
        assert self.rules is not None
        self.taken += size
        if self.taken > self.rules.max_bytes:
            raise FetchError(f"a request's files may have {self.rules.max_bytes} bytes together")


class Wanted(NamedTuple):
    """A part that is given by an address: where it stands, of which type it is, and the URL."""

    message: int
    part: int
    kind: str
    url: str


def addresses(request: Mapping[str, Any], binding: Binding, upstream: Upstream) -> list[Wanted]:
    """The parts of a request whose bytes this wire needs and that the web has."""
    found: list[Wanted] = []
    for at, index, part, url in _on_the_web(request):
        if binding.dialect.carries.inlines(part, url, binding.view, upstream.view):
            found.append(Wanted(at, index, part["type"], url))
    return found


def _on_the_web(request: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any], str]]:
    for at, message in enumerate(request.get("messages") or ()):
        content = message.get("content")
        for index, part in enumerate(content if isinstance(content, list) else ()):
            held = part.get(part["type"])
            url = held.get("url") if isinstance(held, dict) else None
            if isinstance(url, str) and _WEB.match(url):
                yield at, index, part, url


def with_bytes(
    request: Mapping[str, Any], wanted: Sequence[Wanted], known: Mapping[str, str | FetchError]
) -> Mapping[str, Any]:
    """The request with the bytes in place of these addresses; it is not changed itself."""
    messages = list(request["messages"])
    for one in wanted:
        message = messages[one.message]
        content = list(message["content"])
        content[one.part] = _inline(content[one.part], one, str(known[one.url]))
        messages[one.message] = {**message, "content": content}
    return {**request, "messages": messages}


def _inline(part: Mapping[str, Any], one: Wanted, data: str) -> Mapping[str, Any]:
    held = dict(part[one.kind])
    if one.kind == "file":
        del held["url"]
        held = {"filename": _file_name(one.url), **held, "file_data": data}
    else:
        held["url"] = data
    return {**part, one.kind: held}


def _file_name(url: str) -> str:
    """The last segment of a URL's path, as a name without signs that a path has a use for."""
    name = unquote(_path_of(url).rpartition("/")[2])
    return re.sub(r"[^\w .()-]", "_", name).strip() or "file"


def _data_url(one: Wanted, fetched: Fetched) -> str:
    kind = fetched.media_type.partition(";")[0].strip().lower()
    if kind in ("", "application/octet-stream", "binary/octet-stream"):
        kind = _BY_ENDING.get(_path_of(one.url).rpartition(".")[2].lower(), "")
    if not _MEDIA_TYPE.fullmatch(kind):
        raise FetchError("nothing says what kind of file it is")
    image = kind.startswith("image/")
    page = kind == "text/html" and not re.search(r"(?i)\.html?$", _path_of(one.url))
    if (one.kind == "image_url" and not image) or (one.kind == "file" and page):
        wanted = "an image" if one.kind == "image_url" else "a file"
        raise FetchError(f"{wanted} was expected, and {kind[:80]} came")
    return f"data:{kind};base64,{b64encode(fetched.content).decode('ascii')}"


def shown_url(url: str) -> str:
    """A URL for people, without its query, which may be signed, and without credentials."""
    found = _WEB.match(url)
    assert found is not None
    return f"{url.partition(':')[0].lower()}://{found[1].rpartition('@')[2]}{found[2]}"[:200]


def host_of(url: str) -> str:
    """The host that a URL names. What it means to others is settled by whoever fetches it."""
    found = _WEB.match(url)
    return "" if found is None else found[1].lower().removesuffix(":443")


def _path_of(url: str) -> str:
    found = _WEB.match(url)
    return "" if found is None else found[2]

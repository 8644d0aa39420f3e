"""`media.fetch`: bytes for wires that need them, only from hosts that are listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import failing, said
from trunkline.compile import load_plan
from trunkline.errors import ConfigError, RequestError
from trunkline.graph import FetchRules
from trunkline.graph.media import host_of
from trunkline.ports import Fetched, FetchError
from trunkline.runtime import Engine
from trunkline.transport import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

ROUTES = """version: 1
providers:
  a: {type: openai-compatible, dialect: bytes-only, base_url: "http://a.test/v1"}
  b: {type: openai-compatible, dialect: bytes-only, base_url: "http://b.test/v1"}
  c: {type: openai-compatible, base_url: "http://c.test/v1"}
dialects:
  bytes-only:
    extends: openai-chat
    inlines: part.type in ['image_url', 'file'] and not (url | starts_with('https://own.test/'))
"""
ALLOWED = 'media: {fetch: {hosts: [cdn.example.com, "*.files.example.com"], max_bytes: 1000}}\n'
IMAGE = "https://cdn.example.com/a.png?signed=secret"


class Shelf:
    """A fetcher with a few files; notes what it was asked for."""

    def __init__(self, **files: Fetched | str) -> None:
        self.files = files
        self.asked: list[str] = []
        self.closed = False

    async def fetch(self, url: str, take: Callable[[int], None]) -> Fetched:
        self.asked.append(url)
        found = self.files[url.partition("?")[0].rpartition("/")[2].partition(".")[0]]
        if isinstance(found, str):
            raise FetchError(found)
        take(len(found.content))
        return found

    async def aclose(self) -> None:
        self.closed = True


def image(url: str = IMAGE) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def file(url: str, **more: str) -> dict[str, Any]:
    return {"type": "file", "file": {"url": url, **more}}


def asking(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": list(parts)}]}


async def performed(
    shelf: Shelf,
    request: dict[str, Any],
    *,
    to: str = "a",
    settings: str = ALLOWED,
    script: list[Canned] | None = None,
) -> tuple[Any, list[list[dict[str, Any]]]]:
    """The reply, and the parts of the message that each target was sent."""
    transport = ScriptedTransport(script or [said()])
    plan = load_plan(f'{ROUTES}{settings}routes:\n  - {{match: "*", to: {to}}}\n')
    async with Engine.open(plan, transport=lambda: transport, fetcher=lambda: shelf) as engine:
        reply = await engine.chat(request)
    sent = [json.loads(one.body)["messages"][0]["content"] for one in transport.requests]
    return reply, sent


PNG = Fetched("image/png; charset=binary", b"\x89PNG")
PDF = Fetched("application/pdf", b"%PDF")


async def test_an_image_is_fetched_and_sent_as_its_bytes() -> None:
    shelf = Shelf(a=PNG)
    _, [[part]] = await performed(shelf, asking(image()))
    assert part == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBORw==", "detail": "low"},
    }
    assert shelf.asked == [IMAGE]
    assert shelf.closed


async def test_a_file_keeps_its_name_or_gets_that_of_its_address() -> None:
    shelf = Shelf(report=PDF, **{"a b?": PDF})
    parts = [
        file("https://x.files.example.com/q/report.pdf"),
        file("https://x.files.example.com/q/report.pdf", filename="mine.pdf"),
    ]
    _, [sent] = await performed(shelf, asking(*parts))
    assert sent == [
        {
            "type": "file",
            "file": {"filename": name, "file_data": "data:application/pdf;base64,JVBERg=="},
        }
        for name in ("report.pdf", "mine.pdf")
    ]
    assert len(shelf.asked) == 1


async def test_the_request_itself_is_not_changed() -> None:
    request = asking(image())
    before = json.dumps(request)
    await performed(Shelf(a=PNG), request)
    assert json.dumps(request) == before


async def test_a_file_is_fetched_once_for_all_targets() -> None:
    shelf = Shelf(a=PNG)
    script = [failing(500), failing(500), said()]
    reply, sent = await performed(shelf, asking(image()), to="[a, b]", script=script)
    assert len(shelf.asked) == 1
    assert [one.target for one in reply.decision.attempts] == ["a/m", "a/m", "b/m"]
    assert sent[0] == sent[2]


async def test_a_wire_that_takes_addresses_is_sent_the_address() -> None:
    shelf = Shelf()
    _, [[part]] = await performed(shelf, asking(image()), to="c")
    assert part == image()
    _, [[part]] = await performed(shelf, asking(image("https://own.test/x")))
    assert part == image("https://own.test/x")
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("settings", "url", "why"),
    [
        ("", IMAGE, "`media.fetch` is off"),
        (ALLOWED, "https://evil.example/a.png", "does not list `evil.example`"),
        (ALLOWED, "https://files.example.com/a.png", "does not list `files.example.com`"),
        (ALLOWED, "https://cdn.example.com.evil.example/a", "does not list"),
        (ALLOWED, "https://cdn.example.com@evil.example/a", "does not list"),
        (ALLOWED, "https://cdn.example.com:8443/a", "does not list"),
        (ALLOWED, "https://evilfiles.example.com/a", "does not list"),
    ],
)
async def test_without_leave_nothing_is_fetched_and_the_next_target_is_asked(
    settings: str, url: str, why: str
) -> None:
    shelf = Shelf(a=PNG)
    reply, [[part]] = await performed(shelf, asking(image(url)), to="[a, c]", settings=settings)
    assert part == image(url)
    assert [one.target for one in reply.decision.skipped] == ["a/m"]
    assert why in reply.decision.skipped[0].reason
    assert "signed" not in reply.decision.skipped[0].reason
    assert shelf.asked == []
    with pytest.raises(RequestError, match=r"media\.fetch") as caught:
        await performed(shelf, asking(image(url)), settings=settings)
    assert (caught.value.kind, caught.value.status) == ("unsupported", 400)


@pytest.mark.parametrize(
    ("answer", "part", "why"),
    [
        ("status 404", image(), "https://cdn.example.com/a.png cannot be fetched: status 404"),
        (Fetched("text/html", b"<p>"), image(), "an image was expected, and text/html came"),
        (PDF, image(), "an image was expected, and application/pdf came"),
        (Fetched("", b"x"), image("https://cdn.example.com/a"), "what kind of file"),
        (Fetched("image/png,x", b"x"), image(), "what kind of file"),
        (
            Fetched("text/html", b"<p>"),
            file("https://cdn.example.com/a.pdf"),
            "a file was expected, and text/html came",
        ),
        (Fetched("image/png", b"x" * 1001), image(), "1000 bytes together"),
    ],
)
async def test_what_cannot_be_fetched_makes_the_target_unsupported(
    answer: Any, part: dict[str, Any], why: str
) -> None:
    shelf = Shelf(a=answer)
    reply, sent = await performed(
        shelf,
        asking(part),
        to="[a, b, {target: c, request: {messages: [{role: user, content: x}]}}]",
    )
    assert [one.target for one in reply.decision.skipped] == ["a/m", "b/m"]
    assert why in reply.decision.skipped[1].reason
    assert len(shelf.asked) == 1
    assert sent == ["x"]


async def test_bytes_count_together() -> None:
    shelf = Shelf(a=Fetched("image/png", b"x" * 600), b=Fetched("image/png", b"x" * 600))
    parts = [image(), image("https://cdn.example.com/b.png")]
    with pytest.raises(RequestError, match="1000 bytes together"):
        await performed(shelf, asking(*parts))


async def test_plain_bytes_are_named_by_the_ending_of_their_address() -> None:
    shelf = Shelf(a=Fetched("application/octet-stream", b"\x89PNG"))
    _, [[part]] = await performed(shelf, asking(image()))
    assert part["image_url"]["url"].startswith("data:image/png;")


def test_a_star_stands_for_names_below_a_domain_only() -> None:
    rules = FetchRules(("cdn.example.com", "*.example.org"))
    assert rules.allows("CDN.example.com")
    assert rules.allows("a.b.example.org")
    for host in ("example.org", ".example.org", "xexample.org", "x.cdn.example.com", ""):
        assert not rules.allows(host)
    assert host_of("https://Cdn.example.com:443/a?b#c") == "cdn.example.com"


@pytest.mark.parametrize(
    ("fetch", "code", "hint"),
    [
        ("{hosts: []}", "TL209", "put something into it"),
        ('{hosts: ["https://cdn.example.com/x"]}', "TL206", "write `cdn.example.com`"),
        ('{hosts: ["cdn.example.com:443"]}', "TL206", "write `cdn.example.com`"),
        ('{hosts: ["*"]}', "TL206", "name the hosts"),
        ("{host: cdn.example.com}", "TL201", "did you mean `hosts`?"),
        ("{hosts: [cdn.example.com], timeout: 5}", "TL203", "write `5s`"),
        ("{max_bytes: 5}", "TL202", "`hosts`"),
    ],
)
def test_slips_are_pointed_out_with_the_fix(fetch: str, code: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(f'{ROUTES}media: {{fetch: {fetch}}}\nroutes:\n  - {{match: "*", to: a}}\n')
    [one] = caught.value.diagnostics
    assert one.code == code
    assert hint in (one.hint or "")

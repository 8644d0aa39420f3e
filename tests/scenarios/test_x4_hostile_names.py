"""X4: hostile model names and settings. Each is refused, or it is one encoded segment of a URL
whose host and number of segments are those that it has for an innocent name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from trunkline.compile import load_plan
from trunkline.errors import CallError, ConfigError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan

pytestmark = pytest.mark.anyio

STEPS = ["..", ".", "%2e%2e", "%2E%2E", "%252e%252e", ".%2e", "．．", "。。", "‥", "%c0%ae%c0%ae"]
SLASHES = ["/", "\\", "%2f", "%5c", "//", "\\\\", "／", "%252f", "⁄", "∕"]
MARKS = ["#", "?", "@", ";", "&", ":", "%", "%00", "\0", "\r\n", "\n", "\t", " ", "|", "^", "`"]
WHOLE = [
    "http://evil.test/",
    "https://evil.test",
    "//evil.test/x",
    "///evil.test",
    "\\\\evil.test\\x",
    "httpbin.org#",
    "evil.test?",
    "evil.test/",
    "evil.test:443/#",
    "@evil.test",
    "user:pass@evil.test",
    "x@evil.test#",
    "evil.test%23",
    "evil.test%2f",
    "[::1]",
    "127.0.0.1",
    "169.254.169.254/latest/meta-data",
    "2130706433",
    "0x7f.1",
    "localhost#",
    "x.evil.test",
    "evil。test",
    "evil．test",
    "ｅｖｉｌ",
    "xn--/",
    "-x",
    "x-",
    "x" * 64,
    "x" * 5_000,
    "{{ 7*7 }}",
    "${jndi:ldap://evil.test}",
    "x\r\nHost: evil.test",
    "x HTTP/1.1\r\n\r\nGET /admin",
    "x\u202e",
    "x\u2028y",
    "\u0130",
    "\u212a",
    "x\x7f",
    "x\x1by",
    "models/../../x",
    "tunedModels/../x",
    "publishers/google/models/..",
    "arn:aws:bedrock:us-east-1:1:../x",
    "claude-..",
    "claude-x/../../y",
    "claude-x@20250929/..",
    "claude-x;param=1",
    "accounts/../models/x",
    "x:generateContent",
    "x:rawPredict?alt=sse",
    "x/converse#",
    "deployments/other",
]
HOSTILE = list(
    dict.fromkeys(
        [
            *STEPS,
            *(f"{step}{slash}x" for step in STEPS for slash in SLASHES[:6]),
            *(f"x{slash}{step}{slash}y" for step in STEPS[:4] for slash in SLASHES),
            *SLASHES,
            *MARKS,
            *(f"x{mark}evil.test" for mark in MARKS),
            *WHOLE,
        ]
    )
)
MODEL = "some-model"
FAMILIES = ("claude-", "tunedModels/", "publishers/google/models/")
ENTRIES: dict[str, dict[str, str]] = {
    "openai": {},
    "anthropic": {},
    "gemini": {},
    "xai": {},
    "bedrock": {"region": "us-east-1"},
    "vertex": {"project": "acme", "location": "europe-west4"},
    "azure-openai": {"resource": "acme"},
}
SETTINGS = [
    ("openai", "region"),
    ("openai", "project"),
    ("openai", "organization"),
    ("anthropic", "version"),
    ("gemini", "api_version"),
    ("bedrock", "region"),
    ("vertex", "project"),
    ("vertex", "location"),
    ("vertex", "api_version"),
    ("azure-openai", "resource"),
    ("azure-openai", "api_version"),
]


def test_there_are_two_hundred_of_them() -> None:
    assert len(HOSTILE) >= 200


def entry(row: str, **more: str) -> str:
    said = {"type": row, "api_key": "k", **ENTRIES[row], **more}
    return json.dumps(said)


def surviving(lines: list[str], head: str = "", tail: str = "") -> tuple[Plan, list[int]]:
    """A plan of the lines that are not refused at their place, and which lines those are."""
    left = list(range(len(lines)))
    first = head.count("\n") + 1
    while True:
        text = head + "".join(lines[index] + "\n" for index in left) + tail
        try:
            return load_plan(text), left
        except ConfigError as error:
            places = {found.span.line - first for found in error.diagnostics}
            wrong = {left[place] for place in places if 0 <= place < len(left)}
            assert wrong, f"a finding has no place: {error}"
            left = [index for index in left if index not in wrong]


class Caller:
    """An engine whose providers all refuse, and what it would have sent."""

    def __init__(self, plan: Plan, environ: Mapping[str, str] | None = None) -> None:
        self.transport = ScriptedTransport(
            lambda _: Canned.of_json({"error": {"message": "no"}}, 400)
        )
        self._opening = Engine.open(plan, transport=lambda: self.transport, environ=environ or {})

    async def __aenter__(self) -> Self:
        self.engine = await self._opening
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.aclose()

    async def sent(self, model: str) -> tuple[str, CallError | None]:
        """The URL that a request for a model goes to, or nothing and the refusal."""
        self.transport.requests.clear()
        with pytest.raises(CallError) as caught:
            await self.engine.chat(model=model, messages=[{"role": "user", "content": "x"}])
        if not self.transport.requests:
            return "", caught.value
        check_headers(self.transport.requests[0].headers)
        return self.transport.requests[0].url, None

    async def like(self, hostile: str, innocent: str) -> str:
        """What an innocent name of the same family gives: rows send families to different
        places."""
        for family in FAMILIES:
            if hostile.startswith(family):
                return (await self.sent(family + "x"))[0]
        if hostile.isdigit():
            return (await self.sent("7"))[0]
        return (await self.sent("x/y"))[0] if "/" in hostile else innocent


def check_headers(headers: Any) -> None:
    for name, value in headers:
        assert value.isascii(), name
        assert value.isprintable(), name


def segments(url: str) -> list[str]:
    return urlsplit(url).path.split("/")


def check(url: str, innocent: str, hostile: str) -> None:
    """The URL is the innocent one's but for one encoded segment, for every reader of URLs."""
    read, meant = urlsplit(url), urlsplit(innocent)
    assert (read.scheme, read.netloc) == (meant.scheme, meant.netloc), hostile
    client = httpx.URL(url)
    assert (client.scheme, client.host) == (meant.scheme, meant.hostname), hostile
    assert client.raw_path.decode().split("?")[0].split("/") == segments(url), hostile
    assert len(segments(url)) == len(segments(innocent)), hostile
    assert not read.fragment
    assert bool(read.query) == bool(meant.query), hostile
    for step in segments(url):
        assert unquote(step) not in (".", ".."), hostile
        assert not set(step) & set("\\#?@; \r\n\0"), hostile


def refused(error: CallError | None, hostile: str) -> None:
    assert error is not None
    assert error.kind in ("bad_request", "unsupported", "not_found"), (hostile, error)


@pytest.mark.parametrize("row", ENTRIES)
async def test_a_callers_model_name_stays_in_its_segment(row: str) -> None:
    plan = load_plan(
        f'version: 1\nproviders: {{it: {entry(row)}}}\nroutes: [{{match: "*", to: it}}]\n'
    )
    async with Caller(plan) as caller:
        innocent, _ = await caller.sent(MODEL)
        for hostile in HOSTILE:
            url, error = await caller.sent(hostile)
            if url:
                check(url, await caller.like(hostile, innocent), hostile)
            else:
                refused(error, hostile)


@pytest.mark.parametrize("row", ENTRIES)
async def test_a_configured_model_name_stays_in_its_segment(row: str) -> None:
    head = f"version: 1\nproviders:\n  it:\n    type: {row}\n    api_key: k\n"
    head += "".join(f"    {name}: {value}\n" for name, value in ENTRIES[row].items())
    head += "    models:\n" + "".join(f"      {f}x: {f}x\n" for f in FAMILIES)
    lines = [f"      m{n}: {json.dumps(hostile)}" for n, hostile in enumerate(HOSTILE)]
    plan, left = surviving(lines, head, 'routes: [{match: "*", to: it}]\n')
    assert len(left) > len(HOSTILE) / 2
    async with Caller(plan) as caller:
        innocent, _ = await caller.sent(MODEL)
        for index in left:
            url, error = await caller.sent(f"m{index}")
            if url:
                check(url, await caller.like(HOSTILE[index], innocent), HOSTILE[index])
            else:
                refused(error, HOSTILE[index])


@pytest.mark.parametrize(("row", "setting"), SETTINGS)
@pytest.mark.parametrize("by", ["text", "environment"])
async def test_a_setting_stays_in_its_place(row: str, setting: str, by: str) -> None:
    environ = {f"H{n}": hostile for n, hostile in enumerate(HOSTILE)}
    values = HOSTILE if by == "text" else [f"${{env:H{n}}}" for n in range(len(HOSTILE))]
    lines = [f"  p{n}: {entry(row, **{setting: value})}" for n, value in enumerate(values)]
    head = f"version: 1\nproviders:\n  ok: {entry(row)}\n"
    left = surviving(lines, head)[1] if by == "text" else list(range(len(lines)))
    while True:
        routes = "".join(f"  - {{match: m{n}, to: p{n}/{MODEL}}}\n" for n in left)
        text = head + "".join(lines[n] + "\n" for n in left)
        plan = load_plan(f"{text}routes:\n  - {{match: ok, to: ok/{MODEL}}}\n{routes}")
        try:
            async with Caller(plan, environ) as caller:
                await stays(caller, row, setting, left)
            return
        except ConfigError as error:
            wrong = {left[found.span.line - 4] for found in error.diagnostics}
            left = [n for n in left if n not in wrong]


async def stays(caller: Caller, row: str, setting: str, left: list[int]) -> None:
    innocent, _ = await caller.sent("ok")
    in_host = setting in ("region", "location", "resource")
    assert len(left) < 30 or not in_host, [HOSTILE[n] for n in left]
    for n in left:
        url, error = await caller.sent(f"m{n}")
        if not url:
            refused(error, HOSTILE[n])
        elif in_host:
            suffix = urlsplit(innocent).netloc.partition(ENTRIES[row].get(setting, "api."))[2]
            assert urlsplit(url).netloc.endswith(suffix), HOSTILE[n]
            assert len(segments(url)) == len(segments(innocent)), HOSTILE[n]
        else:
            check(url, innocent, HOSTILE[n])

"""The recordings: which file is whose, who reads it, and what is left out and why.

A recorded exchange is one JSON object (the README beside the recordings says which fields it
has). A file that is not in the table fails a test, so that nothing is left out without a word.
"""

from __future__ import annotations

import base64
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from trunkline.catalog.rows import provider, providers

__all__ = [
    "APIS",
    "PLACES",
    "TARGETS",
    "TOTAL",
    "WIRES",
    "Api",
    "Row",
    "content_type_of",
    "data_of",
    "folder",
    "model_of",
    "place_of",
    "provider_of",
    "rows",
    "skip_of",
    "wire_of",
]

Row = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]


class Api(NamedTuple):
    """Who reads a file: the dialect, by model where the wire depends on it, and the provider's
    row in the catalogue. Recorded hosts that have no row are compatible servers like others."""

    dialects: tuple[tuple[str, str], ...]
    provider: str


def folder() -> Path:
    """Where the recordings are, if they are there."""
    return Path(os.environ.get("TRUNKLINE_RECORDINGS", ROOT.parent / "shared" / "corpus"))


def _one(dialect: str, name: str) -> Api:
    return Api((("", dialect),), name)


_INVOKE = Api(
    (
        ("anthropic.", "bedrock-invoke-claude"),
        ("amazon.nova", "bedrock-invoke-nova"),
        ("amazon.titan", "bedrock-invoke-titan"),
        ("meta.llama", "bedrock-invoke-llama"),
    ),
    "bedrock",
)

_KNOWN: dict[str, Api] = {
    "anthropic/messages": _one("anthropic-messages", "anthropic"),
    "azure/chat": _one("openai-chat", "azure-openai"),
    "azure/responses": _one("openai-responses", "azure-openai"),
    "bedrock/converse": _one("bedrock-converse", "bedrock"),
    "bedrock/converse-stream": _one("bedrock-converse", "bedrock"),
    "bedrock/invoke": _INVOKE,
    "bedrock/invoke-with-response-stream": _INVOKE,
    "bedrock-mantle/chat": _one("openai-chat", "openai-compatible"),
    "bedrock-mantle/responses": _one("openai-responses", "openai-compatible"),
    "cerebras/chat": _one("openai-chat", "cerebras"),
    "cohere/cohere_chat": _one("cohere-chat", "cohere"),
    "crusoe/chat": _one("openai-chat", "openai-compatible"),
    "deepseek/chat": _one("openai-chat", "deepseek"),
    "deepseek/responses": _one("openai-responses", "deepseek"),
    "gateway/converse": _one("bedrock-converse", "bedrock"),
    "gemini/generateContent": _one("gemini-generate", "gemini"),
    "gemini/streamGenerateContent": _one("gemini-generate", "gemini"),
    "groq/chat": _one("openai-chat", "groq"),
    "huggingface/chat": _one("openai-chat", "openai-compatible"),
    "mistral/chat": _one("openai-chat", "mistral"),
    "ollama/chat": _one("openai-chat", "ollama"),
    "openai/chat": _one("openai-chat", "openai"),
    "openai/responses": _one("openai-responses", "openai"),
    "openai/responses_compact": _one("openai-responses", "openai"),
    "openai/responses_get": _one("openai-responses", "openai"),
    "openrouter/chat": _one("openai-chat", "openrouter"),
    "openrouter/responses": _one("openai-responses", "openrouter"),
    "snowflake/chat": _one("openai-chat", "snowflake"),
    "together/chat": _one("openai-chat", "together"),
    "vertex/generateContent": _one("gemini-generate", "vertex"),
    "vertex/streamGenerateContent": _one("gemini-generate", "vertex"),
    "zai/chat": _one("openai-chat", "openai-compatible"),
}
"""The files of the recordings that come with the project's design, without their ending."""

_BY_NAME = {file.partition("/")[2]: api.dialects for file, api in _KNOWN.items()}


def _found() -> dict[str, Api]:
    """Files of other recordings, as far as their name says which wire they are in."""
    files = sorted(folder().rglob("*.jsonl"))
    names = [path.relative_to(folder()).with_suffix("").as_posix() for path in files]
    known = set(providers())
    return {
        name: Api(_BY_NAME[api], host if host in known else "openai-compatible")
        for name in names
        for host, _, api in [name.partition("/")]
        if name not in _KNOWN and api in _BY_NAME
    }


TOTAL = 1396
"""How many exchanges those are: counts are held only where they are the ones that are read."""

APIS = {**_KNOWN, **_found()}
"""Every file that is read."""

WIRES = (
    "anthropic-messages",
    "bedrock-converse",
    "bedrock-invoke-claude",
    "bedrock-invoke-llama",
    "bedrock-invoke-nova",
    "bedrock-invoke-titan",
    "cohere-chat",
    "gemini-generate",
    "openai-chat",
    "openai-responses",
    "vertex-anthropic",
)
"""Every wire that a chat is written in: each of them gets every exchange of the others."""


TARGETS = {
    "anthropic-messages": "claude-sonnet-4-5",
    "bedrock-converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-invoke-claude": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-invoke-llama": "meta.llama3-70b-instruct-v1:0",
    "bedrock-invoke-nova": "us.amazon.nova-2-lite-v1:0",
    "bedrock-invoke-titan": "amazon.titan-text-express-v1",
    "cohere-chat": "command-a-03-2025",
    "gemini-generate": "gemini-2.5-pro",
    "openai-chat": "gpt-5.1",
    "openai-responses": "gpt-5.1",
    "vertex-anthropic": "claude-sonnet-4-5@20250929",
}
"""A model that is asked on each wire: paths, and what can be said, depend on its name."""

PLACES = {"vertex-anthropic": {"project": "p", "location": "global"}}
"""What a wire's path needs of its provider."""


def rows(recordings: Path, api: str) -> list[Row]:
    """The exchanges of one file. They are shared: treat them as read-only."""
    return _rows(recordings / f"{api}.jsonl", api)


@cache
def _rows(path: Path, api: str) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [{**json.loads(line), "file": api} for line in lines]


def wire_of(row: Row) -> str:
    """The name of the dialect that reads an exchange; empty where none does."""
    model, body = model_of(row), row["request"].get("body") or {}
    if (
        APIS[row["file"]].dialects == _INVOKE.dialects
        and "anthropic_version" not in body
        and "claude" in model
    ):
        return ""  # the text completions of before Messages
    return next((name for part, name in APIS[row["file"]].dialects if part in model), "")


def model_of(row: Row) -> str:
    """The model that was asked for, where it is not in the body."""
    body = row["request"].get("body")
    named = body.get("model") if isinstance(body, dict) else None
    return str(named or row["model"])


def provider_of(row: Row) -> dict[str, Any]:
    """What templates see of the provider: the quirks of its row."""
    name = APIS[row["file"]].provider
    known = provider(name) if name in providers() else {}
    return {"quirks": known.get("quirks", {})}


def place_of(row: Row) -> tuple[str, dict[str, str]]:
    """Path and query of a recorded request, as they were sent."""
    url = urlsplit(row["request"]["url"])
    return url.path, dict(parse_qsl(unquote(url.query)))


def data_of(response: Row) -> bytes:
    """A recorded stream's bytes."""
    if "base64" in response:
        return base64.b64decode(response["base64"])
    text: str = response["text"]
    return text.encode()


def content_type_of(response: Row) -> str:
    """What a recorded response says that it is."""
    headers = {key.lower(): value for key, value in response["headers"].items()}
    return str(headers.get("content-type", ""))


class Skip(NamedTuple):
    """Exchanges that are left out: of reading (`answer`), of requests (`request`), or of both."""

    reason: str
    stages: frozenset[str]


_BOTH = frozenset({"answer", "request"})
_REQUEST = frozenset({"request"})

NO_DIALECT = Skip("an InvokeModel body of a family that has no dialect", _BOTH)
COMPACTION = Skip("another operation: compaction of a conversation", _BOTH)
NO_BODY = Skip("nothing was asked in a body: a stored response was fetched", _REQUEST)
NOT_JSON = Skip(
    "the recorded request is not JSON: edited by hand, or cut by the recorder", _REQUEST
)


def skip_of(row: Row) -> Skip | None:
    """Why an exchange is left out, or None for those that are not."""
    if not wire_of(row):
        return NO_DIALECT
    if row["file"] == "openai/responses_compact":
        return COMPACTION
    if row["file"] == "openai/responses_get":
        return NO_BODY
    if not isinstance(row["request"].get("body"), dict):
        return NOT_JSON
    return None

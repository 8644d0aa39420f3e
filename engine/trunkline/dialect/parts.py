"""Parts of messages: how content, text or list, is read and put together.

What these do with JSON that is no chat is unspecified but harmless: a wrong shape is skipped.
"""

from __future__ import annotations

from typing import Any

from trunkline.template import Refusal

__all__ = [
    "as_content",
    "mappings",
    "own_blobs",
    "parts",
    "read_parts",
    "results_first",
    "text_of",
    "url_citations",
]

JSONMap = dict[str, Any]


def mappings(value: Any) -> list[JSONMap]:
    """The mappings of a list; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parts(content: Any) -> list[JSONMap]:
    """A message's content as a list of parts; text becomes one part, empty text none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list):
        return [part for part in content if isinstance(part, dict)]
    return []


def read_parts(content: Any) -> list[JSONMap]:
    """What a client sent as content, as a list of parts.

    Raises `Refusal` for what is neither text nor a list of mappings.
    """
    whole = isinstance(content, str) or content is None
    if not whole and not (
        isinstance(content, list) and all(isinstance(part, dict) for part in content)
    ):
        raise Refusal("content must be text or a list of parts")
    return parts(content)


def text_of(found: Any, kind: str = "text") -> str:
    """The text of the parts of one kind (`text`, `reasoning`, `refusal`), joined.

    Without anything between: wires split text around citations in mid-sentence.
    """
    key = "refusal" if kind == "refusal" else "text"
    return "".join(str(part.get(key, "")) for part in mappings(found) if part.get("type") == kind)


def as_content(found: list[JSONMap]) -> str | list[JSONMap]:
    """Plain text where one text part without anything beside it says all; else the parts."""
    if not found:
        return ""
    if len(found) == 1 and found[0].keys() == {"type", "text"}:
        return str(found[0]["text"])
    return found


_OPAQUE = frozenset({"signature", "owner", "more"})


def results_first(value: Any) -> list[JSONMap]:
    """Parts with what tools answered before everything else, for wires that want it there."""
    found = list(mappings(value))
    results = [part for part in found if part.get("type") == "tool_result"]
    if not results or found[: len(results)] == results:
        return found
    return [*results, *(part for part in found if part.get("type") != "tool_result")]


def own_blobs(found: Any, owner: str) -> list[JSONMap]:
    """Parts without what is opaque and another dialect's.

    A signature or a redacted form belongs to the dialect that gave it (its `owner`); sent
    elsewhere it is an error there. So foreign reasoning is left out, and text and calls lose a
    foreign signature, and what else only that dialect knows of them; text that was there for
    its signature only goes with it.
    """
    own: list[JSONMap] = []
    for part in mappings(found):
        if part.get("owner", owner) == owner:
            own.append(part)
        elif part.get("type") != "reasoning":
            bare = {key: one for key, one in part.items() if key not in _OPAQUE}
            if bare.get("text") != "" or len(bare) > 2:
                own.append(bare)
    return own


def url_citations(found: Any) -> list[JSONMap]:
    """The sources of parts of text that have an address, as OpenAI's annotations.

    Wires spell a citation in several ways, and some say where in the text it belongs; the others
    support the whole part that they stand on. Places count in the joined text of all parts.
    """
    citations: list[JSONMap] = []
    before = 0
    for part in mappings(found):
        if part.get("type") != "text":
            continue
        text = str(part.get("text", ""))
        for citation in mappings(part.get("citations")):
            said = citation.get("url_citation", citation)
            url = said.get("url", said.get("uri")) if isinstance(said, dict) else None
            if isinstance(url, str):
                citations.append(_url_citation(said, url, before, before + len(text)))
        before += len(text)
    return citations


def _url_citation(said: JSONMap, url: str, start: int, end: int) -> JSONMap:
    first, last = said.get("start_index"), said.get("end_index")
    if type(first) is int and type(last) is int:
        first, last = start + first, start + last
    else:
        first, last = start, end
    title = said.get("title")
    cited = {
        "url": url,
        "title": title if isinstance(title, str) else "",
        "start_index": first,
        "end_index": last,
    }
    return {"type": "url_citation", "url_citation": cited}

"""The canonical embeddings request: texts in, one vector for each of them out.

Vectors of different models do not mix: a route that could answer by several is refused.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

__all__ = ["EmbeddingRequest", "Operation", "Vector"]

Operation = Literal["chat", "embeddings"]
"""What is asked for."""

Vector = list[float] | str
"""A vector: numbers, or the base64 text of 32-bit little-endian floats, as the wire sent it."""


class EmbeddingRequest(TypedDict):
    """What a caller of embeddings asks for.

    `input` holds texts, or lists of token numbers, which only the wire that numbers them so can
    carry. `task` says what the vectors are for, where a model makes them differ: `query`,
    `document`, `similarity`, `classification` or `clustering`. `encoding_format` (`float` or
    `base64`) is how a door writes the vectors, whatever form they come in.
    """

    model: str
    input: list[str | list[int]]
    dimensions: NotRequired[int | None]
    task: NotRequired[str | None]
    encoding_format: NotRequired[str | None]
    user: NotRequired[str | None]
    extra: NotRequired[dict[str, dict[str, Any]]]

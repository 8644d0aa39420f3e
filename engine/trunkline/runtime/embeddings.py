"""The answer to a request for embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.template import base64_vector

if TYPE_CHECKING:
    from trunkline.chat import ReplyData, Usage
    from trunkline.graph import Reply
    from trunkline.ports import Decision

__all__ = ["Embeddings"]


class Embeddings:
    """Vectors, in the order of the texts. `decision` says how they came about."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @property
    def vectors(self) -> list[list[float]]:
        """One for each text, as numbers, whatever form the provider sent them in."""
        found = self.data.get("embeddings", [])
        return [base64_vector(one) if isinstance(one, str) else one for one in found]

    @property
    def data(self) -> ReplyData:
        """The reply as plain JSON: see `trunkline.chat.ReplyData`."""
        return self._reply.data

    @property
    def model(self) -> str:
        """The model that made them, in the provider's words."""
        return self._reply.model

    @property
    def usage(self) -> Usage | None:
        """Tokens, if the provider has said."""
        return self._reply.usage

    @property
    def headers(self) -> dict[str, str]:
        """What the route's `response.headers` say."""
        return self._reply.headers

    @property
    def decision(self) -> Decision:
        """How the answer came about."""
        return self._reply.decision

    def __repr__(self) -> str:
        return f"<Embeddings {self.model or 'without a model'}, {len(self.vectors)} vectors>"

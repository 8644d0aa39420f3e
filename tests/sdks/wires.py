"""Which SDK speaks which wire, and what that wire can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tests.sdks.anthropic_sdk import BedrockMessages, Messages, VertexMessages
from tests.sdks.boto3_sdk import CLAUDE, Converse, Llama, Nova, Titan
from tests.sdks.cohere_http import Cohere
from tests.sdks.google_sdk import Gemini, GeminiArray, VertexGemini
from tests.sdks.openai_sdk import AzureChat, AzureResponses, Chat, Responses

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sdks.asking import Client

__all__ = ["WIRES", "Wire"]


class Wire(NamedTuple):
    """An SDK, the dialect that it speaks, and how that wire says why an answer ended.

    `knows` are the features of `Ask` that it has words for, `choice` the choice of one tool, and
    `seals` the marks under which thoughts go back to whoever had them; `named` says whether its
    answers name their model.
    """

    dialect: str
    client: Callable[..., Client]
    model: str
    knows: frozenset[str]
    stop: str
    calls: str = ""
    named: bool = True

    def can(self, *features: str) -> bool:
        """Whether it has words for all of these."""
        return self.knows.issuperset(features)


_SOME: Final = frozenset({"image", "tools", "schema", "thinks"})
_CHAT: Final = _SOME | {"choice", "n", "stop", "logprobs"}
_ALL: Final = _SOME | {"choice", "seals"}
_GEMINI: Final = _CHAT | {"seals"}
_CLAUDE: Final = "claude-haiku-4-5"
_NOVAS: Final = frozenset({"image", "tools", "choice", "thinks"})
_NOVA: Final = "us.amazon.nova-2-lite-v1:0"
_TITAN: Final = "amazon.titan-text-express-v1"
_LLAMA: Final = "meta.llama3-1-8b-instruct-v1:0"

WIRES: Final[dict[str, Wire]] = {
    "openai-chat": Wire("openai-chat", Chat, "m-1", _CHAT, "stop", "tool_calls"),
    "azure-chat": Wire("openai-chat", AzureChat, "m-1", _CHAT, "stop", "tool_calls"),
    "openai-responses": Wire(
        "openai-responses", Responses, "m-1", _ALL | {"logprobs"}, "completed", "completed"
    ),
    "azure-responses": Wire(
        "openai-responses", AzureResponses, "m-1", _ALL | {"logprobs"}, "completed", "completed"
    ),
    "anthropic-messages": Wire(
        "anthropic-messages", Messages, _CLAUDE, _ALL | {"stop"}, "end_turn", "tool_use"
    ),
    "vertex-anthropic": Wire(
        "vertex-anthropic", VertexMessages, _CLAUDE, _ALL | {"stop"}, "end_turn", "tool_use"
    ),
    "bedrock-anthropic": Wire(
        "bedrock-invoke-claude", BedrockMessages, CLAUDE, _ALL | {"stop"}, "end_turn", "tool_use"
    ),
    "gemini": Wire("gemini-generate", Gemini, "gemini-2.5-flash", _GEMINI, "STOP", "STOP"),
    "gemini-array": Wire(
        "gemini-generate", GeminiArray, "gemini-2.5-flash", _GEMINI, "STOP", "STOP"
    ),
    "vertex-gemini": Wire(
        "gemini-generate", VertexGemini, "gemini-2.5-flash", _GEMINI, "STOP", "STOP"
    ),
    "converse": Wire(
        "bedrock-converse", Converse, CLAUDE, _ALL | {"stop"}, "end_turn", "tool_use", named=False
    ),
    "cohere": Wire(
        "cohere-chat", Cohere, "command-a-03-2025", _SOME | {"stop"}, "COMPLETE", "TOOL_CALL", False
    ),
    "nova": Wire(
        "bedrock-invoke-nova", Nova, _NOVA, _NOVAS | {"stop"}, "end_turn", "tool_use", named=False
    ),
    "titan": Wire(
        "bedrock-invoke-titan", Titan, _TITAN, frozenset({"stop"}), "FINISH", named=False
    ),
    "llama": Wire("bedrock-invoke-llama", Llama, _LLAMA, frozenset(), "stop", named=False),
}
"""By the name of the client."""

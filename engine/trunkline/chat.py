"""The canonical chat: what every dialect is read into and written from.

It is OpenAI's chat shape, because that is what most callers already write, with room for what
others have: ordered assistant parts (reasoning with its signature between text and calls),
tool results with media, cache marks, and blocks that only one wire knows (`WirePart`). All
values are plain JSON: mappings, lists, text, numbers, booleans and null.

- `ChatRequest` is what a caller asks for. `dialect.check` refuses anything else.
- A *delta* is one step of an answer: a mapping of facets (`DeltaFacets`). `Delta` is its
  reading face for Python callers.
- `Usage` counts tokens in counters that do not overlap, whatever the provider's algebra.
- `Message`, `Part` and `ToolCall` are shared by requests and replies, so that a reply's message
  can be appended to the next request as it is.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

__all__ = [
    "DEFAULT_HINTS",
    "JSON",
    "MEANINGLESS",
    "AudioPart",
    "ChatRequest",
    "Delta",
    "DeltaFacets",
    "FilePart",
    "Finish",
    "ImagePart",
    "Message",
    "Part",
    "ReasoningPart",
    "RefusalPart",
    "ReplyChoice",
    "ReplyData",
    "ServerCallPart",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallPart",
    "ToolResultPart",
    "Usage",
    "WirePart",
]

JSON = Any
"""A JSON value: dict, list, str, int, float, bool or None."""

Finish = Literal["stop", "length", "tool_calls", "content_filter"]
"""Why an answer ended. The provider's own word stays beside it as `native_finish`."""


class CacheControl(TypedDict):
    """A mark: the prompt up to here is worth caching."""

    type: Literal["ephemeral"]
    ttl: NotRequired[str]
    """How long, as the provider spells it: `5m` or `1h`."""


class TextPart(TypedDict):
    """Text, with the citations that support it."""

    type: Literal["text"]
    text: str
    citations: NotRequired[list[dict[str, JSON]]]
    signature: NotRequired[str]
    owner: NotRequired[str]
    cache_control: NotRequired[CacheControl | None]
    more: NotRequired[dict[str, JSON]]


class ImageURL(TypedDict):
    """Where an image is: an https URL or a `data:` URL that holds it."""

    url: str
    detail: NotRequired[str]


class ImagePart(TypedDict):
    """An image, by URL or inline."""

    type: Literal["image_url"]
    image_url: ImageURL
    cache_control: NotRequired[CacheControl | None]
    owner: NotRequired[str]
    more: NotRequired[dict[str, JSON]]


class FileData(TypedDict):
    """A file: inline as a `data:` URL, by URL, or by a provider's own id."""

    filename: NotRequired[str]
    file_data: NotRequired[str]
    url: NotRequired[str]
    file_id: NotRequired[str]


class FilePart(TypedDict):
    """A PDF or another document."""

    type: Literal["file"]
    file: FileData
    cache_control: NotRequired[CacheControl | None]


class AudioData(TypedDict):
    """Sound: base64 text and its format (`wav`, `mp3`)."""

    data: str
    format: str


class AudioPart(TypedDict):
    """Sound that the user sends."""

    type: Literal["input_audio"]
    input_audio: AudioData
    cache_control: NotRequired[CacheControl | None]


class ReasoningPart(TypedDict):
    """What the model thought, or the opaque form that its provider wants back.

    What is opaque (`signature`, `redacted`, `id`) belongs to the dialect named by `owner`, here
    and in signed text and calls; only wires of that family are sent it. So does `more`: what
    only that dialect knows of a part or a message.
    """

    type: Literal["reasoning"]
    text: NotRequired[str]
    signature: NotRequired[str]
    redacted: NotRequired[str]
    id: NotRequired[str]
    owner: NotRequired[str]
    more: NotRequired[dict[str, JSON]]


class RefusalPart(TypedDict):
    """The model's own words for not answering."""

    type: Literal["refusal"]
    refusal: str


class ToolCallPart(TypedDict):
    """A call of one of the caller's tools, in the order in which the model made it."""

    type: Literal["tool_call"]
    id: str
    name: str
    arguments: str
    """JSON text; may be empty or, from a careless model, not JSON at all."""
    signature: NotRequired[str]
    owner: NotRequired[str]
    cache_control: NotRequired[CacheControl | None]
    more: NotRequired[dict[str, JSON]]


class ToolResultPart(TypedDict):
    """What a tool answered. Appears in turns; in messages it is the message of role `tool`."""

    type: Literal["tool_result"]
    id: str
    name: NotRequired[str]
    content: list[dict[str, JSON]]
    is_error: NotRequired[bool]
    cache_control: NotRequired[CacheControl | None]
    owner: NotRequired[str]
    more: NotRequired[dict[str, JSON]]


class ServerCallPart(TypedDict):
    """A tool that the provider itself ran (web search, code)."""

    type: Literal["server_call"]
    id: str
    name: str
    arguments: str


class WirePart(TypedDict):
    """A block that only one wire knows. It goes back to that dialect and to no other."""

    type: Literal["wire"]
    dialect: str
    block: dict[str, JSON]


Part = (
    TextPart
    | ImagePart
    | FilePart
    | AudioPart
    | ReasoningPart
    | RefusalPart
    | ToolCallPart
    | ToolResultPart
    | ServerCallPart
    | WirePart
)


class FunctionCall(TypedDict):
    """Which function, with which arguments (JSON text)."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """A tool call as a message carries it."""

    id: str
    type: NotRequired[Literal["function"]]
    function: FunctionCall
    signature: NotRequired[str]
    owner: NotRequired[str]
    more: NotRequired[dict[str, JSON]]


class Message(TypedDict):
    """One message. Assistant content may be a list with reasoning, tool calls and wire blocks."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: NotRequired[str | list[Part] | None]
    name: NotRequired[str | None]
    tool_calls: NotRequired[list[ToolCall] | None]
    tool_call_id: NotRequired[str]
    is_error: NotRequired[bool]
    refusal: NotRequired[str | None]
    owner: NotRequired[str]
    more: NotRequired[dict[str, JSON]]
    cache_control: NotRequired[CacheControl | None]


class FunctionSpec(TypedDict):
    """A function that the model may call; `parameters` is JSON Schema."""

    name: str
    description: NotRequired[str | None]
    parameters: NotRequired[dict[str, JSON] | None]
    strict: NotRequired[bool | None]


class Tool(TypedDict):
    """A tool. `type: function` is the caller's own; `type: wire` is known to one wire only."""

    type: Literal["function", "wire"]
    function: NotRequired[FunctionSpec]
    dialect: NotRequired[str]
    block: NotRequired[dict[str, JSON]]
    cache_control: NotRequired[CacheControl | None]


class NamedFunction(TypedDict):
    """The function that must be called."""

    name: str


class NamedToolChoice(TypedDict):
    """The model must call this function."""

    type: Literal["function"]
    function: NamedFunction


class JSONSchemaFormat(TypedDict):
    """The schema that the answer must fit."""

    name: NotRequired[str]
    description: NotRequired[str | None]
    schema: NotRequired[dict[str, JSON]]
    strict: NotRequired[bool | None]


class ResponseFormat(TypedDict):
    """Text, any JSON, or JSON that fits a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NotRequired[JSONSchemaFormat]


class Reasoning(TypedDict):
    """How much to think. `budget_tokens` is kept beside the effort it maps to, so that a round
    trip through a wire that counts tokens loses nothing."""

    budget_tokens: NotRequired[int]
    mode: NotRequired[str]
    summary: NotRequired[str]


class StreamOptions(TypedDict):
    """What a stream should carry beside the answer."""

    include_usage: NotRequired[bool]


class ChatRequest(TypedDict):
    """What a caller asks for, in the canonical form.

    `extra` holds what only one dialect knows, by dialect name; it is written to that dialect
    and makes other targets unsupported unless it is empty. `hints` is the same for what may be
    lost without changing what is asked: other targets drop it, and it is recorded.
    """

    model: str
    messages: list[Message]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_completion_tokens: NotRequired[int | None]
    max_tokens: NotRequired[int | None]
    temperature: NotRequired[float | None]
    top_p: NotRequired[float | None]
    top_k: NotRequired[int | None]
    stop: NotRequired[list[str] | str | None]
    seed: NotRequired[int | None]
    n: NotRequired[int | None]
    presence_penalty: NotRequired[float | None]
    frequency_penalty: NotRequired[float | None]
    logit_bias: NotRequired[dict[str, float] | None]
    logprobs: NotRequired[bool | None]
    top_logprobs: NotRequired[int | None]
    response_format: NotRequired[ResponseFormat | None]
    reasoning_effort: NotRequired[str | None]
    reasoning: NotRequired[Reasoning | None]
    verbosity: NotRequired[str | None]
    tools: NotRequired[list[Tool] | None]
    tool_choice: NotRequired[str | NamedToolChoice | dict[str, JSON] | None]
    parallel_tool_calls: NotRequired[bool | None]
    user: NotRequired[str | None]
    safety_identifier: NotRequired[str | None]
    metadata: NotRequired[dict[str, JSON] | None]
    service_tier: NotRequired[str | None]
    store: NotRequired[bool | None]
    prompt_cache_key: NotRequired[str | None]
    prompt_cache_retention: NotRequired[str | None]
    cache_control: NotRequired[CacheControl | None]
    modalities: NotRequired[list[str] | None]
    audio: NotRequired[dict[str, JSON] | None]
    prediction: NotRequired[dict[str, JSON] | None]
    extra: NotRequired[dict[str, dict[str, JSON]]]
    hints: NotRequired[dict[str, dict[str, JSON]]]


DEFAULT_HINTS: Final = frozenset(
    {
        "seed",
        "user",
        "safety_identifier",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "cache_control",
        "stream_options",
        "verbosity",
        "reasoning",
    }
)
"""Request fields whose loss does not change what is asked: dropped and recorded, not refused.
`reasoning` only says more exactly what `reasoning_effort` says. A dialect file may add to these
(`hints:`)."""

MEANINGLESS: Final[dict[str, JSON]] = {
    "n": 1,
    "logprobs": False,
    "modalities": ["text"],
    "store": False,
    "stream": False,
    "response_format": {"type": "text"},
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "frequency_penalty": 0,
}
"""Request fields with the value that asks for nothing: no loss when a wire has no such field."""


class Usage(TypedDict, total=False):
    """Tokens in counters that do not overlap.

    The whole input is `input + cache_read + cache_write`; the whole output is
    `output + reasoning`. `reasoning` is there only where the provider tells it apart.
    `estimated` is true where we counted because the provider did not.
    """

    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    """The part of `cache_write` that lives for an hour and costs more; inside `cache_write`."""
    output: int
    reasoning: int
    estimated: bool


class DeltaFacets(TypedDict, total=False):
    """One step of an answer, as dialects produce it: any of these, none of them required."""

    choice: int
    at: int | str
    start: dict[str, JSON]
    text: str
    signature: str
    reasoning: str
    reasoning_signature: str
    reasoning_redacted: str
    reasoning_id: str
    tool_call: dict[str, JSON]
    citation: dict[str, JSON]
    refusal: str
    image: str
    audio: dict[str, JSON]
    logprobs: dict[str, JSON]
    embedding: list[float] | str
    wire: dict[str, JSON]
    calls: bool
    more: dict[str, JSON]
    whole: bool
    usage: dict[str, JSON]
    finish: str
    native_finish: str
    stop_sequence: str
    extra: dict[str, JSON]
    owner: str
    fail: dict[str, JSON]


class ReplyChoice(TypedDict):
    """One answer: ordered parts, why it ended, and log probabilities if asked for."""

    index: int
    parts: list[dict[str, JSON]]
    finish: Finish
    native_finish: str | None
    logprobs: dict[str, JSON] | None
    stop_sequence: NotRequired[str]
    """Which of the request's `stop` texts ended the answer, where the wire says so."""
    extra: NotRequired[dict[str, JSON]]
    """What only one dialect says beside the parts (sources, ratings), by the dialect's name."""


class ReplyData(TypedDict):
    """A whole reply as plain JSON. `usage` is disjoint; `raw_usage` is the provider's own."""

    id: str
    model: str
    choices: list[ReplyChoice]
    usage: Usage | None
    raw_usage: dict[str, JSON] | None
    embeddings: NotRequired[list[JSON]]
    """The vectors, in the order of the texts, where embeddings were asked for."""


class Delta:
    """The reading face of one step of an answer: absent facets read as empty text or None."""

    __slots__ = ("facets",)

    def __init__(self, facets: dict[str, JSON]) -> None:
        self.facets = facets

    def __repr__(self) -> str:
        return f"Delta({self.facets!r})"

    @property
    def choice(self) -> int:
        """Which answer this belongs to, where `n` asked for more than one."""
        return int(self.facets.get("choice", 0))

    @property
    def text(self) -> str:
        """Text that was added to the answer."""
        return str(self.facets.get("text", ""))

    @property
    def reasoning(self) -> str:
        """Text that was added to the model's thinking."""
        return str(self.facets.get("reasoning", ""))

    @property
    def refusal(self) -> str:
        """Text that was added to a refusal."""
        return str(self.facets.get("refusal", ""))

    @property
    def tool_call(self) -> dict[str, JSON] | None:
        """`{index, id?, name?, arguments?}`: a call that begins, or more of its arguments."""
        call = self.facets.get("tool_call")
        return call if isinstance(call, dict) else None

    @property
    def finish(self) -> str | None:
        """Why the answer ended, in the step that says so."""
        finish = self.facets.get("finish")
        return finish if isinstance(finish, str) else None

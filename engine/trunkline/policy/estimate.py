"""Tokens that nobody has counted yet: a request's before it is sent, an answer's that was cut.

A token is taken for four bytes of text, media for constants. What providers count when they do
corrects both, for each target on its own, because tokenizers differ and prompts have frames.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DEFAULT_OUTPUT", "Estimates", "estimate_input", "estimate_output"]

BYTES_A_TOKEN: Final = 4

IMAGE: Final = 1_000
"""Tokens of an image. Claude counts width x height / 750 and at most about 1,600, OpenAI 765 for
a square of 1,024 pixels, Gemini 258 for each tile of 768."""

AUDIO_SECOND: Final = 32
"""Tokens of a second of sound: Gemini's documented figure, and the highest among providers."""

AUDIO_BYTES: Final = {"mp3": 16_000, "wav": 48_000}
"""Bytes of a second of sound: 128 kbit/s, and 24,000 samples of 16 bits."""

PAGE: Final = 2_000
"""Tokens of a page: Claude documents 1,500 to 3,000."""

PAGE_BYTES: Final = 100_000
"""Bytes of a page of a document with some pictures."""

DEFAULT_OUTPUT: Final = 1_024
"""Output tokens to expect of a target that has answered too rarely to know."""

_ENOUGH: Final = 20
"""Answers after which what was observed replaces `DEFAULT_OUTPUT`."""

_REMEMBERED: Final = 200
_TARGETS: Final = 10_000
_KEPT: Final = 0.9
_LEAST, _MOST = 0.25, 4.0

_OPAQUE: Final = 256
"""Text of at least so many characters, and not one blank among the first of them, in a block that
only one wire knows, is taken for base64."""


def estimate_input(request: Mapping[str, Any]) -> int:
    """The input of a request in tokens, roughly, before any correction.

    Base64 is never counted as text: images have a constant, sound one for each second and files
    one for each page, both of which are guessed from the size. Texts that come as token numbers
    are counted. Raises `RequestError` for declarations and blocks that are no JSON.
    """
    size = tokens = 0
    texts = request.get("input", ())
    for text in (texts,) if isinstance(texts, str) else texts:
        size += _bytes(text) if isinstance(text, str) else 0
        tokens += 0 if isinstance(text, str) else len(text)
    for message in request.get("messages", ()):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            media = _MEDIA.get(part["type"])
            if media is not None:
                tokens += media(part)
            else:
                size += _text_of(part)
        size += _bytes(content) if isinstance(content, str) else 0
        for call in message.get("tool_calls") or ():
            size += _text_of(call["function"])
    for declared in ("tools", "response_format"):
        if request.get(declared):
            size += _declared(request[declared])
    return tokens + _tokens(size)


def estimate_output(parts: Iterable[Mapping[str, Any]]) -> int:
    """The output in tokens that the parts of an answer are, roughly, before any correction."""
    size = tokens = 0
    for part in parts:
        if part["type"] == "image_url":
            tokens += IMAGE
        else:
            size += _text_of(part)
    return tokens + _tokens(size)


class Estimates:
    """What is known of each target from what its provider counted.

    Targets go by any key, such as their breaker key. At most 10,000 are remembered, those asked
    last; of each the last 200 outputs.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def learn(
        self,
        target: str,
        usage: Mapping[str, Any],
        *,
        asked: int | None = None,
        shown: int | None = None,
    ) -> None:
        """A whole answer came, and its provider counted `usage`; `asked` is what `estimate_input`
        made of the request, `shown` what `estimate_output` made of the answer. Nothing is learnt
        from our own estimates, nor from zeros."""
        if usage.get("estimated"):
            return
        seen = self._seen.pop(target, None) or _Seen()
        self._seen[target] = seen
        if len(self._seen) > _TARGETS:
            del self._seen[next(iter(self._seen))]
        whole = usage.get("input", 0) + usage.get("cache_read", 0) + usage.get("cache_write", 0)
        seen.input.add(whole, asked)
        said = usage.get("output", 0)
        seen.output.add(said, shown)
        seen.answered(said + usage.get("reasoning", 0))

    def input(self, target: str, estimate: int) -> int:
        """An estimate of input, corrected for this target."""
        seen = self._seen.get(target)
        return estimate if seen is None else seen.input.correct(estimate)

    def output(self, target: str, estimate: int) -> int:
        """An estimate of what an answer showed, corrected for this target."""
        seen = self._seen.get(target)
        return estimate if seen is None else seen.output.correct(estimate)

    def expected_output(self, target: str) -> int:
        """Output tokens to reserve for a request that does not limit them: 19 in 20 of this
        target's answers had no more, thoughts included; 1,024 until it has answered 20 times."""
        seen = self._seen.get(target)
        return DEFAULT_OUTPUT if seen is None else seen.usual()

    def usage(
        self, target: str, asked: int, parts: Iterable[Mapping[str, Any]]
    ) -> dict[str, int | bool]:
        """The usage of an answer that nobody counted, as `trunkline.chat.Usage` with `estimated`:
        `asked` is what `estimate_input` gave for its request, `parts` what came of it."""
        return {
            "input": self.input(target, asked),
            "output": self.output(target, estimate_output(parts)),
            "estimated": True,
        }


class _Ratio:
    """What was counted to what was estimated: sums of both, in which an older answer weighs less
    than the next by a tenth. Larger answers weigh more, so that frames of short ones do not
    count as text."""

    __slots__ = ("counted", "estimated")

    def __init__(self) -> None:
        self.counted = self.estimated = 0.0

    def add(self, counted: int, estimated: int | None) -> None:
        if counted > 0 and estimated:
            self.counted = self.counted * _KEPT + counted
            self.estimated = self.estimated * _KEPT + estimated

    def correct(self, estimate: int) -> int:
        if not self.estimated:
            return estimate
        return round(estimate * min(max(self.counted / self.estimated, _LEAST), _MOST))


class _Seen:
    """One target."""

    __slots__ = ("_outputs", "_usual", "input", "output")

    def __init__(self) -> None:
        self.input = _Ratio()
        self.output = _Ratio()
        self._outputs: deque[int] = deque(maxlen=_REMEMBERED)
        self._usual = 0

    def answered(self, tokens: int) -> None:
        if tokens > 0:
            self._outputs.append(tokens)
            self._usual = 0

    def usual(self) -> int:
        if len(self._outputs) < _ENOUGH:
            return DEFAULT_OUTPUT
        if not self._usual:
            ordered = sorted(self._outputs)
            self._usual = ordered[-(-len(ordered) * 95 // 100) - 1]
        return self._usual


def _tokens(size: int) -> int:
    return -(-size // BYTES_A_TOKEN)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _image(_part: Mapping[str, Any]) -> int:
    return IMAGE


def _sound(part: Mapping[str, Any]) -> int:
    sound = part.get("input_audio") or {}
    rate = AUDIO_BYTES.get(str(sound.get("format")), AUDIO_BYTES["mp3"])
    return AUDIO_SECOND * max(-(-_decoded(sound.get("data")) // rate), 1)


def _file(part: Mapping[str, Any]) -> int:
    """Inline text is counted as text; the size of a file somewhere else is not known."""
    data = (part.get("file") or {}).get("file_data")
    size = _decoded(data)
    if isinstance(data, str) and data.startswith("data:text/"):
        return _tokens(size)
    return PAGE * max(-(-size // PAGE_BYTES), 1)


def _decoded(data: Any) -> int:
    """The bytes that base64, or a URL with base64 in it, stands for."""
    return (len(data) - data.find(",", 0, 256) - 1) * 3 // 4 if isinstance(data, str) else 0


_MEDIA: Final = {"image_url": _image, "input_audio": _sound, "file": _file}


def _text_of(part: Mapping[str, Any]) -> int:
    """The bytes of a part, or of the function of a call, that a provider reads as text. What is
    sealed (signatures, redacted thoughts) is not."""
    if part.get("type") == "wire":
        return _text_within(part["block"])
    return sum(_bytes(text) for key in _TEXT if isinstance(text := part.get(key), str))


_TEXT: Final = ("text", "refusal", "name", "arguments")


def _text_within(block: Any) -> int:
    """The same of a block that only one wire knows: all its text but its keys, where what looks
    like base64 counts as an image at most."""
    _declared(block)
    size = 0
    left = [block]
    while left:
        one = left.pop()
        if isinstance(one, str):
            size += min(_bytes(one), IMAGE * BYTES_A_TOKEN) if _opaque(one) else _bytes(one)
        elif isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return size


def _opaque(text: str) -> bool:
    start = text[:_OPAQUE]
    return len(start) == _OPAQUE and start.isascii() and not any(map(str.isspace, start))


def _declared(value: Any) -> int:
    """The bytes of a value as JSON."""
    try:
        return len(dumps(value))
    except WireError as error:
        raise RequestError("bad_request", f"the request cannot be sent: {error}") from error

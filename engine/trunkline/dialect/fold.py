"""The fold: deltas of any dialect become one reply.

Dialect files only spell; whatever needs memory across the steps of an answer is here, once for
all of them. The fold numbers blocks and calls, mints the ids that a wire leaves out, joins text
to the block it belongs to, merges usage, and decides how the answer finished.

Where a delta belongs: one with `at` (the wire's own block key) belongs to the block that first
used that key; without it a tool call is a new block, and text joins the open block of its kind.
A delta with `whole: true` repeats all that its block says: what is there already is not added
again, so that wires which end a block with its whole text need not have sent it in pieces.
A `wire` block with `calls: true` is a call of the caller's that only this wire has: it is
numbered among the calls, and texts that come for it later go on with those that were there.
A signature that comes beside text, without `at`, covers that text alone: the two are a block of
their own, even where the text is empty. Facets of one delta are taken in the order in which the
dialect file writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.dialect.block import Block, Step, mint, part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import ReplyChoice, ReplyData, Usage

__all__ = ["Fold"]

JSONMap = dict[str, Any]


class _Choice:
    """One answer while it grows."""

    __slots__ = (
        "blocks",
        "by_at",
        "calls",
        "extra",
        "finish",
        "index",
        "logprobs",
        "native",
        "stopped_by",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.blocks: list[Block] = []
        self.by_at: dict[Any, Block] = {}
        self.calls = 0
        self.finish: str | None = None
        self.native: str | None = None
        self.stopped_by: str | None = None
        self.extra: JSONMap = {}
        self.logprobs: JSONMap | None = None


_SIGNED: Final = ("text", "tool_call", "image")


def _by_characters(citation: JSONMap, choice: _Choice) -> JSONMap:
    """A citation whose `byte_range`, of the UTF-8 of all text so far, has become `start_index`
    and `end_index` in characters, below the key that its `type` names."""
    rest = {key: one for key, one in citation.items() if key != "byte_range"}
    inner, span = rest.get(str(rest.get("type"))), citation["byte_range"]
    if not (isinstance(inner, dict) and isinstance(span, list) and len(span) == 2):
        return rest
    text = "".join(block.text for block in choice.blocks if block.kind == "text")
    ends = []
    for end in span:
        if type(end) is not int or end < 0:
            return rest
        whole = text.isascii()
        ends.append(
            min(end, len(text)) if whole else len(text.encode()[:end].decode(errors="ignore"))
        )
    return {**rest, rest["type"]: {**inner, "start_index": ends[0], "end_index": ends[1]}}


class Fold:
    """Deltas in, steps out, and at any moment the reply so far.

    `owner` is the dialect the deltas come from: opaque reasoning and wire blocks are marked with
    it, unless the delta names another `owner` (some providers pass on what others gave them).
    `usage` turns the wire's own counters into disjoint ones.
    """

    def __init__(
        self, owner: str = "", usage: Callable[[Mapping[str, Any]], Usage] | None = None
    ) -> None:
        self.owner = owner
        self.id = ""
        self.model = ""
        self.content = False
        self._embeddings: dict[int, Any] = {}
        self.raw_usage: JSONMap | None = None
        self._usage = usage
        self._owner_now = owner
        self._whole_now = False
        self._calls_now = False
        self._sealed_now = False
        self._choices: dict[int, _Choice] = {}

    def add(self, delta: Mapping[str, Any]) -> list[Step]:
        """Take one delta. `fail` is the caller's business and is passed over here."""
        number = delta.get("choice", 0)
        if type(number) is not int:
            number = 0
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice(number)
        at = delta.get("at")
        if type(at) is not int and type(at) is not str:
            at = None
        said = delta.get("owner")
        self._owner_now = said if type(said) is str and said else self.owner
        self._whole_now = delta.get("whole") is True
        self._calls_now = delta.get("calls") is True
        self._sealed_now = at is None and (
            bool("text" in delta and delta.get("signature"))
            or bool("reasoning" in delta and delta.get("reasoning_signature"))
        )
        steps: list[Step] = []
        for facet, value in delta.items():
            take = _FACETS.get(facet)
            if take is not None and value is not None:
                step = take(self, choice, at, value)
                if step is not None:
                    steps.append(step)
        if steps:
            self.content = True
        return steps

    @property
    def finished(self) -> bool:
        """Whether the wire has said why the answer ended."""
        return any(choice.finish is not None for choice in self._choices.values())

    def open_text(self) -> Block | None:
        """The block that more text of the first answer would join; None if it would open one."""
        blocks = self._choices[0].blocks if 0 in self._choices else []
        last = blocks[-1] if blocks else None
        return last if last is not None and last.kind == "text" and not last.signature else None

    def continued(self, block: Block, added: JSONMap) -> Step:
        """A block grows by what another fold has read: `text` or a `citation`."""
        if "text" in added:
            block.pieces.append(added["text"])
        if "citation" in added:
            block.citations.append(added["citation"])
        return Step(block, False, added)

    def adopt(self, step: Step) -> Step:
        """A step of another fold's block, which stands behind those that are here."""
        block = step.block
        if step.opened:
            choice = self._choices.setdefault(block.choice, _Choice(block.choice))
            block.index = len(choice.blocks)
            choice.blocks.append(block)
        return step

    def ends_as(
        self,
        other: Fold,
        logprobs: Mapping[str, Any] | None,
        usage: Callable[[Usage | None], Usage | None],
    ) -> None:
        """How the answer ends is what another fold has read of it. `logprobs` are those from
        before, `usage` makes that of all out of the other's."""
        for number, theirs in other._choices.items():
            choice = self._choices.setdefault(number, _Choice(number))
            choice.finish, choice.native = theirs.finish, theirs.native
            choice.stopped_by, choice.extra = theirs.stopped_by, theirs.extra
            choice.calls = theirs.calls
            if logprobs or theirs.logprobs:
                choice.logprobs = _laid(dict(logprobs or {}), theirs.logprobs or {})
        self.owner = other.owner
        self.raw_usage = other.raw_usage
        theirs_of = other._usage
        self._usage = None if theirs_of is None else lambda raw: usage(theirs_of(raw))  # type: ignore[return-value,assignment]

    def reply(self) -> ReplyData:
        """The reply so far. Blocks that stayed empty are left out."""
        raw = self.raw_usage
        self.id = self.id or mint("reply_")
        whole: ReplyData = {
            "id": self.id,
            "model": self.model,
            "choices": [self._choice(self._choices[key]) for key in sorted(self._choices)]
            or [self._choice(_Choice(0))],
            "usage": self._usage(raw) if raw is not None and self._usage is not None else None,
            "raw_usage": raw,
        }
        if self._embeddings:
            whole["embeddings"] = [self._embeddings[at] for at in sorted(self._embeddings)]
        return whole

    def _choice(self, choice: _Choice) -> ReplyChoice:
        parts = [part_of(block) for block in choice.blocks]
        finish: Any = choice.finish or "stop"
        if choice.calls and finish == "stop":
            finish = "tool_calls"
        whole: ReplyChoice = {
            "index": choice.index,
            "parts": [part for part in parts if part is not None],
            "finish": finish,
            "native_finish": choice.native,
            "logprobs": choice.logprobs,
        }
        if choice.stopped_by is not None:
            whole["stop_sequence"] = choice.stopped_by
        if choice.extra:
            whole["extra"] = {self.owner: choice.extra}
        return whole

    def _start(self, _choice: _Choice, _at: Any, value: Any) -> None:
        """Wires repeat id and model, and Azure's first chunk has both empty: keep what is said."""
        if isinstance(value, dict):
            self.id = value.get("id") or self.id
            self.model = value.get("model") or self.model

    def _text(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        return self._grow(choice, at, "text", value)

    def _reasoning(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        return self._grow(choice, at, "reasoning", value)

    def _refusal(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        return self._grow(choice, at, "refusal", value)

    def _grow(self, choice: _Choice, at: Any, kind: str, value: Any) -> Step | None:
        if not isinstance(value, str) or not value:
            return None
        block, opened = self._open(choice, at, kind)
        added = self._new_in(block, value)
        if not added:
            return None
        block.pieces.append(added)
        return Step(block, opened, {"text": added})

    def _new_in(self, block: Block, value: str) -> str:
        """What a delta adds to its block: all of it, or what a repetition has more."""
        if not self._whole_now:
            return value
        before = block.text
        return value[len(before) :] if value.startswith(before) else ""

    def _open(
        self, choice: _Choice, at: Any, kind: str, *, fresh: bool = False
    ) -> tuple[Block, bool]:
        """The block that this belongs to, and whether it is new.

        A signed block takes no further text of another step: a signature covers exactly the
        part that it came with (Gemini refuses merged ones).
        """
        fresh, self._sealed_now = fresh or self._sealed_now, False
        if at is not None:
            block = choice.by_at.get((at, kind))
            if block is not None and not fresh:
                return block, False
        elif not fresh and choice.blocks:
            block = choice.blocks[-1]
            if block.kind == kind and not block.signature and not block.redacted:
                return block, False
        block = Block(choice.index, len(choice.blocks), kind, self._owner_now)
        choice.blocks.append(block)
        if at is not None:
            choice.by_at[at, kind] = block
        return block, True

    def _signature(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        """A signature on visible content: on the block of its key, else on the open block."""
        if not isinstance(value, str) or not value:
            return None
        open_block = choice.blocks[-1] if choice.blocks else None
        if at is not None:
            keyed = (choice.by_at.get((at, kind)) for kind in _SIGNED)
            open_block = next((block for block in keyed if block is not None), None)
        opened = open_block is None or open_block.kind not in _SIGNED or self._sealed_now
        if open_block is None or opened:
            open_block, opened = self._open(choice, at, "text", fresh=True)
        open_block.signature = value
        open_block.owner = self._owner_now
        return Step(open_block, opened, {"signature": value})

    def _reasoning_signature(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        if not isinstance(value, str) or not value:
            return None
        block, opened = self._open(choice, at, "reasoning")
        block.signature += value
        block.owner = self._owner_now
        return Step(block, opened, {"signature": value})

    def _reasoning_redacted(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        if not isinstance(value, str) or not value:
            return None
        block, opened = self._open(choice, at, "reasoning", fresh=at is None)
        block.redacted += value
        return Step(block, opened, {"redacted": value})

    def _reasoning_id(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        block, opened = self._open(choice, at, "reasoning")
        block.id = str(value)
        return Step(block, opened, {}) if opened else None

    def _tool_call(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        if not isinstance(value, dict):
            return None
        kind = "server_call" if value.get("server") else "tool_call"
        block, opened = self._call_block(choice, at, kind, value)
        block.name = block.name or str(value.get("name") or "")
        if value.get("signature"):
            block.signature = str(value["signature"])
            block.owner = self._owner_now
        more = value.get("more")
        if isinstance(more, dict):
            block.more.update(more)
        arguments = value.get("arguments")
        added = self._new_in(block, arguments) if isinstance(arguments, str) else ""
        if added:
            block.pieces.append(added)
            return Step(block, opened, {"arguments": added})
        return Step(block, opened, {}) if opened else None

    def _call_block(
        self, choice: _Choice, at: Any, kind: str, value: JSONMap
    ) -> tuple[Block, bool]:
        """The call's block. A known key with another id is a new call all the same: some
        compatible servers number every parallel call 0."""
        said = str(value.get("id") or "")
        if at is not None and not value.get("server"):
            for known in ("tool_call", "server_call"):
                block = choice.by_at.get((at, known))
                if block is not None and (not said or said == block.wire_id):
                    return block, False
        block, opened = self._open(choice, at, kind, fresh=True)
        block.wire_id = said
        block.id = said or mint("call_")
        if kind == "tool_call":
            block.call = choice.calls
            choice.calls += 1
        return block, opened

    def _citation(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        if not isinstance(value, dict):
            return None
        if "byte_range" in value:
            value = _by_characters(value, choice)
        said = [block for block in choice.blocks if block.kind == "text"] if at is None else []
        block, opened = (said[-1], False) if said else self._open(choice, at, "text")
        if self._whole_now and value in block.citations:
            return None
        block.citations.append(value)
        return Step(block, opened, {"citation": value})

    def _image(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        return self._whole(choice, at, "image", value)

    def _wire(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        """A block that only one wire knows. What comes for its key later is laid into it."""
        block = choice.by_at.get((at, "wire"))
        if block is None:
            step = self._whole(choice, at, "wire", value)
            if self._calls_now:
                step.block.call = choice.calls
                choice.calls += 1
            return step
        block.data = _laid(block.data, value, joins=self._calls_now)
        return Step(block, False, {"data": value})

    def _whole(self, choice: _Choice, at: Any, kind: str, value: Any) -> Step:
        block, opened = self._open(choice, at, kind, fresh=True)
        block.data = value
        return Step(block, opened, {"data": value})

    def _more(self, choice: _Choice, at: Any, value: Any) -> None:
        """What only this wire knows of a block, for the way back; without a block, nothing."""
        if not isinstance(value, dict):
            return
        found = choice.blocks[-1] if choice.blocks else None
        if at is not None:
            keyed = (choice.by_at.get((at, kind)) for kind in _WITH_MORE)
            found = next((block for block in keyed if block is not None), None)
        if found is not None:
            found.more.update(value)

    def _audio(self, choice: _Choice, at: Any, value: Any) -> Step | None:
        """Sound arrives in pieces of base64 and transcript, with an id once."""
        if not isinstance(value, dict):
            return None
        block, opened = self._open(choice, at, "audio")
        block.hear(value)
        return Step(block, opened, {"data": value})

    def _embedding(self, _choice: _Choice, at: Any, value: Any) -> None:
        """A vector, at the place of its text; without `at` the next one."""
        if isinstance(value, list | str) and value:
            place = at if isinstance(at, int) else len(self._embeddings)
            self._embeddings[place] = value
            self.content = True

    def _logprobs(self, choice: _Choice, _at: Any, value: Any) -> None:
        if not isinstance(value, dict):
            return
        whole = choice.logprobs = choice.logprobs or {}
        for key, items in value.items():
            if isinstance(items, list):
                whole.setdefault(key, []).extend(items)

    def _take_usage(self, _choice: _Choice, _at: Any, value: Any) -> None:
        """By key, the last that is not null wins: later events correct earlier ones, and some
        leave out what earlier ones said."""
        if isinstance(value, dict):
            said = {key: count for key, count in value.items() if count is not None}
            self.raw_usage = {**(self.raw_usage or {}), **said}

    def _finish(self, choice: _Choice, _at: Any, value: Any) -> None:
        choice.finish = str(value)
        self.content = True

    def _native_finish(self, choice: _Choice, _at: Any, value: Any) -> None:
        choice.native = str(value)

    def _extra(self, choice: _Choice, _at: Any, value: Any) -> None:
        """What only this wire says beside the parts of an answer: by key, the last wins."""
        if isinstance(value, dict):
            choice.extra = {**choice.extra, **value}

    def _stop_sequence(self, choice: _Choice, _at: Any, value: Any) -> None:
        choice.stopped_by = str(value)


_WITH_MORE = ("text", "reasoning", "tool_call", "server_call", "image", "refusal")


def _laid(whole: Any, piece: Any, *, joins: bool = False) -> Any:
    """Mappings by key and lists one after the other, and texts if they are to be joined;
    anything else is replaced."""
    if isinstance(whole, dict) and isinstance(piece, dict):
        added = {key: _laid(whole.get(key), one, joins=joins) for key, one in piece.items()}
        return {**whole, **added}
    if isinstance(whole, list) and isinstance(piece, list):
        return [*whole, *piece]
    return whole + piece if joins and isinstance(whole, str) and isinstance(piece, str) else piece


_FACETS: dict[str, Callable[[Fold, _Choice, Any, Any], Step | None]] = {
    "start": Fold._start,
    "text": Fold._text,
    "signature": Fold._signature,
    "reasoning": Fold._reasoning,
    "reasoning_signature": Fold._reasoning_signature,
    "reasoning_redacted": Fold._reasoning_redacted,
    "reasoning_id": Fold._reasoning_id,
    "tool_call": Fold._tool_call,
    "citation": Fold._citation,
    "refusal": Fold._refusal,
    "image": Fold._image,
    "audio": Fold._audio,
    "logprobs": Fold._logprobs,
    "embedding": Fold._embedding,
    "wire": Fold._wire,
    "more": Fold._more,
    "usage": Fold._take_usage,
    "finish": Fold._finish,
    "native_finish": Fold._native_finish,
    "stop_sequence": Fold._stop_sequence,
    "extra": Fold._extra,
}

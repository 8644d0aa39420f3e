"""The parser's events: `ruamel.yaml`'s pure parser, made fast and bounded in depth.

The pure parser defines the language. What is overridden here says the same with regular
expressions instead of one Python call a character; a test holds the two together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner, ScannerError
from ruamel.yaml.tokens import ScalarToken

from trunkline.config.scan import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TOO_DEEP", "events"]

TOO_DEEP: Final = f"nested more than {MAX_DEPTH} levels deep"

_END: Final = "\\0 \\t\\r\\n\\x85\u2028\u2029"
_BLOCK_WORD: Final = re.compile(f"(?:[^{_END}:]+|:(?![{_END}]))*")
_FLOW_WORD: Final = re.compile(f"(?:[^{_END}:,\\[\\]{{}}]+|:(?![{_END}]))*")
_SPACES: Final = re.compile(" *")
_BLANKS: Final = re.compile("[ \t]*")
_COMMENT: Final[Any] = re.compile("#[^\0\r\n\x85\u2028\u2029]*")


def events(text: str) -> Iterator[Any]:
    """The events of `text`, whose line ends must be `\\n`, one at a time.

    Raises `YAMLError`, with the problem `TOO_DEEP` for brackets nested deeper than `MAX_DEPTH`:
    the scanner looks 1,024 characters ahead, at a cost that grows with the square of the depth.
    Blocks do not look ahead; their depth is for the caller to count.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Reader, yaml.Scanner, yaml.Parser = _Reader, _Scanner, _Parser
    return iter(yaml.parse(text))


class _Reader(Reader):
    """Reads from text that is all there, with `\\n` for line ends."""

    def forward(self, length: int = 1) -> None:
        pointer = self.pointer
        self.pointer = end = pointer + length
        self.index += length
        lines = self.buffer.count("\n", pointer, end)
        if lines:
            self.line += lines
            self.column = end - self.buffer.rfind("\n", pointer, end) - 1
        else:
            self.column += length


class _Parser(Parser):
    scanner: Any = None

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self.scanner = loader.scanner


class _Scanner(Scanner):
    reader: Any = None

    def __init__(self, loader: Any = None) -> None:
        self.reader = loader.reader
        super().__init__(loader)

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803
        if len(self.flow_context) >= MAX_DEPTH:
            raise ScannerError(None, None, TOO_DEEP, self.reader.get_mark())
        super().fetch_flow_collection_start(TokenClass, to_push)

    def need_more_tokens(self) -> bool:
        if self.done:
            return False
        if not self.tokens:
            return True
        if not self.possible_simple_keys:
            return False
        self.stale_possible_simple_keys()
        return bool(self.next_possible_simple_key() == self.tokens_taken)

    def check_token(self, *choices: Any) -> bool:
        while self.need_more_tokens():
            self.fetch_more_tokens()
        return bool(self.tokens) and (not choices or isinstance(self.tokens[0], choices))

    def stale_possible_simple_keys(self) -> None:
        reader = self.reader
        line, oldest = reader.line, reader.index - 1024
        for key in self.possible_simple_keys.values():
            if key.line != line or key.index < oldest:
                super().stale_possible_simple_keys()
                return

    def scan_to_next_token(self) -> Any:
        reader = self.reader
        buffer = reader.buffer
        skip: Any = _BLANKS if self.flow_context else _SPACES
        while True:
            end = skip.match(buffer, reader.pointer).end()
            if buffer[end] == "#":
                end = _COMMENT.match(buffer, end).end()
            if end != reader.pointer:
                reader.forward(end - reader.pointer)
            if not self.scan_line_break():
                return None
            if not self.flow_context:
                self.allow_simple_key = True

    def scan_plain(self) -> Any:
        reader = self.reader
        buffer = reader.buffer
        word: Any = _FLOW_WORD if self.flow_context else _BLOCK_WORD
        chunks: list[str] = []
        spaces: list[str] = []
        start_mark = end_mark = reader.get_mark()
        indent = self.indent + 1
        while buffer[reader.pointer] != "#":
            end = word.match(buffer, reader.pointer).end()
            if end == reader.pointer:
                break
            self.allow_simple_key = False
            chunks += spaces
            chunks.append(buffer[reader.pointer : end])
            reader.forward(end - reader.pointer)
            end_mark = reader.get_mark()
            spaces = self.scan_plain_spaces(indent, start_mark)
            if not spaces or (not self.flow_context and reader.column < indent):
                break
        return ScalarToken("".join(chunks), True, start_mark, end_mark)

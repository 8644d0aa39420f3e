"""Where words go: results to stdout, everything else to stderr, colours only to terminals."""

from __future__ import annotations

import io
import os
import sys
from typing import IO, Any, Final, TextIO, cast

__all__ = ["coloured", "harmless", "note", "result", "result_json", "tolerant"]


def tolerant() -> None:
    """Let stdout and stderr take every character: one that has no place in the terminal's
    encoding is written as an escape, instead of ending the program. A stream that was closed
    before we began is nowhere."""
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere(mode: str) -> TextIO:
    from pathlib import Path

    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def coloured(stream: IO[str]) -> bool:
    """Whether colours belong here: on a terminal that has them, unless NO_COLOR is set
    (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def result(text: str) -> None:
    """Write to stdout, ending the line."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def result_json(value: Any) -> None:
    """Write a value to stdout as JSON, for programs that read it."""
    import json

    result(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """Write a line to stderr, after what stdout has taken so far. It may quote what others say."""
    sys.stdout.flush()
    sys.stderr.write(f"{harmless(text, sys.stderr)}\n")
    sys.stderr.flush()


_CONTROLS: Final = dict.fromkeys(
    [*range(0x20), 0x7F, *range(0x80, 0xA0)], "\N{REPLACEMENT CHARACTER}"
)
del _CONTROLS[ord("\n")], _CONTROLS[ord("\t")]


def harmless(text: str, stream: IO[str]) -> str:
    """Text from elsewhere as this stream may show it: a terminal's cursor, colours and title
    are not to be moved by what a model says. Files and pipes get it as it is."""
    return text.translate(_CONTROLS) if stream.isatty() else text

"""The corpora of route files, and what is found in one."""

from __future__ import annotations

import re
from pathlib import Path

from trunkline.config.load import load
from trunkline.config.spec import read
from trunkline.diagnostics import Diagnostic, unsilenced

CORPUS = Path(__file__).parents[1] / "corpus"
GOOD = sorted((CORPUS / "good").iterdir())
MAIN = ("trunkline.yaml", "EXPECT")


def bad() -> list[Path]:
    """Each bad document: a file, or a folder with a `trunkline.yaml` or an `EXPECT` file."""
    groups = [p for p in (CORPUS / "bad").iterdir() if p.is_dir() and p.name.startswith("TL")]
    shape = [p for p in groups if p.name[:3] in ("TL1", "TL2")]
    return sorted([*(one for group in shape for one in group.iterdir()), CORPUS / "bad/many.yaml"])


def expected(path: Path) -> list[str]:
    """The `# expect: CODE [file:]line:column` comments of a bad document."""
    file = path if path.is_file() else next(path / n for n in MAIN if (path / n).is_file())
    lines = file.read_bytes().split(b"\n")
    found = [m[1].decode() for line in lines if (m := re.match(rb"# expect: (.*)", line))]
    assert found, f"{file} does not say what to expect"
    return found


def findings(path: Path) -> list[Diagnostic]:
    texts: dict[str, str] = {}
    document, found = load(path, files=texts)
    if document is not None:
        found = found + read(document)[1]
    return unsilenced(found, texts)


def shown(path: Path, one: Diagnostic) -> str:
    """A finding as `expect` writes it: with the file's name only within folders."""
    where = f"{one.span.line}:{one.span.column}"
    file = Path(one.span.file)
    if path.is_dir() and file != path:
        where = f"{file.relative_to(path).as_posix()}:{where}"
    return f"{one.code} {where}"

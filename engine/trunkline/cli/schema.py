"""`trunkline schema`: the JSON Schemas, printed, written, or held against what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.cli.stops import FAILED, FINE, UsageError
from trunkline.cli.terminal import note, result

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

DEFAULT = "route-file"

ABOUT = """\
Print a JSON Schema (Draft 2020-12): `route-file`, which editors complete and
check route files by; `chat`, a request; `dialect`, a wire language;
`provider-row`, a row of the catalogue.
"""

EXAMPLES = """\
  trunkline schema > route-file.schema.json
  trunkline schema chat
  trunkline schema --write schemas          write all of them
  trunkline schema --write schemas --check  say which of them are out of date
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help=f"which; `{DEFAULT}` to print, all to write"
    )
    parser.add_argument("--write", metavar="DIR", help="write files into this folder")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file would change"
    )


def perform(args: argparse.Namespace) -> int:
    """Print or write."""
    from trunkline.config.generate import published

    if args.check and args.write is None:
        raise UsageError("`--check` needs `--write DIR`: the folder to look at")
    files = published()
    if args.name is not None:
        files = {(name := f"{args.name}.schema.json"): _one(files, args.name, name)}
    if args.write is None:
        result(files[f"{args.name or DEFAULT}.schema.json"])
        return FINE
    return _check(Path(args.write), files) if args.check else _write(Path(args.write), files)


def _one(files: dict[str, str], asked: str, name: str) -> str:
    if name not in files:
        known = ", ".join(file.removesuffix(".schema.json") for file in files)
        raise UsageError(f"there is no schema `{asked}`; there are {known}")
    return files[name]


def _write(folder: Path, files: dict[str, str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
        note(f"wrote {folder / name}")
    return FINE


def _check(folder: Path, files: dict[str, str]) -> int:
    stale = [name for name, text in files.items() if _current(folder / name) != text]
    for name in stale:
        result(f"{folder / name} is out of date")
    if stale:
        note(f"trunkline: write them again with `trunkline schema --write {folder}`")
    return FAILED if stale else FINE


def _current(file: Path) -> str | None:
    return file.read_text("utf-8") if file.is_file() else None

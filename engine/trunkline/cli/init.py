"""`trunkline init`: a folder to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.cli.stops import FAILED, FINE, Stop
from trunkline.cli.terminal import note

if TYPE_CHECKING:
    import argparse

__all__ = ["ABOUT", "EXAMPLES", "options", "perform"]

ABOUT = """\
Write a starter folder: trunkline.yaml, which works at once because its
providers are simulated; the schema beside it, by which editors complete and
check it; and a README. Nothing that is there already is overwritten.
"""

EXAMPLES = """\
  trunkline init
  trunkline init my-routes && cd my-routes && trunkline run "hello" --trace
"""

STARTER = ("trunkline.yaml", "README.md")
SCHEMA = "route-file.schema.json"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where; default here")


def perform(args: argparse.Namespace) -> int:
    """Write all of it, or nothing."""
    from trunkline.config.generate import published

    starter = files("trunkline.cli") / "starter"
    texts = {name: (starter / name).read_text("utf-8") for name in STARTER}
    texts[SCHEMA] = published()[SCHEMA]
    folder = Path(args.folder)
    there = [name for name in texts if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        raise Stop(
            FAILED,
            f"{folder / there[0]} is there already, and nothing is overwritten; "
            "name another folder: `trunkline init DIR`",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        note(f"wrote {folder / name}")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    note(f'next: {here}trunkline run "hello" --trace')
    return FINE

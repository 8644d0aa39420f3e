"""Writes the reference: `python -m docs.generate`, from the root of the repository.

`--check` writes nothing and exits 1 if a page is not what the code says now.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.pages import cli, codes, dialects, errors, filters, providers, route_file, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE: Final = Path(__file__).parent / "reference"

PAGES: Final[dict[str, Callable[[], str]]] = {
    "route-file.md": route_file.page,
    "codes.md": codes.page,
    "filters.md": filters.page,
    "dialects.md": dialects.page,
    "providers.md": providers.page,
    "errors.md": errors.page,
    "cli.md": cli.page,
    "scenarios.md": scenarios.page,
}
"""Every page of the reference, and what writes it."""


def stale() -> list[str]:
    """The pages that are missing or out of date, and files that no page is written to."""
    committed = {file.name for file in REFERENCE.glob("*")}
    old = [name for name, write in PAGES.items() if _committed(name) != write()]
    return sorted([*old, *(committed - PAGES.keys())])


def _committed(name: str) -> str | None:
    file = REFERENCE / name
    return file.read_text("utf-8") if file.is_file() else None


def main() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    if parser.parse_args().check:
        old = stale()
        for name in old:
            print(f"docs/reference/{name} is not up to date", file=sys.stderr)
        if old:
            print("write it again: python -m docs.generate", file=sys.stderr)
        return 1 if old else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

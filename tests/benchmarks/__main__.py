"""`python -m tests.benchmarks` lists the benchmarks; with their names it runs them."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path


def benchmarks() -> dict[str, str]:
    """The first line of what each says of itself, by name."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return {
        file.stem: (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n")[0]
        for file in files
        if not file.stem.startswith("test_")
    }


def main(names: list[str]) -> None:
    """Run those that are named, or list them all."""
    known = benchmarks()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        for name, about in known.items():
            print(f"{name:12} {about}")
        sys.exit(f"there is no benchmark {', '.join(unknown)}" if unknown else 0)
    for name in names:
        sys.argv = [name]
        runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])

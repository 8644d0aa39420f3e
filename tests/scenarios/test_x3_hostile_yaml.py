"""X3: hostile YAML gives a typed error with its place in 200 ms, and the process lives on.

The texts are read in a child process under limits on memory and processor time, because what is
feared is a crash. Times are asserted at four times the figure; the figure itself is nightly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

LIMIT_MS = 200
DEPTH = 50_000
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}], y{n}: *a{n}}}\n" for n in range(40)
)

HOSTILE: dict[str, tuple[str, str, str]] = {
    # name: text (latin-1 stands for bytes), code, line:column
    "duplicate keys": ("a: 1\nb: 2\na: 3\n", "TL106", "3:1"),
    "alias bomb": (LAUGHS, "TL105", "6:4"),
    "merge bomb": (MERGES, "TL105", ""),
    "self-alias": ("a: &a [*a]\n", "TL110", "1:8"),
    "lists 50,000 deep": ("[" * DEPTH, "TL104", "1:65"),
    "lists 50,000 deep, closed": ("[" * DEPTH + "]" * DEPTH, "TL104", "1:65"),
    "mappings 50,000 deep": ("{a: " * DEPTH, "TL104", "1:257"),
    "list items 50,000 deep": ("- " * DEPTH, "TL104", "1:129"),
    "complex keys 50,000 deep": ("? " * DEPTH, "TL104", "1:129"),
    "blocks 1,900 deep": ("".join(" " * n + "a:\n" for n in range(1_900)), "TL104", "65:65"),
    "Python tag": ("a: !!python/object/apply:os.system [ls]\n", "TL108", "1:4"),
    "tag of 100,000 characters": (f"a: !{'x' * 100_000} b\n", "TL108", "1:4"),
    "100,000 anchors on one value": ("a: " + "&a " * 100_000 + "x\n", "TL100", "1:7"),
    "NUL": ("a: b\0\n", "TL102", "1:5"),
    "not UTF-8": ("a: \xff\n", "TL101", "1:4"),
    "UTF-16": ("\xff\xfea\0:\0", "TL101", "1:1"),
    "half a surrogate pair": ('a: "\\ud800"\n', "TL102", "1:4"),
    "10 MB scalar": ("a: " + "x" * 10_000_000, "TL103", "1:1"),
    "a number of 100,000 digits": ("a: " + "9" * 100_000 + "\n", "TL114", "1:4"),
    "a key of 100,000 characters": (f"? {'k' * 100_000}\n: 1\n{'k' * 50}: 1\n[", "TL100", ""),
    "never closed quote": ("a: " + "'" * 99_999, "TL117", "1:4"),
    "100,000 colons": (":" * 100_000, "TL100", ""),
    "directives": ("%" * 100_000, "TL112", "1:1"),
    "nothing but spaces": (" " * 1_900_000, "TL113", ""),
}

CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from trunkline.config.source import parse
parse(b"warm: up", "warm.yaml")
answers = {}
for name, text in json.load(sys.stdin).items():
    begun = time.perf_counter()
    document, found = parse(text.encode("latin-1"), "f.yaml")
    took = time.perf_counter() - begun
    places = [[one.code, f"{one.span.line}:{one.span.column}"] for one in found]
    answers[name] = {"places": places, "ms": took * 1000}
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    texts = json.dumps({name: text for name, (text, _, _) in HOSTILE.items()})
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=texts, capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stderr[-2000:]
    result: dict[str, Any] = json.loads(child.stdout)
    return result


@pytest.mark.parametrize("name", HOSTILE)
def test_x3_a_typed_error_with_its_place(name: str, answers: dict[str, Any]) -> None:
    _, code, place = HOSTILE[name]
    assert answers[name]["places"]
    first_code, first_place = answers[name]["places"][0]
    assert first_code == code
    assert place in ("", first_place)


@pytest.mark.parametrize("name", HOSTILE)
def test_x3_soon(name: str, answers: dict[str, Any]) -> None:
    assert answers[name]["ms"] <= 4 * LIMIT_MS


@pytest.mark.nightly
@pytest.mark.parametrize("name", HOSTILE)
def test_x3_in_200_ms(name: str, answers: dict[str, Any]) -> None:
    assert answers[name]["ms"] <= LIMIT_MS

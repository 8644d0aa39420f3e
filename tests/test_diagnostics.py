"""How findings are shown, sorted and silenced."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trunkline.diagnostics import (
    HINT_WIDTH,
    WIDTH,
    Diagnostic,
    Severity,
    Span,
    did_you_mean,
    render,
    sort,
    summary,
    unsilenced,
)

SOURCE = "version: 1\nroutes:\n  - match: a\n    to: [openai, anthropc/claude-sonnet-4-5]\n"
FILES = {"routes/chat.yaml": SOURCE}
UNKNOWN = Diagnostic(
    "TL302",
    "error",
    "unknown provider `anthropc`; did you mean `anthropic`?",
    Span("routes/chat.yaml", 4, 18, 4, 26),
    "declared providers: anthropic, openai",
)


def finding(line: int, severity: Severity = "warning", code: str = "TL402") -> Diagnostic:
    return Diagnostic(code, severity, "something", Span("a.yaml", line, 1, line, 2))


def test_text_shows_the_line_the_place_and_the_hint() -> None:
    assert render([UNKNOWN], FILES) == (
        "routes/chat.yaml:4:18 error TL302 unknown provider `anthropc`; did you mean `anthropic`?\n"
        " 4 |     to: [openai, anthropc/claude-sonnet-4-5]\n"
        "   |                  ^^^^^^^^ declared providers: anthropic, openai\n"
    )


def test_related_places_follow_with_their_own_lines() -> None:
    twice = Diagnostic(
        "TL106",
        "error",
        "the key `b` stands here twice",
        Span("a.yaml", 12, 3, 12, 4),
        "keep one",
        ((Span("a.yaml", 2, 3, 2, 4), "first here"),),
    )
    files = {"a.yaml": "a:\n  b: 1\n" + "\n" * 9 + "  b: 2\n"}
    assert render([twice], files).splitlines()[1:] == [
        " 12 |   b: 2",
        "    |   ^ keep one",
        "    first here: a.yaml:2:3",
        " 2 |   b: 1",
        "   |   ^",
    ]


def carets(line: str, column: int, end: int, end_line: int = 1) -> tuple[str, str]:
    one = Diagnostic("TL1", "error", "m", Span("f", 1, column, end_line, end))
    _, shown, below = render([one], {"f": line}).splitlines()
    return shown.partition("| ")[2], below.partition("| ")[2]


def test_carets_stand_below_what_is_meant_behind_tabs_and_wide_characters() -> None:
    assert carets("\tabc", 3, 4) == ("    abc", "     ^")
    assert carets("世界: x", 5, 6) == ("世界: x", "      ^")
    assert carets("世界: x", 1, 3) == ("世界: x", "^^^^")
    assert carets("e\u0301: x", 5, 6) == ("e\u0301: x", "   ^")


def test_a_span_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    assert carets("a: {b", 4, 2, end_line=3) == ("a: {b", "   ^^")


def test_an_empty_span_still_has_a_caret() -> None:
    assert carets("a:", 3, 3) == ("a:", "  ^")


def test_long_lines_are_shown_around_the_place() -> None:
    line = "x" * 500 + "HERE" + "y" * 500
    shown, below = carets(line, 501, 505)
    assert len(shown) == WIDTH
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert shown[below.index("^") : below.rindex("^") + 1] == "HERE"


@given(st.text(min_size=1, max_size=300), st.integers(1, 310), st.integers(0, 310))
def test_no_line_breaks_the_layout(line: str, column: int, length: int) -> None:
    line = line.replace("\n", "") or "x"
    one = Diagnostic("TL1", "error", "m", Span("f", 1, column, 1, column + length), "hint")
    rendered = render([one], {"f": line})
    lines = rendered.split("\n")
    assert lines[-1] == ""
    if line.strip():
        marks = lines[2].removeprefix("   | ").removesuffix(" hint")
        below = len(f"{marks} hint") > HINT_WIDTH
        assert len(lines) == (5 if below else 4)
        assert "^" in marks
        assert lines[-2] == ("   | hint" if below else f"   | {marks} hint")
    assert "\x1b" not in rendered


def test_a_place_without_text_shows_the_hint_alone() -> None:
    one = Diagnostic("TL116", "error", "cannot be read", Span("gone.yaml"), "look elsewhere")
    assert render([one], {}) == "gone.yaml:1:1 error TL116 cannot be read\n    look elsewhere\n"


def test_terminal_controls_in_text_and_names_are_not_passed_on() -> None:
    one = Diagnostic("TL201", "error", "unknown key `\x1b[2J`", Span("f", 1, 1, 1, 2), "\x07")
    rendered = render([one], {"f": "\x1b]0;evil\x07"})
    assert "\x1b" not in rendered
    assert "\x07" not in rendered
    assert "\x1b[1;31merror\x1b[0m" in render([one], {"f": "a"}, colour=True)


def test_json_has_every_finding_and_the_counts() -> None:
    found = json.loads(render([UNKNOWN, finding(3)], FILES, "json"))
    assert found["diagnostics"][0] == {
        "code": "TL302",
        "severity": "error",
        "message": UNKNOWN.message,
        "file": "routes/chat.yaml",
        "line": 4,
        "column": 18,
        "end_line": 4,
        "end_column": 26,
        "hint": UNKNOWN.hint,
    }
    assert found["summary"] == {"errors": 1, "warnings": 1, "hints": 0, "files": 1}
    assert json.loads(render([], {}, "json"))["diagnostics"] == []


def test_github_gets_one_escaped_command_a_finding() -> None:
    odd = Diagnostic("TL1", "hint", "50% a\nb", Span("a,b:c.yaml", 1, 2, 1, 3))
    assert render([UNKNOWN, odd], FILES, "github") == (
        "::error file=routes/chat.yaml,line=4,endLine=4,col=18,endColumn=26,title=TL302::"
        "unknown provider `anthropc`; did you mean `anthropic`?%0A"
        "declared providers: anthropic, openai\n"
        "::notice file=a%2Cb%3Ac.yaml,line=1,endLine=1,col=2,endColumn=3,title=TL1::50%25 a%0Ab\n"
    )


def test_findings_are_sorted_by_place_and_not_repeated() -> None:
    late, early = finding(9), finding(2)
    assert sort([late, early, late]) == [early, late]


def test_the_summary_counts() -> None:
    found = [finding(1, "error"), finding(2), finding(3), finding(4, "hint")]
    assert summary(found, 3) == "1 error, 2 warnings, 1 hint in 3 files"
    assert summary([], 1) == "nothing to say in 1 file"


IGNORED = """\
a: 1  # trunkline: ignore TL402
# trunkline: ignore TL402, TL601
b: 2
c: "# trunkline: ignore TL402"
"""


def test_a_comment_silences_its_own_line_or_the_one_below_it() -> None:
    found = [finding(1), finding(3), finding(3, "hint", "TL601"), finding(4)]
    assert unsilenced(found, {"a.yaml": IGNORED}) == [finding(4)]


def test_a_comment_that_silences_nothing_is_a_warning() -> None:
    found = unsilenced([finding(1), finding(3)], {"a.yaml": IGNORED})
    assert [(one.code, one.severity, str(one.span)) for one in found] == [
        ("TL230", "warning", "a.yaml:2:28")
    ]


def test_errors_are_never_silenced_and_keep_comments_from_being_judged() -> None:
    error = finding(1, "error")
    assert unsilenced([error], {"a.yaml": IGNORED}) == [error]


def test_comments_silence_only_their_own_file() -> None:
    other = Diagnostic("TL402", "warning", "something", Span("b.yaml", 1, 1, 1, 2))
    found = unsilenced([other], {"a.yaml": "a: 1  # trunkline: ignore TL402\n", "b.yaml": "a: 1\n"})
    assert [one.code for one in found] == ["TL230", "TL402"]


def test_did_you_mean_is_near_or_nothing() -> None:
    assert did_you_mean("anthropc", ["openai", "anthropic"]) == "anthropic"
    assert did_you_mean("OpenAI", ["openai", "anthropic"]) == "openai"
    assert did_you_mean("zzz", ["openai", "anthropic"]) is None
    assert did_you_mean("x", []) is None

"""Headers of every known shape are read by that shape, and only ever lower what may be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.headroom import Headroom, Headrooms, read_headroom

NOW = 1000.0
WALL = 1_763_812_800.0
"""2025-11-22T12:00:00Z."""

KEY = ("p#0", "p/m@chat")


@pytest.mark.parametrize(
    ("headers", "requests", "tokens"),
    [
        (
            {"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s"},
            (59, 1),
            None,
        ),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, None, (0, 300)),
        (
            {"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "120ms"},
            None,
            (7, 0.12),
        ),
        (
            {
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-tokens": "149000",
                "x-ratelimit-reset-tokens": "59.5s",
            },
            (59, 1),
            (149000, 59.5),
        ),
        (
            {
                "acme-ratelimit-requests-limit": "50",
                "acme-ratelimit-requests-remaining": "3",
                "acme-ratelimit-requests-reset": "2025-11-22T12:00:09Z",
            },
            (3, 9),
            None,
        ),
        (
            {
                "acme-ratelimit-input-tokens-remaining": "20000",
                "acme-ratelimit-input-tokens-reset": "2025-11-22T12:00:05Z",
                "acme-ratelimit-output-tokens-remaining": "100",
                "acme-ratelimit-output-tokens-reset": "2025-11-22T12:00:42Z",
            },
            None,
            (100, 42),
        ),
        ({"ratelimit-remaining": "4", "ratelimit-reset": "30"}, (4, 30), None),
        ({"x-ratelimit-remaining": "4", "x-ratelimit-reset": "1763812810"}, (4, 10), None),
        ({"x-ratelimit-remaining": "4", "x-ratelimit-reset": "1763812810000"}, (4, 10), None),
        ({"ratelimit-remaining-tokens": "4", "ratelimit-reset-tokens": "2"}, None, (4, 2)),
        (
            {"x-ratelimit-remaining-req-minute": "9", "x-ratelimit-reset-req-minute": "3"},
            (9, 3),
            None,
        ),
        (
            {"x-ratelimit-remaining-tokens-minute": "9", "x-ratelimit-reset-tokens-minute": "3"},
            None,
            (9, 3),
        ),
        ({"ratelimit": '"default";r=50;t=30'}, (50, 30), None),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, (50, 30), None),
        ({"ratelimit": '"tokens";r=5;t=30'}, None, (5, 30)),
        ({"ratelimit": '"burst";r=7;t=3, "day";r=5;t=100, "tokens";r=9;t=2'}, (5, 100), (9, 2)),
        ({"x-ratelimit-remaining": "-4", "x-ratelimit-reset": "5"}, (0, 5), None),
        ({"x-ratelimit-remaining": "4.9", "x-ratelimit-reset": "5"}, (4, 5), None),
        ({"x-ratelimit-remaining": "1e400", "x-ratelimit-reset": "5"}, (10**15, 5), None),
    ],
)
def test_headers_say_what_is_left(
    headers: dict[str, str],
    requests: tuple[int, float] | None,
    tokens: tuple[int, float] | None,
) -> None:
    read = read_headroom(headers, NOW, WALL)
    assert read is not None
    assert read.requests == (requests and requests[0])
    assert read.tokens == (tokens and tokens[0])
    assert read.requests_until == pytest.approx(NOW + requests[1] if requests else 0.0)
    assert read.tokens_until == pytest.approx(NOW + tokens[1] if tokens else 0.0)
    assert read.until == max(read.requests_until, read.tokens_until)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"x-ratelimit-remaining-requests": "59"},
        {"x-ratelimit-reset-requests": "1s"},
        {"x-ratelimit-limit-requests": "60", "ratelimit-policy": '"default";q=100;w=60'},
        {"x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-requests": "1s"},
        {"x-ratelimit-remaining-requests": "nan", "x-ratelimit-reset-requests": "1s"},
        {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "soon"},
        {"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "60"},
        {"ratelimit": '"default";r=50'},
        {"ratelimit": '"default";r=many;t=1'},
        {"ratelimit": "x" * 2000 + ";r=1;t=1"},
    ],
)
def test_half_of_it_or_something_else_says_nothing(headers: dict[str, str]) -> None:
    assert read_headroom(headers, NOW, WALL) is None


names = st.from_regex(
    r"(x-|acme-)?ratelimit(-(remaining|reset|requests|tokens|input-tokens|minute)){0,3}",
    fullmatch=True,
)
values = st.text(max_size=30) | st.from_regex(
    r'("a";)?(r|t|remaining|reset)=[0-9]{1,9}([;,] ?(r|t|reset)=-?[0-9.]{1,9})*', fullmatch=True
)


@given(st.dictionaries(names, values | st.floats().map(str)))
def test_reading_is_total_and_bounded(headers: dict[str, str]) -> None:
    read = read_headroom(headers, NOW, WALL)
    if read is not None:
        assert read.requests is not None or read.tokens is not None
        assert read.until <= NOW + 300
        assert (read.requests or 0) >= 0
        assert (read.tokens or 0) >= 0


def test_what_nothing_is_known_of_is_admitted() -> None:
    rooms = Headrooms()
    rooms.sent(KEY, 100)
    assert rooms.admits(KEY, 10**9, NOW)


def test_sends_use_up_what_is_left_until_it_is_there_again() -> None:
    rooms = Headrooms()
    rooms.lower(KEY, Headroom(2, 1000, NOW + 5, NOW + 9), NOW)
    assert not rooms.admits(KEY, 1001, NOW)
    assert rooms.until(KEY, 1001, NOW) == NOW + 9
    assert rooms.admits(KEY, 1000, NOW)
    rooms.sent(KEY, 600)
    assert not rooms.admits(KEY, 401, NOW)
    assert rooms.admits(KEY, 400, NOW)
    rooms.sent(KEY, 300)
    assert not rooms.admits(KEY, 0, NOW)
    assert rooms.until(KEY, 0, NOW) == NOW + 5
    assert rooms.until(KEY, 101, NOW) == NOW + 9
    assert rooms.admits(KEY, 100, NOW + 5)
    assert not rooms.admits(KEY, 101, NOW + 5)
    assert rooms.admits(KEY, 10**6, NOW + 9)
    assert rooms.admits(("p#1", "p/m@chat"), 10**6, NOW)


def test_later_responses_only_lower_it_while_it_holds() -> None:
    rooms = Headrooms()
    rooms.lower(KEY, Headroom(5, None, NOW + 10), NOW)
    rooms.lower(KEY, Headroom(50, None, NOW + 20), NOW + 1)
    for _ in range(5):
        assert rooms.admits(KEY, 1, NOW + 1)
        rooms.sent(KEY, 1)
    assert not rooms.admits(KEY, 1, NOW + 1)
    rooms.lower(KEY, Headroom(50, None, NOW + 20), NOW + 10)
    assert rooms.admits(KEY, 1, NOW + 10)
    rooms.lower(KEY, Headroom(0, None, NOW + 11), NOW + 10)
    assert not rooms.admits(KEY, 1, NOW + 10)
    assert rooms.until(KEY, 1, NOW + 10) == NOW + 20
    rooms.lower(KEY, Headroom(None, 3, 0.0, NOW + 30), NOW + 20)
    assert rooms.admits(KEY, 3, NOW + 20)
    assert not rooms.admits(KEY, 4, NOW + 20)


def test_no_header_holds_for_longer_than_five_minutes() -> None:
    rooms = Headrooms()
    rooms.lower(KEY, Headroom(0, None, NOW + 1e6), NOW)
    assert not rooms.admits(KEY, 1, NOW + 299)
    assert rooms.admits(KEY, 1, NOW + 300)


def test_what_holds_no_more_is_forgotten() -> None:
    rooms = Headrooms()
    for n in range(10_000):
        rooms.lower((str(n), "t"), Headroom(1, None, NOW + n + 5), NOW + n)
    assert len(rooms._known) < 200


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    headrooms = Headrooms()
    for number in range(30_000):
        headrooms.lower(("key", f"m{number}"), Headroom(requests=0, requests_until=100.0), 0.0)
    known = [n for n in range(30_000) if headrooms.until(("key", f"m{n}"), 0, 1.0) is not None]
    assert len(known) <= 10_000
    assert known[-1] == 29_999

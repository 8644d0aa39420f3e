"""R6: pacing hints in all their spellings. Seconds, capped at 300, never negative."""

from __future__ import annotations

import pytest

from trunkline.dialect.classify import MAX_RETRY_AFTER, retry_after, seconds_of

NOW = 1_763_812_800.0
"""2025-11-22T12:00:00Z."""

STANDARD = [
    ({"retry-after": "0"}, 0.0),
    ({"retry-after": "3"}, 3.0),
    ({"retry-after": "2.5"}, 2.5),
    ({"retry-after": " 7 "}, 7.0),
    ({"retry-after": "-5"}, 0.0),
    ({"retry-after": "1e9"}, MAX_RETRY_AFTER),
    ({"retry-after": "1000000000"}, MAX_RETRY_AFTER),
    ({"retry-after": "inf"}, MAX_RETRY_AFTER),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": ""}, None),
    ({"retry-after": "Sat, 22 Nov 2025 12:00:20 GMT"}, 20.0),
    ({"retry-after": "Saturday, 22-Nov-25 12:00:20 GMT"}, 20.0),
    ({"retry-after": "Sat, 22 Nov 2025 11:59:00 GMT"}, 0.0),
    ({"retry-after": "Sat, 22 Nov 2025 13:00:00 GMT"}, MAX_RETRY_AFTER),
    ({"retry-after": "Sat, 99 Nov 2025 12:00:00 GMT"}, None),
    ({"retry-after-ms": "1500"}, 1.5),
    ({"retry-after-ms": "20.5"}, 0.0205),
    ({"retry-after-ms": "-1"}, 0.0),
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"retry-after-ms": "garbage", "retry-after": "9"}, 9.0),
    ({}, None),
]

OWN = [
    (12, 12.0),
    (12.5, 12.5),
    ("12", 12.0),
    (NOW + 30, 30.0),
    (str(int(NOW) + 30), 30.0),
    (int((NOW + 30) * 1000), 30.0),
    (NOW - 30, 0.0),
    ("120ms", 0.12),
    ("6ms", 0.006),
    ("0s", 0.0),
    ("2m30s", 150.0),
    ("6m0s", MAX_RETRY_AFTER),
    ("1h2m3s", MAX_RETRY_AFTER),
    ("3.957525076s", 3.957525076),
    ("22s", 22.0),
    ("2025-11-22T12:00:45Z", 45.0),
    ("2025-11-22T13:00:45+01:00", 45.0),
    ("2025-11-22T11:00:00Z", 0.0),
    ("Sat, 22 Nov 2025 12:00:20 GMT", 20.0),
    ("-3", 0.0),
    ("in a while", None),
    ("5 minutes", None),
    ("s", None),
    (True, None),
    (None, None),
    ([3], None),
    (10**400, None),
    (float("nan"), None),
]


@pytest.mark.parametrize(("headers", "seconds"), STANDARD)
def test_standard_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(("hint", "seconds"), OWN)
def test_what_providers_say_in_their_own_way(hint: object, seconds: float | None) -> None:
    assert seconds_of(hint, NOW) == (None if seconds is None else pytest.approx(seconds))

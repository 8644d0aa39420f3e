"""What expressions see that is worked out for a request: the moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["moment"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(seconds: float) -> dict[str, Any]:
    """A time in UTC as `time.…` in expressions: `epoch` in seconds, `iso`, `date`, `weekday`
    (`mon` to `sun`), `year`, `month`, `day`, `hour` and `minute`."""
    at = datetime.fromtimestamp(seconds, UTC)
    return {
        "epoch": int(seconds),
        "iso": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "date": at.strftime("%Y-%m-%d"),
        "weekday": _DAYS[at.weekday()],
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
    }

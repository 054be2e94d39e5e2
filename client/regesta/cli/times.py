"""Moments and times, as they are given and as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_POSITION = re.compile(r"[0-9]{1,19}")
_NOW = "now"


class InvalidMoment(ValueError):
    """A text is neither a position nor a time."""


def parse_moment(text: str) -> datetime | int | None:
    """Return the moment that a text says; None is now.

    Args:
        text: A position (`1042`); a time (`2026-11-21T04:02:00Z`), in the local zone
            when it names none; a date (`2026-11-21`), which is its first moment in the
            local zone; or `now`.

    Raises:
        InvalidMoment: It is none of these.
    """
    if text == _NOW:
        return None
    if _POSITION.fullmatch(text):
        return int(text)
    return _time(
        text, "give a position such as 1042, a time such as 2026-11-21T04:02:00Z, a date, or now"
    )


def parse_time(text: str) -> datetime:
    """Return a time or the first moment of a date, in the local zone when it names none.

    Raises:
        InvalidMoment: It is neither.
    """
    return _time(text, "give a time such as 2026-11-21T04:02:00Z, or a date")


def iso(time: datetime) -> str:
    """Return a time after RFC 3339, in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local(time: datetime) -> str:
    """Return a time for people: in their zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moment_text(at: datetime | int | None) -> str:
    """Return when something was so, for people."""
    match at:
        case None:
            return _NOW
        case datetime():
            return f"at {local(at)}"
        case _:
            return f"at position {at}"


def _time(text: str, advice: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone() if time.tzinfo is None else time
    except (ValueError, OverflowError):
        raise InvalidMoment(advice) from None

"""What a literal of a filter means to the field it is compared with."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

from regesta_projections.filtering.errors import InvalidFilter, excerpt
from regesta_projections.filtering.syntax import (
    ANYTHING,
    Boolean,
    Condition,
    Number,
    Pattern,
    Text,
)

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
_INT64_CHARACTERS: Final = len(str(INT64_MIN))

_INTEGER = re.compile(r"-?[0-9]+")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d\d:\d\d))",
    re.ASCII,
)


def refusal(condition: Condition, message: str) -> InvalidFilter:
    """Return the error for a literal, or an operator, that a field cannot be compared with."""
    return InvalidFilter(message, condition.literal_start)


def written(condition: Condition) -> str:
    """Return the literal as text: what a text field compares, whatever it looks like."""
    match condition.literal:
        case Text(value):
            return value
        case Pattern(pieces):
            return "*".join(pieces)
        case Number(text):
            return text
        case Boolean(value):
            return "true" if value else "false"


def is_anything(condition: Condition) -> bool:
    """Return whether the literal is a lone `*`."""
    return condition.literal == ANYTHING


def is_pattern(condition: Condition) -> bool:
    """Return whether the literal has a wildcard."""
    return isinstance(condition.literal, Pattern)


def integer(condition: Condition) -> int:
    """Return the literal as a whole number of 64 bits.

    Raises:
        InvalidFilter: It is none, or in quotes.
    """
    literal = condition.literal
    if not isinstance(literal, Number) or not _INTEGER.fullmatch(literal.text):
        raise refusal(condition, f"{condition.field} wants a whole number without quotes")
    return _int64(condition, literal.text)


def number(condition: Condition) -> int | float:
    """Return the literal as a whole number of 64 bits or a finite double.

    Raises:
        InvalidFilter: It is none, or in quotes.
    """
    literal = condition.literal
    if not isinstance(literal, Number):
        raise refusal(
            condition, f"a value of {condition.field} is a number without quotes, such as 0.9"
        )
    if _INTEGER.fullmatch(literal.text):
        return _int64(condition, literal.text)
    value = float(literal.text)
    if not math.isfinite(value):
        raise refusal(condition, "this number is too large for a double")
    return value


def boolean(condition: Condition) -> bool:
    """Return the literal as true or false.

    Raises:
        InvalidFilter: It is neither, or in quotes.
    """
    if not isinstance(condition.literal, Boolean):
        raise refusal(condition, f"{condition.field} wants true or false without quotes")
    return condition.literal.value


def moment(condition: Condition) -> dt.datetime:
    """Return the literal as a moment in UTC.

    It is written with date, time and offset, to the microsecond at most.

    Raises:
        InvalidFilter: It is not, or names no moment of the years 1 to 9999.

    Source: RFC 3339, section 5.6; without leap seconds, which no stored time has.
    """
    literal = condition.literal
    found = _TIME.fullmatch(literal.value) if isinstance(literal, Text) else None
    if not found:
        raise refusal(
            condition,
            f"{condition.field} wants a time such as 2026-01-31T12:00:00Z,"
            f" not {excerpt(written(condition))}",
        )
    date, time, fraction, offset = found.groups()
    micros = (fraction or "").ljust(6, "0")
    if micros[6:].strip("0"):
        raise refusal(condition, "times are kept to the microsecond; write at most six decimals")
    try:
        local = dt.datetime.fromisoformat(f"{date}T{time}.{micros[:6]}{offset or '+00:00'}")
        return local.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise refusal(condition, "there is no such date, time or offset") from None


def _int64(condition: Condition, text: str) -> int:
    # By length first, since int() itself refuses thousands of digits.
    if len(text) <= _INT64_CHARACTERS and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    raise refusal(condition, "this number does not fit in 64 bits")

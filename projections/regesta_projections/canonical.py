"""Canonical JSON of RFC 8785: one value, one sequence of bytes.

Records are written by `encode` and stored verbatim; their hashes are the leaves of the
log's tree. msgspec does the work. This module adds what it does not do by itself: member
names in UTF-16 order where that differs from UTF-8 order, and the refusal of numbers that
readers in other languages would round or msgspec would turn into null.

A record holds no floating point number: doubles travel as text, see `decimal_text`.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from enum import Enum
from json.encoder import encode_basestring
from types import NoneType
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: Largest whole number that every JSON reader keeps exactly (RFC 7493, section 2.2).
MAX_INTEGER: Final = (1 << 53) - 1

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.decode

# Values that msgspec writes as RFC 8785 wants them, whatever they are. `Raw` goes out as it
# came in, so it must come from `encode` itself.
_TEXT: Final = frozenset({str})
_PLAIN: Final = frozenset({str, bool, NoneType, bytes, datetime, msgspec.Raw, msgspec.UnsetType})

_HOLDERS: Final = frozenset({dict, list, tuple})

_BEYOND_BMP = re.compile(rb"[\xf0-\xf4]")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

# Longer than any double needs; keeps float() from reading megabytes.
_MAX_DECIMAL_LENGTH = 64

# Number::toString of ECMAScript writes an exponent outside these powers of ten.
_LEAST_PLAIN_EXPONENT = -6
_MOST_PLAIN_EXPONENT = 21


class NotCanonical(ValueError):
    """A value has no canonical JSON form, or none that a record may hold."""


def encode(value: object) -> bytes:
    """Return a record, or a part of one, as canonical JSON.

    Args:
        value: A msgspec struct, or a dict, list, tuple, text, bool or None. Whole numbers
            reach up to 2**53 - 1 either way. `msgspec.Raw` is copied as it is and must
            itself be a result of this function.

    Returns:
        UTF-8 on one line, without white space; struct fields that are unset, or default in a
        struct with `omit_defaults`, are left out.

    Raises:
        NotCanonical: A floating point number, a whole number too large, a member name that
            is no text, half a surrogate pair, deep nesting, or a type that records do not
            hold.

    Source: RFC 8785.
    """
    try:
        _check(value)
        line = _encode(value)
    except UnicodeEncodeError as error:
        raise NotCanonical("half a surrogate pair is not text") from error
    except RecursionError as error:
        raise NotCanonical("nested too deeply") from error
    # Member names differ in UTF-8 and UTF-16 order only beyond the basic plane.
    if not line.isascii() and _BEYOND_BMP.search(line):
        return encode_json(_decode(line))
    return line


def encode_json(value: object) -> bytes:
    """Return any JSON value as canonical JSON, floating point numbers included.

    For values whose shape the caller does not know, such as a user's list or object. Slower
    than `encode`.

    Args:
        value: A dict, list, tuple, text, int, float, bool or None.

    Raises:
        NotCanonical: NaN, an infinity, a whole number beyond 2**53 - 1, a member name that
            is no text, half a surrogate pair, something that is not JSON, or deep nesting.

    Source: RFC 8785; numbers after ECMAScript's Number::toString.
    """
    parts: list[str] = []
    try:
        _write(value, parts.append)
        return "".join(parts).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("half a surrogate pair is not text") from error
    except RecursionError as error:
        raise NotCanonical("nested too deeply") from error


def utc_text(time: datetime) -> str:
    """Return a time in UTC as records write it: with six digits after the second, or none."""
    return time.isoformat().replace("+00:00", "Z")


def decimal_text(number: float) -> str:
    """Return the shortest decimal text that reads back as the same double.

    It is what JavaScript's ``String(number)`` gives, so that other languages can write the
    same; but negative zero keeps its sign.

    Raises:
        ValueError: NaN or an infinity.

    Source: ECMA-262, Number::toString.
    """
    if not math.isfinite(number):
        raise ValueError("only finite numbers have a decimal text")
    text = repr(float(number))
    # Python, too, writes the shortest; it takes an exponent sooner than ECMAScript.
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, _, exponent_text = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    # The number is 0.d1d2d3... times ten to the power of `point`.
    point = len(whole) + int(exponent_text or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0"
    if not _LEAST_PLAIN_EXPONENT < point <= _MOST_PLAIN_EXPONENT:
        rest = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{point - 1:+d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return sign + digits.ljust(point, "0")
    return f"{sign}{digits[:point]}.{digits[point:]}"


def decimal_value(text: str) -> float:
    """Return the double nearest to a decimal text; the inverse of `decimal_text`.

    Raises:
        ValueError: Not a JSON number, longer than 64 characters, or too large for a double.
    """
    if len(text) > _MAX_DECIMAL_LENGTH or not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    number = float(text)
    if math.isinf(number):
        raise ValueError("too large for a double")
    return number


def _check(value: object) -> None:
    """Refuse what msgspec would write, but RFC 8785 or a record must not hold."""
    parts = _parts(value)
    # Most parts hold nothing but text, and this look at them is one call into C.
    if not _PLAIN.issuperset(map(type, parts)):
        for part in parts:
            # Of an event's parts, many are lists and objects of nothing.
            if type(part) not in _PLAIN and (part or type(part) not in _HOLDERS):
                _check(part)


def _parts(value: object) -> Collection[object]:
    """Return what a value is made of, having judged the value itself."""
    if isinstance(value, msgspec.Struct):  # first, as events are made of them
        return msgspec.structs.astuple(value)
    match value:
        case dict():
            if not _TEXT.issuperset(map(type, value)):
                raise NotCanonical("a member name is text")
            return value.values()
        case list() | tuple():
            return value
        case int():
            _check_integer(value)
            return ()
        case Enum():
            return (value.value,)
        case _ if type(value) in _PLAIN:
            return ()
        case _:
            raise NotCanonical(f"a record holds no {type(value).__name__}")


def _check_integer(number: int) -> None:
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise NotCanonical("a whole number is at most 2**53 - 1; write a larger one as text")


def _write(value: object, put: Callable[[str], object]) -> None:
    """Put out the canonical form of a value piece by piece."""
    match value:
        case None:
            put("null")
        case bool():
            put("true" if value else "false")
        case str():
            put(encode_basestring(value))
        case int():
            _check_integer(value)
            put(str(value))
        case float():
            put(_number(value))
        case list() | tuple():
            put("[")
            for at, part in enumerate(value):
                put("," if at else "")
                _write(part, put)
            put("]")
        case dict():
            put("{")
            for at, name in enumerate(sorted(value, key=_utf16)):
                put("," if at else "")
                put(encode_basestring(name) + ":")
                _write(value[name], put)
            put("}")
        case _:
            raise NotCanonical(f"{type(value).__name__} is not JSON")


def _number(number: float) -> str:
    if not math.isfinite(number):
        raise NotCanonical("JSON has only finite numbers")
    # RFC 8785 follows ECMAScript, which writes negative zero without its sign.
    return decimal_text(number) if number else "0"


def _utf16(name: object) -> bytes:
    if not isinstance(name, str):
        raise NotCanonical("a member name is text")
    return name.encode("utf-16-be")

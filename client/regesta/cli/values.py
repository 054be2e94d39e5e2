"""`key=value` as it is written on the command line."""

from __future__ import annotations

import json
import re
from typing import Any

from regesta.properties import PropertyLike
from regesta.v1 import version_pb2

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TRUTHS = {"true": True, "false": False}
_INT64 = range(-(1 << 63), 1 << 63)


class InvalidValue(ValueError):
    """A text is not what an option takes."""


def parse_pair(text: str) -> tuple[str, str]:
    """Return key and value of `key=value`; the value may be empty and hold more `=`.

    Raises:
        InvalidValue: There is no `=`, or nothing before it.
    """
    key, found, value = text.partition("=")
    if not found or not key:
        raise InvalidValue("write key=value")
    return key, value


def parse_metric(text: str) -> tuple[str, float]:
    """Return key and number of `key=0.93`.

    Raises:
        InvalidValue: It has another form.
    """
    key, value = parse_pair(text)
    try:
        return key, float(value)
    except ValueError:
        raise InvalidValue("a metric is a number: write key=0.93") from None


def parse_property(text: str) -> tuple[str, PropertyLike]:
    """Return key and typed value of a property.

    Args:
        text: `k=3` is a whole number, `k=0.5` a number, `k=true` and `k=false` are truth
            values, anything else after `=` is text; after `:=` stands JSON, so `k:="3"`
            is text and `k:=[1, 2]` a list.

    Raises:
        InvalidValue: It has another form, the JSON is broken or null, or a whole number
            needs more than 64 bits.
    """
    key, value = parse_pair(text)
    if key.endswith(":") and key != ":":
        return key[:-1], _from_json(value)
    if value in _TRUTHS:
        return key, _TRUTHS[value]
    if _INTEGER.fullmatch(value):
        return key, _whole(value)
    if _NUMBER.fullmatch(value):
        return key, float(value)
    return key, value


def parse_dataset(text: str) -> version_pb2.DatasetReference:
    """Return the data set of `name[,digest=algorithm:value][,role=training]`.

    Raises:
        InvalidValue: There is no name.
    """
    facts: dict[str, str] = {}
    name, comma, last = text.rpartition(",")
    while comma and last.partition("=")[0] in {"digest", "role"}:
        kind, _, value = last.partition("=")
        facts.setdefault(kind, value)
        text = name
        name, comma, last = text.rpartition(",")
    if not text:
        raise InvalidValue("write name, name,role=training or name,digest=sha256:…,role=training")
    return version_pb2.DatasetReference(name=text, **facts)


def _whole(value: str) -> int:
    number = int(value) if len(value) <= len(str(_INT64.start)) else _INT64.stop
    if number not in _INT64:
        raise InvalidValue('a whole number has 64 bits; for text write key:="…"')
    return number


def _from_json(text: str) -> PropertyLike:
    try:
        value: Any = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidValue("after := stands JSON, and this is none") from None
    if value is None:
        raise InvalidValue("a property has a value: null is none")
    if isinstance(value, int) and value not in _INT64:
        raise InvalidValue('a whole number has 64 bits; for text write key:="…"')
    plain: PropertyLike = value
    return plain


def _no_constant(name: str) -> float:
    raise ValueError(name)

"""Typed properties of a version, as its event holds them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf import struct_pb2

from regesta_projections import events as e
from regesta_projections.canonical import decimal_text, encode_json
from regesta_service.domain import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta.v1 import version_pb2 as version_pb
    from regesta_service.api.writes.checks import Checks, Place

_Json: TypeAlias = "bool | float | str | list[_Json] | dict[str, _Json] | None"


def translate_properties(
    checks: Checks, field: str, properties: Mapping[str, version_pb.PropertyValue]
) -> dict[str, e.PropertyValue]:
    """Check typed values and return them by the same keys."""
    if not properties or not checks.fits(field, properties, limits.MAX_PROPERTIES):
        return {}
    return {
        key: _translate(checks, checks.key(field, key), value) for key, value in properties.items()
    }


def translate_number(checks: Checks, place: Place, number: float) -> str:
    """Check that a number is finite and return its decimal text."""
    if math.isfinite(number):
        return decimal_text(number)
    checks.refuse(place, "is neither NaN nor infinite")
    return ""


def _translate(checks: Checks, place: Place, value: version_pb.PropertyValue) -> e.PropertyValue:
    match value.WhichOneof("kind"):
        case "string_value":
            text = checks.text(place, value.string_value, limits.MAX_PROPERTY_TEXT)
            return e.PropertyValue(string_value=text)
        case "int_value":
            return e.PropertyValue(int_value=str(value.int_value))
        case "double_value":
            return e.PropertyValue(double_value=translate_number(checks, place, value.double_value))
        case "bool_value":
            return e.PropertyValue(bool_value=value.bool_value)
        case "list_value":
            items = _plain_list(checks, place, value.list_value, 1)
            return e.PropertyValue(list_json=encode_json(items).decode())
        case "struct_value":
            members = _plain_struct(checks, place, value.struct_value, 1)
            return e.PropertyValue(struct_json=encode_json(members).decode())
        case None:
            checks.refuse(place, "has a value of one of the kinds")
            return e.PropertyValue()


def _plain_list(
    checks: Checks, place: Place, values: struct_pb2.ListValue, depth: int
) -> list[_Json]:
    if _is_too_deep(checks, place, depth):
        return []
    return [_plain(checks, place, value, depth) for value in values.values]


def _plain_struct(
    checks: Checks, place: Place, struct: struct_pb2.Struct, depth: int
) -> dict[str, _Json]:
    if _is_too_deep(checks, place, depth):
        return {}
    return {
        checks.line(place, key, limits.MAX_PROPERTY_TEXT): _plain(checks, place, value, depth)
        for key, value in struct.fields.items()
    }


def _plain(checks: Checks, place: Place, value: struct_pb2.Value, depth: int) -> _Json:
    """Return a value within a list or an object; faults are noted for the whole of it."""
    match value.WhichOneof("kind"):
        case "null_value":
            return None
        case "number_value":
            number = value.number_value
            if not math.isfinite(number):
                checks.refuse(place, "holds neither NaN nor an infinity")
                return None
            return number
        case "string_value":
            return checks.text(place, value.string_value, limits.MAX_PROPERTY_TEXT)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return _plain_list(checks, place, value.list_value, depth + 1)
        case "struct_value":
            return _plain_struct(checks, place, value.struct_value, depth + 1)
        case None:
            checks.refuse(place, "holds no value without a kind")
            return None


def _is_too_deep(checks: Checks, place: Place, depth: int) -> bool:
    if depth <= limits.MAX_PROPERTY_DEPTH:
        return False
    checks.refuse(place, f"is nested at most {limits.MAX_PROPERTY_DEPTH} deep")
    return True

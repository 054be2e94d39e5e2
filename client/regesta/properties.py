"""Typed properties from and to plain Python values."""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf import json_format

from regesta.v1 import version_pb2

PropertyLike: TypeAlias = str | int | float | bool | list[Any] | dict[str, Any]


def property_value(value: PropertyLike) -> version_pb2.PropertyValue:
    """Return the typed value of a property.

    Raises:
        TypeError: The value has no such type.
    """
    match value:
        case bool():
            return version_pb2.PropertyValue(bool_value=value)
        case str():
            return version_pb2.PropertyValue(string_value=value)
        case int():
            return version_pb2.PropertyValue(int_value=value)
        case float():
            return version_pb2.PropertyValue(double_value=value)
        case list():
            result = version_pb2.PropertyValue()
            result.list_value.SetInParent()
            result.list_value.extend(value)
            return result
        case dict():
            result = version_pb2.PropertyValue()
            result.struct_value.SetInParent()
            result.struct_value.update(value)
            return result
        case _:
            raise TypeError(f"a property cannot be a {type(value).__name__}")


def plain_value(value: version_pb2.PropertyValue) -> PropertyLike | None:
    """Return a property's value as plain Python; None when it has none."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    if kind in {"list_value", "struct_value"}:
        plain: PropertyLike = json_format.MessageToDict(getattr(value, kind))
        return plain
    scalar: PropertyLike = getattr(value, kind)
    return scalar

"""What the tables hold as jsonb: the maps of a resource as JSON text, names in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.struct_pb2 import ListValue, Struct, Value

    from regesta.v1 import version_pb2 as version_pb

_encode = msgspec.json.Encoder(order="sorted").encode
_EMPTY = "{}"


def text_of_map(values: Mapping[str, str | float]) -> str:
    """Return a map of texts or numbers as JSON text."""
    # Item by item: half the time of dict() over a protobuf map.
    return _encode({name: values[name] for name in values}).decode() if values else _EMPTY


def text_of_properties(properties: Mapping[str, version_pb.PropertyValue]) -> str:
    """Return typed values as JSON text: text, numbers, booleans, arrays and objects."""
    if not properties:
        return _EMPTY
    return _encode({name: _plain(value) for name, value in properties.items()}).decode()


def _plain(value: version_pb.PropertyValue | Value) -> object:
    """Return a typed value as JSON has it."""
    match kind := value.WhichOneof("kind"):
        case None | "null_value":
            return None
        case "list_value":
            return _list(value.list_value)
        case "struct_value":
            return _object(value.struct_value)
        case _:
            return getattr(value, kind)


def _list(values: ListValue) -> list[object]:
    return [_plain(value) for value in values.values]


def _object(struct: Struct) -> dict[str, object]:
    return {name: _plain(value) for name, value in struct.fields.items()}

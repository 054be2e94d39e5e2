"""The forms in which values of a row leave for PostgreSQL, or are compared with it.

`PLAIN` is for parameters of a statement. `BINARY` is for COPY: what psycopg would have to
convert value by value in Python is in PostgreSQL's binary format already, which takes half
the time. `OBJECTS` is for comparing: what a driver reads.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.protobuf.struct_pb2 import ListValue, Value
    from google.protobuf.struct_pb2 import Struct as JsonObject
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import version_pb2 as version_pb

    Properties = Mapping[str, version_pb.PropertyValue]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder(order="sorted").encode


class Forms(NamedTuple):
    """Functions that give some types of columns their form."""

    #: For jsonb: an object of texts and numbers.
    json: Callable[[Mapping[str, str] | Mapping[str, float]], Any]
    #: For jsonb: typed values as text, numbers, booleans, arrays and objects.
    properties: Callable[[Properties], Any]
    #: For timestamptz.
    moment: Callable[[Timestamp], Any]
    #: For text[].
    texts: Callable[[Sequence[str]], Any]
    #: For timestamptz, of a time in Python's form.
    time: Callable[[datetime], Any]


def _json_text(values: Mapping[str, Any]) -> str:
    return _json(values).decode()


def _json(values: Mapping[str, Any]) -> bytes:
    return _encode(_dict(values)) if values else b"{}"


def _dict(values: Mapping[str, Any]) -> dict[str, Any]:
    # Item by item: half the time of dict() over a protobuf map.
    return {name: values[name] for name in values}


def _properties_text(properties: Properties) -> str:
    return _properties_json(properties).decode()


def _properties_json(properties: Properties) -> bytes:
    return _encode(_properties_dict(properties)) if properties else b"{}"


def _properties_dict(properties: Properties) -> dict[str, Any]:
    return {name: _value(value) for name, value in properties.items()}


def _value(value: version_pb.PropertyValue | Value) -> object:
    """Return a typed value as JSON has it."""
    match kind := value.WhichOneof("kind"):
        case None | "null_value":
            return None
        case "list_value":
            return json_list(value.list_value)
        case "struct_value":
            return json_object(value.struct_value)
        case _:
            return getattr(value, kind)


def json_list(values: ListValue) -> list[object]:
    """Return a list of any values as JSON has it."""
    return [_value(value) for value in values.values]


def json_object(struct: JsonObject) -> dict[str, object]:
    """Return an object of any values as JSON has it."""
    return {name: _value(value) for name, value in struct.fields.items()}


def _datetime(timestamp: Timestamp) -> datetime:
    """Return a timestamp as PostgreSQL keeps it: in UTC, to the microsecond."""
    # Positional: half the time of keywords.
    return _EPOCH + timedelta(0, timestamp.seconds, timestamp.nanos // 1_000)


def _same(time: datetime) -> datetime:
    return time


PLAIN: Final = Forms(_json_text, _properties_text, _datetime, list, _same)
OBJECTS: Final = Forms(_dict, _properties_dict, _datetime, list, _same)


# What follows is PostgreSQL's `jsonb_recv`, `timestamptz_recv` and `array_recv`.

_JSONB_VERSION = b"\x01"
_EMPTY_OBJECT = _JSONB_VERSION + b"{}"

# PostgreSQL counts from 2000.
_EPOCH_MICROSECONDS = 946_684_800_000_000

# Dimensions, whether there are NULLs, element type; length and lower bound follow.
_TEXT = 25
_EMPTY_ARRAY = Struct("!iii").pack(0, 0, _TEXT)
_pack_array = Struct("!iiiii").pack
_pack_length = Struct("!i").pack


def _jsonb(values: Mapping[str, Any]) -> bytes:
    # Without further calls: three of these are a third of a version's price.
    if not values:
        return _EMPTY_OBJECT
    return _JSONB_VERSION + _encode({name: values[name] for name in values})


def _jsonb_properties(properties: Properties) -> bytes:
    return _JSONB_VERSION + _properties_json(properties) if properties else _EMPTY_OBJECT


def _microseconds(timestamp: Timestamp) -> int:
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1_000 - _EPOCH_MICROSECONDS


def _text_array(texts: Sequence[str]) -> bytes:
    if not texts:
        return _EMPTY_ARRAY
    parts = [_pack_array(1, 0, _TEXT, len(texts), 1)]
    for text in texts:
        data = text.encode()
        parts += (_pack_length(len(data)), data)
    return b"".join(parts)


def _microseconds_of(time: datetime) -> int:
    since = time - _EPOCH
    return (
        (since.days * 86_400 + since.seconds) * 1_000_000
        + since.microseconds
        - (_EPOCH_MICROSECONDS)
    )


BINARY: Final = Forms(_jsonb, _jsonb_properties, _microseconds, _text_array, _microseconds_of)

#: As what `BINARY` hands a type over; types that are not here as themselves.
BINARY_TYPES: Final = {"jsonb": "bytea", "timestamptz": "bigint", "text[]": "bytea"}

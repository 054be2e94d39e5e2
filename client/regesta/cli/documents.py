"""Messages as plain values, for `--json`.

Fields have the names of the protos, and are always there: lists and maps may be empty,
messages that are not set are null. Whole numbers are numbers, times are text after RFC 3339
in UTC, bytes are hexadecimal, enums lose the prefix of their type, and typed properties are
the value itself.
"""

from __future__ import annotations

import re
from collections.abc import MutableSequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.cli.happened import Happened
from regesta.cli.times import iso
from regesta.cli.words import in_words
from regesta.properties import plain_value
from regesta.v1 import version_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor

_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")


def document(message: Message) -> dict[str, Any]:
    """Return a message as plain values."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def event_document(event: Happened) -> dict[str, Any]:
    """Return an event as plain values: its data, its free texts, and what it did in words."""
    return {
        "position": event.position,
        "type": event.type,
        "resource": event.stream,
        "revision": event.revision,
        "actor": event.actor,
        "record_time": iso(event.recorded_at),
        "occurred_time": None if event.occurred_at is None else iso(event.occurred_at),
        "occurred_by": event.occurred_by or None,
        "request_id": event.request_id,
        "summary": in_words(event),
        "reason": event.reason,
        "texts": event.texts,
        "data": event.data,
    }


def enum_text(kind: EnumDescriptor, number: int) -> str:
    """Return an enum's value by name, without the prefix that protobuf demands."""
    value = kind.values_by_number.get(number)
    prefix = _WORD_START.sub("_", kind.name).upper() + "_"
    return str(number) if value is None else value.name.removeprefix(prefix)


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        member = kind.fields_by_name["value"]
        return {str(key): _plain(value[key], member) for key in sorted(value)}
    if isinstance(value, MutableSequence):
        return [_plain(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _plain(value, field)


def _plain(value: Any, field: Any) -> Any:
    match value:
        case Timestamp():
            return iso(value.ToDatetime(UTC))
        case version_pb2.PropertyValue():
            return _whole(plain_value(value))
        case Message():
            return document(value)
        case bytes():
            return value.hex()
        case int() if field.enum_type is not None:
            return enum_text(field.enum_type, value)
        case _:
            return value


def _whole(value: Any) -> Any:
    """Return a property with the whole numbers in its lists and objects as such.

    JSON has one kind of number, and protobuf keeps it as a double.
    """
    match value:
        case list():
            return [_whole(item) if type(item) is not float else _number(item) for item in value]
        case dict():
            return dict(zip(value, _whole(list(value.values())), strict=True))
        case _:
            return value


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value

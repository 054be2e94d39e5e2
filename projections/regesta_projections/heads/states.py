"""The state of a resource as JSON, and its digest.

The JSON is that of ProtoJSON with the rules by which records are written: members with a
default value are left out, and 64-bit numbers, doubles and times are texts as in records. So a
third party makes it from records, or from an answer of the API, without our code.
docs/audit/heads.md lists the members.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from regesta_projections.canonical import decimal_text, encode, encode_json, utc_text
from regesta_projections.comparing import same, same_values
from regesta_projections.forms import OBJECTS, json_list, json_object
from regesta_projections.rows import ModelRow, ResourceRow, StreamRow, VersionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta_projections.row_values import Values
    from regesta_projections.tables import Table

State: TypeAlias = dict[str, Any]
_Convert: TypeAlias = "Callable[[Any], Any]"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Members that came to resources after events that make them: a state must stay as it was
#: committed to. The record, which a line names by its hash, says the same as `time`.
_NOT_IN_STATES: Final = ("occurredCreateTime", "occurredUpdateTime")


def state_of(row: StreamRow) -> State:
    """Return the state that a row holds; free texts are there by their digests."""
    state = _members(row.resource)
    for member in _NOT_IN_STATES:
        state.pop(member, None)
    match row:
        case ModelRow(last_version=last_version, texts=texts):
            if last_version:
                state["latestVersion"] = last_version
            if texts:
                state["texts"] = dict(texts)
        case VersionRow(stage_position=position, texts=texts):
            state["stagePosition"] = str(position)
            if texts:
                state["texts"] = dict(texts)
        case ResourceRow(texts=texts):
            if texts:
                state["texts"] = dict(texts)
        case _:
            pass
    return state


def state_digest(state: State) -> bytes:
    """Return the SHA-256 of a state in the form of RFC 8785."""
    return sha256(encode(state)).digest()


def disagreement(table: Table[Any], row: StreamRow, found: Values) -> State:
    """Return the columns that do not hold what their row's resource says, by name.

    An honest row has none. What people find by such a column is not what they then read, so
    it becomes part of the state: member `columns`.

    Args:
        table: The row's.
        row: As it is loaded.
        found: All its columns, jsonb as objects.
    """
    expected = table.values_in(row, OBJECTS)
    if same_values(expected, found):
        return {}
    pairs = zip(table.columns, expected, found, strict=True)
    return {
        column.name: shown(stored)
        for column, right, stored in pairs
        if not same(right, stored) or type(right) is not type(stored)
    }


def loaded(table: Table[Any], found: Values) -> StreamRow | None:
    """Return the row in some columns, None when they hold no such resource."""
    by_name = dict(zip(table.column_names, found, strict=True))
    try:
        return cast("StreamRow", table.row([by_name[name] for name in table.loaded]))
    except (DecodeError, ValueError):
        return None


def shown(value: object) -> object:
    """Return what a column holds as JSON that has a canonical form."""
    match value:
        case None | str() | bool():
            return value
        case int() | datetime():
            return str(value)
        case float():
            return decimal_text(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case list() | tuple():
            return [shown(part) for part in value]
        case dict():
            return {str(name): shown(part) for name, part in value.items()}
        case _:
            return repr(value)


def time_text(timestamp: Timestamp) -> str:
    """Return a time as records write it: in UTC, with six digits after the second or none."""
    time = _EPOCH + timedelta(0, timestamp.seconds, timestamp.nanos // 1_000)
    return utc_text(time)


def _members(message: Message) -> State:
    members: State = {}
    for field, value in message.ListFields():
        name, convert = _FIELDS.get(field) or _learn(field)
        members[name] = value if convert is None else convert(value)
    return members


#: By field: its name, and what makes JSON of its value; None for what is JSON already.
_FIELDS: Final[dict[FieldDescriptor, tuple[str, _Convert | None]]] = {}

_TEXTS: Final = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
)
_DOUBLES: Final = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def _learn(field: FieldDescriptor) -> tuple[str, _Convert | None]:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        convert: _Convert | None = _mapping(_converter(kind.fields_by_name["value"]))
    elif _is_repeated(field):
        convert = _repeated(_converter(field))
    else:
        convert = _converter(field)
    _FIELDS[field] = learned = field.json_name, convert
    return learned


def _is_repeated(field: FieldDescriptor) -> bool:
    # By way of the message: protobuf renames what says it of the field itself.
    message = descriptor_pb2.DescriptorProto()
    if field.containing_type is not None:
        field.containing_type.CopyToProto(message)
    labels = {each.name: each.label for each in message.field}
    return labels.get(field.name) == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def _converter(field: FieldDescriptor) -> _Convert | None:
    """Return what makes JSON of one value."""
    if field.type in _TEXTS:
        return str
    if field.type in _DOUBLES:
        return decimal_text
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.hex
    if field.enum_type is not None:
        names = field.enum_type.values_by_number
        return lambda number: names[number].name if number in names else str(number)
    if field.message_type is None:
        return None
    return _MESSAGES.get(field.message_type.full_name, _members)


def _mapping(convert: _Convert | None) -> _Convert:
    def mapped(values: Mapping[str, Any]) -> State:
        if convert is None:
            return {name: values[name] for name in values}
        return {name: convert(values[name]) for name in values}

    return mapped


def _repeated(convert: _Convert | None) -> _Convert:
    def listed(values: Sequence[Any]) -> list[Any]:
        return list(values) if convert is None else [convert(value) for value in values]

    return listed


def _list_text(values: Any) -> str:
    """Return a list of any values as records have it: canonical JSON in a text."""
    return encode_json(json_list(values)).decode()


def _object_text(struct: Any) -> str:
    return encode_json(json_object(struct)).decode()


_MESSAGES: Final[dict[str, _Convert]] = {
    "google.protobuf.Timestamp": time_text,
    "google.protobuf.ListValue": _list_text,
    "google.protobuf.Struct": _object_text,
}

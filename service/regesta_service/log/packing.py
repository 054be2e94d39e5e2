"""Composite values and arrays of them in PostgreSQL's binary format.

One parameter carries all rows that go into a table. Made by hand because it is on the path
of every write: a row costs one join here, where psycopg's adaptation of an array for each
column costs a call for each value.

Source: `array_recv` and `record_recv` of PostgreSQL; the object ids of built-in types are
constants of its catalog (pg_type.dat).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

_BOOL, _BYTEA, _INT8, _INT2, _INT4, _TEXT = 16, 17, 20, 21, 23, 25
_TEXT_ARRAY, _TIMESTAMPTZ, _UUID, _JSONB = 1009, 1184, 2950, 3802

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_count = Struct("!i").pack
_field = Struct("!ii").pack
_short = Struct("!iih").pack
_integer = Struct("!iii").pack
_long = Struct("!iiq").pack
# Dimensions, whether there are NULLs, element type, length, lower bound.
_array_header = Struct("!iiiii").pack
_empty_array = Struct("!iii").pack


class Packed(bytes):
    """A parameter in binary format; the server takes its type from where it is used."""

    __slots__ = ()


class PackedDumper(Dumper):
    """Hands a `Packed` to the server as it is."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Packed) -> bytes:
        """Return the bytes themselves."""
        return obj


def array(element_oid: int, values: Sequence[bytes]) -> Packed:
    """Return an array of one dimension whose elements are packed already and not NULL."""
    return Packed(_array(element_oid, values))


def text_array(values: Sequence[str]) -> Packed:
    """Return a ``text[]``."""
    return array(_TEXT, [value.encode() for value in values])


def integer_array(values: Sequence[int]) -> Packed:
    """Return an ``integer[]``."""
    return array(_INT4, [_count(value) for value in values])


def uuid_array(values: Iterable[UUID]) -> Packed:
    """Return a ``uuid[]``."""
    return array(_UUID, [value.bytes for value in values])


def integer(value: int) -> Packed:
    """Return an ``integer``."""
    return Packed(_count(value))


def bigint(value: int) -> Packed:
    """Return a ``bigint``."""
    return Packed(value.to_bytes(8, "big", signed=True))


def timestamptz(value: datetime) -> Packed:
    """Return a ``timestamptz``."""
    return Packed(microseconds(value).to_bytes(8, "big", signed=True))


def microseconds(value: datetime) -> int:
    """Return a time as PostgreSQL counts it."""
    return (value - _EPOCH) // _MICROSECOND


class Composite:
    """Packs rows of one composite type.

    Values of jsonb, timestamptz and text[] come in the form of
    `regesta_projections.forms.BINARY`: bytes, microseconds, bytes.

    Args:
        types: The SQL types of its columns, in order.
    """

    __slots__ = ("_header", "_nulls", "_puts")

    def __init__(self, types: Sequence[str]) -> None:
        kinds = [_KINDS[kind] for kind in types]
        self._header = _count(len(kinds))
        self._nulls = [_field(oid, -1) for oid, _ in kinds]
        self._puts = [put for _, put in kinds]

    def pack(self, values: Sequence[Any]) -> bytes:
        """Return one row; None is NULL."""
        parts = [self._header]
        parts += [
            null if value is None else put(value)
            for put, null, value in zip(self._puts, self._nulls, values, strict=True)
        ]
        return b"".join(parts)


def _array(element_oid: int, values: Sequence[bytes]) -> bytes:
    if not values:
        return _empty_array(0, 0, element_oid)
    parts = [_array_header(1, 0, element_oid, len(values), 1)]
    for value in values:
        parts.append(_count(len(value)))
        parts.append(value)
    return b"".join(parts)


# Looked up: a third of the time of packing them. Most texts are short.
_TEXT_HEADS: Final = tuple(_field(_TEXT, length) for length in range(256))


def _put_text(value: str) -> bytes:
    data = value.encode()
    length = len(data)
    head = _TEXT_HEADS[length] if length < len(_TEXT_HEADS) else _field(_TEXT, length)
    return head + data


def _put_bytes(value: bytes) -> bytes:
    return _field(_BYTEA, len(value)) + value


def _put_json(value: bytes) -> bytes:
    return _field(_JSONB, len(value)) + value


def _put_texts(value: bytes) -> bytes:
    return _field(_TEXT_ARRAY, len(value)) + value


def _put_moment(value: int) -> bytes:
    return _long(_TIMESTAMPTZ, 8, value)


def _put_flag(value: bool) -> bytes:  # noqa: FBT001  the value itself
    return _field(_BOOL, 1) + (b"\x01" if value else b"\x00")


def _put_short(value: int) -> bytes:
    return _short(_INT2, 2, value)


def _put_integer(value: int) -> bytes:
    return _integer(_INT4, 4, value)


def _put_long(value: int) -> bytes:
    return _long(_INT8, 8, value)


def _put_uuid(value: UUID) -> bytes:
    return _field(_UUID, 16) + value.bytes


_KINDS: Final[dict[str, tuple[int, Callable[[Any], bytes]]]] = {
    "bigint": (_INT8, _put_long),
    "boolean": (_BOOL, _put_flag),
    "bytea": (_BYTEA, _put_bytes),
    "integer": (_INT4, _put_integer),
    "jsonb": (_JSONB, _put_json),
    "smallint": (_INT2, _put_short),
    "text": (_TEXT, _put_text),
    "text[]": (_TEXT_ARRAY, _put_texts),
    "timestamptz": (_TIMESTAMPTZ, _put_moment),
    "uuid": (_UUID, _put_uuid),
}

"""What requests to read have in common, checked and translated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from regesta.names import (
    AliasName,
    InvalidName,
    ModelName,
    NamespaceName,
    VersionName,
    check_principal,
)
from regesta.v1 import reading_pb2 as reading_pb
from regesta_service.domain.rejections import InvalidRequest, MomentOutOfRange
from regesta_service.reads.consistency import ANY, Freshness
from regesta_service.reads.moments import Occurred

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta_service.reads.moments import Moment

_Name = TypeVar("_Name", NamespaceName, ModelName, VersionName, AliasName)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000

_BASES = (
    reading_pb.MOMENT_BASIS_UNSPECIFIED,
    reading_pb.MOMENT_BASIS_RECORDED,
    reading_pb.MOMENT_BASIS_OCCURRED,
)
_ANY_LEVELS = (
    reading_pb.CONSISTENCY_LEVEL_UNSPECIFIED,
    reading_pb.CONSISTENCY_LEVEL_MINIMIZE_LATENCY,
)


class _Fresh(Protocol):
    """A request that says how fresh the answer must be."""

    @property
    def consistency(self) -> reading_pb.Consistency: ...


def name_in(field: str, kind: type[_Name], text: str) -> _Name:
    """Return the resource name in a field.

    Raises:
        InvalidRequest: It is none, or names something of another kind.
    """
    try:
        return kind.parse(text)
    except InvalidName as error:
        raise InvalidRequest.of(field, error.message) from None


def position_in(field: str, position: int) -> int:
    """Return a position that may be left out: 0 then.

    Raises:
        InvalidRequest: It is negative.
    """
    if position < 0:
        raise InvalidRequest.of(field, "is not negative")
    return position


def principal_in(field: str, text: str) -> str:
    """Return the principal in a field.

    Raises:
        InvalidRequest: It cannot be one's name.
    """
    try:
        return check_principal(text)
    except InvalidName as error:
        raise InvalidRequest.of(field, error.message) from None


def namespace_in(parent: str) -> str:
    """Return the namespace that `parent` names.

    Raises:
        InvalidRequest: It names something else.
    """
    return name_in("parent", NamespaceName, parent).namespace


def freshness_of(request: _Fresh) -> Freshness:
    """Return how fresh the answer to a request must be.

    Raises:
        InvalidRequest: The level is unknown, or the position does not go with it.
    """
    consistency = request.consistency
    level, position = consistency.level, consistency.position
    if level == reading_pb.CONSISTENCY_LEVEL_AT_LEAST:
        if position < 0:
            raise InvalidRequest.of("consistency.position", "must not be negative")
        return Freshness(position)
    if position:
        raise InvalidRequest.of("consistency.position", "goes with the level AT_LEAST only")
    if level == reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT:
        return Freshness(full=True)
    if level not in _ANY_LEVELS:
        raise InvalidRequest.of("consistency.level", "is not one that this server knows")
    return ANY


def moment_of(moment: reading_pb.Moment) -> Moment | None:
    """Return the moment that a request means; None is now.

    Raises:
        InvalidRequest: The time is none.
        MomentOutOfRange: The position is not one.
    """
    if moment.basis not in _BASES:
        raise InvalidRequest.of("as_of.basis", "is not one that this server knows")
    if moment.basis == reading_pb.MOMENT_BASIS_OCCURRED:
        if moment.WhichOneof("at") != "time":
            raise InvalidRequest.of("as_of.basis", "OCCURRED goes with a time only")
        return Occurred(time_of("as_of.time", moment.time))
    match moment.WhichOneof("at"):
        case None:
            return None
        case "position":
            if moment.position < 1:
                raise MomentOutOfRange("the first position is 1")
            return moment.position
        case "time":
            return time_of("as_of.time", moment.time)


def recorded_moment_of(field: str, moment: reading_pb.Moment) -> int | datetime | None:
    """Return a moment that must be one of recording; None is now.

    Raises:
        InvalidRequest: It is none, or one of another basis.
        MomentOutOfRange: The position is not one.
    """
    found = moment_of(moment)
    if isinstance(found, Occurred):
        raise InvalidRequest.of(f"{field}.basis", "must be RECORDED here")
    return found


def time_of(field: str, timestamp: Timestamp) -> datetime:
    """Return a time, cut to the microsecond as the log's times are.

    Raises:
        InvalidRequest: It lies outside the years 1 to 9999.
    """
    if not 0 <= timestamp.nanos < _NANOS:
        raise InvalidRequest.of(field, "has nanos from 0 to 999,999,999")
    try:
        return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)
    except OverflowError:
        raise InvalidRequest.of(field, "lies in the years 1 to 9999") from None

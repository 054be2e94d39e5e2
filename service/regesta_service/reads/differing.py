"""What changed between two moments: resources as they were before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.message import Message

from regesta.v1 import audit_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.evolve.streams import UnknownStream, key_of
from regesta_projections.rows import AliasKey, ModelKey, VersionKey
from regesta_service.reads import past
from regesta_service.reads.events import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from regesta_projections.rows import StreamKey
    from regesta_service.reads.answers import AnswerReader

    Connection = psycopg.AsyncConnection[Any]

#: Of these it says nothing that they differ: they do whenever something happened.
_ALWAYS: Final = frozenset({"etag", "update_time", "updated_by", "occurred_update_time"})


class Span(NamedTuple):
    """What lies between two moments of a namespace."""

    namespace: str
    namespace_id: int
    #: The earlier position.
    before: int
    #: The later position.
    after: int


class Touched(NamedTuple):
    """A resource to which something happened, and where that began."""

    key: ModelKey | VersionKey | AliasKey
    first_position: int


class TouchedPage(NamedTuple):
    """Some of the resources that something happened to."""

    touched: list[Touched]
    #: Up to here the span was looked through.
    position: int


async def touched_in(connection: Connection, span: Span, after: int, limit: int) -> TouchedPage:
    """Return the resources whose first event in a span lies behind a position.

    At most `limit` of them, and of at most 20,000 events: there may be none, and still more.
    """
    last = min(span.after, after + WINDOW)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _TOUCHED,
            {
                "namespace_id": span.namespace_id,
                "before": span.before,
                "after": after,
                "last": last,
                "limit": limit + 1,
            },
        )
        rows = await cursor.fetchall()
    if len(rows) > limit:
        last = rows[limit - 1][0]
    touched = []
    for position, stream in rows[:limit]:
        key = _resource_key(stream)
        if key is not None:
            touched.append(Touched(key, position))
    return TouchedPage(touched, last)


async def change_of(
    connection: Connection, answers: AnswerReader, span: Span, touched: Touched
) -> pb.StateChange | None:
    """Return a resource before and after; None when nothing of it differs."""
    before = await _state(connection, answers, span, touched.key, span.before)
    after = await _state(connection, answers, span, touched.key, span.after)
    change = pb.StateChange(first_position=touched.first_position)
    for state, place in ((before, change.before), (after, change.after)):
        if state is not None:
            _put(place, state)
    shown = after if after is not None else before
    if shown is None:
        return None
    change.name = shown.name  # type: ignore[attr-defined]  # every resource has one
    change.changed_fields[:] = sorted(set(changed_fields(before, after)) - _ALWAYS)
    return change if change.changed_fields else None


def changed_fields(before: Message | None, after: Message | None) -> Iterator[str]:
    """Yield the fields of a resource that differ; those of maps by their keys."""
    kind = after if after is not None else before
    if kind is None:
        return
    empty = type(kind)()
    old, new = before if before is not None else empty, after if after is not None else empty
    for field in kind.DESCRIPTOR.fields:
        one, other = getattr(old, field.name), getattr(new, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in {*one, *other}:
                if (key in one) != (key in other) or (key in one and one[key] != other[key]):
                    yield f"{field.name}.{key}"
        elif one != other or (
            field.has_presence and old.HasField(field.name) != new.HasField(field.name)
        ):
            yield field.name


async def _state(
    connection: Connection,
    answers: AnswerReader,
    span: Span,
    key: ModelKey | VersionKey | AliasKey,
    position: int,
) -> Message | None:
    """Return a resource right after a position; None before it existed."""
    if position < 1:
        return None
    model = await past.model_at(connection, span.namespace_id, ModelKey(key.model), position)
    if model is None:
        return None
    match key:
        case ModelKey():
            data = await answers.model_at(span.namespace, key, position, row=model)
            return model_pb.Model.FromString(data)
        case VersionKey():
            row = await past.version_at(connection, span.namespace_id, key, position)
            if row is None:
                return None
            data = await answers.version_at(span.namespace, key, position, row=row, name=model.name)
            return version_pb.Version.FromString(data)
        case AliasKey():
            alias = await past.alias_at(connection, span.namespace_id, key, position)
            if alias is None:
                return None
            data = await answers.alias_at(span.namespace, key, position, row=alias, name=model.name)
            return model_pb.Alias.FromString(data)


def _put(place: pb.ResourceState, state: Message) -> None:
    match state:
        case model_pb.Model():
            place.model.CopyFrom(state)
        case version_pb.Version():
            place.version.CopyFrom(state)
        case model_pb.Alias():
            place.alias.CopyFrom(state)
        case _:
            raise TypeError(f"{type(state).__name__} is no resource")


def _resource_key(stream: str) -> ModelKey | VersionKey | AliasKey | None:
    """Return the resource of a stream; None of the streams that have none."""
    try:
        key: StreamKey = key_of(stream)
    except UnknownStream:
        return None
    return key if isinstance(key, ModelKey | VersionKey | AliasKey) else None


# The first in the span: the event before it in its stream lies before the span.
_TOUCHED: Final = """
SELECT e.position, e.stream FROM regesta.events AS e
WHERE e.namespace_id = %(namespace_id)s AND e.position > %(after)s AND e.position <= %(last)s
    AND NOT EXISTS (
        SELECT FROM regesta.events AS q
        WHERE q.namespace_id = e.namespace_id AND q.stream = e.stream
            AND q.revision = e.revision - 1 AND q.position > %(before)s
    )
ORDER BY e.position
LIMIT %(limit)s
"""

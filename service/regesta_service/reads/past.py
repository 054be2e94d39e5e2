"""The past: resources folded from their own streams, by the same `evolve` as the present.

Everything here reads events up to a position, which never change, so it does not matter
in how many statements it is done. Streams are read a piece at a time. Where the bodies of a
stream's first events are archived, the fold begins with what its history says of the last of
them; what neither tells is refused (`BodyArchived`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from regesta.names import AliasName, CommentName, ModelName, VersionName
from regesta.v1 import model_pb2 as model_pb
from regesta_projections.archived import is_archived
from regesta_projections.evolve import evolve
from regesta_projections.evolve.streams import LOG_STREAM, PRIVACY_STREAM, key_of, stream_of
from regesta_projections.records import TYPE_PREFIX, Recorded, read_record
from regesta_projections.resolving import resolvable
from regesta_projections.rows import (
    LOG,
    PRIVACY,
    AliasKey,
    AliasRow,
    Key,
    LogRow,
    ModelKey,
    ModelRow,
    PrivacyRow,
    ResourceKey,
    ResourceRow,
    Row,
    Rows,
    StreamKey,
    VersionKey,
    VersionRow,
)
from regesta_service.reads.archived import base_of
from regesta_service.reads.refusals import model_not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import psycopg

    Connection: TypeAlias = psycopg.AsyncConnection[Any]

#: Events read at once.
_PIECE: Final = 500

_STATE_TYPES: Final = [
    TYPE_PREFIX + name
    for name in (
        "VersionRegistered",
        "VersionSemverLabelled",
        "VersionDeleted",
        "VersionRestored",
        "StageChanged",
        "FlagRaised",
        "FlagResolved",
        "VersionRevoked",
        "VersionRolledBack",
    )
]


class VersionState(NamedTuple):
    """What resolving by stage, range or latest looks at."""

    number: int
    stage: str
    stage_position: int
    deleted: bool
    #: Empty without a label.
    semver: str
    #: Whether it is resolved by more than number and digest, as far as it says itself.
    resolvable: bool


class _Nothing(dict[Key, "Row | None"]):
    """A base of rows in which there is nothing, and everybody has looked."""

    def __missing__(self, key: Key) -> None:
        return None


async def model_at(
    connection: Connection, namespace_id: int, key: ModelKey, position: int
) -> ModelRow | None:
    """Return a model as it was right after a position; None before it was created."""
    rows = await _folded(connection, namespace_id, stream_of(key), position)
    row = rows.get(key)
    if row is not None:
        row.last_version = await _last_version(connection, namespace_id, key.model, position)
    return row


async def version_at(
    connection: Connection, namespace_id: int, key: VersionKey, position: int
) -> VersionRow | None:
    """Return a version as it was right after a position; None before it was registered."""
    rows = await _folded(connection, namespace_id, stream_of(key), position)
    return rows.get(key)


async def alias_at(
    connection: Connection, namespace_id: int, key: AliasKey, position: int
) -> AliasRow | None:
    """Return an alias as it was right after a position; None before it was set first."""
    rows = await _folded(connection, namespace_id, stream_of(key), position)
    return rows.get(key)


async def log_at(connection: Connection, namespace_id: int, position: int) -> LogRow | None:
    """Return what the log said of itself right after a position; None when it said nothing."""
    rows = await _folded(connection, namespace_id, LOG_STREAM, position)
    return rows.get(LOG)


async def privacy_at(connection: Connection, namespace_id: int, position: int) -> PrivacyRow | None:
    """Return holds and the last erasure right after a position; None when there was neither."""
    rows = await _folded(connection, namespace_id, PRIVACY_STREAM, position)
    return rows.get(PRIVACY)


async def resource_at(
    connection: Connection, namespace_id: int, key: ResourceKey, position: int
) -> ResourceRow | None:
    """Return a resource as it was right after a position; None before its first event."""
    rows = await _folded(connection, namespace_id, key.stream, position)
    return rows.get(key)


async def states_at(
    connection: Connection, namespace_id: int, model: str, position: int
) -> list[VersionState]:
    """Return the state of each of a model's versions right after a position.

    All versions are looked at: about 30 µs of CPU for each of their events.
    """
    states: list[VersionState] = []
    rows = _rows_of(model)
    current: VersionKey | None = None
    async for recorded in state_events(connection, namespace_id, model, position):
        key = key_of(recorded.stream)
        if key != current and isinstance(key, VersionKey):
            states += _state(rows, current)
            rows, current = _rows_of(model), key
        evolve(rows, recorded)
    return [*states, *_state(rows, current)]


async def model_named(connection: Connection, namespace_id: int, name: str) -> str | None:
    """Return the model that has or had a name, by the name it was created with."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_NAMED, [name.lower(), namespace_id])
        row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def name_at(connection: Connection, namespace_id: int, model: str, position: int) -> str:
    """Return the name that a model had; the name it was created with if it did not exist."""
    row = await model_at(connection, namespace_id, ModelKey(model), position)
    return model if row is None else row.name


async def text_of(connection: Connection, namespace_id: int, digest: str) -> str | None:
    """Return a free text by its digest; None when it was erased."""
    cursor = await connection.execute(_TEXT, [namespace_id, digest])
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def key_named(
    connection: Connection,
    namespace_id: int,
    name: ModelName | VersionName | AliasName | CommentName,
) -> ModelKey | VersionKey | AliasKey | ResourceKey:
    """Return the key of a resource, whose model may be called by any name it has or had.

    Raises:
        ModelNotFound: No model has or had that name.
    """
    model = await model_named(connection, namespace_id, name.model)
    if model is None:
        raise model_not_found(name.model)
    match name:
        case ModelName():
            return ModelKey(model)
        case VersionName(version=number):
            return VersionKey(model, number)
        case AliasName(alias=alias):
            return AliasKey(model, alias)
        case CommentName(parent=parent, comment=comment):
            commented = await key_named(connection, namespace_id, parent)
            return ResourceKey(f"{stream_of(commented)}/comments/{comment}")


async def versions_with_digest(
    connection: Connection, namespace_id: int, digest: str
) -> list[VersionKey]:
    """Return the versions with a content digest, newest first, at most 1,000."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_WITH_DIGEST, [digest, namespace_id])
        return [VersionKey(model, number) for model, number in await cursor.fetchall()]


def _rows_of(model: str) -> Rows:
    """Return rows into which a version of a model can be folded."""
    rows = Rows(_Nothing())
    rows.add(ModelRow(model, model_pb.Model()))
    return rows


def _state(rows: Rows, key: VersionKey | None) -> list[VersionState]:
    row = rows.get(key) if key is not None else None
    if row is None:
        return []
    resource = row.resource
    return [
        VersionState(
            row.number,
            resource.stage,
            row.stage_position,
            row.deleted,
            resource.semver,
            resolvable(resource),
        )
    ]


def _beginning(key: StreamKey) -> Rows:
    return _rows_of(key.model) if isinstance(key, VersionKey) else Rows(_Nothing())


async def _folded(connection: Connection, namespace_id: int, stream: str, position: int) -> Rows:
    """Return what one stream comes to."""
    key = key_of(stream)
    rows = _beginning(key)
    revision = 0
    while True:
        piece = await _piece(connection, namespace_id, stream, revision, position)
        # Bodies go from the first position on, and may do so between two pieces.
        if piece and is_archived(piece[0][1]):
            base = await base_of(connection, namespace_id, key, position)
            if base is not None and base.revision > revision:
                rows, revision = _beginning(key), base.revision
                rows.add(base.row)
                continue
        for at, record, leaf_hash, _ in piece:
            evolve(rows, read_record(record, at, leaf_hash))
        if len(piece) < _PIECE:
            return rows
        revision = piece[-1][3]


async def stream_events(
    connection: Connection, namespace_id: int, stream: str, position: int
) -> AsyncIterator[Recorded]:
    """Yield the events of a stream up to a position, oldest first.

    Raises:
        BodyArchived: Some of their bodies are in an archive only.
    """
    revision = 0
    while True:
        piece = await _piece(connection, namespace_id, stream, revision, position)
        for at, record, leaf_hash, _ in piece:
            yield read_record(record, at, leaf_hash)
        if len(piece) < _PIECE:
            return
        revision = piece[-1][3]


async def _piece(
    connection: Connection, namespace_id: int, stream: str, revision: int, position: int
) -> list[tuple[int, bytes, bytes, int]]:
    """Return the next events of a stream: position, record, leaf hash and revision of each."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_STREAM, [namespace_id, stream, revision, position, _PIECE])
        return await cursor.fetchall()


async def state_events(
    connection: Connection, namespace_id: int, model: str, position: int
) -> AsyncIterator[Recorded]:
    """Yield what happened to the states of a model's versions, version by version.

    That is their registration, labels, deletion, restoration and moves, up to a position.
    """
    prefix = f"models/{model}/versions/"
    stream, revision = prefix, 0
    while True:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(
                _STATES,
                {
                    "namespace_id": namespace_id,
                    "stream": stream,
                    "revision": revision,
                    # The first stream that does not begin with the prefix.
                    "end": prefix[:-1] + "0",
                    "position": position,
                    "types": _STATE_TYPES,
                    "limit": _PIECE,
                },
            )
            piece = await cursor.fetchall()
        for at, record, leaf_hash, _, _ in piece:
            yield read_record(record, at, leaf_hash)
        if len(piece) < _PIECE:
            return
        stream, revision = piece[-1][3:]


async def _last_version(
    connection: Connection, namespace_id: int, model: str, position: int
) -> int:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _LAST_VERSION, {"namespace_id": namespace_id, "model": model, "position": position}
        )
        ((number,),) = await cursor.fetchall()
    return int(number or 0)


_STREAM = """
SELECT position, record, leaf_hash, revision FROM regesta.events
WHERE namespace_id = %s AND stream = %s AND revision > %s AND position <= %s
ORDER BY revision
LIMIT %s
"""

_STATES = """
SELECT position, record, leaf_hash, stream, revision FROM regesta.events
WHERE namespace_id = %(namespace_id)s AND (stream, revision) > (%(stream)s, %(revision)s)
    AND stream < %(end)s AND position <= %(position)s AND type = ANY (%(types)s)
ORDER BY stream, revision
LIMIT %(limit)s
"""

_TEXT = "SELECT text FROM regesta.disclosures WHERE namespace_id = %s AND digest = %s"

_NAMED = """
SELECT n.model FROM regesta.logs AS h
JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation AND n.name_key = %s
WHERE h.namespace_id = %s
"""

# A digest is immutable, so the present table knows all that ever had it.
_WITH_DIGEST = """
SELECT v.model, v.number FROM regesta.logs AS h
JOIN regesta.versions AS v
    ON v.namespace_id = h.namespace_id AND v.generation = h.generation AND v.digest = %s
WHERE h.namespace_id = %s
ORDER BY v.created_at DESC, v.model DESC, v.number DESC
LIMIT 1000
"""

# Numbers are given out in order, so the last one is found by halving.
_LAST_VERSION = """
WITH RECURSIVE probe (low, high) AS (
    SELECT 0, m.last_version
    FROM regesta.logs AS h
    JOIN regesta.models AS m
        ON m.namespace_id = h.namespace_id AND m.generation = h.generation
    WHERE h.namespace_id = %(namespace_id)s AND m.model = %(model)s
    UNION ALL
    SELECT CASE WHEN e.position <= %(position)s THEN p.middle ELSE p.low END,
        CASE WHEN e.position <= %(position)s THEN p.high ELSE p.middle - 1 END
    FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM probe WHERE low < high) AS p
    CROSS JOIN LATERAL (
        SELECT e.position FROM regesta.events AS e
        WHERE e.namespace_id = %(namespace_id)s AND e.revision = 1
            AND e.stream = 'models/' || %(model)s || '/versions/' || p.middle
        LIMIT 1
    ) AS e
)
SELECT max(low) FROM probe
"""

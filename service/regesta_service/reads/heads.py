"""Proofs of single heads, from the lines that are kept of a commitment to all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from regesta.audit import tiles
from regesta.audit.heads import Commitment, HeadLine
from regesta.v1 import event_pb2 as event_pb
from regesta.v1 import heads_service_pb2 as pb
from regesta.v1 import log_status_pb2 as log_pb
from regesta_projections.archived import BodyArchived, is_archived
from regesta_projections.evolve.stamps import put_time
from regesta_projections.evolve.streams import LOG_STREAM, UnknownStream, key_of, stream_of
from regesta_projections.records import TYPE_PREFIX
from regesta_projections.rows import AliasKey, ModelKey, StreamKey, VersionKey
from regesta_service.domain.rejections import (
    HeadsNotKept,
    InvalidRequest,
    StreamNotFound,
    TooManyStreams,
)
from regesta_service.log.stored import StoredEvent
from regesta_service.reads import past
from regesta_service.reads.disclosures import event_bytes, read_texts
from regesta_service.reads.statuses import Source, StatusReads

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces

    Connection = psycopg.AsyncConnection[Any]

#: Most lines of a model that are proved at once.
MAX_CHILDREN: Final = 10_000

# Paths made between two turns of the event loop; about a millisecond each while cold.
_STEP: Final = 50

#: Commitments that are looked through for one as of a given position.
_LOOKED_THROUGH: Final = 100


class HeadsReads(StatusReads[log_pb.LogStatus]):
    """Reads what the log says of itself, and proofs from its commitments."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        super().__init__(
            namespaces, pool, Source("log_status", log_pb.LogStatus, past.log_at, named)
        )

    async def prove(
        self, namespace: str, stream: str, position: int, *, children: bool
    ) -> pb.ProveStreamHeadResponse:
        """Return a stream's line and its path in the tree of a commitment.

        Args:
            namespace: Its name.
            stream: The stream; of a model any name it has or had will do.
            position: The position that the heads are of; 0 is that of the last commitment.
            children: Also prove what lies below a model, and its neighbours.

        Raises:
            InvalidRequest: No stream can have that name.
            HeadsNotKept: No commitment's lines are kept as of that position.
            StreamNotFound: There was no such stream then.
            TooManyStreams: More lies below the model than is proved at once.
        """
        key = _key(stream)
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            key = await _present(connection, namespace_id, key)
            stored = await _commitment_event(connection, namespace_id, position)
            commitment = Commitment.of_record(stored.record)
            place = namespace_id, commitment.position
            lines = await _lines(connection, place, key, children=children)
            leaves = sorted(lines)
            read = await _tiles(connection, place, leaves, commitment.streams)
            texts = await read_texts(connection, namespace_id, [stored])
        answer = pb.ProveStreamHeadResponse(
            heads=_heads(stored, commitment),
            event=event_pb.Event.FromString(event_bytes(stored, texts.get(stored.position, ()))),
            stream=stream_of(key),
        )
        for number, leaf in enumerate(leaves):
            if number % _STEP == 0:
                await asyncio.sleep(0)
            path = tiles.inclusion_proof(
                leaf, commitment.streams, lambda level, index, _: read[level, index]
            )
            answer.lines.add(line=lines[leaf].encode(), index=leaf, path=path)
        return answer


def named(namespace: str, status: log_pb.LogStatus) -> log_pb.LogStatus:
    """Return a status with its resource name."""
    status.name = f"namespaces/{namespace}/log"
    return status


def _key(stream: str) -> StreamKey:
    try:
        return key_of(stream)
    except UnknownStream:
        raise InvalidRequest.of("stream", "is no stream, such as models/churn or log") from None


async def _present(connection: Connection, namespace_id: int, key: StreamKey) -> StreamKey:
    """Return the key with the name that the model was created with."""
    if not isinstance(key, ModelKey | VersionKey | AliasKey):
        return key
    model = await past.model_named(connection, namespace_id, key.model) or key.model
    return msgspec.structs.replace(key, model=model)


async def _commitment_event(
    connection: Connection, namespace_id: int, position: int
) -> StoredEvent:
    """Return the event that commits to the heads as of a position, if its lines are kept."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _COMMITMENTS,
            [namespace_id, LOG_STREAM, TYPE_PREFIX + "HeadsCommitted", _LOOKED_THROUGH],
        )
        events = [StoredEvent(*row) for row in await cursor.fetchall()]
        await cursor.execute(_KEPT, [namespace_id])
        kept = {found for (found,) in await cursor.fetchall()}
    for event in events:
        if is_archived(event.record):
            # Old: whoever asks for the last commitment learns why it is not told.
            if not position:
                raise BodyArchived(event.position)
            continue
        committed = Commitment.of_record(event.record).position
        if committed == (position or committed) and committed in kept:
            return event
        if not position:
            break
    what = (
        f"no lines of heads are kept as of position {position}"
        if position
        else "the heads were not committed to yet, or their lines are not kept"
    )
    raise HeadsNotKept(
        f"{what}; `regesta audit commit-heads` commits to them, with the permission audit.commit",
        metadata={"kept": ", ".join(map(str, sorted(kept)))},
    )


def _heads(stored: StoredEvent, commitment: Commitment) -> log_pb.HeadsCommitment:
    heads = log_pb.HeadsCommitment(
        heads_position=commitment.position,
        streams=commitment.streams,
        root_hash=commitment.root,
        event_position=stored.position,
    )
    put_time(heads.commit_time, stored.recorded_at)
    return heads


async def _lines(
    connection: Connection, place: tuple[int, int], key: StreamKey, *, children: bool
) -> dict[int, HeadLine]:
    """Return the lines to prove, by index."""
    stream = stream_of(key)
    lines = await _found(connection, _ONE, [*place, stream])
    if not lines:
        raise StreamNotFound(
            f"there was no {stream} as of position {place[1]}", metadata={"stream": stream}
        )
    if not children or not isinstance(key, ModelKey):
        return lines
    below = await _found(connection, _BELOW, [*place, f"{stream}/", f"{stream}0", MAX_CHILDREN + 1])
    if len(below) > MAX_CHILDREN:
        raise TooManyStreams(
            f"{stream} has more than {MAX_CHILDREN} versions and aliases; read the whole log, or"
            " prove streams one by one",
            metadata={"limit": str(MAX_CHILDREN)},
        )
    if below:
        beside = [min(below) - 1, max(below) + 1]
    else:
        before = await _found(connection, _BEFORE, [*place, f"{stream}/"])
        beside = [max(before), max(before) + 1]
    return lines | below | await _found(connection, _BESIDE, [*place, beside])


async def _found(
    connection: Connection, query: str, parameters: Sequence[object]
) -> dict[int, HeadLine]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        return {
            index: HeadLine(stream, revision, bytes(leaf), bytes(state))
            for index, stream, revision, leaf, state in await cursor.fetchall()
        }


async def _tiles(
    connection: Connection, place: tuple[int, int], leaves: Sequence[int], size: int
) -> dict[tuple[int, int], tiles.Tile]:
    """Return the tiles that the paths of leaves are in, by level and index."""
    refs = frozenset[tiles.TileRef]().union(*(tiles.inclusion_tiles(leaf, size) for leaf in leaves))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _TILES, [[ref.level for ref in refs], [ref.index for ref in refs], *place]
        )
        return {
            (level, index): tiles.Tile(bytes(hashes))
            for level, index, hashes in await cursor.fetchall()
        }


_COMMITMENTS = """
SELECT position, record, leaf_hash, stream, revision, type, actor, recorded_at, occurred_at,
    request_id, trace_id
FROM regesta.events
WHERE namespace_id = %s AND stream = %s AND type = %s ORDER BY revision DESC LIMIT %s
"""
_KEPT = "SELECT position FROM regesta.heads WHERE namespace_id = %s"

_SELECT = "SELECT index, stream, revision, leaf_hash, state FROM regesta.head_lines "
_PLACE = "WHERE namespace_id = %s AND position = %s "
_ONE: Final = _SELECT + _PLACE + "AND stream = %s"
_BELOW: Final = _SELECT + _PLACE + "AND stream > %s AND stream < %s ORDER BY stream LIMIT %s"
_BEFORE: Final = _SELECT + _PLACE + "AND stream < %s ORDER BY stream DESC LIMIT 1"
_BESIDE: Final = _SELECT + _PLACE + "AND index = ANY (%s::bigint[])"

_TILES = """
SELECT t.level, t.index, t.hashes
FROM unnest(%s::smallint[], %s::bigint[]) AS wanted (level, index)
JOIN regesta.head_tiles AS t ON t.level = wanted.level AND t.index = wanted.index
WHERE t.namespace_id = %s AND t.position = %s
"""

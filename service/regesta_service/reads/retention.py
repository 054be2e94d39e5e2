"""What deciding about bodies of events looks at: times, checkpoints, and which holds cover what."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from regesta.merkle import TILE_WIDTH
from regesta.v1.privacy_service_pb2 import PrivacyStatus
from regesta_projections.archived import BodyArchived
from regesta_service.domain.rejections import BodiesArchived
from regesta_service.reads.moments import position_at_time

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.domain.retention import HoldScope
    from regesta_service.reads.tails import Namespaces

    Connection = psycopg.AsyncConnection[Any]

#: A microsecond, PostgreSQL's step of time: what was before, and not at it.
_STEP: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Releasable:
    """What is so of bodies that are to be released."""

    through: int
    #: When the event there was recorded; None when there is none.
    recorded_at: datetime | None
    #: Of the newest checkpoint; 0 without one.
    checkpoint_size: int
    #: 32 bytes; empty without one.
    checkpoint_root: bytes
    #: Holds that cover no event up to there.
    spared: frozenset[HoldScope]


class RetentionReads:
    """Reads what a release is decided on, and up to where bodies are archived."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def releasable(self, namespace: str, bound: int | datetime) -> Releasable:
        """Return what is so of the bodies up to a position, or recorded before a time.

        Raises:
            MomentOutOfRange: The time lies in the future.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            size, root = await _checkpoint(connection, namespace_id)
            through = bound
            if isinstance(through, datetime):
                place = await position_at_time(
                    connection, namespace_id, through - _STEP, at_least=0
                )
                through = min(place.position, size) // TILE_WIDTH * TILE_WIDTH
            found = await (
                await connection.execute(RECORDED_AT, [namespace_id, through])
            ).fetchone()
            status = await (await connection.execute(STATUS, [namespace_id])).fetchone()
            holds = PrivacyStatus.FromString((status and status[0]) or b"").holds
            covered = await (
                await connection.execute(COVERED, covered_parameters(namespace_id, through, holds))
            ).fetchall()
        return Releasable(
            through, found[0] if found else None, size, root, spared_by(holds, covered)
        )

    async def explained(self, namespace: str, archived: BodyArchived) -> BodiesArchived:
        """Return the refusal of a read that needs a body which is in an archive only."""
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_THROUGH, [namespace_id])).fetchone()
        through = str(row[0]) if row else str(archived.position)
        return BodiesArchived(
            f"the bodies of the events up to position {through} are archived, and this needs one:"
            " ask for events after it, read the archive with `regesta verify` and"
            " `regesta-server replay`, or restore it with `regesta-server restore`",
            metadata={"through": through},
        )


def covered_parameters(namespace_id: int, through: int, holds: Any) -> dict[str, Any]:
    """Return the parameters of `COVERED`."""
    return {
        "namespace_id": namespace_id,
        "through": through,
        "models": sorted({hold.model for hold in holds if hold.model}),
        "persons": sorted({hold.person for hold in holds if hold.person}),
    }


def spared_by(holds: Any, covered: Any) -> frozenset[HoldScope]:
    """Return the holds that cover none of the events that `COVERED` looked through."""
    models = {name for kind, name in covered if kind == "model"}
    persons = {name for kind, name in covered if kind == "person"}
    return frozenset(
        (hold.person, hold.model)
        for hold in holds
        if (hold.person or hold.model) and hold.person not in persons and hold.model not in models
    )


async def _checkpoint(connection: Connection, namespace_id: int) -> tuple[int, bytes]:
    row = await (await connection.execute(_CHECKPOINT, [namespace_id])).fetchone()
    return (row[0], b64decode(row[1])) if row else (0, b"")


# The table's own check holds that the third line is a root in base64.
_CHECKPOINT: Final = """
SELECT size, split_part(note, E'\\n', 3) FROM regesta.checkpoints
WHERE namespace_id = %s ORDER BY size DESC LIMIT 1
"""
_THROUGH: Final = "SELECT through FROM regesta.released WHERE namespace_id = %s"
RECORDED_AT: Final = """
SELECT recorded_at FROM regesta.events WHERE namespace_id = %s AND position = %s
"""
STATUS: Final = """
SELECT s.resource FROM regesta.logs AS l
JOIN regesta.privacy_status AS s
    ON s.namespace_id = l.namespace_id AND s.generation = l.generation
WHERE l.namespace_id = %s
"""

# "0" is what follows "/": streams below a model lie between the two. Of persons there is no
# index: all of the events are looked through, once for all holds.
COVERED: Final = """
SELECT 'model', m.name FROM unnest(%(models)s::text[]) AS m (name)
WHERE EXISTS (
    SELECT FROM regesta.events AS e
    WHERE e.namespace_id = %(namespace_id)s AND e.position <= %(through)s
        AND (e.stream = 'models/' || m.name
            OR (e.stream > 'models/' || m.name || '/' AND e.stream < 'models/' || m.name || '0'))
)
UNION ALL
SELECT DISTINCT 'person', e.actor FROM regesta.events AS e
WHERE e.namespace_id = %(namespace_id)s AND e.position <= %(through)s
    AND cardinality(%(persons)s::text[]) > 0 AND e.actor = ANY (%(persons)s::text[])
"""

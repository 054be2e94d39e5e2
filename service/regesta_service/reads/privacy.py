"""Which texts there are, of whom and of what; and what is so of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regesta.names import AliasName, DocumentName, HoldName, ModelName, VersionName
from regesta.v1 import privacy_service_pb2 as pb
from regesta_projections.evolve.streams import stream_of
from regesta_projections.resources import document_key
from regesta_service.domain import limits
from regesta_service.domain.privacy import ChosenText
from regesta_service.reads import past
from regesta_service.reads.events import model_of
from regesta_service.reads.statuses import Source, StatusReads

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces

    Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which texts are meant: a person's, a resource's or an event's."""

    person: str = ""
    resource: ModelName | VersionName | AliasName | DocumentName | None = None
    event_position: int = 0
    #: Of an event's texts only this one; empty means all.
    field: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The texts that there are."""

    #: In the order of their events, at most as many as are erased at once.
    texts: tuple[ChosenText, ...]
    #: The stream that was meant; empty when none was.
    stream: str
    #: Whether there are more.
    more: bool
    #: The log's size when they were looked up.
    size: int


class PrivacyReads(StatusReads[pb.PrivacyStatus]):
    """Reads of holds, erasures and of which texts there are."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        super().__init__(
            namespaces, pool, Source("privacy_status", pb.PrivacyStatus, past.privacy_at, named)
        )

    async def choose(self, namespace: str, selection: Selection) -> Chosen:
        """Return the texts that a selection means and that are there.

        Raises:
            ModelNotFound: No model has or had the name.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            stream = ""
            match selection.resource:
                case None:
                    pass
                case DocumentName(collection=collection, document=document):
                    stream = document_key(collection, document).stream
                case name:
                    stream = stream_of(await past.key_named(connection, namespace_id, name))
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(
                    _CHOOSE,
                    {
                        "namespace_id": namespace_id,
                        "person": selection.person or None,
                        "stream": stream or None,
                        # Of a model also what lies below it, and of others nothing.
                        "below": f"{stream}/",
                        "beyond": f"{stream}0",
                        "position": selection.event_position or None,
                        "field": selection.field or None,
                        "limit": limits.MAX_ERASED_AT_ONCE + 1,
                    },
                )
                rows = await cursor.fetchall()
        texts = tuple(
            ChosenText(digest, person, model_of(of))
            for _, digest, person, of in rows[: limits.MAX_ERASED_AT_ONCE]
            if digest is not None
        )
        return Chosen(texts, stream, len(rows) > limits.MAX_ERASED_AT_ONCE, rows[0][0])


def named(namespace: str, status: pb.PrivacyStatus) -> pb.PrivacyStatus:
    """Return a status with its resource names; it is changed."""
    status.name = f"namespaces/{namespace}/privacy"
    for hold in status.holds:
        hold.name = str(HoldName(namespace, hold.name))
    return status


# "0" is what follows "/": streams below one lie between the two.
_CHOOSE = """
SELECT l.size, t.digest, t.person, t.stream FROM regesta.logs AS l
LEFT JOIN LATERAL (
    SELECT d.position, d.field, d.digest, d.person, e.stream
    FROM regesta.disclosures AS d
    JOIN regesta.events AS e ON e.namespace_id = d.namespace_id AND e.position = d.position
    WHERE d.namespace_id = l.namespace_id
        AND (%(person)s::text IS NULL OR d.person = %(person)s)
        AND (%(position)s::bigint IS NULL OR d.position = %(position)s)
        AND (%(field)s::text IS NULL OR d.field = %(field)s)
        AND (%(stream)s::text IS NULL OR e.stream = %(stream)s
            OR (e.stream > %(below)s AND e.stream < %(beyond)s))
    ORDER BY d.position, d.field, d.digest
    LIMIT %(limit)s
) AS t ON true
WHERE l.namespace_id = %(namespace_id)s
"""

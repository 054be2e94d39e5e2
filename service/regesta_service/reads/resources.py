"""Resources that need no columns of their own: one by its stream, or as of a position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from regesta_projections.resources import kind_of
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.reads import past
from regesta_service.reads.moments import position_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces

M = TypeVar("M", bound="Message")


class Found(NamedTuple):
    """What was read."""

    #: None when there is no such resource, or was none then.
    row: ResourceRow | None
    #: The position of the last event that it reflects.
    position: int


class ResourceReads:
    """Reads resources.

    Args:
        namespaces: Finds a namespace's number.
        pool: Where to read.
    """

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def get(self, namespace: str, key: ResourceKey) -> Found:
        """Return a resource as it is now."""
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_ONE, {"namespace_id": namespace_id, "stream": key.stream})
            ((size, *columns),) = await cursor.fetchall()
        return Found(_row(key.stream, columns), size)

    async def at(self, namespace: str, key: ResourceKey, position: int) -> Found:
        """Return a resource as it was right after a position.

        Raises:
            MomentOutOfRange: The log has no such position.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            place = await position_at(connection, namespace_id, position)
            row = await past.resource_at(connection, namespace_id, key, place.position)
        return Found(row, place.position)


def message_of(found: Found, kind: type[M]) -> M:
    """Return a copy of what was read, an empty message when there is nothing."""
    message = kind()
    if found.row is not None:
        message.CopyFrom(cast("M", found.row.resource))
    return message


def _row(stream: str, columns: Sequence[Any]) -> ResourceRow | None:
    resource, revision, leaf_hash, fields, digests = columns
    if resource is None:
        return None
    return ResourceRow(
        stream,
        kind_of(stream).message.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        revision,
        bytes(leaf_hash),
    )


_ONE = """
SELECT l.size, r.resource, r.revision, r.leaf_hash, r.text_fields, r.text_digests
FROM regesta.logs AS l
LEFT JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id
    AND r.generation = l.generation AND r.stream = %(stream)s
WHERE l.namespace_id = %(namespace_id)s
"""

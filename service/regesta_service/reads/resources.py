"""Resources that need no columns of their own: one by its stream, or as of a position."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from regesta_projections.row_values import resource_row
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.reads import past
from regesta_service.reads.moments import position_at
from regesta_service.reads.refusals import model_not_found
from regesta_service.reads.texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from google.protobuf.message import Message
    from psycopg_pool import AsyncConnectionPool

    from regesta.names import VersionName
    from regesta_service.log.draft import Committed
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
        return Found(None if columns[0] is None else resource_row(columns), size)

    async def at(self, namespace: str, key: ResourceKey, moment: int | datetime) -> Found:
        """Return a resource as it was right after a position, or at a time of recording.

        Raises:
            MomentOutOfRange: The log has no such moment.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            place = await position_at(connection, namespace_id, moment)
            row = await past.resource_at(connection, namespace_id, key, place.position)
        return Found(row, place.position)

    async def right_after(self, namespace: str, committed: Committed) -> Found:
        """Return the resource that a write shows, as of its position."""
        if isinstance(committed.row, ResourceRow):
            return Found(committed.row, committed.position)
        return await self.at(namespace, cast("ResourceKey", committed.shows), committed.position)

    async def stream_of(self, version: VersionName) -> str:
        """Return the stream of a version.

        Raises:
            ModelNotFound: No model has or had the name.
        """
        namespace_id = await self._namespaces.namespace_id(version.namespace)
        async with self._pool.connection() as connection:
            first = await past.model_named(connection, namespace_id, version.model)
        if first is None:
            raise model_not_found(version.model)
        return f"models/{first}/versions/{version.version}"

    async def texts(self, namespace: str, digests: Sequence[str]) -> dict[str, str]:
        """Return free texts by their digests; those that were erased are not in it."""
        if not digests:
            return {}
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            return await texts_of(cursor, namespace_id, list(digests))

    async def present_names(self, namespace: str, models: Sequence[str]) -> dict[str, str]:
        """Return the present names of models, by the names they were created with."""
        if not models:
            return {}
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_NAMES, [namespace_id, list(models)])
            return dict(await cursor.fetchall())


def message_of(found: Found, kind: type[M]) -> M:
    """Return a copy of what was read, an empty message when there is nothing."""
    message = kind()
    if found.row is not None:
        message.CopyFrom(cast("M", found.row.resource))
    return message


_ONE = """
SELECT l.size, r.stream, r.revision, r.leaf_hash, r.text_fields, r.text_digests, r.resource
FROM regesta.logs AS l
LEFT JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id
    AND r.generation = l.generation AND r.stream = %(stream)s
WHERE l.namespace_id = %(namespace_id)s
"""

_NAMES = """
SELECT m.model, m.name FROM regesta.logs AS l
JOIN regesta.models AS m ON m.namespace_id = l.namespace_id AND m.generation = l.generation
WHERE l.namespace_id = %s AND m.model = ANY (%s)
"""

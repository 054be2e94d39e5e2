"""Reading namespaces: one by name, or a page of those a caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg.rows import class_row

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta_service.domain.rejections import NamespaceNotFound

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg_pool import AsyncConnectionPool


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    resource: bytes
    size: int


_GET = """
SELECT l.name, n.resource, l.size
FROM regesta.logs AS l
JOIN regesta.namespaces AS n ON n.namespace_id = l.namespace_id AND n.generation = l.generation
WHERE l.name = %(name)s
"""

# `allowed` is NULL for a caller who may see all.
_PAGE = """
SELECT l.name, n.resource, l.size
FROM regesta.logs AS l
JOIN regesta.namespaces AS n ON n.namespace_id = l.namespace_id AND n.generation = l.generation
WHERE l.name > %(after)s AND (%(allowed)s::text[] IS NULL OR l.name = ANY (%(allowed)s::text[]))
ORDER BY l.name
LIMIT %(limit)s
"""


class NamespaceReads:
    """Reads of the namespaces themselves."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def get(self, name: str) -> tuple[admin_pb.Namespace, int]:
        """Return a namespace and the position of its log's last event.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        rows = await self._read(_GET, {"name": name})
        if not rows:
            raise NamespaceNotFound(f"there is no namespace {name}", metadata={"namespace": name})
        return _finished(rows[0]), rows[0].size

    async def page(
        self, after: str, limit: int, allowed: Collection[str] | None
    ) -> tuple[list[admin_pb.Namespace], str]:
        """Return namespaces by name, and the name to go on after, empty at the end.

        Args:
            after: Begin behind this name; empty begins with the first.
            limit: At most this many.
            allowed: The names the caller may see; None means all.
        """
        rows = await self._read(
            _PAGE,
            {
                "after": after,
                "limit": limit + 1,
                "allowed": None if allowed is None else list(allowed),
            },
        )
        more = len(rows) > limit
        return [_finished(row) for row in rows[:limit]], rows[limit - 1].name if more else ""

    async def _read(self, query: LiteralString, parameters: dict[str, Any]) -> list[_Found]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(_Found)) as cursor,
        ):
            await cursor.execute(query, parameters)
            rows: list[_Found] = await cursor.fetchall()
        return rows


def _finished(row: _Found) -> admin_pb.Namespace:
    namespace = admin_pb.Namespace.FromString(row.resource)
    namespace.name = f"namespaces/{row.name}"
    return namespace

"""What is so of a whole namespace: the one row that a stream of its own is folded into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

from google.protobuf.message import Message
from psycopg.sql import SQL, Identifier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces

    Connection = psycopg.AsyncConnection[Any]

S = TypeVar("S", bound=Message)
S_co = TypeVar("S_co", bound=Message, covariant=True)


class StatusRow(Protocol[S_co]):
    """A row that has a status."""

    @property
    def resource(self) -> S_co:
        """The status, without its names."""


class Source(NamedTuple, Generic[S]):
    """Where a status is, now and earlier."""

    #: The table of the present row.
    table: str
    kind: type[S]
    #: Folds the row as of a position; None before there was any.
    at: Callable[[Connection, int, int], Awaitable[StatusRow[S] | None]]
    #: Puts the names of resources on, and returns the status that was given.
    named: Callable[[str, S], S]


class StatusReads(Generic[S]):
    """Reads of one kind of status."""

    def __init__(
        self, namespaces: Namespaces, pool: AsyncConnectionPool, source: Source[S]
    ) -> None:
        self._namespaces = namespaces
        self._pool = pool
        self._source = source

    async def status(self, namespace: str) -> tuple[S, int]:
        """Return what is so now, and the log's size."""
        namespace_id = await self._namespaces.namespace_id(namespace)
        query = _STATUS.format(table=Identifier("regesta", self._source.table))
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(query, [namespace_id])
            ((size, resource),) = await cursor.fetchall()
        return self._source.named(namespace, self._source.kind.FromString(resource or b"")), size

    async def status_at(self, namespace: str, position: int, row: StatusRow[S] | None = None) -> S:
        """Return what was so right after a position.

        Args:
            namespace: Its name.
            position: Where.
            row: The row of then, when it is known.
        """
        if row is None:
            namespace_id = await self._namespaces.namespace_id(namespace)
            async with self._pool.connection() as connection:
                row = await self._source.at(connection, namespace_id, position)
        status = self._source.kind()
        if row is not None:
            status.CopyFrom(row.resource)
        return self._source.named(namespace, status)


_STATUS: Final = SQL("""
SELECT l.size, s.resource FROM regesta.logs AS l
LEFT JOIN {table} AS s ON s.namespace_id = l.namespace_id AND s.generation = l.generation
WHERE l.namespace_id = %s
""")

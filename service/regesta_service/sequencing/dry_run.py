"""Deciding without appending: what a command would come to as things are now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from regesta_projections.rows import Rows
from regesta_service.log.connections import PATIENCE
from regesta_service.log.rows import find_rows
from regesta_service.sequencing.cache import RowCache

if TYPE_CHECKING:
    from regesta_projections.rows import Key, Row
    from regesta_service.domain.deciding import Command
    from regesta_service.log.connections import Connections
    from regesta_service.log.namespaces import NamespaceRegistry

_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_HEAD: Final = "SELECT size, generation FROM regesta.logs WHERE namespace_id = %s"


class Seen(NamedTuple):
    """The rows that a command looks at."""

    rows: Rows
    #: The position that they reflect.
    position: int


class DryRun:
    """Loads what a command looks at.

    Args:
        connections: To PostgreSQL.
        registry: Finds a namespace's log.
    """

    def __init__(self, connections: Connections, registry: NamespaceRegistry) -> None:
        self._connections = connections
        self._registry = registry

    async def see(self, namespace: str, command: Command) -> Seen:
        """Return the rows that a command would decide on, all of one moment.

        Raises:
            NamespaceNotFound: There is no such namespace.
            DatabaseUnavailable: There is no connection.
            psycopg.Error: The database failed.
        """
        log_id = await self._registry.namespace_id(namespace)
        wanted = command.wants()
        async with self._connections.borrow(PATIENCE) as link:
            await link.conn.execute(_BEGIN)
            cursor = await link.conn.execute(_HEAD, [log_id])
            ((size, generation),) = await cursor.fetchall()
            found = await find_rows(link, log_id, generation, wanted)
            await link.conn.execute("COMMIT")
        cache = RowCache(limit=len(found))
        cache.found(wanted, found)
        base: dict[Key, Row | None] = {}
        for want in wanted:
            cache.gather(want, base)
        return Seen(Rows(base), size)

"""Who had an alias or a stage, one after the other: read before a rollback is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regesta_projections.evolve.streams import stream_of
from regesta_projections.rows import AliasKey
from regesta_service.domain.holding import Holders, holders_of_alias, holders_of_stage, step_of
from regesta_service.reads import past

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces


class Succession:
    """Reads who had an alias or a stage.

    An alias costs its own events; a stage the registrations, moves and deletions of all versions
    of the model, about 30 µs of CPU for each.
    """

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def of_alias(self, namespace: str, model: str, alias: str) -> Holders:
        """Return which versions an alias pointed to; nothing when there is no such model.

        Args:
            namespace: The namespace's name.
            model: A present or former name of the model.
            alias: The alias.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            first = await past.model_named(connection, namespace_id, model)
            if first is None:
                return Holders()
            size = await _size(connection, namespace_id)
            events = past.stream_events(
                connection, namespace_id, stream_of(AliasKey(first, alias)), size
            )
            return holders_of_alias([recorded async for recorded in events])

    async def of_stage(self, namespace: str, model: str, stage: str) -> Holders:
        """Return which versions held a stage; nothing when there is no such model.

        Args:
            namespace: The namespace's name.
            model: A present or former name of the model.
            stage: The stage.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            first = await past.model_named(connection, namespace_id, model)
            if first is None:
                return Holders()
            size = await _size(connection, namespace_id)
            events = past.state_events(connection, namespace_id, first, size)
            steps = [step async for recorded in events if (step := step_of(recorded))]
        return holders_of_stage(stage, steps)


async def _size(connection: psycopg.AsyncConnection[Any], namespace_id: int) -> int:
    """Return where the log ends, so that all that is read is of one moment."""
    cursor = await connection.execute(_SIZE, [namespace_id])
    ((size,),) = await cursor.fetchall()
    return int(size)


_SIZE = "SELECT size FROM regesta.logs WHERE namespace_id = %s"

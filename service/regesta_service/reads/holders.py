"""Who is in a stage of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import governance_pb2 as governance_pb
from regesta_service.domain.transitions import MAX_DISPLACED, InStage

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces


class HolderReads:
    """Reads who is in a stage."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def holders(self, namespace: str, model: str, stage: str) -> InStage:
        """Return who is in a stage of a model, named by a present or former name."""
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(
                _HOLDERS,
                {
                    "namespace_id": namespace_id,
                    "name": model.lower(),
                    "stage": stage,
                    "limit": MAX_DISPLACED + 2,  # the version that moves may be among them
                },
            )
            row = await cursor.fetchone()
        if row is None:
            return InStage(0, ())
        entered, numbers, deleted, last = row
        holder = governance_pb.StageHolder.FromString(entered or b"")
        return InStage(holder.version, tuple(numbers or ()), last or 0, tuple(deleted or ()))


# One statement, so that all is of the same moment.
_HOLDERS = """
SELECT r.resource, ARRAY(
    SELECT v.number FROM regesta.versions AS v
    WHERE v.namespace_id = n.namespace_id AND v.generation = n.generation
        AND v.model = n.model AND v.stage = %(stage)s AND NOT v.deleted
    ORDER BY v.stage_position
    LIMIT %(limit)s), ARRAY(
    SELECT v.number FROM regesta.versions AS v
    WHERE v.namespace_id = n.namespace_id AND v.generation = n.generation
        AND v.model = n.model AND v.stage = %(stage)s AND v.deleted
    ORDER BY v.stage_position DESC
    LIMIT %(limit)s), (
    SELECT v.stage_position FROM regesta.versions AS v
    WHERE v.namespace_id = n.namespace_id AND v.generation = n.generation
        AND v.model = n.model AND v.stage = %(stage)s AND NOT v.deleted
    ORDER BY v.stage_position DESC
    LIMIT 1)
FROM regesta.logs AS l
JOIN regesta.model_names AS n ON n.namespace_id = l.namespace_id
    AND n.generation = l.generation AND n.name_key = %(name)s
LEFT JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id
    AND r.generation = l.generation
    AND r.stream = 'models/' || n.model || '/stages/' || %(stage)s
WHERE l.namespace_id = %(namespace_id)s
"""

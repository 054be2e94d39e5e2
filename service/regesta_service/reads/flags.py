"""The open flags of a namespace, over all of its models and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg.sql import SQL

from regesta.v1 import flags_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.evolve.flags import FLAG_FIELD
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.tails import Namespaces

#: Most models and versions that a page looks at: they are read whole.
_MOST_RESOURCES: Final = 200


class FlagPlace(NamedTuple):
    """Where a page of flags ended."""

    #: The name the model was created with.
    model: str
    #: 0 for the model itself.
    number: int
    #: Position of the event that raised the flag.
    position: int

    @classmethod
    def of(cls, values: Sequence[str | int]) -> FlagPlace:
        """Return the place in a page token."""
        model, number, position = values
        return cls(str(model), int(number), int(position))


class FlagPage(NamedTuple):
    """One page."""

    flags: list[pb.RaisedFlag]
    #: The place of the last one when there may be more behind it.
    end: FlagPlace | None
    #: The log's size in the page's snapshot.
    size: int


class FlagReads:
    """Lists of open flags."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def listed(
        self, namespace: str, after: FlagPlace | None, limit: int, *, blocking_only: bool = False
    ) -> FlagPage:
        """Return a page of flags by model and version, a model's own before its versions'.

        Args:
            namespace: Its name.
            after: Begin behind this flag; None begins at the first.
            limit: At most this many; fewer where they are long.
            blocking_only: Give only those that stop something.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        begin = after or FlagPlace("", 0, 0)
        most = min(limit, _MOST_RESOURCES)
        query = _FLAGGED.format(
            of_models=SQL("AND m.blocked" if blocking_only else ""),
            of_versions=SQL("AND v.blocked" if blocking_only else ""),
        )
        parameters = {
            "namespace_id": namespace_id,
            "model": begin.model,
            "number": begin.number,
            # All flags of the first may lie before the page, and one more tells of others.
            "limit": most + 2,
        }
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(query, parameters)
            rows = await cursor.fetchall()
            digests = [digest for row in rows for digest in row[6] or ()]
            texts = await texts_of(cursor, namespace_id, digests)
        found = [
            entry
            for row in rows
            if row[1] is not None
            for entry in _flags(namespace, row, texts, blocking_only=blocking_only)
            if entry[0] > begin
        ]
        fitting = _fitting(found, limit)
        more = len(fitting) < len(found) or len(rows) == parameters["limit"]
        end = fitting[-1][0] if fitting and more else None
        return FlagPage([flag for _, flag in fitting], end, rows[0][0])


def _flags(
    namespace: str, row: Sequence[Any], texts: Mapping[str, str], *, blocking_only: bool
) -> Iterator[tuple[FlagPlace, pb.RaisedFlag]]:
    """Yield the flags of a model or version, with their places."""
    _, model, number, name, resource, fields, digests = row
    own = f"namespaces/{namespace}/models/{name}"
    if number:
        own += f"/versions/{number}"
    reasons = {field: texts.get(digest, "") for field, digest in zip(fields, digests, strict=True)}
    kind = version_pb.Version if number else model_pb.Model
    for flag in kind.FromString(resource).flags:
        if blocking_only and not flag.blocking:
            continue
        flag.reason = reasons.get(FLAG_FIELD + flag.id, "")
        yield FlagPlace(model, number, flag.position), pb.RaisedFlag(resource=own, flag=flag)


def _fitting(
    found: Sequence[tuple[FlagPlace, pb.RaisedFlag]], limit: int
) -> Sequence[tuple[FlagPlace, pb.RaisedFlag]]:
    """Return the first flags, as many as fit into a page."""
    room = MAX_PAGE_BYTES
    for place, (_, flag) in enumerate(found[:limit]):
        room -= flag.ByteSize()
        if room < 0 and place:
            return found[:place]
    return found[:limit]


# Both halves are read in the order of an index that holds what is flagged and nothing else.
_FLAGGED: Final = SQL("""
SELECT h.size, f.*
FROM regesta.logs AS h
LEFT JOIN LATERAL (
    (
        SELECT m.model, 0 AS number, m.name, m.resource, m.text_fields, m.text_digests
        FROM regesta.models AS m
        WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation AND m.flagged
            {of_models} AND m.model >= %(model)s
            AND (m.model > %(model)s OR %(number)s::integer = 0)
        ORDER BY m.model
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT v.model, v.number, m.name, v.resource, v.text_fields, v.text_digests
        FROM regesta.versions AS v
        JOIN regesta.models AS m
            ON m.namespace_id = v.namespace_id AND m.generation = v.generation
            AND m.model = v.model
        WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation AND v.flagged
            {of_versions} AND (v.model, v.number) >= (%(model)s, %(number)s::integer)
        ORDER BY v.model, v.number
        LIMIT %(limit)s
    )
    ORDER BY 1, 2
    LIMIT %(limit)s
) AS f ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY f.model, f.number
""")

"""Comments, one or a page of them, with their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from regesta.names import ModelName, VersionName
from regesta.v1 import comments_service_pb2 as pb
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.reads import past
from regesta_service.reads.moments import position_at
from regesta_service.reads.refusals import model_not_found, version_not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.moments import Moment
    from regesta_service.reads.tails import Namespaces

    Connection: TypeAlias = psycopg.AsyncConnection[Any]


class CommentPage(NamedTuple):
    """A page of comments."""

    comments: list[pb.Comment]
    #: The positions at which they were added.
    added: list[int]
    #: The position that it reflects.
    position: int
    #: The log's size when it was read.
    size: int


class CommentReads:
    """Reads comments."""

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def at(
        self,
        namespace: str,
        key: ResourceKey,
        position: int,
        row: ResourceRow | None,
        known: Mapping[str, str],
    ) -> pb.Comment:
        """Return a comment as it was right after a position.

        Args:
            namespace: The namespace's name.
            key: Which comment.
            position: The position.
            row: Its row as of that position; without it the row is folded from the log.
            known: Texts by digest that need not be looked up.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            row = row or await past.resource_at(connection, namespace_id, key, position)
            if row is None:
                raise LookupError(f"{key.stream} does not exist at {position}")
            digest = row.texts.get("text", "")
            text = known.get(digest) or await past.text_of(connection, namespace_id, digest)
            _, first, rest = key.stream.split("/", 2)
            name = await past.name_at(connection, namespace_id, first, position)
        comment = cast("pb.Comment", row.resource)
        return _finished(comment, f"namespaces/{namespace}/models/{name}/{rest}", text)

    async def page(
        self, parent: ModelName | VersionName, moment: Moment | None, after: int, limit: int
    ) -> CommentPage:
        """Return comments on a model or version in the order in which they were added.

        All comments of the parent are looked at for each page.

        Args:
            parent: What they are on; deleted or not.
            moment: As of when; None is now.
            after: Only those added after this position.
            limit: At most this many.

        Raises:
            ModelNotFound: There was no such model.
            VersionNotFound: There was no such version.
            MomentOutOfRange: The log has no such moment.
        """
        namespace_id = await self._namespaces.namespace_id(parent.namespace)
        async with self._pool.connection() as connection:
            until = None
            if moment is not None:
                until = (await position_at(connection, namespace_id, moment)).position
            first = await past.model_named(connection, namespace_id, parent.model)
            if first is None:
                raise model_not_found(parent.model)
            stream = f"models/{first}"
            if isinstance(parent, VersionName):
                stream += f"/versions/{parent.version}"
            cursor = await connection.execute(
                _PAGE, (namespace_id, stream, after, until, limit), binary=True
            )
            (size, began, name), *rows = await _split(cursor)
            position = size if until is None else until
            if not began or began > position:
                if isinstance(parent, VersionName):
                    raise version_not_found(parent.model, parent.version)
                raise model_not_found(parent.model)
            if until is not None:
                name = await past.name_at(connection, namespace_id, first, until)
            prefix = f"namespaces/{parent.namespace}/models/{name}"
            comments: list[pb.Comment] = []
            added: list[int] = []
            for place, found, resource, text_now in rows:
                comment, text = pb.Comment.FromString(resource), text_now
                if until is not None:
                    key = ResourceKey(found)
                    row = await past.resource_at(connection, namespace_id, key, until)
                    if row is None:
                        continue
                    comment = cast("pb.Comment", row.resource)
                    text = await past.text_of(connection, namespace_id, row.texts.get("text", ""))
                rest = found.split("/", 2)[2]
                comments.append(_finished(comment, f"{prefix}/{rest}", text))
                added.append(place)
        return CommentPage(comments, added, position, size)


def _finished(folded: pb.Comment, name: str, text: str | None) -> pb.Comment:
    """Return a comment with all that its row leaves out."""
    comment = pb.Comment()
    comment.CopyFrom(folded)
    comment.name = name
    comment.text = text or ""
    comment.erased = text is None
    return comment


async def _split(cursor: psycopg.AsyncCursor[Any]) -> list[tuple[Any, ...]]:
    """Return what all lines say first, then each comment."""
    rows = await cursor.fetchall()
    return [rows[0][:3], *(row[3:] for row in rows if row[3] is not None)]


# The stream's first event says when the parent and each comment began.
_PAGE = """
SELECT l.size, b.position, m.name, c.position, c.stream, c.resource, c.text
FROM (SELECT %s::integer AS namespace_id, %s::text AS stream, %s::bigint AS after,
    %s::bigint AS until, %s::integer AS most) AS q
JOIN regesta.logs AS l ON l.namespace_id = q.namespace_id
LEFT JOIN LATERAL (
    SELECT e.position FROM regesta.events AS e
    WHERE e.namespace_id = q.namespace_id AND e.stream = q.stream AND e.revision = 1
    LIMIT 1
) AS b ON true
LEFT JOIN regesta.models AS m ON m.namespace_id = l.namespace_id
    AND m.generation = l.generation AND m.model = split_part(q.stream, '/', 2)
LEFT JOIN LATERAL (
    SELECT e.position, r.stream, r.resource, d.text
    FROM regesta.resources AS r
    CROSS JOIN LATERAL (
        SELECT e.position FROM regesta.events AS e
        WHERE e.namespace_id = r.namespace_id AND e.stream = r.stream AND e.revision = 1
        LIMIT 1
    ) AS e
    LEFT JOIN regesta.disclosures AS d
        ON d.namespace_id = r.namespace_id AND d.digest = r.text_digests[1]
    WHERE r.namespace_id = l.namespace_id AND r.generation = l.generation
        AND r.parent = q.stream AND r.kind = 'comment'
        AND e.position > q.after AND (q.until IS NULL OR e.position <= q.until)
    ORDER BY e.position
    LIMIT q.most
) AS c ON true
ORDER BY c.position
"""

"""Documents, one or a page of them, with what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from regesta.v1 import documents_service_pb2 as pb
from regesta_projections.resources import collection_stream, document_key
from regesta_service.domain.documents import present
from regesta_service.reads.consistency import check_reached

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from psycopg_pool import AsyncConnectionPool

    from regesta.names import DocumentName
    from regesta_projections.rows import ResourceRow
    from regesta_service.log.draft import Committed
    from regesta_service.reads.consistency import Freshness
    from regesta_service.reads.resources import ResourceReads
    from regesta_service.reads.tails import Namespaces


class DocumentPage(NamedTuple):
    """A page of documents."""

    documents: list[pb.Document]
    #: The positions at which they were put first.
    began: list[int]
    #: The position that it reflects.
    position: int


class DocumentReads:
    """Reads documents.

    Args:
        namespaces: Finds a namespace's number.
        pool: Where to read.
        resources: Reads one of them.
    """

    def __init__(
        self, namespaces: Namespaces, pool: AsyncConnectionPool, resources: ResourceReads
    ) -> None:
        self._namespaces = namespaces
        self._pool = pool
        self._resources = resources

    async def get(
        self, name: DocumentName, moment: int | datetime | None, freshness: Freshness
    ) -> tuple[pb.Document, int]:
        """Return a document, and the position that this reflects.

        Args:
            name: Which one.
            moment: As of when; None is now.
            freshness: How fresh the answer must be.

        Raises:
            DocumentNotFound: It was never put, or was removed, by then.
            MomentOutOfRange: The log has no such moment.
        """
        key = document_key(name.collection, name.document)
        if moment is None:
            found = await self._resources.get(name.namespace, key)
            check_reached(freshness, found.position)
        else:
            found = await self._resources.at(name.namespace, key, moment)
        row = present(found.row, key)
        texts = await self._resources.texts(name.namespace, list(row.texts.values()))
        return _shown(name.namespace, row, texts), found.position

    async def right_after(
        self, namespace: str, committed: Committed, known: Mapping[str, str]
    ) -> pb.Document:
        """Return the document that a write shows, as of its position.

        Args:
            namespace: The namespace's name.
            committed: The write.
            known: Texts by digest that need not be looked up.
        """
        row = (await self._resources.right_after(namespace, committed)).row
        if row is None:
            raise LookupError(f"{committed.shows} does not exist at {committed.position}")
        digests = [digest for digest in row.texts.values() if digest not in known]
        return _shown(namespace, row, {**known, **await self._resources.texts(namespace, digests)})

    async def page(
        self, namespace: str, collection: str, before: int | None, limit: int
    ) -> DocumentPage:
        """Return documents of a collection, newest put first come first.

        All that are in the collection are looked at for each page.

        Args:
            namespace: The namespace's name.
            collection: The collection's id.
            before: Only those that were put first before this position; None for all.
            limit: At most this many.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                _PAGE,
                {
                    "namespace_id": namespace_id,
                    "parent": collection_stream(collection),
                    "before": before,
                    "limit": limit,
                },
                binary=True,
            )
            rows: list[tuple[Any, ...]] = await cursor.fetchall()
        found = [row[1:] for row in rows if row[1] is not None]
        return DocumentPage(
            [
                _finished(namespace, stream, pb.Document.FromString(resource), text)
                for _, stream, resource, text in found
            ],
            [began for began, *_ in found],
            rows[0][0],
        )


def _shown(namespace: str, row: ResourceRow, texts: Mapping[str, str]) -> pb.Document:
    """Return the document of a row; `texts` has what is there of what it says."""
    digest = row.texts.get("content", "")
    return _finished(namespace, row.stream, cast("pb.Document", row.resource), texts.get(digest))


def _finished(namespace: str, stream: str, folded: pb.Document, text: str | None) -> pb.Document:
    """Return a document with all that its row leaves out."""
    document = pb.Document()
    document.CopyFrom(folded)
    document.name = f"namespaces/{namespace}/{stream}"
    document.content = text or ""
    document.erased = text is None and not folded.HasField("delete_time")
    return document


# The first event of a document says when it was put first.
_PAGE = """
SELECT l.size, c.position, c.stream, c.resource, c.text
FROM regesta.logs AS l
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
        AND r.parent = %(parent)s AND r.kind = 'document' AND r.state = ''
        AND (%(before)s::bigint IS NULL OR e.position < %(before)s)
    ORDER BY e.position DESC
    LIMIT %(limit)s
) AS c ON true
WHERE l.namespace_id = %(namespace_id)s
ORDER BY c.position DESC
"""

"""Requests for moves: one, the newest open one for a move, and pages of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from regesta.names import VersionName, in_namespace
from regesta.v1 import governance_pb2 as pb
from regesta_projections.row_values import resource_row
from regesta_projections.rows import VersionKey
from regesta_service.domain.moving import request_key
from regesta_service.domain.rejections import RequestNotFound
from regesta_service.reads import past

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_projections.rows import ResourceRow
    from regesta_service.reads.resources import Found, ResourceReads
    from regesta_service.reads.tails import Namespaces


class RequestPage(NamedTuple):
    """A page of requests."""

    requests: list[pb.TransitionRequest]
    #: Stream of the last one; None when there are no more.
    end: str | None
    #: The position of the last event that it reflects.
    position: int


class RequestReads:
    """Reads requests.

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

    async def version(self, namespace: str, request: str) -> VersionKey:
        """Return the version that a request is about.

        Raises:
            RequestNotFound: There is no such request.
        """
        found = await self._resources.get(namespace, request_key(request))
        if found.row is None:
            raise _not_found(request)
        message = cast("pb.TransitionRequest", found.row.resource)
        _, model, _, number = message.version.split("/")
        return VersionKey(model, int(number))

    async def newest_open(
        self, namespace: str, model: str, number: int, *, stage: str = "", alias: str = ""
    ) -> str:
        """Return the id of the newest open request for a move; empty when there is none."""
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            first = await past.model_named(connection, namespace_id, model)
            await cursor.execute(
                _OPEN,
                {"namespace_id": namespace_id, "parent": f"models/{first}/versions/{number}"},
            )
            for stream, resource in await cursor.fetchall():
                request = pb.TransitionRequest.FromString(resource)
                if (request.to_stage, request.alias) == (stage, alias):
                    return str(stream).rpartition("/")[2]
        return ""

    async def shown(self, namespace: str, found: Found, request: str) -> pb.TransitionRequest:
        """Return a request as callers see it, with its texts.

        Raises:
            RequestNotFound: It was not found.
        """
        if found.row is None:
            raise _not_found(request)
        (message,) = await self._finished(namespace, [found.row])
        return message

    async def page(
        self, namespace: str, *, version: VersionName | None, ended: bool, after: str, limit: int
    ) -> RequestPage:
        """Return a page of requests, the newest first.

        Args:
            namespace: Its name.
            version: Only requests for it; None for all.
            ended: Whether those that are no longer open count too.
            after: Stream of the last one of the page before; empty for the first page.
            limit: Most to return.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            parent = None
            if version is not None:
                first = await past.model_named(connection, namespace_id, version.model)
                parent = f"models/{first}/versions/{version.version}"
            await cursor.execute(
                _PAGE,
                {
                    "namespace_id": namespace_id,
                    "parent": parent,
                    "state": None if ended else "open",
                    "after": after or None,
                    "limit": limit + 1,
                },
            )
            size, rows = 0, []
            for size, stream, *columns in await cursor.fetchall():  # noqa: B007 - the same in each
                if stream is not None:
                    rows.append(resource_row([stream, *columns]))
        found = await self._finished(namespace, rows[:limit])
        return RequestPage(found, rows[limit - 1].stream if len(rows) > limit else None, size)

    async def _finished(
        self, namespace: str, rows: Sequence[ResourceRow]
    ) -> list[pb.TransitionRequest]:
        digests = [digest for row in rows for digest in row.texts.values()]
        texts = await self._resources.texts(namespace, digests)
        models = {cast("pb.TransitionRequest", row.resource).version.split("/")[1] for row in rows}
        present = await self._resources.present_names(namespace, sorted(models))
        return [_shown(namespace, row, texts, present) for row in rows]


def _shown(
    namespace: str, row: ResourceRow, texts: Mapping[str, str], present: Mapping[str, str]
) -> pb.TransitionRequest:
    message = pb.TransitionRequest()
    message.CopyFrom(cast("pb.TransitionRequest", row.resource))
    message.name = in_namespace(namespace, "requests", row.stream.rpartition("/")[2])
    _, model, _, number = message.version.split("/")
    message.version = str(VersionName(namespace, present.get(model, model), int(number)))
    for field, digest in row.texts.items():
        text = texts.get(digest, "")
        what, _, at = field.partition(".")
        match what:
            case "reason":
                message.reason = text
            case "approvals":
                message.approvals[int(at)].comment = text
            case _:
                message.rejection.comment = text
    return message


def _not_found(request: str) -> RequestNotFound:
    return RequestNotFound(f"there is no requests/{request}", metadata={"request": request})


_OPEN = """
SELECT r.stream, r.resource FROM regesta.logs AS l
JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id
    AND r.generation = l.generation AND r.parent = %(parent)s AND r.kind = 'request'
    AND r.state = 'open'
WHERE l.namespace_id = %(namespace_id)s
ORDER BY r.stream DESC
LIMIT 100
"""

_PAGE: Any = """
SELECT l.size, r.stream, r.revision, r.leaf_hash, r.text_fields, r.text_digests, r.resource
FROM regesta.logs AS l
LEFT JOIN LATERAL (
    SELECT r.* FROM regesta.resources AS r
    WHERE r.namespace_id = l.namespace_id AND r.generation = l.generation
        AND r.kind = 'request'
        AND (%(parent)s::text IS NULL OR r.parent = %(parent)s)
        AND (%(state)s::text IS NULL OR r.state = %(state)s)
        AND (%(after)s::text IS NULL OR r.stream < %(after)s)
    ORDER BY r.stream DESC
    LIMIT %(limit)s
) AS r ON true
WHERE l.namespace_id = %(namespace_id)s
"""

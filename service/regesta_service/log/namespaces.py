"""Namespaces: finding a log by its name, and beginning a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg

from regesta.merkle import Frontier
from regesta_projections.events import FreeText, NamespaceCreated
from regesta_projections.evolve.streams import NAMESPACE_STREAM
from regesta_projections.records import Cause
from regesta_projections.request_keys import request_key
from regesta_projections.rows import NAMESPACE
from regesta_service.domain.deciding import Fact
from regesta_service.domain.rejections import (
    DatabaseUnavailable,
    NamespaceExists,
    NamespaceNotFound,
    RequestIdReused,
)
from regesta_service.log.append import append_locked
from regesta_service.log.connections import PATIENCE
from regesta_service.log.draft import Draft
from regesta_service.log.head import Answered, Head, read_answered
from regesta_service.log.identity import RequestIdentity
from regesta_service.log.packing import integer, uuid_array

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_service.log.connections import Connections, Link

_FIND: Final = "SELECT namespace_id FROM regesta.logs WHERE name = %s"
_BEGIN_LOG: Final = """
INSERT INTO regesta.logs (name) VALUES (%s) ON CONFLICT (name) DO NOTHING RETURNING namespace_id
"""
_ANSWERED: Final = "SELECT regesta.find_requests(%s, %s)"

_FIRST_GENERATION: Final = 1

_UNAVAILABLE: Final = "the database does not answer"


class NamespaceRegistry:
    """Namespaces by name. They are never renamed or removed, so what was found stays.

    Args:
        connections: To PostgreSQL.
        clock: The present time, in UTC.
        patience: Seconds to wait for a connection.
    """

    def __init__(
        self,
        connections: Connections,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE,
    ) -> None:
        self._connections = connections
        self._patience = patience
        self._clock = clock
        self._ids: dict[str, int] = {}

    async def namespace_id(self, name: str) -> int:
        """Return a namespace's number.

        Raises:
            NamespaceNotFound: There is none of that name.
            DatabaseUnavailable: The database does not answer.
        """
        known = self._ids.get(name)
        if known is None:
            known = await self._look(name)
            if known is None:
                raise NamespaceNotFound(
                    f"there is no namespace {name}", metadata={"namespace": name}
                )
        return known

    async def ensure(self, name: str, cause: Cause) -> None:
        """Create a namespace unless there is one.

        Raises:
            DatabaseUnavailable: The database does not answer.
        """
        if await self._look(name) is not None:
            return
        request = RequestIdentity(request_key(cause.actor, cause.request_id), bytes(16))
        try:
            await self.create(name, cause, request)
        except NamespaceExists:
            # Another server of this database was faster.
            return

    async def create(
        self,
        name: str,
        cause: Cause,
        request: RequestIdentity,
        reason: SealedText | None = None,
    ) -> int:
        """Begin a log with its first event, and return that event's position.

        The same request again gives the same answer.

        Raises:
            NamespaceExists: There is one of that name.
            RequestIdReused: The request was used in it for something else.
            DatabaseUnavailable: The database does not answer; repeat the request.
        """
        fact = Fact(
            NAMESPACE_STREAM,
            NamespaceCreated(
                name=name, reason=FreeText(digests=(reason.digest,)) if reason else None
            ),
            (("reason", reason),) if reason else (),
        )
        for last in (False, True):
            try:
                async with self._connections.borrow(self._patience) as link:
                    return await self._create(link, name, fact, cause, request)
            except psycopg.OperationalError as problem:
                # The commit may have come through; the second look tells.
                if last:
                    raise DatabaseUnavailable(_UNAVAILABLE) from problem
                await asyncio.sleep(0.1)
        raise AssertionError("the loop returns or raises")

    async def _create(
        self, link: Link, name: str, fact: Fact, cause: Cause, request: RequestIdentity
    ) -> int:
        await link.conn.execute("BEGIN")
        cursor = await link.conn.execute(_BEGIN_LOG, [name])
        row = await cursor.fetchone()
        if row is None:
            await link.conn.execute("ROLLBACK")
            return await self._repeated(link, name, request)
        log_id: int = row[0]
        head = Head(0, Frontier(), None, _FIRST_GENERATION)
        draft = Draft(name, log_id, head, {NAMESPACE: None}, self._clock())
        committed = draft.add((fact,), NAMESPACE, cause, request)
        await append_locked(link, draft)
        self._ids[name] = log_id
        return committed.position

    async def _repeated(self, link: Link, name: str, request: RequestIdentity) -> int:
        """Return the position of an earlier answer to this request."""
        log_id = await self._find(link, name)
        before: Answered | None = None
        if log_id is not None:
            cursor = await link.conn.execute(
                _ANSWERED, [integer(log_id), uuid_array([request.key])]
            )
            row = await cursor.fetchone()
            before = read_answered(row[0] if row else None).get(request.key)
        if before is None or before.stream != NAMESPACE_STREAM:
            raise NamespaceExists(
                f"there is a namespace {name} already", metadata={"namespace": name}
            )
        if before.fingerprint != request.fingerprint:
            raise RequestIdReused("this request_id was used before for something else")
        return before.position

    async def _look(self, name: str) -> int | None:
        try:
            async with self._connections.borrow(self._patience) as link:
                return await self._find(link, name)
        except psycopg.OperationalError as problem:
            raise DatabaseUnavailable(_UNAVAILABLE) from problem

    async def _find(self, link: Link, name: str) -> int | None:
        cursor = await link.conn.execute(_FIND, [name])
        row = await cursor.fetchone()
        if row is None:
            return None
        self._ids[name] = row[0]
        return self._ids[name]

"""Verifying and rebuilding for callers: in a thread, with progress as it goes.

Each runs on a connection of its own and holds the interpreter for slices only, so that
calls go on meanwhile, though slower. One at a time in a process: two would be slower than
one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg import sql

from regesta.v1 import admin_service_pb2 as pb
from regesta_projections.rebuild import (
    LogNotFoldable,
    NamespaceUnknown,
    RebuildProgress,
    RebuildRunning,
    rebuild,
)
from regesta_projections.tables import TABLES
from regesta_projections.verification import Finding, VerifyProgress, verify
from regesta_service.domain.rejections import LogDamaged, NamespaceNotFound, RebuildUnderWay

T = TypeVar("T")

#: Name of the inline projection.
CATALOG: Final = "catalog"


class _Stopped(Exception):
    """The caller went away, so the work ends."""


class _Channel(Generic[T]):
    """Brings progress from a thread to the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()
        self._stopped = False

    def put(self, progress: T) -> None:
        """Take progress, in the thread."""
        if self._stopped:
            raise _Stopped
        self._loop.call_soon_threadsafe(self._queue.put_nowait, progress)

    async def drain(self, work: asyncio.Task[Any]) -> AsyncIterator[T]:
        """Yield progress until the work ends; then let its error out, if it had one."""
        work.add_done_callback(lambda _: self._queue.put_nowait(None))
        try:
            while (progress := await self._queue.get()) is not None:
                yield progress
            await work
        finally:
            self._stopped = True


_COUNT: Final = "SELECT count(*) FROM regesta.{table} WHERE namespace_id = %s AND generation = %s"
_HEAD: Final = """
SELECT namespace_id, size, generation, rebuilt_at FROM regesta.logs WHERE name = %s
"""


class Checks:
    """Verifies and rebuilds.

    Args:
        dsn: Connects as the service role.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Semaphore(1)

    async def rebuild(self, namespace: str) -> AsyncIterator[pb.RebuildProjectionsResponse]:
        """Fold a log anew and put the result in use, telling how far it is.

        Raises:
            NamespaceNotFound: There is none of that name.
            RebuildUnderWay: Another one is running, perhaps in another server.
            LogDamaged: The log cannot be folded.
        """
        channel: _Channel[RebuildProgress] = _Channel()
        async with self._turn:
            work = asyncio.create_task(
                asyncio.to_thread(rebuild, self._dsn, namespace, channel.put)
            )
            try:
                async for progress in channel.drain(work):
                    yield pb.RebuildProjectionsResponse(
                        events_folded=progress.events_folded, rows_written=progress.rows_written
                    )
                done = work.result()
            except NamespaceUnknown:
                raise _unknown(namespace) from None
            except RebuildRunning:
                raise RebuildUnderWay("a rebuild of this namespace is under way") from None
            except LogNotFoldable:
                raise LogDamaged("the log cannot be folded; verify says what is wrong") from None
        yield pb.RebuildProjectionsResponse(
            events_folded=done.position, rows_written=done.rows_written, done=True
        )

    async def verify(self, namespace: str) -> AsyncIterator[pb.VerifyResponse]:
        """Check a log and its projections, telling how far it is and what was found.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        channel: _Channel[VerifyProgress] = _Channel()
        async with self._turn:
            work = asyncio.create_task(asyncio.to_thread(verify, self._dsn, namespace, channel.put))
            try:
                async for progress in channel.drain(work):
                    yield pb.VerifyResponse(
                        events_folded=progress.events_folded,
                        rows_compared=progress.rows_compared,
                        texts_compared=progress.texts_compared,
                        findings=map(_finding, progress.findings),
                    )
                report = work.result()
            except NamespaceUnknown:
                raise _unknown(namespace) from None
        yield pb.VerifyResponse(
            events_folded=report.events_folded,
            rows_compared=report.rows_compared,
            texts_compared=report.texts_compared,
            done=True,
            findings_total=report.findings_total,
            position=report.position,
            root_hash=report.root_hash,
        )

    async def status(self, namespace: str) -> pb.GetProjectionStatusResponse:
        """Return how the projections of a namespace stand.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            # One snapshot: counts of different moments would not belong together.
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            head = await (await connection.execute(_HEAD, [namespace])).fetchone()
            if head is None:
                raise _unknown(namespace)
            namespace_id, size, generation, rebuilt_at = head
            status = pb.ProjectionStatus(name=CATALOG, cursor=size)
            for table in TABLES.values():
                query = sql.SQL(_COUNT).format(table=sql.Identifier(table.name))
                counted = await connection.execute(query, [namespace_id, generation])
                status.rows[table.name] = (await counted.fetchone() or (0,))[0]
        if rebuilt_at is not None:
            status.rebuild_time.FromDatetime(rebuilt_at)
        return pb.GetProjectionStatusResponse(projections=[status], position=size)


def _finding(finding: Finding) -> pb.Finding:
    return pb.Finding(
        kind=finding.kind.name,
        position=finding.position,
        subject=finding.subject,
        detail=finding.detail,
    )


def _unknown(namespace: str) -> NamespaceNotFound:
    return NamespaceNotFound(
        f"there is no namespace {namespace}", metadata={"namespace": namespace}
    )

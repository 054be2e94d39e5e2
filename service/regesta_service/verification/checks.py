"""Verifying, rebuilding and reading all heads: in a process of its own, with progress as it goes.

One at a time for each server: two would be slower than one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import psycopg
from psycopg import sql

from regesta.v1 import admin_service_pb2 as pb
from regesta_projections.history import HISTORY_TABLES
from regesta_projections.tables import TABLES
from regesta_service.domain.rejections import (
    BodiesArchived,
    DatabaseUnavailable,
    HeadsUnderWay,
    LogDamaged,
    NamespaceNotFound,
    RebuildUnderWay,
    Rejection,
)
from regesta_service.postgres.connecting import connected
from regesta_service.verification.worker import (
    Failed,
    HeadsDone,
    Message,
    Order,
    ReadingHeads,
    RebuildDone,
    Rebuilding,
    VerifyDone,
    Verifying,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from regesta_projections.heads.committing import Heads
    from regesta_projections.verification import Finding

    Worker = subprocess.Popen[bytes]

#: Names of the projections: the inline one, and the one that catches up.
CATALOG: Final = "catalog"
HISTORY: Final = "history"

_WORKER: Final = ("-m", "regesta_service.verification.worker")

_decode = msgspec.json.Decoder(Message).decode


class WorkerDied(RuntimeError):
    """The process that did the work ended without a word; its standard error tells more."""


class Checks:
    """Verifies, rebuilds and reads all heads.

    Args:
        dsn: Connects as the service role.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Semaphore(1)

    async def rebuild(self, namespace: str) -> AsyncGenerator[pb.RebuildProjectionsResponse, None]:
        """Fold a log anew and put the result in use, telling how far it is.

        Raises:
            NamespaceNotFound: There is none of that name.
            RebuildUnderWay: Another one is running, perhaps in another server.
            LogDamaged: The log cannot be folded.
            BodiesArchived: Bodies that it needs are in an archive only.
            DatabaseUnavailable: The database does not answer.
        """
        async with aclosing(self._messages("rebuild", namespace)) as messages:
            async for message in messages:
                match message:
                    case Rebuilding(progress):
                        yield pb.RebuildProjectionsResponse(
                            events_folded=progress.events_folded,
                            rows_written=progress.rows_written,
                        )
                    case RebuildDone(rebuilt):
                        yield pb.RebuildProjectionsResponse(
                            events_folded=rebuilt.position,
                            rows_written=rebuilt.rows_written,
                            done=True,
                        )
                    case _:
                        raise WorkerDied(f"a rebuild told {message}")

    async def verify(self, namespace: str) -> AsyncGenerator[pb.VerifyResponse, None]:
        """Check a log and its projections, telling how far it is and what was found.

        Raises:
            NamespaceNotFound: There is none of that name.
            DatabaseUnavailable: The database does not answer.
        """
        async with aclosing(self._messages("verify", namespace)) as messages:
            async for message in messages:
                match message:
                    case Verifying(progress):
                        yield pb.VerifyResponse(
                            events_folded=progress.events_folded,
                            rows_compared=progress.rows_compared,
                            texts_compared=progress.texts_compared,
                            findings=map(_finding, progress.findings),
                        )
                    case VerifyDone(report):
                        yield pb.VerifyResponse(
                            events_folded=report.events_folded,
                            rows_compared=report.rows_compared,
                            history_rows_compared=report.history_rows_compared,
                            texts_compared=report.texts_compared,
                            done=True,
                            findings_total=report.findings_total,
                            position=report.position,
                            root_hash=report.root_hash,
                            texts_erased=report.texts_erased,
                            heads_checked=report.heads_checked,
                            bodies_archived=report.bodies_archived,
                            rows_not_compared=report.rows_not_compared,
                        )
                    case _:
                        raise WorkerDied(f"a check told {message}")

    async def heads(self, namespace: str) -> AsyncGenerator[int | Heads, None]:
        """Read the heads of all streams; tell how many there are so far, and in the end all.

        Raises:
            NamespaceNotFound: There is none of that name.
            HeadsUnderWay: They are being read already, perhaps for another server.
            DatabaseUnavailable: The database does not answer.
        """
        async with aclosing(self._messages("heads", namespace)) as messages:
            async for message in messages:
                match message:
                    case ReadingHeads(streams_read):
                        yield streams_read
                    case HeadsDone(heads):
                        yield heads
                    case _:
                        raise WorkerDied(f"a reading of heads told {message}")

    async def _messages(
        self, work: Literal["rebuild", "verify", "heads"], namespace: str
    ) -> AsyncGenerator[Message, None]:
        """Yield what a worker tells; it is ended when nobody wants to know any more."""
        order = Order(work, self._dsn, namespace)
        async with self._turn:
            worker = await asyncio.to_thread(_start, order)
            try:
                async for message in _read(worker):
                    if isinstance(message, Failed):
                        raise _rejection(message, namespace)
                    yield message
            finally:
                await asyncio.to_thread(_end, worker)

    async def status(self, namespace: str) -> pb.GetProjectionStatusResponse:
        """Return how the projections of a namespace stand.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        async with connected(self._dsn) as connection:
            # One snapshot: counts of different moments would not belong together.
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            head = await (await connection.execute(_HEAD, [namespace])).fetchone()
            if head is None:
                raise _unknown(namespace)
            namespace_id, size, generation, rebuilt_at, cursor = head
            catalog = pb.ProjectionStatus(name=CATALOG, cursor=size)
            history = pb.ProjectionStatus(name=HISTORY, cursor=cursor)
            for status, tables in ((catalog, TABLES), (history, HISTORY_TABLES)):
                for table in tables.values():
                    query = sql.SQL(_COUNT).format(table=sql.Identifier(table.name))
                    counted = await connection.execute(query, [namespace_id, generation])
                    status.rows[table.name] = (await counted.fetchone() or (0,))[0]
                if rebuilt_at is not None:
                    status.rebuild_time.FromDatetime(rebuilt_at)
        return pb.GetProjectionStatusResponse(projections=[catalog, history], position=size)


_COUNT: Final = "SELECT count(*) FROM regesta.{table} WHERE namespace_id = %s AND generation = %s"
_HEAD: Final = """
SELECT l.namespace_id, l.size, l.generation, l.rebuilt_at, COALESCE(c.position, 0)
FROM regesta.logs AS l
LEFT JOIN regesta.history_cursors AS c
    ON c.namespace_id = l.namespace_id AND c.generation = l.generation
WHERE l.name = %s
"""


# Threads wait for the worker rather than the event loop: event loops differ in how they watch
# children and pipes (uvloop now and then closed the pipe that the order was to go through).
def _start(order: Order) -> Worker:
    """Return a worker that has got its order."""
    worker = subprocess.Popen(
        [sys.executable, *_WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # An interrupt from the terminal is for the server, which ends the worker.
        start_new_session=True,
    )
    # One that is dead already will be found so by what it does not tell.
    if worker.stdin is not None:
        with contextlib.suppress(BrokenPipeError), worker.stdin:
            worker.stdin.write(msgspec.json.encode(order) + b"\n")
    return worker


def _end(worker: Worker) -> None:
    """Return when a worker is no more."""
    # A thread that still reads comes back with it.
    worker.kill()
    with worker:
        worker.wait()


async def _read(worker: Worker) -> AsyncIterator[Message]:
    """Yield a worker's messages up to its last."""
    last: Message | None = None
    while worker.stdout is not None and (line := await asyncio.to_thread(worker.stdout.readline)):
        last = _decode(line)
        yield last
    if not isinstance(last, RebuildDone | VerifyDone | HeadsDone | Failed):
        raise WorkerDied(f"the worker ended with status {await asyncio.to_thread(worker.wait)}")


def _rejection(failed: Failed, namespace: str) -> Rejection:
    match failed.reason:
        case "namespace_unknown":
            return _unknown(namespace)
        case "rebuild_running":
            return RebuildUnderWay("a rebuild of this namespace is under way")
        case "heads_under_way":
            return HeadsUnderWay("the heads of this namespace are being read already")
        case "log_not_foldable":
            return LogDamaged("the log cannot be folded; verify says what is wrong")
        case "bodies_archived":
            return BodiesArchived(
                "bodies of this log are in an archive only; who runs the server rebuilds with it:"
                " `regesta-server projections rebuild --archive FOLDER`"
            )
        case "database":
            return DatabaseUnavailable("the database does not answer")


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

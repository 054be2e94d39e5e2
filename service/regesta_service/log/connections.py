"""Connections of the writers: few, kept, replaced when they break, never waited on for ever.

A pool of our own because a write has to know what a general pool hides: whether a
connection broke while a commit was under way. Every statement is bounded in time by hanging
up, which also frees a wait on a server or a network that stands still.

No statement relies on the state of a session, so PgBouncer in transaction mode may stand
between.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.log.packing import Packed, PackedDumper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

#: What libpq is told unless the DSN says otherwise. The kernel notices a dead peer within
#: about 15 seconds, also while nothing is sent.
_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "regesta",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_count": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "tcp_user_timeout": 15_000,
}

#: How long a call waits for a database that is away, in seconds. A client tries four times
#: within its 30 seconds, pauses included, and hears the reason only after the last.
PATIENCE: Final = 5.0

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0

#: Composite types whose arrays are sent; their object ids differ between databases.
_ROW_TYPES: Final = (
    "new_event",
    "new_request",
    "new_disclosure",
    "new_tile",
    "namespaces",
    "models",
    "model_names",
    "versions",
    "version_labels",
    "aliases",
    "log_status",
    "privacy_status",
    "resources",
)

_OIDS: Final = """
SELECT t.typname, t.oid::bigint FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname = 'regesta' AND t.typname = ANY (%s)
"""


@dataclass(slots=True, eq=False)
class Link:
    """A connection, in autocommit mode, and what it takes to send rows over it."""

    conn: psycopg.AsyncConnection[Any]
    #: Object ids of the composite types, by their names in the schema.
    oids: Mapping[str, int]

    @property
    def is_broken(self) -> bool:
        """Whether nothing more can be heard of what was sent."""
        return self.conn.closed

    @property
    def is_reusable(self) -> bool:
        """Whether the next borrower finds it as new."""
        status = self.conn.pgconn.transaction_status
        return not self.conn.closed and status == TransactionStatus.IDLE

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Hang up when the statements inside take longer.

        They then fail with `psycopg.OperationalError`, like those of a connection that broke.
        """
        timer = asyncio.get_running_loop().call_later(seconds, self.hang_up)
        try:
            yield
        finally:
            timer.cancel()

    def hang_up(self) -> None:
        """Cut the connection under whoever waits on it."""
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self.conn.pgconn.socket)) as twin,
        ):
            twin.shutdown(socket.SHUT_RDWR)

    def is_quiet(self) -> bool:
        """Say whether an idle connection is open, as far as this end knows.

        An idle server says nothing but good-bye, or what a new connection learns as well.
        """
        waiting = select.poll()
        try:
            waiting.register(self.conn.pgconn.socket, select.POLLIN)
        except psycopg.Error:
            return False
        return not waiting.poll(0)


class Connections:
    """Up to `limit` connections, made when needed.

    Args:
        dsn: How the service's role connects.
        limit: Most connections at a time.
        prepared: False behind PgBouncer in transaction mode before 1.21.
        statement_timeout: Seconds after which a statement without an answer is given up.
    """

    def __init__(
        self, dsn: str, *, limit: int = 4, prepared: bool = True, statement_timeout: float = 15.0
    ) -> None:
        self._dsn = make_conninfo("", **(_DEFAULTS | conninfo_to_dict(dsn)))
        self._prepare_threshold = 1 if prepared else None
        self._statement_timeout = statement_timeout
        self._free = asyncio.Semaphore(limit)
        self._idle: list[Link] = []
        self._closed = False

    @contextlib.asynccontextmanager
    async def borrow(self, patience: float) -> AsyncIterator[Link]:
        """Lend a connection for as long as the block lasts, at most `statement_timeout`.

        It comes back if its transaction has ended; otherwise it is closed.

        Args:
            patience: Seconds to wait for one, reconnecting with growing pauses.

        Raises:
            DatabaseUnavailable: There was none in time.
        """
        give_up = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(give_up):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable("the database is too slow to answer") from None
        try:
            link = await self._take(give_up)
            try:
                with link.within(self._statement_timeout):
                    yield link
            finally:
                await self._give_back(link)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close what is idle now and what is lent when it comes back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().conn.close()

    async def _take(self, give_up: float) -> Link:
        # The last one back: it is the one whose server process is warm.
        while self._idle:
            link = self._idle.pop()
            if link.is_quiet():
                return link
            await link.conn.close()
        return await self._connect(give_up)

    async def _give_back(self, link: Link) -> None:
        if link.is_reusable and not self._closed:
            self._idle.append(link)
        else:
            await link.conn.close()

    async def _connect(self, give_up: float) -> Link:
        clock = asyncio.get_running_loop().time
        pause = _FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout_at(give_up):
                    return await self._open()
            except (psycopg.OperationalError, TimeoutError) as problem:
                if clock() + pause >= give_up or self._closed:
                    raise DatabaseUnavailable("the database does not answer") from problem
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _open(self) -> Link:
        conn = await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, prepare_threshold=self._prepare_threshold
        )
        conn.adapters.register_dumper(Packed, PackedDumper)
        try:
            cursor = await conn.execute(_OIDS, [list(_ROW_TYPES)])
            oids: dict[str, int] = dict(await cursor.fetchall())
        except BaseException:
            await conn.close()
            raise
        if len(oids) < len(_ROW_TYPES):
            await conn.close()
            raise DatabaseUnavailable("the database is not at the schema of this build")
        return Link(conn, oids)

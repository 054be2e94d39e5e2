"""A proxy before PostgreSQL that cuts a connection at a message of the test's choice."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_CHUNK = 1 << 20
_PORT = 5432


class CuttingProxy:
    """Passes everything on, until it is told to cut.

    Attributes:
        dsn: How to connect by way of it.
    """

    def __init__(self, dsn: str, directory: Path) -> None:
        self._target = conninfo_to_dict(dsn)
        self.dsn = make_conninfo(dsn, host=str(directory), port=_PORT)
        self._path = directory / f".s.PGSQL.{_PORT}"
        self._left: int | None = None
        self._after = False
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def is_armed(self) -> bool:
        """Whether it has not cut yet."""
        return self._left is not None

    def arm(self, messages: int, *, after: bool) -> None:
        """Cut at the message that follows on so many of the client's.

        Args:
            messages: How many pass, answers included; a pipeline is one.
            after: Let the server have that message, but the client not its answer.
        """
        self._left, self._after = messages, after

    def disarm(self) -> None:
        """Pass everything on again."""
        self._left = None

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[CuttingProxy]:
        """Listen until the block ends."""
        server = await asyncio.start_unix_server(self._accept, self._path)
        try:
            yield self
        finally:
            server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        host, port = str(self._target["host"]), self._target.get("port") or _PORT
        if host.startswith("/"):
            upstream = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            upstream = await asyncio.open_connection(host, int(port))
        try:
            await self._pass(reader, writer, *upstream)
        finally:
            self._connections.discard(task)
            for end in (writer, upstream[1]):
                end.close()

    async def _pass(
        self,
        client_reader: asyncio.StreamReader,
        client_writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        asked = asyncio.ensure_future(client_reader.read(_CHUNK))
        answered = asyncio.ensure_future(server_reader.read(_CHUNK))
        cutting, asking = False, False
        try:
            while True:
                await asyncio.wait({asked, answered}, return_when=asyncio.FIRST_COMPLETED)
                if answered.done():
                    data = answered.result()
                    if not data or cutting:
                        return
                    client_writer.write(data)
                    asking = False
                    answered = asyncio.ensure_future(server_reader.read(_CHUNK))
                if asked.done():
                    data = asked.result()
                    if not data:
                        return
                    if not asking:
                        cutting = self._is_due()
                    asking = True
                    if cutting and not self._after:
                        return
                    server_writer.write(data)
                    asked = asyncio.ensure_future(client_reader.read(_CHUNK))
        finally:
            asked.cancel()
            answered.cancel()

    def _is_due(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = None
        return True

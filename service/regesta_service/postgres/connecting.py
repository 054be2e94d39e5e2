"""A connection for one look: closed when it is left, whatever happens meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Yield a connection whose work is committed at the end, or rolled back.

    psycopg's own `async with` leaves the connection open when it is cancelled while it
    commits or rolls back, as a server that stops does; it would hold a place at the
    database until the garbage collector comes by.

    Raises:
        psycopg.OperationalError: The database does not answer.
    """
    connection = await psycopg.AsyncConnection.connect(dsn)
    try:
        async with connection:
            yield connection
    finally:
        await connection.close()

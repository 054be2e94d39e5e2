"""Read models for tests, and requests to them without a server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from regesta_service.access.principals import Principal
from regesta_service.api.calls import Call
from regesta_service.domain.rejections import NamespaceNotFound
from regesta_service.reads.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from regesta_service.reads.tails import Namespaces
    from tests.databases import LiveDatabase


class NamespacesOf:
    """Finds namespaces in a database."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def namespace_id(self, name: str) -> int:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT namespace_id FROM regesta.logs WHERE name = %s", [name]
            )
            row = await cursor.fetchone()
        if row is None:
            raise NamespaceNotFound(f"there is no namespace {name}")
        return int(row[0])


@contextlib.asynccontextmanager
async def read_model(
    dsn: str, namespaces: Namespaces | None = None, **options: Any
) -> AsyncIterator[ReadModel]:
    """Run a read model, as one server process would."""

    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(dsn)

    async with AsyncConnectionPool(
        dsn, min_size=1, max_size=4, kwargs={"autocommit": True}
    ) as pool:
        reads = ReadModel(
            namespaces or NamespacesOf(pool),
            pool,
            connect,
            page_token_secret=b"0123456789abcdef",
            **options,
        )
        async with reads.running():
            yield reads


def reading(database: LiveDatabase, **options: Any) -> AbstractAsyncContextManager[ReadModel]:
    """Run a read model over a database, as one server process would."""
    return read_model(database.service_dsn, **options)


def make_call(
    *,
    seconds: float = 10.0,
    allowed: Callable[[], bool] = lambda: True,
    draining: asyncio.Event | None = None,
) -> Call:
    """What a servicer sees of a call by somebody who may do everything."""
    return Call(
        Principal("alice", "user", {}),
        "",
        asyncio.get_running_loop().time() + seconds,
        draining or asyncio.Event(),
        allowed,
    )

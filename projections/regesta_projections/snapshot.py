"""A connection on which everything is read as of one moment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def snapshot(dsn: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Yield a connection whose first transaction only reads, all of it from one snapshot.

    Args:
        dsn: A role that may read.

    Raises:
        psycopg.OperationalError: There is no connection to be had.
    """
    # Nothing is prepared: behind PgBouncer the next transaction may meet another connection.
    with psycopg.connect(dsn, prepare_threshold=None) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        yield conn

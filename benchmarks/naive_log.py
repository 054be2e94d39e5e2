"""What the design avoids: a table ordered by a sequence, read by position.

A sequence gives out a number before the transaction that takes it commits, so a higher number
may be seen first, and a reader that goes on after it never comes back for the lower one.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import psycopg

from benchmarks.workers import Worker, orders

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

TABLE = "CREATE TABLE naive_log (position bigserial PRIMARY KEY, record bytea NOT NULL)"

_LONGEST_PAUSE_SECONDS = 0.004
_POLL_SECONDS = 0.01
_RECORD = b"x" * 1_000

_TAKE = "SELECT nextval('naive_log_position_seq')"
_INSERT = "INSERT INTO naive_log (position, record) VALUES (%s, %s)"
_READ = "SELECT position FROM naive_log WHERE position > %s ORDER BY position"


class NaiveWriters(Worker):
    """Writers that take a number, work up to four milliseconds, insert and commit."""

    def __init__(self, dsn: str, writers: int) -> None:
        super().__init__(_write, dsn, writers)


class NaiveReader(Worker):
    """Reads everything after the highest number it has seen, again and again, till told to stop."""

    def __init__(self, dsn: str) -> None:
        super().__init__(_read, dsn)


def count_missed(dsn: str, seconds: float, *, processes: int, writers: int) -> tuple[int, int]:
    """Write and read a naive log for some seconds.

    Args:
        dsn: An empty database.
        seconds: How long to write.
        processes: How many processes write.
        writers: How many writers there are in each.

    Returns:
        How many events the reader never saw, and how many there are.
    """
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(TABLE)
        with NaiveReader(dsn) as reader:
            writing = [NaiveWriters(dsn, writers) for _ in range(processes)]
            for each in writing:
                each.tell(seconds)
            for each in writing:
                each.hear()
                each.end()
            seen: int = reader.ask("stop")
        [(written,)] = conn.execute("SELECT count(*) FROM naive_log").fetchall()
    return written - seen, written


def _write(pipe: Connection, dsn: str, writers: int) -> None:
    for seconds in orders(pipe):
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_keep_writing, args=(dsn, until)) for _ in range(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send(None)


def _keep_writing(dsn: str, until: float) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        while time.monotonic() < until:
            with conn.transaction():
                [(position,)] = conn.execute(_TAKE).fetchall()
                time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
                conn.execute(_INSERT, [position, _RECORD])


def _read(pipe: Connection, dsn: str) -> None:
    seen, last = 0, 0
    with psycopg.connect(dsn, autocommit=True) as conn:
        pipe.send(None)
        stop = False
        while not stop:
            # Told to stop, it reads once more: nobody writes by then.
            stop = pipe.poll(_POLL_SECONDS)
            positions = [row[0] for row in conn.execute(_READ, [last]).fetchall()]
            seen += len(positions)
            last = positions[-1] if positions else last
    pipe.send(seen)

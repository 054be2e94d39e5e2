"""The baseline of appends: the `eventsourcing` library's own PostgreSQL recorder.

As shipped: it locks the table of events for each insert, which is what makes its order safe
for readers. One event an insert, 64 threads.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from benchmarks.slices import Sample
from benchmarks.workers import Failure, Worker, orders

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_THREADS = 64


class EventsourcingAppends(Worker):
    """Threads that append events with the library.

    Args:
        dsn: An empty database.
        state_size: Bytes of an event's state.
    """

    def __init__(self, dsn: str, state_size: int) -> None:
        super().__init__(_run, dsn, b"x" * state_size)

    def run(self, seconds: float) -> Sample:
        """Append for some seconds."""
        sample: Sample = self.ask(seconds)
        return sample


def _run(pipe: Connection, dsn: str, state: bytes) -> None:
    with _datastore(dsn) as datastore:
        PostgresApplicationRecorder(datastore).create_table()
    for seconds in orders(pipe):
        try:
            # Connected slice by slice: two sides' connections are more than a server has.
            with _datastore(dsn) as datastore:
                pipe.send(_append(PostgresApplicationRecorder(datastore), state, seconds))
        except Exception as error:  # noqa: BLE001 - whoever gave the order judges it
            pipe.send(Failure(repr(error)))


def _datastore(dsn: str) -> PostgresDatastore:
    place: dict[str, Any] = conninfo_to_dict(dsn)
    return PostgresDatastore(
        place["dbname"],
        place["host"],
        place["port"],
        place["user"],
        "",
        # One a thread: slower with fewer, for instance with the default of five.
        pool_size=_THREADS,
        # All threads wait for one lock; the default of five seconds is for fewer.
        connect_timeout=60,
    )


def _append(recorder: PostgresApplicationRecorder, state: bytes, seconds: float) -> Sample:
    latencies: list[float] = []
    failures: list[BaseException] = []
    recorder.datastore.pool.wait(60)
    began = time.perf_counter()
    until = began + seconds

    def keep_appending() -> None:
        try:
            while (now := time.perf_counter()) < until:
                recorder.insert_events([StoredEvent(uuid4(), 1, "VersionRegistered", state)])
                latencies.append((time.perf_counter() - now) * 1e3)
        except Exception as error:  # noqa: BLE001 - told to whoever gave the order
            failures.append(error)

    threads = [threading.Thread(target=keep_appending) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Sample(len(latencies), time.perf_counter() - began, latencies=latencies)

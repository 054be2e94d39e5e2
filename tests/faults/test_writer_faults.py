from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
import pytest

from regesta_service.domain.rejections import DatabaseUnavailable, Draining
from regesta_service.log.connections import Connections
from regesta_service.log.head import lock_head
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision
from tests.support.cutting_proxy import CuttingProxy
from tests.support.writer_process import MODELS
from tests.support.writing import NAMESPACE, check_log, register, sequencing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regesta_service.postgres.embedded import EmbeddedPostgres
    from tests.conftest import OwnServer
    from tests.databases import LiveDatabase

ROOT = Path(__file__).parents[2]
REQUESTS = 400


def migrated(server: EmbeddedPostgres) -> str:
    """Make a database on a server and return how the service connects to it."""
    database = provision(server.dsn, "regesta")
    apply(database.owner_dsn)
    return database.service_dsn


class WriterProcess:
    """Registers versions in a process of its own; `acknowledged` says what it was answered."""

    def __init__(self, dsn: str, name: str) -> None:
        self.acknowledged: dict[str, int] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.writer_process", dsn, name, "0", str(REQUESTS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=[self.process.stdout])
        self._reader.start()

    def _read(self, stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                if line.endswith("\n"):
                    request_id, position = line.split()
                    self.acknowledged[request_id] = int(position)

    def wait_for(self, acknowledged: int) -> None:
        deadline = time.monotonic() + 30
        while len(self.acknowledged) < acknowledged:
            assert time.monotonic() < deadline, "the writer does not get on"
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.kill()
        self.finish()

    def finish(self) -> int:
        code = self.process.wait(60)
        self._reader.join()
        return code


@pytest.fixture
def writers() -> Iterator[list[WriterProcess]]:
    started: list[WriterProcess] = []
    yield started
    for writer in started:
        writer.kill()


def check_acknowledged(dsn: str, writers: list[WriterProcess]) -> None:
    """Check the log, and that it has each acknowledged request once, at its place."""
    records = check_log(dsn)
    with psycopg.connect(dsn) as conn:
        stored = conn.execute(
            "SELECT request_id, max(position) FROM regesta.events GROUP BY 1"
        ).fetchall()
    places: dict[str, int] = dict(stored)
    acknowledged = 0
    for writer in writers:
        for request_id, position in writer.acknowledged.items():
            assert position == places[request_id]
            acknowledged += 1
    assert acknowledged
    assert len(records) >= len(places)


def test_a_killed_writer_leaves_whole_batches_and_its_successor_goes_on(
    database: LiveDatabase, writers: list[WriterProcess]
) -> None:
    dsn = database.service_dsn
    writers += [WriterProcess(dsn, name) for name in ("killed", "other")]
    writers[0].wait_for(50)
    writers[0].kill()
    first = dict(writers[0].acknowledged)

    # The same requests again: those that were answered are answered the same.
    writers.append(WriterProcess(dsn, "killed"))

    assert [0, 0] == [writers[1].finish(), writers[2].finish()]
    assert len(first) < REQUESTS
    again = writers[2].acknowledged
    assert first == {request_id: again[request_id] for request_id in first}
    check_acknowledged(dsn, writers)
    assert 1 + MODELS + 2 * REQUESTS == len(check_log(dsn))


def test_writers_outlive_a_crash_of_postgres(
    own_server: OwnServer, writers: list[WriterProcess]
) -> None:
    server = own_server(durable=True)
    dsn = migrated(server)
    writers += [WriterProcess(dsn, name) for name in ("a", "b")]

    for acknowledged in (40, 150):
        for writer in writers:
            writer.wait_for(acknowledged)
        server.stop(immediate=True)
        server.start()

    assert [0, 0] == [writer.finish() for writer in writers]
    check_acknowledged(dsn, writers)
    assert 1 + MODELS + 2 * REQUESTS == len(check_log(dsn))


@pytest.mark.parametrize("after", [False, True], ids=["before it arrives", "before its answer"])
async def test_whatever_message_is_lost_a_write_is_made_once(
    database: LiveDatabase, open_directory: Path, after: bool
) -> None:
    lost = 0
    proxy = CuttingProxy(database.service_dsn, open_directory)
    async with (
        proxy.serving(),
        sequencing(proxy.dsn) as submit,
        sequencing(database.service_dsn) as other,
    ):
        for contended in (False, True):
            for messages in range(8):
                await submit(register())
                # Lets the notice of that write pass.
                await asyncio.sleep(0.05)
                if contended:
                    await other(register())
                proxy.arm(messages, after=after)

                answer = await submit(register(), f"{contended}-{messages}")

                lost += not proxy.is_armed
                proxy.disarm()
                again = await submit(register(), f"{contended}-{messages}")
                assert not answer.repeated
                assert (answer.position, True) == (again.position, again.repeated)
        heard = [position for part in submit.heard + other.heard for position in part]

    # The append of the fast way; head, rows and append of the locked one.
    assert lost >= 4
    # Two for each turn, one of the other's in half of them; the namespace and the model.
    assert 2 + 16 * 2 + 8 == len(check_log(database.service_dsn))
    assert list(range(2, 43)) == sorted(heard)


async def test_a_head_that_stays_locked_makes_writers_give_up_in_time(
    database: LiveDatabase,
) -> None:
    async with sequencing(database.service_dsn, statement_timeout=0.3, patience=2) as submit:
        await submit(register())
        with psycopg.connect(database.service_dsn) as holder:
            holder.execute("SELECT FROM regesta.logs FOR UPDATE")
            begun = time.monotonic()
            results = await asyncio.gather(
                *(submit(register(), f"request-{n}") for n in range(20)), return_exceptions=True
            )
            taken = time.monotonic() - begun

        assert {DatabaseUnavailable} == {type(result) for result in results}
        assert taken < 5
        await asyncio.gather(*(submit(register(), f"request-{n}") for n in range(20)))

    assert 23 == len(check_log(database.service_dsn))


async def test_a_writer_that_stands_still_under_the_lock_loses_it(database: LiveDatabase) -> None:
    frozen = Connections(database.service_dsn)
    async with sequencing(database.service_dsn) as submit:
        await submit(register())
        async with frozen.borrow(5) as link:
            await lock_head(link, await _log_id(link.conn), None, ())
            begun = time.monotonic()

            answer = await submit(register())

            assert time.monotonic() - begun < 10
            assert 4 == answer.position
    await frozen.close()
    check_log(database.service_dsn)


async def test_without_a_database_callers_are_told_and_later_served(
    own_server: OwnServer,
) -> None:
    server = own_server(durable=True)
    dsn = migrated(server)
    async with sequencing(dsn, patience=1) as submit:
        await submit(register())
        server.stop(immediate=True)
        begun = time.monotonic()

        results = await asyncio.gather(
            *(submit(register(), f"request-{n}") for n in range(1_000)), return_exceptions=True
        )

        assert {DatabaseUnavailable} == {type(result) for result in results}
        assert time.monotonic() - begun < 10
        server.start()
        await asyncio.gather(*(submit(register(), f"request-{n}") for n in range(1_000)))
    assert 1_003 == len(check_log(dsn))


async def test_a_drain_does_not_wait_for_a_database_that_is_away(own_server: OwnServer) -> None:
    server = own_server(durable=True)
    dsn = migrated(server)
    async with sequencing(dsn, patience=60, max_batch=10) as submit:
        await submit(register())
        server.stop(immediate=True)
        waiting = [asyncio.ensure_future(submit(register())) for _ in range(20)]
        await asyncio.sleep(0.1)
        begun = time.monotonic()

        await submit.sequencer.drain(0.2)

        assert time.monotonic() - begun < 5
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [DatabaseUnavailable] * 10 + [Draining] * 10 == [type(result) for result in results]


async def _log_id(conn: psycopg.AsyncConnection[tuple[int]]) -> int:
    cursor = await conn.execute(
        "SELECT namespace_id FROM regesta.logs WHERE name = %s", [NAMESPACE]
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from regesta_projections.rows import VersionKey
from tests.support.writing import check_log, register, sequencing

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

ROOT = Path(__file__).parents[3]


async def test_several_sequencers_write_one_log_without_gaps(database: LiveDatabase) -> None:
    async with contextlib.AsyncExitStack() as stack:
        writers = [
            await stack.enter_async_context(sequencing(database.service_dsn, max_batch=size))
            for size in (1, 5, 100)
        ]

        answers = await asyncio.gather(
            *(writers[n % 3](register(f"model-{n % 4}")) for n in range(600))
        )

        heard = [position for writer in writers for part in writer.heard for position in part]
    assert 605 == len(check_log(database.service_dsn))
    assert 600 == len({answer.position for answer in answers})
    assert list(range(2, 606)) == sorted(heard)
    assert 600 == len({answer.shows for answer in answers})


async def test_one_request_sent_to_several_writers_at_once_is_carried_out_once(
    database: LiveDatabase,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        writers = [
            await stack.enter_async_context(sequencing(database.service_dsn, max_batch=10))
            for _ in range(3)
        ]

        answers = await asyncio.gather(
            *(writer(register(), f"request-{n}") for n in range(100) for writer in writers)
        )

    check_log(database.service_dsn)
    for n in range(100):
        same = answers[3 * n : 3 * n + 3]
        assert 1 == len({answer.position for answer in same})
        assert 1 == len({answer.shows for answer in same})
        assert [False, True, True] == sorted(answer.repeated for answer in same)
    assert {VersionKey("churn", n + 1) for n in range(100)} == {answer.shows for answer in answers}


def test_processes_that_write_the_same_requests_write_each_once(database: LiveDatabase) -> None:
    # The second has half of the first one's requests.
    spans = [("a", 0), ("a", 100), ("b", 0)]

    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.writer_process",
                database.service_dsn,
                name,
                str(first),
                "200",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, first in spans
    ]
    said = [process.communicate(timeout=60)[0] for process in processes]

    assert [0, 0, 0] == [process.returncode for process in processes]
    acknowledged: dict[str, set[str]] = {}
    for line in "".join(said).splitlines():
        request_id, position = line.split()
        acknowledged.setdefault(request_id, set()).add(position)
    assert 500 == len(acknowledged)
    assert all(len(positions) == 1 for positions in acknowledged.values())
    # The namespace, five models and the versions.
    assert 506 == len(check_log(database.service_dsn))

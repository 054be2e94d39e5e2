"""Archiving as a process of its own, killed half-way beside a server that goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from regesta_projections.verification import verify
from regesta_service.backup.archiving import BATCH
from tests.support.old_log import OldLog
from tests.support.writing import NAMESPACE

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

PROGRAM = Path(sys.executable).parent / "regesta-server"
#: Batches of the archiving.
BATCHES = 4
SOON = 60.0


def test_an_archiving_that_is_killed_has_done_whole_batches_and_goes_on(
    database: LiveDatabase, tmp_path: Path
):
    through = BATCHES * BATCH
    old = OldLog.made(database, tmp_path, through + 100)
    old.define()
    old.release(through)
    old.back_up()
    command = ["archive", "--backup", str(old.folder), "--namespace", NAMESPACE]
    command += ["--dsn", old.dsn, "--owner-dsn", database.owner_dsn]
    process = subprocess.Popen([PROGRAM, *command])
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        last, until = 0, time.monotonic() + SOON
        while not last and time.monotonic() < until:
            (last,) = conn.execute(_LAST).fetchone() or (0,)
    process.kill()
    process.wait()

    done = old.bodiless()
    assert 0 < len(done) < through
    assert list(range(1, len(done) + 1)) == done
    assert 0 == len(done) % BATCH
    assert () == verify(old.dsn, NAMESPACE).findings
    old.write(3)
    rest = old.archive()
    assert (through - len(done), len(done)) == (rest.bodies, rest.before)
    assert list(range(1, through + 1)) == old.bodiless()
    assert () == verify(old.dsn, NAMESPACE, archive=old.folder).findings


_LAST = f"""
SELECT count(*) FROM regesta.events WHERE position = {BATCH} AND get_byte(record, 0) = 0
"""  # noqa: S608

"""The limit of PostgreSQL: pgbench inserting single rows of a kilobyte into an indexed table."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.slices import Sample

if TYPE_CHECKING:
    from pathlib import Path

_CLIENTS = 64

# The keys that the log's own table has: its position, and stream and revision.
_TABLE = """
CREATE TABLE inserted (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    record bytea NOT NULL
);
CREATE UNIQUE INDEX ON inserted (stream, id);
"""
_SCRIPT = """\
\\set model random(1, 16)
INSERT INTO inserted (stream, record) \
VALUES ('models/model-' || :model, decode(repeat('61', {size}), 'hex'));
"""
_TRANSACTIONS = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_RATE = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)


class NoPgbench(RuntimeError):
    """This PostgreSQL was installed without pgbench."""


class Pgbench:
    """Single-row inserts at 64 clients with prepared statements.

    Args:
        programs: Directory of PostgreSQL's programs.
        dsn: An empty database.
        home: Where to keep the script.
        record_size: Bytes of the row's largest column.

    Raises:
        NoPgbench: There is none among the programs.
    """

    def __init__(self, programs: Path, dsn: str, home: Path, record_size: int) -> None:
        self._program = programs / "pgbench"
        if not self._program.exists():
            raise NoPgbench(f"there is no pgbench in {programs}")
        self._place = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        self._script = home / "insert.sql"
        self._script.write_text(_SCRIPT.format(size=record_size))
        with psycopg.connect(dsn) as conn:
            conn.execute(_TABLE)

    def run(self, seconds: int) -> Sample:
        """Insert for some seconds."""
        result = subprocess.run(
            [
                self._program,
                "--no-vacuum",
                f"--file={self._script}",
                f"--client={_CLIENTS}",
                "--jobs=2",
                "--protocol=prepared",
                f"--time={seconds}",
                f"--host={self._place['host']}",
                f"--port={self._place['port']}",
                f"--username={self._place['user']}",
                self._place["dbname"],
            ],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        )
        return read_report(result.stdout)


def read_report(report: str) -> Sample:
    """Return what pgbench's report says; connecting is not in it.

    Raises:
        ValueError: It is not a report of pgbench 14 or newer.
    """
    done, rate = _TRANSACTIONS.search(report), _RATE.search(report)
    if done is None or rate is None:
        raise ValueError(f"not a report of pgbench:\n{report}")
    operations = int(done[1])
    return Sample(operations, operations / float(rate[1]))

"""A log that is there when the schema learns of archived bodies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from regesta_service.postgres import migrate
from tests.support.rich_log import padded_log
from tests.support.writing import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase

FILES = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
def before(postgres: DatabaseServer, tmp_path: Path) -> Iterator[LiveDatabase]:
    """A database without the migration."""
    for file in sorted(FILES.glob("*.sql"))[:11]:
        shutil.copy(file, tmp_path)
    made = postgres.blank()
    migrate.apply(made.owner_dsn, directory=tmp_path)
    yield made
    postgres.drop(made)


def test_a_log_keeps_its_hashes_its_tiles_and_its_rows(before: LiveDatabase):
    query = "SELECT position, leaf_hash, record FROM regesta.events ORDER BY position"
    with psycopg.connect(before.service_dsn) as conn:
        padded_log(600, NAMESPACE).write(conn, projected=False)
        conn.commit()
        conn.execute("SELECT regesta.extend_events(5000000)")
        stored = conn.execute(query).fetchall()
    migrate.apply(before.owner_dsn)
    with psycopg.connect(before.service_dsn) as conn:
        assert stored == conn.execute(query).fetchall()
    rebuild(before.service_dsn, NAMESPACE, linger=0)
    assert () == verify(before.service_dsn, NAMESPACE).findings
    with psycopg.connect(before.owner_dsn, autocommit=True) as conn:
        for table in ("events", "events_000000"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                conn.execute(f"UPDATE regesta.{table} SET actor = 'x'".encode())  # noqa: S608

"""An export, folded elsewhere, gives the rows of the original; where it does not, they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.backup.folder import InvalidBackup
from regesta_service.backup.replaying import records_in, replay
from tests.integration.backup.conftest import RICH, RICH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer
    from tests.integration.backup.conftest import Original


@pytest.fixture
def scratch(postgres: DatabaseServer) -> Iterator[str]:
    made = postgres.migrated()
    yield made.service_dsn
    postgres.drop(made)


def exported(original: Original) -> Path:
    """Write the rich log as JSON lines."""
    path = original.folder.parent / "log.jsonl"
    with psycopg.connect(original.dsn) as conn:
        rows = conn.execute(
            "SELECT record FROM regesta.events JOIN regesta.logs USING (namespace_id)"
            " WHERE name = %s ORDER BY position",
            [RICH],
        )
        path.write_bytes(b"".join(record + b"\n" for (record,) in rows))
    return path


def test_an_export_gives_the_rows_of_the_original(original: Original, scratch: str):
    with records_in(exported(original), RICH) as records:
        done = replay(records, RICH, scratch, original.dsn)
    assert (RICH_SIZE, 0, []) == (done.exported, done.followed, done.differences)
    assert done.rows > 10


def test_a_backup_of_yesterday_gives_the_rows_of_today(original: Original, scratch: str):
    original.back_up()
    path = exported(original)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:500]))
    with records_in(path, RICH) as records:
        done = replay(records, RICH, scratch, original.dsn)
    assert (500, 100, []) == (done.exported, done.followed, done.differences)
    with records_in(original.folder, RICH) as records:
        assert [line.rstrip(b"\n") for line in lines] == list(records)
    with records_in(original.folder / RICH, RICH) as records:
        assert RICH_SIZE == len(list(records))


def test_an_edited_row_is_named(original: Original, scratch: str):
    with psycopg.connect(original.dsn) as conn:
        conn.execute("UPDATE regesta.versions SET stage = 'production' WHERE number = 1")
        conn.execute("DELETE FROM regesta.aliases")
        conn.execute(
            "INSERT INTO regesta.model_names SELECT namespace_id, 1, 'x', 'y' FROM regesta.logs"
        )
    with records_in(exported(original), RICH) as records:
        done = replay(records, RICH, scratch, original.dsn)
    assert "versions Churn/1 differs in stage" in done.differences
    assert "model_names x is in the original, and no event made it" in done.differences
    assert any(one.startswith("aliases ") for one in done.differences)


def test_an_edited_export_is_named(original: Original, scratch: str):
    path = exported(original)
    path.write_bytes(path.read_bytes().replace(b'"round":"400"', b'"round":"999"'))
    with records_in(path, RICH) as records:
        done = replay(records, RICH, scratch, original.dsn)
    assert ["position 401 holds another record than the export"] == done.differences


def test_what_is_no_export_is_refused(original: Original, tmp_path: Path):
    original.back_up()
    with pytest.raises(InvalidBackup, match="nowhere"), records_in(original.folder, "nowhere"):
        pass
    with pytest.raises(InvalidBackup), records_in(tmp_path, RICH):
        pass

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.postgres.errors import (
    AdministratorNeeded,
    MigrationFailed,
    MigrationFilesInvalid,
    MigrationsLocked,
    SchemaEdited,
    SchemaMissing,
    SchemaNewer,
    SchemaOlder,
)
from regesta_service.postgres.migrate import apply, check, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.databases import LiveDatabase

FIRST = "CREATE TABLE regesta.first (number integer);\nINSERT INTO first VALUES (1);\n"
SECOND = "-- 100 % of it\nALTER TABLE regesta.first ADD COLUMN word text DEFAULT 'a;b';\n"
SLOW = "SELECT pg_sleep(0.3); CREATE TABLE regesta.slow ();"


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Make a directory of migrations, by name and content."""

    def make(**contents: str) -> Path:
        for old in tmp_path.glob("*.sql"):
            old.unlink()
        for name, content in contents.items():
            (tmp_path / f"{name.removeprefix('m')}.sql").write_text(content)
        return tmp_path

    return make


def tables(database: LiveDatabase) -> list[str]:
    with psycopg.connect(database.superuser_dsn) as conn:
        rows = conn.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'regesta'::regnamespace ORDER BY relname"
        ).fetchall()
    return [name for (name,) in rows]


def test_files_are_applied_in_order_and_once(blank: LiveDatabase, files: Callable[..., Path]):
    both = files(m0001_first=FIRST, m0002_second=SECOND)

    assert ["0001_first", "0002_second"] == apply(blank.owner_dsn, directory=both)
    assert [] == apply(blank.owner_dsn, directory=both)
    assert ["first", "migrations"] == tables(blank)


def test_a_later_build_applies_what_is_new(blank: LiveDatabase, files: Callable[..., Path]):
    apply(blank.owner_dsn, directory=files(m0001_first=FIRST))

    later = files(m0001_first=FIRST, m0002_second=SECOND)

    assert ["0002_second"] == apply(blank.owner_dsn, directory=later)


def test_six_processes_at_once_apply_once(blank: LiveDatabase, files: Callable[..., Path]):
    script = (
        "import sys; from pathlib import Path\n"
        "from regesta_service.postgres.migrate import apply\n"
        "print(*apply(sys.argv[1], directory=Path(sys.argv[2])))\n"
    )
    directory = files(m0001_slow=SLOW, m0002_first=FIRST)
    command = [sys.executable, "-c", script, blank.owner_dsn, str(directory)]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = [process.communicate(timeout=60)[0].strip() for process in crowd]

    assert [0] * 6 == [process.returncode for process in crowd]
    assert [""] * 5 + ["0001_slow 0002_first"] == sorted(said)


def test_an_edited_file_is_refused_before_anything_is_applied(
    blank: LiveDatabase, files: Callable[..., Path]
):
    apply(blank.owner_dsn, directory=files(m0001_first=FIRST))
    edited = files(m0001_first=FIRST + " ", m0002_more="CREATE TABLE regesta.more ();")

    with pytest.raises(SchemaEdited, match="0001_first was applied as"):
        apply(blank.owner_dsn, directory=edited)
    with pytest.raises(SchemaEdited):
        check(blank.service_dsn, directory=edited)

    assert ["first", "migrations"] == tables(blank)


def test_a_renamed_file_is_refused(blank: LiveDatabase, files: Callable[..., Path]):
    apply(blank.owner_dsn, directory=files(m0001_first=FIRST))

    with pytest.raises(SchemaEdited, match="has 0001_first where this build has 0001_other"):
        apply(blank.owner_dsn, directory=files(m0001_other=FIRST))


def test_a_database_newer_than_the_build_is_refused(
    blank: LiveDatabase, files: Callable[..., Path]
):
    apply(blank.owner_dsn, directory=files(m0001_first=FIRST, m0002_second=SECOND))
    older = files(m0001_first=FIRST)

    with pytest.raises(SchemaNewer, match="is at migration 0002_second, this build ends at"):
        apply(blank.owner_dsn, directory=older)
    with pytest.raises(SchemaNewer):
        check(blank.service_dsn, directory=older)


@pytest.mark.parametrize("role", ["owner_dsn", "service_dsn"])
def test_check_tells_a_missing_schema_from_an_older_one(
    blank: LiveDatabase, files: Callable[..., Path], role: str
):
    dsn = getattr(blank, role)
    with pytest.raises(SchemaMissing):
        check(dsn)
    apply(blank.owner_dsn, directory=files(m0001_first=FIRST))
    both = files(m0001_first=FIRST, m0002_second=SECOND)
    with pytest.raises(SchemaOlder, match="lacks 0002_second"):
        check(dsn, directory=both)

    apply(blank.owner_dsn, directory=both)

    check(dsn, directory=both)


def test_a_failing_file_leaves_nothing_of_itself(blank: LiveDatabase, files: Callable[..., Path]):
    broken = "CREATE TABLE regesta.half ();\n\nSELECT 1 / number FROM nowhere;\n"

    with pytest.raises(MigrationFailed, match='0002_broken, line 3: relation "nowhere" does not'):
        apply(blank.owner_dsn, directory=files(m0001_first=FIRST, m0002_broken=broken))

    assert ["first", "migrations"] == tables(blank)
    mended = files(m0001_first=FIRST, m0002_broken="CREATE TABLE regesta.whole ();")
    assert ["0002_broken"] == apply(blank.owner_dsn, directory=mended)


def test_a_file_that_cannot_be_recorded_is_not_applied(
    blank: LiveDatabase, files: Callable[..., Path]
):
    forged = "INSERT INTO regesta.migrations VALUES (1, 'forged', sha256(''));"

    with pytest.raises(MigrationFailed, match="0001_first: duplicate key"):
        apply(blank.owner_dsn, directory=files(m0001_first=FIRST + forged))

    assert ["migrations"] == tables(blank)


def test_what_a_superuser_applies_belongs_to_the_owner(
    blank: LiveDatabase, files: Callable[..., Path]
):
    apply(blank.superuser_dsn, directory=files(m0001_first=FIRST))

    with psycopg.connect(blank.superuser_dsn) as conn:
        owners = conn.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'regesta'"
        ).fetchall()
    assert [("regesta_owner",)] == owners


def test_the_service_may_not_apply(blank: LiveDatabase, files: Callable[..., Path]):
    with pytest.raises(AdministratorNeeded, match="user regesta_service cannot become the owner"):
        apply(blank.service_dsn, directory=files(m0001_first=FIRST))


def test_waiting_for_another_process_ends(blank: LiveDatabase, files: Callable[..., Path]):
    command = [sys.executable, "-c", _APPLY_SLOWLY, blank.owner_dsn]
    directory = files(m0001_slow="SELECT pg_sleep(30);")
    with subprocess.Popen([*command, str(directory)], stderr=subprocess.DEVNULL) as other:
        _wait_for_lock(blank)

        with pytest.raises(MigrationsLocked, match=r"for more than 0\.2 s"):
            apply(blank.owner_dsn, directory=directory, lock_timeout=0.2)

        other.kill()


_APPLY_SLOWLY = (
    "import sys; from pathlib import Path\n"
    "from regesta_service.postgres.migrate import apply\n"
    "apply(sys.argv[1], directory=Path(sys.argv[2]))\n"
)


def _wait_for_lock(database: LiveDatabase) -> None:
    with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:
        for _ in range(2000):
            query = (
                "SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            row = conn.execute(query).fetchone()
            if row is not None and row[0]:
                return
    raise AssertionError("the other process never took the lock")


@pytest.mark.parametrize(
    "names", [["0002_late"], ["0001_a", "0003_c"], ["0001_a", "0001_b"], ["1_a"], ["0001-a"]]
)
def test_numbers_have_no_holes_and_no_twins(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1;")

    with pytest.raises(MigrationFilesInvalid):
        load(tmp_path)


@pytest.mark.parametrize(
    "statement",
    ["COMMIT;", "begin;", "  ROLLBACK ;", "START TRANSACTION;", "BEGIN WORK ISOLATION LEVEL\nx;"],
)
def test_a_file_may_not_end_its_transaction(tmp_path: Path, statement: str):
    (tmp_path / "0001_a.sql").write_text(f"SELECT 1;\n{statement}\n")

    with pytest.raises(MigrationFilesInvalid, match=r"0001_a\.sql"):
        load(tmp_path)


def test_a_functions_begin_is_no_transaction(blank: LiveDatabase, files: Callable[..., Path]):
    function = """
        CREATE FUNCTION regesta.f() RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN
            BEGIN
                RETURN 1;
            END;
        END
        $$;
    """

    assert ["0001_f"] == apply(blank.owner_dsn, directory=files(m0001_f=function))

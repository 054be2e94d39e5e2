"""What verifies over archived bodies, what must not, and what is made of them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from regesta_projections.archived import BodyArchived
from regesta_projections.bodies import NotInArchive
from regesta_projections.rebuild import ALL_TABLES, rebuild
from regesta_projections.verification import Kind, verify
from regesta_service.backup.folder import InvalidBackup
from regesta_service.backup.replaying import records_in, replay
from regesta_service.backup.restoring import restore
from tests.support.old_log import POLICY, THROUGH
from tests.support.publishing import Desk, Superuser
from tests.support.writing import NAMESPACE, check_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase
    from tests.support.old_log import OldLog


@pytest.fixture
def empty(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    made = postgres.migrated()
    yield made
    postgres.drop(made)


def found(old: OldLog, **options: Any) -> set[tuple[Kind, int]]:
    report = verify(old.dsn, NAMESPACE, **options)
    return {(finding.kind, finding.position) for finding in report.findings}


def rows(old: OldLog) -> dict[str, list[str]]:
    """Return every projected row of the generation in use, as text."""
    with psycopg.connect(old.dsn) as conn:
        query = sql.SQL(
            "SELECT (to_jsonb(t) - 'generation')::text FROM regesta.{} AS t"
            " JOIN regesta.logs AS l USING (namespace_id) WHERE t.generation = l.generation"
            " ORDER BY 1"
        )
        return {
            table.name: [row for (row,) in conn.execute(query.format(sql.Identifier(table.name)))]
            for table in ALL_TABLES
        }


# Verifying.


def test_a_check_says_what_it_could_not_compare_and_an_archive_makes_it_whole(old: OldLog):
    old.released()
    whole = verify(old.dsn, NAMESPACE)
    old.archive()
    part = verify(old.dsn, NAMESPACE)
    assert () == part.findings
    assert (THROUGH, whole.root_hash) == (part.bodies_archived, part.root_hash)
    left = whole.rows_compared + whole.history_rows_compared
    assert left == part.rows_compared + part.history_rows_compared + part.rows_not_compared
    assert part.rows_not_compared > 500

    again = verify(old.dsn, NAMESPACE, archive=old.folder)
    assert whole == again
    assert (0, 0) == (again.bodies_archived, again.rows_not_compared)


def test_what_was_appended_since_is_compared_without_an_archive(old: OldLog):
    old.archived().write(20)
    assert set() == found(old)
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        conn.execute(
            "UPDATE regesta.versions SET source = 'x' WHERE model = 'young' AND number = 7"
        )
    assert {(Kind.ROW_DIFFERS, 0)} == found(old)


def test_an_edited_row_of_archived_events_is_found_with_the_archive(old: OldLog):
    old.archived()
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        conn.execute("UPDATE regesta.models SET owner = 'mallory' WHERE model = 'Churn-2'")
    assert set() == found(old)
    assert {(Kind.ROW_DIFFERS, 0)} == found(old, archive=old.folder)


def test_an_edited_column_of_an_archived_event_is_found_with_the_archive(old: OldLog):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run("UPDATE regesta.events SET actor = 'mallory' WHERE position = 40")
    assert (Kind.COLUMN_DIFFERS, 40) in found(old, archive=old.folder)


def test_a_body_that_is_withheld_beyond_the_release_is_named(old: OldLog):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run(
            "UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash WHERE position = %s",
            THROUGH + 3,
        )
    named = {(Kind.BODY_WITHHELD, THROUGH + 3)}
    assert named == found(old)
    assert named == found(old, archive=old.folder)


def test_a_body_that_is_withheld_without_any_release_is_named(old: OldLog):
    with Superuser(old.database) as superuser:
        superuser.run("UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash")
        # Nor does it help to say so in the table.
        superuser.run("ALTER TABLE regesta.released DISABLE TRIGGER ALL")
        superuser.run("INSERT INTO regesta.released SELECT namespace_id, 512 FROM regesta.logs")
    kinds = [kind for kind, _ in found(old)]
    assert {Kind.BODY_WITHHELD, Kind.ROW_DIFFERS} <= set(kinds)
    assert 600 == kinds.count(Kind.BODY_WITHHELD)


def test_another_hash_in_the_place_of_a_body_is_named(old: OldLog):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run(
            "UPDATE regesta.events SET record = '\\x00'::bytea || sha256('x') WHERE position = 99"
        )
    assert (Kind.RECORD_CHANGED, 99) in found(old)
    assert (Kind.BODY_NOT_IN_ARCHIVE, 99) in found(old, archive=old.folder)


def test_another_folder_is_no_archive(old: OldLog, tmp_path: Path):
    old.archived()
    (tmp_path / "other").mkdir()
    with pytest.raises(NotInArchive):
        verify(old.dsn, NAMESPACE, archive=tmp_path / "other")


# Publishing.


def test_a_publisher_without_memory_signs_under_what_its_key_signed(old: OldLog, tmp_path: Path):
    old.archived().write(5)
    fresh = Desk(old.dsn, tmp_path / "fresh")
    assert {} == fresh.look()
    assert fresh.checkpoints()[-1].size == fresh.remembered() > 600


def test_a_publisher_without_memory_takes_no_other_hash(old: OldLog, tmp_path: Path):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run(
            "UPDATE regesta.events SET record = '\\x00'::bytea || sha256('x') WHERE position = 99"
        )
    alarm = Desk(old.dsn, tmp_path / "fresh").look()[NAMESPACE]
    assert ("FORK", 1) == (alarm.kind, alarm.position)


def test_a_publisher_without_memory_takes_no_hash_beyond_the_release(old: OldLog, tmp_path: Path):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run(
            "UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash WHERE position = %s",
            THROUGH + 3,
        )
    alarm = Desk(old.dsn, tmp_path / "fresh").look()[NAMESPACE]
    assert ("TAMPER", THROUGH + 3) == (alarm.kind, alarm.position)


def test_a_publisher_with_another_key_signs_nothing_over_archived_bodies(
    old: OldLog, tmp_path: Path
):
    old.archived()
    with Superuser(old.database) as superuser:
        superuser.run("DELETE FROM regesta.checkpoints")
    alarm = Desk(old.dsn, tmp_path / "fresh").look()[NAMESPACE]
    assert ("TAMPER", 1) == (alarm.kind, alarm.position)


# Making it again.


def test_a_rebuild_without_the_archive_touches_nothing(old: OldLog):
    before = rows(old.archived())
    with pytest.raises(BodyArchived):
        rebuild(old.dsn, NAMESPACE, linger=0)
    assert before == rows(old)


def test_a_rebuild_with_the_archive_makes_the_same_rows(old: OldLog):
    old.archived().write(5)
    rebuild(old.dsn, NAMESPACE, linger=0, archive=old.folder)
    before = rows(old)
    assert before == rows(old)
    done = rebuild(old.dsn, NAMESPACE, linger=0, archive=old.folder)
    assert before == rows(old)
    assert done.position > THROUGH
    assert set() == found(old, archive=old.folder)


def test_a_backup_that_has_the_bodies_goes_on(old: OldLog):
    old.archived().write(20)
    assert 21 == old.back_up().added


def test_a_new_backup_begins_with_the_bodies_of_another(old: OldLog, tmp_path: Path):
    old.archived()
    new = tmp_path / "new"
    with pytest.raises(InvalidBackup, match="--from-archive"):
        old.back_up(new)
    old.back_up(new, archive=old.folder)
    old.back_up()
    bundles = sorted(path.relative_to(new) for path in new.rglob("tile/**/*") if path.is_file())
    assert bundles
    for path in bundles:
        assert (new / path).read_bytes() == (old.folder / path).read_bytes()


def test_a_restore_has_every_body_again(old: OldLog, empty: LiveDatabase):
    records = [record for (record,) in old.released().events("record")]
    old.archive()
    old.back_up()
    (done,) = restore(empty.service_dsn, old.folder, POLICY)
    assert () == done.report.findings
    assert 0 == done.report.bodies_archived
    assert records == check_log(empty.service_dsn)[: len(records)]
    with psycopg.connect(empty.service_dsn) as conn:
        assert (THROUGH,) == conn.execute("SELECT through FROM regesta.released").fetchone()


def test_a_replay_of_the_archive_gives_the_same_rows(old: OldLog, empty: LiveDatabase):
    old.archived().write(5)
    with records_in(old.folder, NAMESPACE) as records:
        done = replay(records, NAMESPACE, empty.service_dsn, old.dsn)
    assert (0, 6) == (done.differences_total, done.followed)

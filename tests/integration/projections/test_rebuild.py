"""Dropping every projected row and folding the log again gives the same bytes."""
# ruff: noqa: S608  the names are those of our own tables

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta_projections import rebuild as rebuilding
from regesta_projections.events import (
    AliasSet,
    ModelCreated,
    TagsSet,
    VersionRegistered,
    VersionSemverLabelled,
)
from regesta_projections.rebuild import (
    ALL_TABLES,
    LogNotFoldable,
    NamespaceUnknown,
    RebuildProgress,
    RebuildRunning,
    rebuild,
)
from regesta_projections.verification import verify
from tests.support.live_log import LiveLog
from tests.support.log_builder import LogBuilder
from tests.support.rich_log import CHAMPION, FIRST, MODEL, padded_log, rich_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

NAMESPACE = "acme"


def write(database: LiveDatabase, log: LogBuilder) -> int:
    with psycopg.connect(database.service_dsn) as conn:
        return log.write(conn)


def contents(database: LiveDatabase) -> dict[str, list[Any]]:
    """Return every projected row of every namespace but for its generation, as text."""
    with psycopg.connect(database.service_dsn) as conn:
        return {
            table.name: conn.execute(
                f"SELECT (t.*)::text FROM (SELECT namespace_id, {', '.join(table.column_names)}"
                f" FROM regesta.{table.name}) AS t ORDER BY 1"
            ).fetchall()
            for table in ALL_TABLES
        }


def one(database: LiveDatabase, query: str) -> Any:
    with psycopg.connect(database.superuser_dsn) as conn:
        row = conn.execute(query).fetchone()
    return row[0] if row and len(row) == 1 else row


def a_busy_log() -> LogBuilder:
    """Return a log whose rows change again long after they were made."""
    log = rich_log(NAMESPACE)
    for number in range(1, 41):
        model = f"models/m{number}"
        log.append(model, ModelCreated(name=f"m{number}", kind="MODEL"))
        log.append(
            f"{model}/versions/1",
            VersionRegistered(version=1, stage="development", semver=f"1.{number}.0"),
        )
    for turn in range(3):
        for number in range(1, 41, turn + 1):
            stream = f"models/m{number}/versions/1"
            log.append(stream, TagsSet(tags={f"turn-{turn}": "done"}))
            log.append(f"models/m{number}", TagsSet(tags={f"turn-{turn}": "done"}))
            log.append(f"models/m{number}/aliases/champion", AliasSet(version=1))
    for number in range(2, 21):
        stream = f"models/m1/versions/{number}"
        log.append(stream, VersionRegistered(version=number, stage="development"))
    return log


@pytest.mark.parametrize(
    ("chunk", "resident", "leaving"),
    [(5_000, 40_000, 10_000), (7, 8, 3), (1, 0, 1), (50, 20, 20), (20, 60, 5)],
)
def test_a_rebuild_gives_the_same_bytes_however_much_fits_in_memory(
    database: LiveDatabase,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    resident: int,
    leaving: int,
):
    monkeypatch.setattr(rebuilding, "_CHUNK", chunk)
    monkeypatch.setattr(rebuilding, "_RESIDENT", resident)
    monkeypatch.setattr(rebuilding, "_LEAVING", leaving)
    monkeypatch.setattr(rebuilding, "_REMAINDER", 0)
    log = a_busy_log()
    write(database, log)
    before = contents(database)

    done = rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert before == contents(database)
    assert (2, log.size) == (done.generation, done.position)
    assert () == verify(database.service_dsn, NAMESPACE).findings


def test_rows_are_written_as_inserts_and_updates_would_write_them(database: LiveDatabase):
    """What COPY sends in binary is what PostgreSQL reads from text."""
    write(database, rich_log(NAMESPACE))
    before = contents(database)
    with psycopg.connect(database.service_dsn) as conn:
        for table in ALL_TABLES:
            conn.execute(f"DELETE FROM regesta.{table.name}")

    rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert before == contents(database)


def test_a_rebuild_names_its_generation_and_leaves_no_other(database: LiveDatabase):
    write(database, rich_log(NAMESPACE))

    for generation in (2, 3):
        rebuild(database.service_dsn, NAMESPACE, linger=0)

        assert (generation, True) == one(
            database,
            "SELECT generation, rebuilt_at > now() - interval '1 minute' FROM regesta.logs",
        )
        for table in ALL_TABLES:
            generations = f"SELECT array_agg(DISTINCT generation) FROM regesta.{table.name}"
            assert [generation] == one(database, generations)


def test_other_namespaces_are_left_alone(database: LiveDatabase):
    write(database, LogBuilder("other"))
    write(database, rich_log(NAMESPACE))

    rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert 1 == one(database, "SELECT generation FROM regesta.logs WHERE name = 'other'")
    assert () == verify(database.service_dsn, "other").findings


def test_an_unknown_namespace_is_said_to_be_unknown(database: LiveDatabase):
    with pytest.raises(NamespaceUnknown):
        rebuild(database.service_dsn, "nobody", linger=0)


def test_what_a_dead_rebuild_left_is_deleted_first(database: LiveDatabase):
    write(database, rich_log(NAMESPACE))
    before = contents(database)
    with psycopg.connect(database.service_dsn) as conn:
        conn.execute(
            "INSERT INTO regesta.model_names (namespace_id, generation, name_key, model)"
            " SELECT namespace_id, g, name_key, model FROM regesta.model_names, (VALUES (2), (9)) v (g)"
        )

    rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert before == contents(database)


def test_one_rebuild_of_a_namespace_runs_at_a_time(database: LiveDatabase):
    write(database, LogBuilder("other"))
    write(database, rich_log(NAMESPACE))
    refused: list[object] = []

    def start_another(_: RebuildProgress) -> None:
        with pytest.raises(RebuildRunning) as error:
            rebuild(database.service_dsn, NAMESPACE, linger=0)
        refused.append(error.value)
        rebuild(database.service_dsn, "other", linger=0)

    rebuild(database.service_dsn, NAMESPACE, start_another, linger=0)

    assert refused
    assert 2 == one(database, "SELECT generation FROM regesta.logs WHERE name = 'acme'")


def test_what_progress_raises_ends_a_rebuild_and_the_next_one_is_whole(database: LiveDatabase):
    write(database, padded_log(300))

    def stop(_: RebuildProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(database.service_dsn, NAMESPACE, stop, linger=0)

    assert 1 == one(database, "SELECT generation FROM regesta.logs")
    assert () == verify(database.service_dsn, NAMESPACE).findings
    rebuild(database.service_dsn, NAMESPACE, linger=0)
    assert () == verify(database.service_dsn, NAMESPACE).findings


def test_progress_counts_up_and_says_when_the_new_rows_are_in_use(
    database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rebuilding, "_CHUNK", 100)
    write(database, padded_log(300))
    steps: list[RebuildProgress] = []

    done = rebuild(database.service_dsn, NAMESPACE, steps.append, linger=0)

    assert [100, 200, 300, 300] == [step.events_folded for step in steps]
    assert [False, False, False, True] == [step.switched for step in steps]
    assert done.rows_written == steps[-1].rows_written


def test_events_appended_meanwhile_are_in_the_new_rows(
    database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rebuilding, "_CHUNK", 10)
    log = LiveLog(database, NAMESPACE)
    log.append(MODEL, ModelCreated(name="Churn", kind="MODEL"))
    log.append(FIRST, VersionRegistered(version=1, stage="development"))
    for number in range(60):
        log.append(FIRST, TagsSet(tags={"number": str(number)}))

    def append(_: RebuildProgress) -> None:
        # At the end the switch holds the log, and this append would wait for itself.
        if log.size < 90:
            log.append(FIRST, TagsSet(tags={f"after-{log.size}": "yes"}))
            log.append(CHAMPION, AliasSet(version=1))

    monkeypatch.setattr(rebuilding, "_REMAINDER", 1)
    done = rebuild(database.service_dsn, NAMESPACE, append, linger=0)
    log.close()

    assert log.size == done.position >= 90
    report = verify(database.service_dsn, NAMESPACE)
    assert log.size == report.events_folded
    assert [] == [found for found in report.findings if found.kind.name.startswith("ROW_")]


def test_the_switch_waits_for_an_append_and_takes_its_event_along(database: LiveDatabase):
    log = LiveLog(database, NAMESPACE)
    log.append(MODEL, ModelCreated(name="Churn", kind="MODEL"))
    done: list[int] = []
    with psycopg.connect(database.service_dsn) as appending:
        appending.execute("SELECT FROM regesta.logs FOR UPDATE")
        thread = threading.Thread(
            target=lambda: done.append(rebuild(database.service_dsn, NAMESPACE, linger=0).position)
        )
        thread.start()
        thread.join(0.5)
        waiting = thread.is_alive()
    log.append(MODEL, TagsSet(tags={"late": "yes"}))
    thread.join(30)
    log.close()

    assert waiting
    assert done[0] in {2, 3}
    assert 2 == one(database, "SELECT generation FROM regesta.logs")


def test_readers_of_the_old_rows_find_them_for_a_while(database: LiveDatabase):
    write(database, rich_log(NAMESPACE))
    found: list[int] = []

    def read(step: RebuildProgress) -> None:
        if step.switched:
            found.append(one(database, "SELECT count(*) FROM regesta.models WHERE generation = 1"))

    started = time.monotonic()
    rebuild(database.service_dsn, NAMESPACE, read, linger=0.3)

    assert [4] == found
    assert 0 == one(database, "SELECT count(*) FROM regesta.models WHERE generation = 1")
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("DELETE FROM regesta.events WHERE position = 100", "1 and 300 are missing"),
        ("UPDATE regesta.events SET record = 'x' WHERE position = 100", "position 100"),
        (
            "UPDATE regesta.events SET record = convert_to(replace(convert_from(record, 'UTF8'),"
            " 'TagsSet', 'TagsBet'), 'UTF8') WHERE position = 100",
            "position 100",
        ),
        (
            "UPDATE regesta.events SET record = convert_to(replace(convert_from(record, 'UTF8'),"
            " 'versions/1', 'versions/8'), 'UTF8') WHERE position = 100",
            "position 100",
        ),
        (
            "UPDATE regesta.events SET revision = 999 WHERE position = 100",
            "columns at position 100",
        ),
    ],
)
def test_a_log_that_cannot_be_folded_is_refused_and_the_old_rows_stay(
    database: LiveDatabase, change: str, place: str
):
    write(database, padded_log(300))
    before = contents(database)
    with psycopg.connect(database.superuser_dsn) as conn:
        for table in ("events", "events_000000"):
            conn.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER ALL")
        conn.execute(change)

    with pytest.raises(LogNotFoldable, match=place):
        rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert 1 == one(database, "SELECT generation FROM regesta.logs")
    assert before == contents(database)


def test_a_log_in_which_two_events_make_the_same_row_is_refused(
    database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rebuilding, "_CHUNK", 1)
    monkeypatch.setattr(rebuilding, "_RESIDENT", 0)
    log = rich_log(NAMESPACE)
    label = VersionSemverLabelled(semver="1.0.0")
    log.append(f"{MODEL}/versions/3", label)
    write(database, log)

    with pytest.raises(LogNotFoldable, match="the same row"):
        rebuild(database.service_dsn, NAMESPACE, linger=0)


def test_a_rebuild_that_ended_while_another_began_is_not_mistaken_for_a_leftover(
    database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
):
    """The generation in use is read once nobody else can change it."""
    write(database, rich_log(NAMESPACE))
    before = contents(database)
    heads = iter([True])
    look = rebuilding._head

    def look_and_be_late(conn: psycopg.Connection[Any], namespace: str) -> Any:
        head = look(conn, namespace)
        if next(heads, False):
            rebuild(database.service_dsn, NAMESPACE, linger=0)
        return head

    monkeypatch.setattr(rebuilding, "_head", look_and_be_late)
    done = rebuild(database.service_dsn, NAMESPACE, linger=0)

    assert 3 == done.generation
    assert before == contents(database)


def test_a_rebuild_that_lost_its_lock_does_not_switch(database: LiveDatabase):
    write(database, padded_log(300))

    def cut(_: RebuildProgress) -> None:
        one(
            database,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )

    with pytest.raises(psycopg.OperationalError):
        rebuild(database.service_dsn, NAMESPACE, cut, linger=0)

    assert 1 == one(database, "SELECT generation FROM regesta.logs")

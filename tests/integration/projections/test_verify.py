"""An honest log has no findings; whatever an insider changes in the database is named."""
# ruff: noqa: S608  the names are those of our own tables

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from benchmarks.generated_log import NAMESPACE, facts, write_log
from regesta.merkle import Frontier, leaf_hash
from regesta_projections.events import TagsSet
from regesta_projections.rebuild import NamespaceUnknown, rebuild
from regesta_projections.records import Cause, write_record
from regesta_projections.tables import TABLES, Table
from regesta_projections.verification import (
    MAX_FINDINGS,
    Finding,
    Kind,
    Report,
    VerifyProgress,
    verify,
)
from tests.support.log_builder import START, LogBuilder, event_values
from tests.support.rich_log import CHAMPION, FIRST, padded_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.databases import LiveDatabase

#: More than a tile of 256, so that some events are in one and others are not.
SIZE = 300


class Insider:
    """A log in a database, and a superuser to whom no trigger applies."""

    def __init__(self, database: LiveDatabase, log: LogBuilder) -> None:
        self.log = log
        self._dsn = database.service_dsn
        self._conn = psycopg.connect(database.superuser_dsn, autocommit=True)
        self.namespace_id = log.write(self._conn)
        for table in ("events", "events_000000", "tiles", "requests"):
            self._conn.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER ALL")

    def close(self) -> None:
        self._conn.close()

    def run(self, statement: str, *parameters: object) -> None:
        """Change exactly one row."""
        done = self._conn.execute(statement, parameters)
        assert done.rowcount == 1, statement

    def verify(self) -> Report:
        return verify(self._dsn, self.log.namespace)

    def named(self) -> set[tuple[Kind, int, str]]:
        """Verify, and return kind, position and subject of each finding."""
        return {(found.kind, found.position, found.subject) for found in self.verify().findings}

    def kinds(self) -> set[Kind]:
        return {found.kind for found in self.verify().findings}


@pytest.fixture
def insider(database: LiveDatabase) -> Any:
    insider = Insider(database, padded_log(SIZE))
    yield insider
    insider.close()


def test_an_honest_log_has_no_findings(insider: Insider):
    log = insider.log

    report = insider.verify()

    assert () == report.findings
    assert 0 == report.findings_total
    assert (SIZE, SIZE) == (report.position, report.events_folded)
    assert log.frontier.root() == report.root_hash
    assert len([row for row in log.rows.values() if row]) == report.rows_compared
    assert (len(log.disclosures), 0) == (report.texts_compared, 0)
    assert 0 == report.rows_left_over


def test_a_log_of_its_first_event_alone_has_no_findings(database: LiveDatabase):
    with psycopg.connect(database.service_dsn) as conn:
        LogBuilder("small").write(conn)

    assert () == verify(database.service_dsn, "small").findings


def test_only_the_namespace_asked_for_is_checked(insider: Insider, database: LiveDatabase):
    with psycopg.connect(database.service_dsn) as conn:
        LogBuilder("small").write(conn)
    insider.run("UPDATE regesta.models SET owner = 'mallory' WHERE model = 'Churn'")

    assert () == verify(database.service_dsn, "small").findings


def test_an_unknown_namespace_is_said_to_be_unknown(database: LiveDatabase):
    with pytest.raises(NamespaceUnknown):
        verify(database.service_dsn, "nobody")


def test_progress_counts_up_to_the_report(insider: Insider):
    insider.run("UPDATE regesta.models SET owner = 'mallory' WHERE model = 'Churn'")
    steps: list[VerifyProgress] = []

    report = verify(insider._dsn, "acme", steps.append)

    last = steps[-1]
    assert (SIZE, SIZE) == (last.events_checked, last.events_folded)
    assert report.rows_compared == last.rows_compared
    assert report.texts_compared == last.texts_compared
    assert report.findings == tuple(found for step in steps for found in step.findings)


def test_what_progress_raises_ends_the_check(insider: Insider):
    def stop(_: VerifyProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(insider._dsn, "acme", stop)


def test_every_finding_is_counted_and_the_first_thousand_named(insider: Insider):
    with insider._conn.cursor() as cursor:
        cursor.execute("UPDATE regesta.events SET actor = 'mallory', request_id = 'x', type = 'y'")
        cursor.execute("UPDATE regesta.events SET trace_id = 'z', revision = revision + 1")

    report = insider.verify()

    assert report.findings_total > MAX_FINDINGS == len(report.findings)


def swap(text: str, other: str) -> Callable[[Insider, int], None]:
    """Return what replaces a text in a record by one of the same length."""

    def change(insider: Insider, position: int) -> None:
        record = insider.log.records[position - 1]
        edited = record.replace(text.encode(), other.encode())
        assert len(edited) == len(record)
        assert edited != record
        insider.run("UPDATE regesta.events SET record = %s WHERE position = %s", edited, position)

    return change


def test_an_edited_record_under_a_full_tile_is_named_by_its_position(insider: Insider):
    swap('"round":"100"', '"round":"999"')(insider, 101)

    named = insider.named()

    assert (Kind.RECORD_CHANGED, 101, "events") in named
    assert (Kind.PREVIOUS_DIFFERS, 102, FIRST) in named
    assert Kind.FRONTIER_DIFFERS in {kind for kind, _, _ in named}


def test_an_edited_record_beyond_the_full_tiles_is_named_by_its_interval(insider: Insider):
    swap('"round":"280"', '"round":"999"')(insider, 281)

    report = insider.verify()

    frontier = [found for found in report.findings if found.kind is Kind.FRONTIER_DIFFERS]
    assert ["positions 257 to 288"] == [found.detail[:20] for found in frontier]
    assert (Kind.PREVIOUS_DIFFERS, 282, FIRST) in insider.named()


def test_an_edited_last_record_is_seen_in_the_tree_and_in_the_row(insider: Insider):
    swap('"round":"299"', '"round":"000"')(insider, SIZE)

    assert {Kind.FRONTIER_DIFFERS, Kind.ROW_DIFFERS} == insider.kinds()


def test_a_record_that_is_none_is_named(insider: Insider):
    insider.run("UPDATE regesta.events SET record = 'nonsense' WHERE position = 40")

    assert (Kind.RECORD_UNREADABLE, 40, FIRST) in insider.named()


def test_a_record_of_a_type_that_this_build_does_not_know_is_named(insider: Insider):
    swap("events.v1.TagsSet", "events.v1.TagsBet")(insider, 40)

    assert (Kind.RECORD_UNREADABLE, 40, FIRST) in insider.named()


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('"specversion":"1.0"', '"specversion":"1.1"'),
        ("/namespaces/acme", "/namespaces/acne"),
        ("versions/1#", "versions/2#"),
    ],
)
def test_a_record_of_another_place_is_named(insider: Insider, text: str, other: str):
    swap(text, other)(insider, 40)

    assert (Kind.RECORD_FOREIGN, 40, FIRST) in insider.named()


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (b'"authid":', b'"authid" :'),
        (b'"specversion":"1.0"', b'"specversion":"1.0","specversion":"1.0"'),
        (b'"authid":"alice"', b'"authid":"\\u0061lice"'),
        (b'{"authid"', b'{"zoo":1.0,"authid"'),
        (b'"authtype":"user",', b""),
    ],
)
def test_a_record_in_another_form_is_named(insider: Insider, text: bytes, other: bytes):
    record = insider.log.records[39]
    assert text in record
    edited = record.replace(text, other)
    if other == b"":  # the member goes to the end, out of order
        edited = record.replace(text, b"")[:-1] + b',"authtype":"user"}'
    insider.run("UPDATE regesta.events SET record = %s WHERE position = 40", edited)

    assert (Kind.RECORD_NOT_CANONICAL, 40, FIRST) in insider.named()


COLUMNS = [
    ("stream", "models/Churn/versions/9"),
    ("revision", 7_000),
    ("type", "io.regesta.events.v1.TagsRemoved"),
    ("actor", "mallory"),
    ("recorded_at", "2020-01-01Z"),
    ("occurred_at", "2020-01-01Z"),
    ("request_id", "another"),
    ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
]


@pytest.mark.parametrize(("column", "value"), COLUMNS)
def test_an_edited_column_is_named(insider: Insider, column: str, value: object):
    insider.run(f"UPDATE regesta.events SET {column} = %s WHERE position = 100", value)

    differing = [found for found in insider.verify().findings if found.kind is Kind.COLUMN_DIFFERS]
    # An event whose occurrence was claimed at its recording says so by an empty column.
    also = {"recorded_at": ["occurred_at"]}.get(column, [])
    assert [100] * (1 + len(also)) == [found.position for found in differing]
    assert [column, *also] == [found.detail.split()[0] for found in differing]


def test_every_copied_column_is_tried(insider: Insider):
    columns = insider._conn.execute(
        """
        SELECT column_name::text FROM information_schema.columns
        WHERE table_schema = 'regesta' AND table_name = 'events'
        """
    ).fetchall()

    own = {"namespace_id", "position", "record", "leaf_hash"}
    assert {column for (column,) in columns} - own == {column for column, _ in COLUMNS}


def test_a_leaf_hash_that_is_not_the_record_s_is_named(insider: Insider):
    insider._conn.execute("ALTER TABLE regesta.events ALTER leaf_hash DROP EXPRESSION")
    insider.run("UPDATE regesta.events SET leaf_hash = %s WHERE position = 100", bytes(32))

    assert (Kind.LEAF_HASH_DIFFERS, 100, FIRST) in insider.named()


def test_a_deleted_event_is_named(insider: Insider):
    insider.run("DELETE FROM regesta.events WHERE position = 100")

    named = insider.named()

    assert (Kind.EVENT_MISSING, 100, "events") in named
    assert (Kind.REVISION_GAP, 101, FIRST) in named


def test_a_truncated_tail_is_named(insider: Insider):
    for position in range(290, SIZE + 1):
        insider.run("DELETE FROM regesta.events WHERE position = %s", position)

    missing = [found for found in insider.verify().findings if found.kind is Kind.EVENT_MISSING]

    assert [(290, "290 to 300 are empty")] == [(found.position, found.detail) for found in missing]


def test_a_tail_truncated_with_the_head_made_to_fit_is_seen_in_what_it_left(insider: Insider):
    truncate(insider, 290)

    assert {Kind.REQUEST_EXTRA, Kind.ROW_DIFFERS} == insider.kinds()


def truncate(insider: Insider, size: int) -> None:
    for position in range(size + 1, insider.log.size + 1):
        insider.run("DELETE FROM regesta.events WHERE position = %s", position)
    frontier = Frontier()
    frontier.extend(insider.log.hashes[:size])
    insider.run(
        "UPDATE regesta.logs SET size = %s, frontier = %s, recorded_at ="
        " (SELECT recorded_at FROM regesta.events WHERE position = %s)",
        size,
        frontier.encode(),
        size,
    )


def test_a_tile_that_a_truncated_log_lacks_is_named(insider: Insider):
    truncate(insider, 200)

    assert (Kind.TILE_EXTRA, 0, "tiles 0/0") in insider.named()


def forged(insider: Insider) -> bytes:
    """Return a record that the log has not, right in everything that it says itself."""
    revision, previous = insider.log.heads[CHAMPION]
    return write_record(
        TagsSet(tags={"approved": "yes"}),
        source="/namespaces/acme",
        stream=CHAMPION,
        revision=revision + 1,
        previous=previous,
        recorded_at=insider.log.time,
        cause=Cause("mallory", "user", "forged"),
    )


def insert(insider: Insider, position: int, record: bytes) -> None:
    values = event_values(position, record)
    insider.run(
        """
        INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type,
            actor, recorded_at, occurred_at, request_id, trace_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        insider.namespace_id,
        *values,
    )


def test_an_event_inserted_behind_the_log_is_named(insider: Insider):
    insert(insider, SIZE + 1, forged(insider))

    assert (Kind.EVENT_BEYOND_HEAD, SIZE + 1, CHAMPION) in insider.named()


def test_an_event_inserted_with_the_head_made_to_fit_is_named(insider: Insider):
    record = forged(insider)
    insert(insider, SIZE + 1, record)
    frontier = insider.log.frontier
    frontier.append(leaf_hash(record))
    insider.run(
        "UPDATE regesta.logs SET size = size + 1, frontier = %s, recorded_at = %s",
        frontier.encode(),
        insider.log.time,
    )

    # No request asked for it, and it cannot happen to an alias.
    assert {Kind.REQUEST_MISSING, Kind.FOLD_FAILED} == insider.kinds()


def test_reordered_events_are_named(insider: Insider):
    aside = 4_000_000
    for position, place in ((100, aside), (110, 100), (aside, 110)):
        insider.run("UPDATE regesta.events SET position = %s WHERE position = %s", place, position)

    named = insider.named()

    assert {(Kind.RECORD_CHANGED, 100, "events"), (Kind.RECORD_CHANGED, 110, "events")} <= named
    assert Kind.TIME_BACKWARDS in {kind for kind, _, _ in named}


def test_an_edited_frontier_is_named(insider: Insider):
    insider.run("UPDATE regesta.logs SET frontier = %s || substring(frontier FROM 33)", bytes(32))

    assert {(Kind.FRONTIER_DIFFERS, 0, "logs")} == insider.named()


def test_an_edited_time_of_the_head_is_named(insider: Insider):
    insider.run("UPDATE regesta.logs SET recorded_at = recorded_at + interval '1 second'")

    assert {(Kind.HEAD_DIFFERS, 0, "logs")} == insider.named()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE regesta.tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)",
        "UPDATE regesta.tiles SET root = set_byte(root, 0, get_byte(root, 0) # 1)",
    ],
)
def test_an_edited_tile_is_named(insider: Insider, change: str):
    insider.run(change)

    assert {(Kind.TILE_DIFFERS, 0, "tiles 0/0")} == insider.named()


def test_a_missing_tile_is_named(insider: Insider):
    insider.run("DELETE FROM regesta.tiles")

    assert {(Kind.TILE_MISSING, 0, "tiles 0/0")} == insider.named()


def test_an_edited_request_is_named(insider: Insider):
    insider.run("UPDATE regesta.requests SET events = 2 WHERE position = 50")
    insider.run("UPDATE regesta.requests SET stream = 'models/Other' WHERE position = 60")
    insider.run("UPDATE regesta.requests SET key = gen_random_uuid() WHERE position = 70")
    insider.run("UPDATE regesta.requests SET position = 81 WHERE position = 80")

    named = sorted((kind.name, position) for kind, position, _ in insider.named())

    assert [
        ("REQUEST_DIFFERS", 50),
        ("REQUEST_DIFFERS", 60),
        ("REQUEST_EXTRA", 70),
        ("REQUEST_EXTRA", 81),
        ("REQUEST_MISSING", 70),
        ("REQUEST_MISSING", 80),
    ] == named


def test_a_missing_request_is_named(insider: Insider):
    insider.run("DELETE FROM regesta.requests WHERE position = 50")

    assert [(Kind.REQUEST_MISSING, 50)] == [found[:2] for found in insider.named()]


ADD_REQUEST = """
INSERT INTO regesta.requests (namespace_id, key, fingerprint, position, events, stream)
VALUES (%s, gen_random_uuid(), %s, %s, %s, 'models/Churn')
"""


@pytest.mark.parametrize("position", [50, SIZE + 20])
def test_an_extra_request_is_named(insider: Insider, position: int):
    insider.run(ADD_REQUEST, insider.namespace_id, bytes(16), position, 1)

    assert [(Kind.REQUEST_EXTRA, position)] == [found[:2] for found in insider.named()]


def test_requests_that_had_nothing_to_change_are_none_of_the_events_business(insider: Insider):
    insider.run(ADD_REQUEST, insider.namespace_id, bytes(16), 50, 0)

    assert set() == insider.named()


def test_a_request_decided_beyond_the_log_is_named(insider: Insider):
    insider.run(ADD_REQUEST, insider.namespace_id, bytes(16), SIZE + 1, 0)

    assert [(Kind.REQUEST_DIFFERS, SIZE + 1)] == [found[:2] for found in insider.named()]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE regesta.disclosures SET text = 'Nobody asked.' WHERE field = 'reason'",
        "UPDATE regesta.disclosures SET salt = %s WHERE field = 'reason'",
        "UPDATE regesta.disclosures SET person = 'mallory' WHERE field = 'reason'",
    ],
)
def test_an_edited_text_is_named(insider: Insider, change: str):
    insider.run(change, *([bytes(16)] if "%s" in change else []))

    (finding,) = insider.verify().findings

    assert (Kind.TEXT_DIFFERS, 2) == (finding.kind, finding.position)
    assert finding.detail.startswith("reason: ")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE regesta.disclosures SET position = 3 WHERE field = 'reason'",
        "UPDATE regesta.disclosures SET field = 'sorrow' WHERE field = 'reason'",
        "UPDATE regesta.disclosures SET digest = 'x' WHERE field = 'reason'",
        "UPDATE regesta.disclosures SET position = 5000 WHERE field = 'reason'",
    ],
)
def test_a_text_that_belongs_to_no_record_is_named(insider: Insider, change: str):
    insider.run(change)

    report = insider.verify()

    assert [Kind.TEXT_EXTRA] == [found.kind for found in report.findings]
    assert 1 == report.texts_erased


def test_an_erased_text_is_counted_and_no_finding(insider: Insider):
    insider.run("DELETE FROM regesta.disclosures WHERE field = 'reason'")
    insider.run("DELETE FROM regesta.disclosures WHERE field = 'long_tags.notes'")

    report = insider.verify()

    assert () == report.findings
    assert (len(insider.log.disclosures) - 2, 2) == (report.texts_compared, report.texts_erased)


def other_value(kind: str) -> str:
    """Return SQL for a value that differs from the column's."""
    return {
        "text": "coalesce({0}, '') || 'x'",
        "jsonb": """{0} || '{{"mallory": "1"}}'""",
        "boolean": "NOT {0}",
        "timestamptz": "{0} + interval '1 second'",
        "integer": "coalesce({0}, 0) + 1000",
        "bigint": "{0} + 1",
        "bytea": "{0} || '\\x00'",
        "text[]": "{0} || ARRAY['x']",
    }[kind]


def changes(table: Table[Any]) -> Iterator[tuple[str, str]]:
    """Yield each column, and SQL that changes it in one row of a table."""
    for column in table.columns:
        value = other_value(column.type).format(column.name)
        yield (
            column.name,
            f"UPDATE regesta.{table.name} SET {column.name} = {value}"
            f" WHERE ctid = (SELECT ctid FROM regesta.{table.name} LIMIT 1)",
        )


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_edit_of_any_column_of_a_projected_row_is_named(insider: Insider, table: Table[Any]):
    insider._conn.execute(f"CREATE TABLE kept AS SELECT * FROM regesta.{table.name}")
    keys = {column.name for column in table.key_columns}

    for column, change in changes(table):
        insider.run(change)
        findings = insider.verify().findings
        insider._conn.execute(f"DELETE FROM regesta.{table.name}")
        insider._conn.execute(f"INSERT INTO regesta.{table.name} SELECT * FROM kept")

        kinds = [Kind.ROW_MISSING, Kind.ROW_EXTRA] if column in keys else [Kind.ROW_DIFFERS]
        assert kinds == [found.kind for found in findings], column
        assert all(found.subject.startswith(table.name) for found in findings)
        assert column in keys or findings[0].detail.startswith(f"{column} is "), findings

    assert set() == insider.named()


def test_an_edited_row_is_named_with_what_it_was_and_is(insider: Insider):
    insider.run("UPDATE regesta.versions SET stage = 'production' WHERE number = 2")

    (finding,) = insider.verify().findings

    assert "versions Churn/2" == finding.subject
    assert "stage is production, and staging by the log" == finding.detail


@pytest.mark.parametrize(
    ("column", "path", "value"),
    [
        ("properties", "{bool}", "1"),
        ("properties", "{int}", "-9223372036854775807"),
        ("properties", "{double}", "1000000000000000100000000000000"),
        ("properties", "{list,3,0}", "1"),
        ("properties", "{struct,a,b}", "0.25"),
        ("metrics", "{auc}", "0.8750000001"),
        ("metrics", "{auc}", "true"),
        ("params", "{depth}", "6"),
    ],
)
def test_the_slightest_edit_of_a_value_in_json_is_named(
    insider: Insider, column: str, path: str, value: str
):
    insider.run(
        f"UPDATE regesta.versions SET {column} = jsonb_set({column}, %s, %s) WHERE number = 1",
        path,
        value,
    )

    (finding,) = insider.verify().findings

    assert (Kind.ROW_DIFFERS, "versions Churn/1") == (finding.kind, finding.subject)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_missing_projected_row_is_named(insider: Insider, table: Table[Any]):
    insider.run(
        f"DELETE FROM regesta.{table.name}"
        f" WHERE ctid = (SELECT ctid FROM regesta.{table.name} LIMIT 1)"
    )

    (finding,) = insider.verify().findings

    assert Kind.ROW_MISSING == finding.kind
    assert finding.subject.startswith(table.name)


def test_a_row_of_a_generation_that_nobody_reads_is_counted_and_no_finding(insider: Insider):
    insider._conn.execute("UPDATE regesta.versions SET generation = 7 WHERE number = 3")

    report = insider.verify()

    assert [Kind.ROW_MISSING] == [found.kind for found in report.findings]
    assert 1 == report.rows_left_over


def test_what_a_rebuild_repairs_is_found_before_and_not_after(insider: Insider):
    insider._conn.execute("UPDATE regesta.versions SET stage = 'production'")
    insider._conn.execute("DELETE FROM regesta.aliases")
    before = insider.kinds()

    rebuild(insider._dsn, "acme", linger=0)

    assert {Kind.ROW_DIFFERS, Kind.ROW_MISSING} == before
    assert set() == insider.kinds()


def test_a_check_goes_on_while_somebody_appends(insider: Insider, database: LiveDatabase):
    """It sees one moment of the database, whatever is committed meanwhile."""

    def intrude(step: VerifyProgress) -> None:
        if step.events_folded == 0:
            insert(insider, SIZE + 1, forged(insider))

    assert () == verify(database.service_dsn, "acme", intrude).findings
    assert set() != insider.kinds()


def test_findings_are_values_that_compare(insider: Insider):
    insider.run("UPDATE regesta.logs SET recorded_at = %s", START)

    (finding,) = insider.verify().findings

    assert Finding(Kind.HEAD_DIFFERS, 0, "logs", finding.detail) == finding


@pytest.mark.slow
def test_tiles_of_tiles_are_checked_too(database: LiveDatabase):
    """65,536 events fill a tile of the second level."""
    write_log(database.service_dsn, NAMESPACE, facts(65_600))
    rebuild(database.service_dsn, NAMESPACE, linger=0)
    honest = verify(database.service_dsn, NAMESPACE)

    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("ALTER TABLE regesta.tiles DISABLE TRIGGER ALL")
        conn.execute("UPDATE regesta.tiles SET root = %s WHERE level = 1", [bytes(32)])

    assert () == honest.findings
    findings = verify(database.service_dsn, NAMESPACE).findings
    assert [(Kind.TILE_DIFFERS, "tiles 1/0")] == [(each.kind, each.subject) for each in findings]

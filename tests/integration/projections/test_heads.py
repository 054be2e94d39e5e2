"""Commitments to all heads: made of the rows that people read, checked against the log."""
# ruff: noqa: S608  the names are those of our own tables

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta.audit import tiles
from regesta.audit.heads import HeadLine
from regesta.merkle import root_of, verify_inclusion
from regesta_projections import events as e
from regesta_projections.heads.committing import Heads, HeadsUnderWay, TileBuilder, compute_heads
from regesta_projections.rebuild import NamespaceUnknown, rebuild
from regesta_projections.records import read_record
from regesta_projections.rows import StreamRow
from regesta_projections.tables import TABLES, Table
from regesta_projections.verification import Kind
from regesta_projections.verification.heads import MAX_COMMITMENTS
from tests.integration.projections.insider import Insider
from tests.integration.projections.test_verify_rows import changes
from tests.support.log_builder import LogBuilder
from tests.support.rich_log import FIRST, MODEL, rich_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.databases import LiveDatabase


def computed(insider: Insider) -> Heads:
    return compute_heads(insider.dsn, insider.log.namespace, lambda _: None)


@pytest.fixture
def insiding(database: LiveDatabase) -> Iterator[Callable[[LogBuilder], Insider]]:
    """A function that writes a log and returns who may change it."""
    made: list[Insider] = []

    def make(log: LogBuilder) -> Insider:
        made.append(Insider(database, log))
        return made[-1]

    yield make
    for insider in made:
        insider.close()


def test_the_heads_read_from_the_tables_are_those_of_the_fold(
    insiding: Callable[[LogBuilder], Insider],
):
    log = rich_log()
    insider = insiding(log)
    lines = log.head_lines()
    root = root_of([line.hash() for line in lines])
    assert Heads(log.size, len(lines), root) == computed(insider)
    kept = insider.conn.execute(
        "SELECT stream, revision, leaf_hash, state FROM regesta.head_lines ORDER BY index"
    ).fetchall()
    assert lines == [HeadLine(*values) for values in kept]
    assert sorted(line.stream for line in lines) == [line.stream for line in lines]


def test_every_table_of_rows_with_a_stream_is_committed_to():
    log = rich_log()
    kinds = {type(row) for row in log.rows.values() if isinstance(row, StreamRow)}
    assert kinds == {kind for kind in TABLES if issubclass(kind, StreamRow)}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_edit_of_any_column_changes_the_root(insider: Insider, table: Table[Any]):
    insider.conn.execute(f"CREATE TABLE kept AS SELECT * FROM regesta.{table.name}")
    honest = computed(insider)
    for column, change in changes(table):
        insider.run(change)
        edited = computed(insider)
        insider.conn.execute(f"DELETE FROM regesta.{table.name}")
        insider.conn.execute(f"INSERT INTO regesta.{table.name} SELECT * FROM kept")
        assert honest.root != edited.root, column
    assert honest == computed(insider)


def test_an_edit_that_makes_all_columns_agree_changes_the_root_too(insider: Insider):
    honest = computed(insider)
    resource = insider.conn.execute(
        "SELECT resource FROM regesta.versions WHERE model = 'Churn' AND number = 2"
    ).fetchone()
    assert resource is not None
    edited = bytes(resource[0]).replace(b"staging", b"mallory")
    insider.run(
        "UPDATE regesta.versions SET stage = 'mallory', resource = %s"
        " WHERE model = 'Churn' AND number = 2",
        edited,
    )
    found = computed(insider)
    assert () == found.disagreeing
    assert (honest.streams, honest.position) == (found.streams, found.position)
    assert honest.root != found.root


def test_rows_that_do_not_agree_with_themselves_are_said_to(insider: Insider):
    insider.run(
        "UPDATE regesta.versions SET stage = 'production' WHERE model = 'Churn' AND number = 1"
    )
    insider.run(
        "INSERT INTO regesta.model_names SELECT namespace_id, generation, 'x', 'Churn-2'"
        " FROM regesta.model_names LIMIT 1"
    )
    assert ("models/Churn-2", FIRST) == computed(insider).disagreeing


def committed_log() -> LogBuilder:
    """A log that commits to its heads after every sixth event."""
    told = rich_log()
    log = LogBuilder("acme")

    for position, record in enumerate(told.records[1:], 2):
        recorded = read_record(record, position)
        if recorded.stream != "log":
            texts = [(field, text) for at, _, field, text in told.disclosures if at == position]
            log.append(recorded.stream, recorded.event, *texts)
        if not position % 6:
            log.commit_heads()
    return log


def kept(insider: Insider, log: LogBuilder, lines: list[HeadLine]) -> None:
    """Keep the lines of a log's last commitment, which is its last event."""
    root = root_of([line.hash() for line in lines])
    place = insider.namespace_id, log.size - 1
    insider.conn.execute(
        "INSERT INTO regesta.heads VALUES (%s, %s, %s, %s)", [*place, len(lines), root]
    )
    with insider.conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO regesta.head_lines VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (*place, index, line.stream, line.revision, line.leaf, line.state)
                for index, line in enumerate(lines)
            ],
        )


def test_honest_commitments_are_found_to_be_so(insiding: Callable[[LogBuilder], Insider]):
    log = committed_log()
    lines = log.head_lines()
    log.commit_heads()
    insider = insiding(log)
    kept(insider, log, lines)
    report = insider.verify()
    assert () == report.findings
    assert 5 < report.heads_checked < MAX_COMMITMENTS


def test_only_the_last_commitments_are_made_anew(insiding: Callable[[LogBuilder], Insider]):
    log = rich_log()
    wrong = e.HeadsCommitted(position="3", streams="1", root="ab" * 32)
    log.append("log", wrong)
    for _ in range(MAX_COMMITMENTS):
        log.commit_heads()
    report = insiding(log).verify()
    assert ((), MAX_COMMITMENTS) == (report.findings, report.heads_checked)


@pytest.mark.parametrize("beyond", [-1, 1, 65])
def test_a_commitment_to_another_root_or_to_the_future_is_named(
    insiding: Callable[[LogBuilder], Insider], beyond: int
):
    log = rich_log()
    position = str(log.size + beyond)
    log.append("log", e.HeadsCommitted(position=position, streams="9", root="ab" * 32))
    assert {(Kind.HEADS_DIFFER, log.size, "log")} == insiding(log).named()


def test_an_edited_row_is_found_though_it_was_mended_after_the_commitment(
    insiding: Callable[[LogBuilder], Insider],
):
    log = rich_log()
    before = {line.stream: line for line in log.head_lines()}
    # What a server commits to whose tables somebody edited.
    edited = {
        **before,
        FIRST: HeadLine(FIRST, before[FIRST].revision, before[FIRST].leaf, bytes(32)),
    }
    lines = [edited[stream] for stream in sorted(edited)]
    root = root_of([line.hash() for line in lines])
    log.append(
        "log",
        e.HeadsCommitted(position=str(log.size), streams=str(len(lines)), root=root.hex()),
    )
    at = log.size
    insider = insiding(log)
    kept(insider, log, lines)
    named = {(Kind.HEADS_DIFFER, at, "log"), (Kind.HEADS_DIFFER, at, FIRST)}
    assert named == insider.named()
    rebuild(insider.dsn, "acme", linger=0)
    assert named == insider.named()


def test_lines_that_were_not_committed_to_tell_nothing(
    insiding: Callable[[LogBuilder], Insider],
):
    log = rich_log()
    lines = log.head_lines()
    log.commit_heads()
    insider = insiding(log)
    kept(insider, log, lines)
    insider.run("UPDATE regesta.head_lines SET state = %s WHERE stream = %s", bytes(32), MODEL)
    assert {(Kind.HEADS_LINES_DIFFER, log.size, "head_lines")} == insider.named()


def test_a_log_that_was_cut_and_written_anew_differs_from_what_it_committed_to(
    insiding: Callable[[LogBuilder], Insider],
):
    log = LogBuilder("acme")
    log.append("models/a", e.ModelCreated(name="a", kind="MODEL"))
    root = root_of([line.hash() for line in log.head_lines()])
    other = LogBuilder("acme")
    other.append("models/b", e.ModelCreated(name="b", kind="MODEL"))
    other.append("log", e.HeadsCommitted(position="2", streams="2", root=root.hex()))
    assert {(Kind.HEADS_DIFFER, 3, "log")} == insiding(other).named()


def test_one_at_a_time_reads_the_heads_of_a_namespace(insider: Insider):
    with psycopg.connect(insider.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x6865_6164, insider.namespace_id])
        with pytest.raises(HeadsUnderWay):
            computed(insider)
    assert insider.log.size == computed(insider).position


def test_a_namespace_that_is_not_there_has_no_heads(database: LiveDatabase):
    with pytest.raises(NamespaceUnknown):
        compute_heads(database.service_dsn, "nobody", lambda _: None)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 513, 65_536 + 300])
def test_tiles_of_lines_prove_every_line(size: int):
    leaves = [number.to_bytes(32, "big") for number in range(size)]
    builder = TileBuilder()
    for leaf in leaves:
        builder.add(leaf)
    made = {(level, index): data for level, index, data in (*builder.filled(), *builder.partial())}
    assert root_of(leaves) == builder.root()
    for number in {0, 1, size // 2, size - 1} & set(range(size)):
        path = tiles.inclusion_proof(number, size, lambda level, index, _: made[level, index])
        verify_inclusion(leaves[number], number, size, path, builder.root())

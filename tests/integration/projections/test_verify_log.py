"""Whatever an insider does to the log itself is named."""
# ruff: noqa: S608  the names are those of our own tables

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regesta.merkle import Frontier, leaf_hash
from regesta_projections.verification import Kind
from tests.integration.projections.insider import SIZE, Insider, forged, insert
from tests.support.rich_log import CHAMPION, FIRST

if TYPE_CHECKING:
    from collections.abc import Callable


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
    swap('"round":"264"', '"round":"999"')(insider, 265)

    report = insider.verify()

    frontier = [found for found in report.findings if found.kind is Kind.FRONTIER_DIFFERS]
    assert ["positions 257 to 288"] == [found.detail[:20] for found in frontier]
    assert (Kind.PREVIOUS_DIFFERS, 266, FIRST) in insider.named()


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
    columns = insider.conn.execute(
        """
        SELECT column_name::text FROM information_schema.columns
        WHERE table_schema = 'regesta' AND table_name = 'events'
        """
    ).fetchall()

    own = {"namespace_id", "position", "record", "leaf_hash"}
    assert {column for (column,) in columns} - own == {column for column, _ in COLUMNS}


def test_a_leaf_hash_that_is_not_the_record_s_is_named(insider: Insider):
    insider.conn.execute("ALTER TABLE regesta.events ALTER leaf_hash DROP EXPRESSION")
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
    # The last event alone: it has no text beside it, which would be seen as well.
    truncate(insider, SIZE - 1)

    # The history remembers what happened after the new end.
    assert {Kind.REQUEST_EXTRA, Kind.ROW_DIFFERS, Kind.ROW_EXTRA} == insider.kinds()


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

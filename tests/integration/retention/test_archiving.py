"""Released bodies give way to their hashes; nothing else of the log changes, or can."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta.audit.keys import generate, log_verifier
from regesta.audit.policies import Log, Policy
from regesta.audit.verifying import verify as verify_pack
from regesta.merkle import leaf_hash
from regesta_service.backup.archiving import CannotArchive, compact
from regesta_service.domain.rejections import (
    BodiesTooYoung,
    HoldInPlace,
    NotSignedYet,
    ReleasedAlready,
    RetentionNotDefined,
    SamePerson,
)
from tests.support.log_builder import START
from tests.support.old_log import ANN, BEN, POLICY, SIZE, THROUGH
from tests.support.publishing import ORIGIN
from tests.support.writing import NAMESPACE

if TYPE_CHECKING:
    from tests.support.old_log import OldLog

_BESIDE = (
    "position, leaf_hash, stream, revision, type, actor, recorded_at, occurred_at, request_id,"
    " trace_id"
)


def test_released_bodies_give_way_to_their_hashes_and_nothing_else_changes(old: OldLog):
    old.released()
    records = [record for (record,) in old.events("record")]
    beside = old.events(_BESIDE)
    done = old.archive()

    assert (THROUGH, THROUGH, 0) == (done.through, done.bodies, done.before)
    assert sum(map(len, records[:THROUGH])) - 33 * THROUGH == done.bytes_freed
    assert beside == old.events(_BESIDE)
    after = [record for (record,) in old.events("record")]
    assert [b"\x00" + leaf_hash(record) for record in records[:THROUGH]] == after[:THROUGH]
    assert records[THROUGH:] == after[THROUGH:]


def test_a_second_run_finds_nothing_to_do(old: OldLog):
    old.archived()
    before = old.events()
    again = old.archive()
    assert (0, THROUGH, 0) == (again.bodies, again.before, again.bytes_freed)
    assert before == old.events()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(old: OldLog):
    before = old.released().events()
    done = old.archive(dry_run=True)
    assert (THROUGH, 0) == (done.bodies, done.before)
    assert done.bytes_freed > 0
    assert before == old.events()


def test_young_bodies_stay_whatever_was_released_before(old: OldLog):
    old.archived()
    last = old.write(300)
    old.back_up()
    with pytest.raises(BodiesTooYoung) as caught:
        old.release(last // 256 * 256)
    assert "100" == caught.value.metadata["keep_days"]
    with pytest.raises(ReleasedAlready):
        old.release()
    assert THROUGH == len(old.bodiless())


def test_compacting_keeps_every_row(old: OldLog):
    before = old.archived().events()
    (table,) = compact(old.database.owner_dsn)
    assert ("events_000000", True) == (table.table, table.after <= table.before)
    assert before == old.events()
    assert old.bodiless() == list(range(1, THROUGH + 1))


# Deciding, with what the database says.


def test_the_day_before_which_bodies_go_is_looked_up(old: OldLog):
    old.define()
    old.release(datetime.now(UTC) - timedelta(days=100))
    with psycopg.connect(old.dsn) as conn:
        assert (THROUGH,) == conn.execute("SELECT through FROM regesta.released").fetchone()


def test_nothing_is_released_before_the_first_event(old: OldLog):
    old.define()
    with pytest.raises(ReleasedAlready):
        old.release(START - timedelta(days=1))


def test_bodies_beyond_the_newest_checkpoint_are_not_released(old: OldLog):
    old.define()
    with pytest.raises(NotSignedYet) as caught:
        old.release(768)
    assert {"size": str(SIZE)} == caught.value.metadata


def test_who_defines_does_not_release(old: OldLog):
    old.define(actor=BEN)
    with pytest.raises(SamePerson):
        old.release(actor=BEN)
    # Another definition makes another person answer for it.
    old.define(actor=ANN)
    old.release(actor=BEN)


@pytest.mark.parametrize(
    ("of", "covers"),
    [
        ({}, True),
        ({"model": "Attrition"}, True),
        ({"person": "alice"}, True),
        ({"person": "ann"}, False),
    ],
    ids=["everything", "a model by a former name", "a writer", "nobody of then"],
)
def test_a_hold_on_what_is_released_forbids_it(old: OldLog, of: dict[str, str], covers: bool):
    old.define()
    old.hold(**of)
    if not covers:
        old.release()
        return
    with pytest.raises(HoldInPlace) as caught:
        old.release()
    assert "case-9" == caught.value.metadata["hold"]
    assert "9 O 1/26" in caught.value.message


# Carrying it out.


def test_a_hold_that_was_placed_after_the_release_stops_the_archiving(old: OldLog):
    old.released().hold(person="alice")
    with pytest.raises(HoldInPlace):
        old.archive()
    assert [] == old.bodiless()


def test_a_retention_that_was_ended_after_the_release_stops_the_archiving(old: OldLog):
    old.released().define(0)
    with pytest.raises(RetentionNotDefined):
        old.archive()
    old.define(10_000)
    with pytest.raises(BodiesTooYoung):
        old.archive()
    assert [] == old.bodiless()


def test_nothing_is_archived_that_is_not_released(old: OldLog):
    old.define()
    old.back_up()
    with pytest.raises(CannotArchive, match="no bodies of acme are released"):
        old.archive()


def test_nothing_is_archived_that_the_history_has_not_gone_past(old: OldLog):
    old.released()
    with psycopg.connect(old.dsn) as conn:
        conn.execute("UPDATE regesta.history_cursors SET position = %s", [THROUGH - 1])
    with pytest.raises(CannotArchive, match="history"):
        old.archive()
    assert [] == old.bodiless()


def test_a_backup_from_before_the_release_s_checkpoint_is_none(old: OldLog):
    old.back_up()
    old.define()
    old.desk.look()
    old.release()
    with pytest.raises(CannotArchive, match="run `regesta-server backup` first"):
        old.archive()


def test_a_backup_that_somebody_edited_is_none(old: OldLog):
    old.released()
    bundle = old.folder / NAMESPACE / "tile/entries/001"
    bundle.write_bytes(bundle.read_bytes().replace(b'"round":"300"', b'"round":"301"'))
    with pytest.raises(CannotArchive, match="does not verify"):
        old.archive()
    assert [] == old.bodiless()


def test_a_backup_that_nobody_signed_is_none(old: OldLog, tmp_path: Path):
    old.released()
    with pytest.raises(CannotArchive):
        old.archive(policy=Policy((Log(log_verifier(ORIGIN, generate())),)))
    (old.folder / NAMESPACE / "checkpoint").unlink()
    with pytest.raises(CannotArchive):
        old.archive()
    shutil.rmtree(old.folder)
    with pytest.raises(CannotArchive, match="no backup of a log"):
        old.archive()
    assert [] == old.bodiless()


def test_without_a_policy_the_publisher_s_own_keys_count(old: OldLog):
    old.released()
    assert THROUGH == old.archive(policy=None).bodies


def test_the_archive_verifies_by_itself_for_ever(old: OldLog):
    old.archived()
    report = verify_pack(old.folder / NAMESPACE, POLICY)
    assert (True, 0) == (report.ok, report.findings_total)
    assert report.size > SIZE

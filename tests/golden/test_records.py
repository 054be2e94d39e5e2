"""Records of every event type that was ever written decode for ever, into the same events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regesta.merkle import Frontier, leaf_hash
from regesta_projections.canonical import encode
from regesta_projections.events import EVENTS
from regesta_projections.records import (
    TYPE_PREFIX,
    Cause,
    read_envelope,
    read_event,
    read_record,
    write_record,
)
from tests.support.golden import LOG, RECORDS, ROWS, golden_rows
from tests.support.rich_log import rich_log

FILES = sorted(RECORDS.iterdir())

#: The log may grow when events are added; what it began with stays.
GOLDEN_SIZE = 25
GOLDEN_ROOT = "628a34f4600e3385ebceb6174ae1c26161e9c614fe71a2eb2f607960bb42a686"


def type_of(path: Path) -> str:
    return path.name.split(".")[0]


def test_there_is_a_record_of_every_event_type():
    assert set(EVENTS) == {type_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_record_is_read_as_its_type(path: Path):
    recorded = read_record(path.read_bytes(), 7)

    assert type(recorded.event) is EVENTS[type_of(path)]
    assert type_of(path) == recorded.type
    assert 7 == recorded.position
    assert leaf_hash(path.read_bytes()) == recorded.leaf_hash


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_that_a_record_says_is_lost_in_reading(path: Path):
    envelope = read_envelope(path.read_bytes())

    assert json.loads(bytes(envelope.data)) == json.loads(encode(read_event(envelope, 1)))
    assert json.loads(path.read_bytes()) == json.loads(encode(envelope))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_record_is_still_written_with_the_same_bytes(path: Path):
    envelope = read_envelope(path.read_bytes())
    claimed = envelope.time if envelope.time != envelope.recordedtime else None

    written = write_record(
        read_event(envelope, 1),
        source=envelope.source,
        stream=envelope.subject,
        revision=int(envelope.revision),
        previous=bytes.fromhex(envelope.prev),
        recorded_at=envelope.recordedtime,
        cause=Cause(
            envelope.authid,
            envelope.authtype,
            envelope.correlationid,
            envelope.traceparent,
            claimed,
            envelope.occurredby,
        ),
    )

    assert path.read_bytes() == written


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_record_is_a_cloud_event(path: Path):
    """The attributes that CloudEvents 1.0 demands, and its rules for extensions' names."""
    record = json.loads(path.read_bytes())

    assert "1.0" == record["specversion"]
    assert TYPE_PREFIX + type_of(path) == record["type"]
    assert all(record[name] for name in ("id", "source", "subject", "time"))
    assert all(name.isalnum() and name.islower() for name in record)
    assert path.read_bytes().count(b"\n") == 0


def test_the_golden_log_has_the_golden_root():
    frontier = Frontier()
    first = LOG.read_bytes().splitlines()[:GOLDEN_SIZE]
    frontier.extend([leaf_hash(record) for record in first])

    assert GOLDEN_ROOT == frontier.root().hex()


def test_the_golden_log_folds_to_the_golden_rows():
    assert json.loads(ROWS.read_text()) == json.loads(json.dumps(golden_rows()))


def test_the_golden_log_is_what_the_builder_still_builds():
    assert LOG.read_bytes().splitlines() == rich_log("golden").records

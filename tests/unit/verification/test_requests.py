"""The rows of answered requests beside their events."""

from __future__ import annotations

import pytest

from regesta_projections import events as e
from regesta_projections.records import Cause, read_envelope, read_record
from regesta_projections.request_keys import request_key
from regesta_projections.verification.findings import Findings
from regesta_projections.verification.records import ReadLine, StoredLine
from regesta_projections.verification.requests import RequestCheck
from tests.support.log_builder import LogBuilder

VERSIONS = "models/churn/versions"


def findings(shown: str, *, archived: bool = False) -> list[str]:
    """Check a log whose last request displaced two versions, and is said to show something."""
    log = LogBuilder("acme")
    log.append("models/churn", e.ModelCreated(name="churn", kind="MODEL"))
    for number in (1, 2, 3):
        registered = e.VersionRegistered(version=number, stage="production")
        log.append(f"{VERSIONS}/{number}", registered)
    rows = [
        (request_key(row.actor, row.request_id), row.position, row.events, row.stream)
        for row in log.requests
    ]
    for number in (2, 3):
        log.append(
            f"{VERSIONS}/{number}",
            e.StageChanged(from_stage="production", to_stage="archived", displaced_by=1),
            cause=Cause("alice", "user", "room"),
        )
    rows.append((request_key("alice", "room"), log.size, 2, shown))
    found = Findings()
    check = RequestCheck(iter(rows), log.size, found)
    for position, record in enumerate(log.records, 1):
        check.add(_read(log, record, position, archived=archived))
    check.finish()
    return [finding.detail for finding in found.kept]


def _read(log: LogBuilder, record: bytes, position: int, *, archived: bool) -> ReadLine:
    envelope, recorded = read_envelope(record), read_record(record, position)
    leaf_hash = log.hashes[position - 1]
    line = StoredLine(
        position,
        b"\x00" + leaf_hash if archived else record,
        leaf_hash,
        recorded.stream,
        recorded.revision,
        envelope.type,
        recorded.actor,
        recorded.recorded_at,
        None,
        envelope.correlationid,
        None,
    )
    if archived:
        return ReadLine(line, leaf_hash, None, None)
    return ReadLine(line, leaf_hash, envelope, recorded.event)


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_request_may_show_what_it_did_something_to_or_made_room_for(number, archived):
    assert not findings(f"{VERSIONS}/{number}", archived=archived)


@pytest.mark.parametrize(
    ("shown", "archived"),
    [
        (f"{VERSIONS}/4", False),
        ("models/churn", False),
        ("models/churn", True),
        ("models/fraud/versions/1", True),
    ],
)
def test_it_may_show_nothing_else(shown, archived):
    assert [f"it shows {shown}, to which it did nothing"] == findings(shown, archived=archived)

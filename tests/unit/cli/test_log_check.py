"""The client's own check of a log finds what was tampered with."""

from __future__ import annotations

import json

import pytest

from regesta.cli.log_check import LogCheck
from regesta.merkle import Frontier
from tests.unit.cli.story import churn, told


def checked(events, *, namespace="acme"):
    check = LogCheck(namespace)
    for event in events:
        check.see(event)
    return check


def kinds(check):
    return [(found.kind, found.position) for found in check.findings]


def rewritten(event, **changes):
    """Change members of an event's record, as somebody with access to the table could."""
    record = json.loads(event.record) | changes
    event.record = json.dumps(record, separators=(",", ":")).encode()


def test_an_honest_log_has_the_root_of_its_records_and_no_findings():
    log = churn()
    check = checked(told(log))
    check.compare_root(log.size, log.frontier.root(), "the head")
    assert ([], log.size, 23, 4) == (check.findings, check.events, check.streams, check.texts)


def test_a_changed_record_breaks_the_root_and_the_chain_after_it():
    log = churn()
    events = told(log)
    rewritten(events[4], data={"fromStage": "development", "toStage": "production"})
    check = checked(events)
    check.compare_root(log.size, log.frontier.root(), "the head")
    assert [("CHAIN", 6), ("ROOT", log.size)] == kinds(check)


def test_a_left_out_event_breaks_positions_revisions_and_size():
    log = churn()
    events = told(log)
    del events[13]
    check = checked(events)
    check.compare_root(log.size, log.frontier.root(), "the head")
    found = kinds(check)
    assert {("REVISION", 15), ("CHAIN", 15), ("POSITION", 15), ("SIZE", log.size)} <= set(found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "x"),
        ("actor", "mallory"),
        ("request_id", "r"),
        ("stream", "models/other"),
        ("occurred_by", "mallory"),
    ],
)
def test_what_the_api_says_must_stand_in_the_record(field, value):
    events = told(churn())
    setattr(events[-1], field, value)
    assert {("ENVELOPE", len(events))} == set(kinds(checked(events)))


def test_a_time_that_nobody_claimed_is_found():
    events = told(churn())
    events[-1].occurred_time.FromSeconds(1)
    assert [("ENVELOPE", len(events))] == kinds(checked(events))


def test_a_claim_that_is_kept_back_is_found():
    events = told(churn())
    events[2].ClearField("occurred_time")
    events[2].occurred_by = ""
    assert [("ENVELOPE", 3)] * 2 == kinds(checked(events))


def test_the_log_of_another_namespace_is_found_out():
    events = told(churn())
    assert len(events) == checked(events, namespace="other").findings_total


def test_a_time_that_goes_back_is_found():
    events = told(churn())
    events[9].record_time.seconds -= 60
    assert {("TIME", 10), ("ENVELOPE", 10)} == set(kinds(checked(events)))


def test_a_text_that_is_not_the_original_is_found():
    events = told(churn())
    events[1].disclosures[0].text += "!"
    assert [("DISCLOSURE", 2)] == kinds(checked(events))


def test_a_text_under_another_field_is_found():
    events = told(churn())
    events[1].disclosures[0].field = "card"
    assert [("DISCLOSURE", 2)] == kinds(checked(events))


def test_a_text_that_was_erased_is_no_finding():
    events = told(churn())
    del events[1].disclosures[:]
    assert [] == kinds(checked(events))


@pytest.mark.parametrize("record", [b"", b"[]", b"\xff", b"{", b"[" * 100_000])
def test_a_record_that_is_no_object_is_found_and_hashed_all_the_same(record):
    events = told(churn())
    events[-1].record = record
    check = checked(events)
    assert [("RECORD", len(events))] == kinds(check)
    assert len(events) == check.events


def test_many_findings_are_counted_and_some_named():
    events = told(churn()) * 100
    check = checked(events)
    assert 1000 == len(check.findings) < check.findings_total


def test_an_empty_log_has_the_empty_root():
    check = LogCheck("acme")
    check.compare_root(0, Frontier().root(), "the head")
    assert [] == check.findings

"""Whatever an insider does to what is kept beside the log is named."""

from __future__ import annotations

import pytest

from regesta_projections.verification import Kind
from tests.integration.projections.insider import SIZE, Insider

#: Position of an event whose only text, its reason, was not erased.
HELD = 31


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
        "UPDATE regesta.disclosures SET text = 'Nobody asked.' WHERE position = 31",
        "UPDATE regesta.disclosures SET salt = %s WHERE position = 31",
        "UPDATE regesta.disclosures SET person = 'mallory' WHERE position = 31",
    ],
)
def test_an_edited_text_is_named(insider: Insider, change: str):
    insider.run(change, *([bytes(16)] if "%s" in change else []))

    (finding,) = insider.verify().findings

    assert (Kind.TEXT_DIFFERS, HELD) == (finding.kind, finding.position)
    assert finding.detail.startswith("reason: ")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE regesta.disclosures SET position = 3 WHERE position = 31",
        "UPDATE regesta.disclosures SET field = 'sorrow' WHERE position = 31",
        "UPDATE regesta.disclosures SET digest = 'x' WHERE position = 31",
        "UPDATE regesta.disclosures SET position = 5000 WHERE position = 31",
    ],
)
def test_a_text_that_belongs_to_no_record_is_named(insider: Insider, change: str):
    insider.run(change)

    report = insider.verify()

    # And it is not where it should be.
    assert [Kind.TEXT_EXTRA, Kind.TEXT_MISSING] == [found.kind for found in report.findings]


def test_a_text_that_the_log_says_was_erased_is_counted_and_no_finding(insider: Insider):
    report = insider.verify()

    assert () == report.findings
    assert (len(insider.log.disclosures), 1) == (report.texts_compared, report.texts_erased)


def test_a_text_that_was_deleted_without_an_erasure_is_named(insider: Insider):
    insider.run("DELETE FROM regesta.disclosures WHERE field = 'long_tags.notes'")

    report = insider.verify()

    assert [(Kind.TEXT_MISSING, 2)] == [(found.kind, found.position) for found in report.findings]
    assert 1 == report.texts_erased

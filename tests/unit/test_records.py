"""What an importer claims of an event, in its record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from regesta_projections import events as e
from regesta_projections.records import (
    Cause,
    occurred_by_in,
    read_envelope,
    read_record,
    write_record,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

#: As `occurred_by` may be: a line of text.
lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=250)
times = st.none() | st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2026, 6, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def record(by: str = "", at: datetime | None = None, tags: dict[str, str] | None = None) -> bytes:
    return write_record(
        e.TagsSet(tags=tags or {}),
        source="/namespaces/acme",
        stream="models/churn",
        revision=2,
        previous=bytes(32),
        recorded_at=NOW,
        cause=Cause("importer", "user", "request-1", occurred_at=at, occurred_by=by),
    )


@given(lines, times)
def test_a_claim_reads_back_from_its_record(by: str, at: datetime | None):
    written = record(by, at)
    recorded = read_record(written, 7)

    assert (by, at or NOW, NOW) == (recorded.occurred_by, recorded.time, recorded.recorded_at)
    assert "importer" == recorded.actor
    assert by == occurred_by_in(written) == read_envelope(written).occurredby
    assert rfc8785.dumps(json.loads(written)) == written


@given(times)
def test_without_a_claim_of_who_a_record_has_no_such_attribute(at: datetime | None):
    assert "occurredby" not in json.loads(record("", at))


@given(st.dictionaries(st.just("occurredby") | lines, lines, max_size=3), lines)
def test_what_users_write_is_not_taken_for_a_claim(tags: dict[str, str], by: str):
    assert by == occurred_by_in(record(by, tags={"a": '"occurredby":"mallory"', **tags}))


def test_a_record_without_claims_has_the_bytes_that_it_always_had():
    assert (
        b'{"authid":"importer","authtype":"user","correlationid":"request-1",'
        b'"data":{"tags":{"a":"1"}},"id":"models/churn#2","prev":"' + b"0" * 64 + b'",'
        b'"recordedtime":"2026-06-01T12:00:00Z","revision":"2","source":"/namespaces/acme",'
        b'"specversion":"1.0","subject":"models/churn","time":"2026-06-01T12:00:00Z",'
        b'"type":"io.regesta.events.v1.TagsSet"}'
    ) == record(tags={"a": "1"})


def test_of_what_is_no_record_nobody_did_anything():
    assert "" == occurred_by_in(b"\0" * 33)
    assert "" == occurred_by_in(b'{"occurredby":"mallory"')
    assert timedelta(0) == read_record(record(), 1).time - NOW

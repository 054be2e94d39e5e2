"""Moments as they are given."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from regesta.cli.times import InvalidMoment, iso, local, parse_moment, parse_time


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", None),
        ("1042", 1042),
        ("2026-11-21T04:02:00Z", datetime(2026, 11, 21, 4, 2, tzinfo=UTC)),
        ("2026-11-21T04:02:00+02:00", datetime(2026, 11, 21, 2, 2, tzinfo=UTC)),
        ("2026-11-21T05:30:00", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21", datetime(2026, 11, 20, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_position_or_a_time_in_the_local_zone_unless_it_says_another(text, moment):
    assert moment == parse_moment(text)


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "2026-13-01", "1.5"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(InvalidMoment):
        parse_moment(text)


def test_a_time_is_no_position():
    with pytest.raises(InvalidMoment):
        parse_time("1042")


def test_people_read_local_time_and_programs_utc():
    moment = datetime(2026, 11, 21, 4, 2, 0, 250_000, tzinfo=UTC)
    assert "2026-11-21 09:32:00" == local(moment)
    assert "2026-11-21T04:02:00.250000Z" == iso(moment)

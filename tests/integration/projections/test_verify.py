"""An honest log has no findings, and a check tells how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.generated_log import NAMESPACE, facts, write_log
from regesta_projections.rebuild import NamespaceUnknown, rebuild
from regesta_projections.verification import (
    MAX_FINDINGS,
    Finding,
    Kind,
    VerifyProgress,
    verify,
)
from tests.integration.projections.insider import SIZE, Insider, forged, insert
from tests.support.log_builder import START, LogBuilder

if TYPE_CHECKING:
    from tests.databases import LiveDatabase


def test_an_honest_log_has_no_findings(insider: Insider):
    log = insider.log

    report = insider.verify()

    assert () == report.findings
    assert 0 == report.findings_total
    assert (SIZE, SIZE) == (report.position, report.events_folded)
    assert log.frontier.root() == report.root_hash
    assert len([row for row in log.rows.values() if row]) == report.rows_compared
    assert log.catalog_events == report.history_rows_compared
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

    report = verify(insider.dsn, "acme", steps.append)

    last = steps[-1]
    assert (SIZE, SIZE) == (last.events_checked, last.events_folded)
    assert report.rows_compared == last.rows_compared
    assert report.texts_compared == last.texts_compared
    assert report.findings == tuple(found for step in steps for found in step.findings)


def test_what_progress_raises_ends_the_check(insider: Insider):
    def stop(_: VerifyProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(insider.dsn, "acme", stop)


def test_every_finding_is_counted_and_the_first_thousand_named(insider: Insider):
    with insider.conn.cursor() as cursor:
        cursor.execute("UPDATE regesta.events SET actor = 'mallory', request_id = 'x', type = 'y'")
        cursor.execute("UPDATE regesta.events SET trace_id = 'z', revision = revision + 1")

    report = insider.verify()

    assert report.findings_total > MAX_FINDINGS == len(report.findings)


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

    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("ALTER TABLE regesta.tiles DISABLE TRIGGER ALL")
        conn.execute("UPDATE regesta.tiles SET root = %s WHERE level = 1", [bytes(32)])

    # Just the one: all else is as it must be.
    findings = verify(database.service_dsn, NAMESPACE).findings
    assert [(Kind.TILE_DIFFERS, "tiles 1/0")] == [(each.kind, each.subject) for each in findings]

"""A database from before there were flags: its columns say after migration what a rebuild would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from regesta_projections import events as e
from regesta_projections.rebuild import ALL_TABLES, rebuild
from regesta_projections.verification import verify
from regesta_service.postgres.migrate import apply
from tests.support.log_builder import LogBuilder

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

#: Takes the schema back to before the migration, and those after it; the append's function is made anew by it.
BACK = """
ALTER TABLE regesta.models DROP flagged, DROP blocked;
ALTER TABLE regesta.versions DROP resolvable, DROP flagged, DROP blocked, DROP revoked;
ALTER TABLE regesta.model_history DROP flagged;
ALTER TABLE regesta.version_history DROP resolvable, DROP flagged, DROP revoked;
DROP TABLE regesta.token_uses;
DROP FUNCTION regesta.analyze_rows();
DROP INDEX regesta.versions_run, regesta.versions_updated, regesta.versions_latest;
DELETE FROM regesta.migrations WHERE number >= 14;
"""


def contents(database: LiveDatabase) -> dict[str, list[Any]]:
    """Return every projected row but for its generation, as text."""
    with psycopg.connect(database.service_dsn) as conn:
        return {
            table.name: conn.execute(
                f"SELECT (t.*)::text FROM (SELECT {', '.join(table.column_names)}"  # noqa: S608
                f" FROM regesta.{table.name}) AS t ORDER BY 1"
            ).fetchall()
            for table in ALL_TABLES
        }


def test_what_was_there_before_flags_is_resolved_as_before(database: LiveDatabase):
    log = LogBuilder("acme")
    log.append("models/churn", e.ModelCreated(name="churn", kind="MODEL"))
    for number in range(1, 5):
        stream = f"models/churn/versions/{number}"
        log.append(stream, e.VersionRegistered(version=number, stage="development"))
        if number % 2:
            log.append(stream, e.StageChanged(from_stage="development", to_stage="archived"))
        if number == 3:
            log.append(stream, e.StageChanged(from_stage="archived", to_stage="development"))
    with psycopg.connect(database.service_dsn) as conn:
        log.write(conn)
    written = contents(database)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute(BACK)

    assert "0014_flags" == apply(database.owner_dsn)[0]

    assert written == contents(database)
    with psycopg.connect(database.service_dsn) as conn:
        found = conn.execute("SELECT number, resolvable FROM regesta.versions").fetchall()
    assert {1: False, 2: True, 3: True, 4: True} == dict(found)
    assert () == verify(database.service_dsn, "acme").findings
    rebuild(database.service_dsn, "acme", linger=0)
    assert written == contents(database)

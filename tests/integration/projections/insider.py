"""Somebody who can change everything in a database behind the service's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from regesta_projections.events import TagsSet
from regesta_projections.records import Cause, write_record
from regesta_projections.verification import Kind, Report, verify
from tests.support.log_builder import LogBuilder, event_values
from tests.support.rich_log import CHAMPION

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

#: Events in the log: more than a tile of 256, so that some are in one and others are not.
SIZE = 300


class Insider:
    """A log in a database, and a superuser to whom no trigger applies.

    Attributes:
        log: The log as it was written.
        dsn: Of the service's role.
        conn: The superuser's.
    """

    def __init__(self, database: LiveDatabase, log: LogBuilder) -> None:
        self.log = log
        self.dsn = database.service_dsn
        self.conn = psycopg.connect(database.superuser_dsn, autocommit=True)
        self.namespace_id = log.write(self.conn)
        for table in ("events", "events_000000", "tiles", "requests"):
            self.conn.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER ALL")

    def close(self) -> None:
        self.conn.close()

    def run(self, statement: str, *parameters: object) -> None:
        """Change exactly one row."""
        done = self.conn.execute(statement, parameters)
        assert done.rowcount == 1, statement

    def verify(self) -> Report:
        return verify(self.dsn, self.log.namespace)

    def named(self) -> set[tuple[Kind, int, str]]:
        """Verify, and return kind, position and subject of each finding."""
        return {(found.kind, found.position, found.subject) for found in self.verify().findings}

    def kinds(self) -> set[Kind]:
        return {found.kind for found in self.verify().findings}


def forged(insider: Insider) -> bytes:
    """Return a record that the log has not, right in everything that it says itself."""
    revision, previous = insider.log.heads[CHAMPION]
    return write_record(
        TagsSet(tags={"approved": "yes"}),
        source="/namespaces/acme",
        stream=CHAMPION,
        revision=revision + 1,
        previous=previous,
        recorded_at=insider.log.time,
        cause=Cause("mallory", "user", "forged"),
    )


def insert(insider: Insider, position: int, record: bytes) -> None:
    values = event_values(position, record)
    insider.run(
        """
        INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type,
            actor, recorded_at, occurred_at, request_id, trace_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        insider.namespace_id,
        *values,
    )

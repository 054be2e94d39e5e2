"""A log that grows: what `LogBuilder` builds, written piece by piece as appends write it.

Lets reads be tested against any order of events, also such that no command makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from regesta_projections.tables import TABLES
from regesta_service.log.notices import CHANNEL
from regesta_service.log.stored import StoredEvent
from tests.support.log_builder import GENERATION, LogBuilder, event_values

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.events import Event
    from regesta_projections.records import Cause
    from regesta_projections.rows import Key, Row
    from tests.databases import LiveDatabase


class LiveLog:
    """A namespace's log in a database, with everything that belongs to it.

    Each `append` commits by itself; `later` leaves events for the next one to commit.
    """

    def __init__(self, database: LiveDatabase, namespace: str = "acme") -> None:
        self.namespace = namespace
        self.builder = LogBuilder(namespace)
        self._connection = psycopg.connect(database.service_dsn, autocommit=True)
        self.namespace_id = self.builder.write(self._connection)
        self._written = self.builder.size
        self._disclosed = 0
        self._rows: dict[Key, Row | None] = dict(self.builder.rows)

    def close(self) -> None:
        self._connection.close()

    @property
    def size(self) -> int:
        return self.builder.size

    def later(
        self,
        stream: str,
        event: Event,
        *texts: tuple[str, SealedText],
        cause: Cause | None = None,
    ) -> int:
        """Add an event and return its position; it is not in the database yet."""
        return self.builder.append(stream, event, *texts, cause=cause).position

    def append(
        self,
        stream: str,
        event: Event,
        *texts: tuple[str, SealedText],
        cause: Cause | None = None,
    ) -> int:
        """Append an event and return its position."""
        position = self.later(stream, event, *texts, cause=cause)
        self.commit()
        return position

    def commit(self, *, notify: bool = True) -> None:
        """Write what was added, in one transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_LOCK, [self.namespace_id])
            cursor.executemany(_EVENT, self._new_events())
            cursor.executemany(_DISCLOSURE, self._new_disclosures())
            for row in self._changed_rows():
                table = TABLES[type(row)]
                cursor.execute(_upsert(table), [self.namespace_id, GENERATION, *table.values(row)])
            frontier = self.builder.frontier
            cursor.execute(
                _HEAD,
                [
                    self.builder.size,
                    frontier.encode(),
                    self.builder.time,
                    self.namespace_id,
                ],
            )
        if notify:
            self._connection.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(CHANNEL)))

    def _new_events(self) -> list[tuple[object, ...]]:
        records = self.builder.records[self._written :]
        lines = [
            (self.namespace_id, *event_values(position, record))
            for position, record in enumerate(records, self._written + 1)
        ]
        self._written = self.builder.size
        return lines

    def _new_disclosures(self) -> list[tuple[object, ...]]:
        new = self.builder.disclosures[self._disclosed :]
        self._disclosed = len(self.builder.disclosures)
        return [
            (self.namespace_id, sealed.digest, position, field, person, sealed.salt, sealed.text)
            for position, person, field, sealed in new
        ]

    def _changed_rows(self) -> list[Row]:
        changed = [
            row
            for key, row in self.builder.rows.items()
            if row is not None and row is not self._rows.get(key)
        ]
        self._rows = dict(self.builder.rows)
        return changed


def stored(log: LiveLog, first: int) -> list[StoredEvent]:
    """What the sequencer hands over: events from a position on."""
    events = []
    for position, record in enumerate(log.builder.records[first - 1 :], first):
        columns: Any = event_values(position, record)
        leaf_hash = log.builder.hashes[position - 1]
        events.append(StoredEvent(position, record, leaf_hash, *columns[2:]))
    return events


_LOCK = "SELECT size FROM regesta.logs WHERE namespace_id = %s FOR UPDATE"
_EVENT = """
INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type, actor,
    recorded_at, occurred_at, request_id, trace_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_DISCLOSURE = "INSERT INTO regesta.disclosures VALUES (%s, %s, %s, %s, %s, %s, %s)"
_HEAD = """
UPDATE regesta.logs SET size = %s, frontier = %s, recorded_at = %s WHERE namespace_id = %s
"""


def _upsert(table: Any) -> sql.Composed:
    keys = ["namespace_id", "generation", *(column.name for column in table.key_columns)]
    columns = ["namespace_id", "generation", *table.column_names]
    return sql.SQL(
        "INSERT INTO regesta.{table} ({columns}) VALUES ({values})"
        " ON CONFLICT ({keys}) DO UPDATE SET ({columns}) = ROW ({excluded})"
    ).format(
        table=sql.Identifier(table.name),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        keys=sql.SQL(", ").join(map(sql.Identifier, keys)),
        excluded=sql.SQL(", ").join(
            sql.SQL("EXCLUDED.{}").format(sql.Identifier(column)) for column in columns
        ),
    )

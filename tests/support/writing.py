"""Sequencers for tests, commands for them, and what must hold of a log whoever wrote it."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import psycopg

from regesta.merkle import Frontier, leaf_hash
from regesta_projections.events import VersionRegistered
from regesta_projections.evolve import evolve, keys_of
from regesta_projections.records import Cause, read_envelope, read_record
from regesta_projections.request_keys import request_key
from regesta_projections.rows import Key, Row, Rows, VersionRow
from regesta_projections.tables import TABLES
from regesta_service.domain.versions import RegisterVersion
from regesta_service.log.connections import Connections
from regesta_service.log.identity import RequestIdentity
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.sequencing.sequencer import Sequencer
from tests.support.log_builder import event_values, tiles_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from regesta_service.domain.deciding import Command
    from regesta_service.log.draft import Committed
    from regesta_service.log.stored import StoredEvent

NAMESPACE = "acme"
SYSTEM = Cause("system", "system", "create-acme")


def identity(request_id: str, actor: str = "alice", content: str = "") -> RequestIdentity:
    """Return an identity whose fingerprint depends on `content` alone."""
    fingerprint = content.encode().ljust(16, b".")[:16]
    return RequestIdentity(request_key(actor, request_id), fingerprint, 200)


def register(model: str = "churn", source: str = "s3://bucket/model") -> RegisterVersion:
    """Return a command that registers a version, with its model if need be."""
    return RegisterVersion(model, VersionRegistered(source=source), allow_missing_model=True)


class Submitter:
    """A sequencer with a client's manners: each call has a request id of its own."""

    def __init__(self, sequencer: Sequencer, connections: Connections) -> None:
        self.sequencer = sequencer
        self.connections = connections
        #: Positions of each list of events that listeners heard of.
        self.heard: list[list[int]] = []
        self._ids = itertools.count(1)
        sequencer.listen(self._hear)

    async def __call__(
        self,
        command: Command,
        request_id: str = "",
        *,
        actor: str = "alice",
        content: str = "",
        deadline: float | None = None,
    ) -> Committed:
        request_id = request_id or f"request-{id(self)}-{next(self._ids)}"
        return await self.sequencer.submit(
            NAMESPACE,
            command,
            Cause(actor, "user", request_id),
            identity(request_id, actor, content),
            deadline=deadline,
        )

    def _hear(self, namespace: str, events: list[StoredEvent]) -> None:
        if namespace == NAMESPACE:
            self.heard.append([event.position for event in events])


@contextlib.asynccontextmanager
async def sequencing(
    dsn: str, *, statement_timeout: float = 15.0, **options: Any
) -> AsyncIterator[Submitter]:
    """Yield a running sequencer of its own, as one process has it."""
    connections = Connections(dsn, statement_timeout=statement_timeout)
    registry = NamespaceRegistry(connections)
    await registry.ensure(NAMESPACE, SYSTEM)
    sequencer = Sequencer(connections, registry, **options)
    try:
        async with sequencer.running():
            yield Submitter(sequencer, connections)
    finally:
        await connections.close()


def check_log(dsn: str, namespace: str = NAMESPACE) -> list[bytes]:
    """Check everything that holds of a log and its projections; return the records."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute(_LOG, [namespace]).fetchone()
        assert row is not None
        log_id, size, frontier, recorded_at, generation = row
        stored = conn.execute(_EVENTS, [log_id]).fetchall()
        assert list(range(1, size + 1)) == [position for position, *_ in stored]
        records = [bytes(record) for _, record, *_ in stored]
        for position, record, *columns in stored:
            assert event_values(position, record) == (position, record, *columns)
        _check_tree(conn, log_id, records, bytes(frontier))
        times = [columns[4] for _, _, *columns in stored]
        assert sorted(times) == times
        assert recorded_at == times[-1]
        _check_projections(conn, log_id, generation, records)
        _check_requests(conn, log_id, records)
    return records


def _check_tree(
    conn: psycopg.Connection[Any], log_id: int, records: list[bytes], stored: bytes
) -> None:
    hashes = [leaf_hash(record) for record in records]
    frontier = Frontier()
    frontier.extend(hashes)
    assert frontier.encode() == stored
    assert sorted(tiles_of(hashes)) == conn.execute(_TILES, [log_id]).fetchall()


def _check_projections(
    conn: psycopg.Connection[Any], log_id: int, generation: int, records: list[bytes]
) -> None:
    """Compare the tables with a fold of all events, and look for holes in version numbers."""
    rows: dict[Key, Row | None] = {}
    for position, record in enumerate(records, 1):
        recorded = read_record(record, position)
        for key in keys_of(recorded):
            rows.setdefault(key, None)
        working_set = Rows(rows)
        evolve(working_set, recorded)
        rows.update({row.key: row for row in working_set.changed()})
    found: dict[Key, Row] = {}
    with conn.cursor(binary=True) as cursor:
        for table in TABLES.values():
            cursor.execute(_rows_of(table), [log_id, generation])
            found |= {row.key: row for row in map(table.row, cursor)}
    expected = {key: row for key, row in rows.items() if row is not None}
    assert expected == found
    versions: dict[str, list[int]] = {}
    for row in found.values():
        if isinstance(row, VersionRow):
            versions.setdefault(row.model, []).append(row.number)
    for numbers in versions.values():
        first = min(numbers)
        assert list(range(first, first + len(numbers))) == sorted(numbers)


def _check_requests(conn: psycopg.Connection[Any], log_id: int, records: list[bytes]) -> None:
    """Compare the answered requests with what the records say they did."""
    expected: dict[Any, tuple[int, int]] = {}
    for position, record in enumerate(records, 1):
        envelope = read_envelope(record)
        key = request_key(envelope.authid, envelope.correlationid)
        last, events = expected.get(key, (position - 1, 0))
        assert last == position - 1, "a request's events stand together, once"
        expected[key] = position, events + 1
    stored = {key: place for key, *place in conn.execute(_REQUESTS, [log_id])}
    assert expected == {key: (position, events) for key, (position, events) in stored.items()}


def _rows_of(table: Any) -> psycopg.sql.Composed:
    return psycopg.sql.SQL(
        "SELECT {} FROM regesta.{} WHERE namespace_id = %s AND generation = %s"
    ).format(
        psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, table.loaded)),
        psycopg.sql.Identifier(table.name),
    )


_LOG = """
SELECT namespace_id, size, frontier, recorded_at, generation FROM regesta.logs WHERE name = %s
"""
_EVENTS = """
SELECT position, record, stream, revision, type, actor, recorded_at, occurred_at, request_id,
    trace_id
FROM regesta.events WHERE namespace_id = %s ORDER BY position
"""
_TILES = """
SELECT level, index, root, hashes FROM regesta.tiles WHERE namespace_id = %s
ORDER BY level, index
"""
# Those that changed nothing have no record to compare them with.
_REQUESTS = """
SELECT key, position, events FROM regesta.requests WHERE namespace_id = %s AND events > 0
"""

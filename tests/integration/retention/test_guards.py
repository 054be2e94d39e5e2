"""The database lets one change of a row through, and only up to where bodies are released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.old_log import THROUGH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.old_log import OldLog

_STUB = "UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash WHERE position = {}"

#: What the owner tries, who may change tables, and must not change rows.
REFUSED = {
    "a body beyond the release": _STUB.format(THROUGH + 1),
    "another hash": "UPDATE regesta.events SET record = '\\x00'::bytea || sha256('x')"
    " WHERE position = 1",
    "another body": "UPDATE regesta.events SET record = '{}' WHERE position = 1",
    "a longer stub": "UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash || 'x'"
    " WHERE position = 1",
    "a column beside it": "UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash,"
    " actor = 'mallory' WHERE position = 1",
    "only a column": "UPDATE regesta.events SET recorded_at = now() WHERE position = 1",
    "its place": "UPDATE regesta.events SET position = 9000000 WHERE position = 1",
    "by the partition": "UPDATE regesta.events_000000 SET actor = 'mallory' WHERE position = 1",
    "deleting": "DELETE FROM regesta.events WHERE position = 1",
    "deleting in the partition": "DELETE FROM regesta.events_000000 WHERE position = 1",
    "truncating": "TRUNCATE regesta.events",
    "moving the floor": "UPDATE regesta.released SET through = 768",
    "making a floor": "INSERT INTO regesta.released VALUES (99, 256)",
    "removing the floor": "DELETE FROM regesta.released",
    "appending a stub": "INSERT INTO regesta.events (namespace_id, position, record, stream,"
    " revision, type, actor, recorded_at, request_id)"
    " VALUES (1, 9000, '\\x00'::bytea || sha256('x'), 'log', 99, 't', 'a', now(), 'r')",
}


@pytest.fixture
def owner(old: OldLog) -> Iterator[psycopg.Connection]:
    with psycopg.connect(old.released().database.owner_dsn, autocommit=True) as conn:
        yield conn


def test_not_even_the_owner_changes_anything_else(old: OldLog, owner: psycopg.Connection):
    before = old.events()
    for statement in REFUSED.values():
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(statement.encode())
    assert before == old.events()
    owner.execute(_STUB.format(THROUGH).encode())
    assert [THROUGH] == old.bodiless()


def test_a_replica_s_session_does_not_get_around_it(old: OldLog):
    with psycopg.connect(old.released().database.superuser_dsn, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        for statement in REFUSED.values():
            with pytest.raises(psycopg.errors.RestrictViolation):
                conn.execute(statement.encode())


def test_the_service_s_role_archives_nothing(old: OldLog):
    with psycopg.connect(old.released().dsn, autocommit=True) as conn:
        for statement in (_STUB.format(1), "UPDATE regesta.released SET through = 256"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def test_every_partition_is_guarded_those_to_come_too(old: OldLog):
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        conn.execute("SELECT regesta.extend_events(9000000)")
        rows = conn.execute(
            """
            SELECT c.relname, count(*) FILTER (WHERE t.tgenabled = 'A') FROM pg_class AS c
            JOIN pg_trigger AS t ON t.tgrelid = c.oid
            WHERE c.relname LIKE 'events%' AND c.relkind IN ('r', 'p')
                AND t.tgname IN ('append_only', 'only_archive', 'refuse_bodiless')
            GROUP BY 1 ORDER BY 1
            """
        ).fetchall()
    names = ["events", "events_000000", "events_000001", "events_000002"]
    assert [(name, 3) for name in names] == rows

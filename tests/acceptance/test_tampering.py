"""Whoever changes the database behind our back is found out over the API."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import regesta
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess


@contextmanager
def unguarded(database: LiveDatabase, namespace: str) -> Iterator[Any]:
    """Yield a function that runs statements as a superuser whom no trigger stops."""
    guards = [(table, "append_only") for table in ("events", "events_000000", "tiles", "requests")]
    guards += [(table, "only_archive") for table in ("events", "events_000000")]
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT namespace_id FROM regesta.logs WHERE name = %s", [namespace]
        ).fetchone()
        assert row is not None

        def run(statement: str) -> None:
            changed = connection.execute(statement.encode(), {"namespace_id": row[0]}).rowcount
            assert changed > 0

        for table, trigger in guards:
            connection.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER {trigger}".encode())
        try:
            yield run
        finally:
            for table, trigger in guards:
                connection.execute(
                    f"ALTER TABLE regesta.{table} ENABLE ALWAYS TRIGGER {trigger}".encode()
                )


def verified(client: regesta.Client) -> tuple[list[Any], Any]:
    """Return the findings and the last answer."""
    answers = list(client.verify())
    assert [False] * (len(answers) - 1) + [True] == [answer.done for answer in answers]
    findings = [finding for answer in answers for finding in answer.findings]
    assert answers[-1].findings_total >= len(findings)
    return findings, answers[-1]


@pytest.fixture
def written(client: regesta.Client) -> regesta.Client:
    """A namespace with some events: churn is created at position 2."""
    client.register("churn", description="a text", reason="why", tags={"team": "risk"})  # 2, 3
    client.set_alias("churn@champion", version=1)  # 4
    client.transition_version("churn/1", stage="staging")  # 5
    client.set_tags("churn", tags={"team": "growth"})  # 6
    return client


def test_what_nobody_changed_verifies(written: regesta.Client):
    findings, last = verified(written)
    head = written.get_head()
    assert [] == findings
    assert (head.position, head.root_hash) == (last.position, last.root_hash)
    assert (6, 1) == (last.events_folded, min(last.rows_compared, 1))
    assert 2 == last.texts_compared


#: What is done, and what is found: its kind, and the position that it is about.
EDITS = {
    "a record": (
        "UPDATE regesta.events SET record = convert_to(replace(convert_from(record, 'UTF8'),"
        " '\"staging\"', '\"archived\"'), 'UTF8')"
        " WHERE namespace_id = %(namespace_id)s AND position = 5",
        "FRONTIER_DIFFERS",
        0,
    ),
    "who it was": (
        "UPDATE regesta.events SET actor = 'mallory'"
        " WHERE namespace_id = %(namespace_id)s AND position = 4",
        "COLUMN_DIFFERS",
        4,
    ),
    "a row that is gone": (
        "DELETE FROM regesta.events WHERE namespace_id = %(namespace_id)s AND position = 5",
        "EVENT_MISSING",
        5,
    ),
    "two records in each other's place": (
        "UPDATE regesta.events AS e SET record = o.record FROM regesta.events AS o"
        " WHERE e.namespace_id = %(namespace_id)s AND o.namespace_id = e.namespace_id"
        " AND e.position IN (4, 5) AND o.position = 9 - e.position",
        "COLUMN_DIFFERS",
        4,
    ),
    "a text": (
        "UPDATE regesta.disclosures SET text = 'another'"
        " WHERE namespace_id = %(namespace_id)s AND field = 'reason'",
        "TEXT_DIFFERS",
        3,
    ),
    "a row of a projection": (
        "UPDATE regesta.versions SET stage = 'production' WHERE namespace_id = %(namespace_id)s",
        "ROW_DIFFERS",
        0,
    ),
    "the head set back": (
        "UPDATE regesta.logs SET size = 4, frontier = substr(frontier, 1, 32)"
        " WHERE namespace_id = %(namespace_id)s",
        "EVENT_BEYOND_HEAD",
        5,
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_somebody_changed_is_named(
    written: regesta.Client, server_database: LiveDatabase, edit: str
):
    statement, kind, position = EDITS[edit]
    with unguarded(server_database, written.namespace) as run:
        run(statement)
    findings, last = verified(written)
    assert findings
    assert last.findings_total == len(findings)
    assert all(finding.kind and finding.detail for finding in findings)
    assert (kind, position) in [(finding.kind, finding.position) for finding in findings]
    if edit == "a record":
        # It is the last of its stream and in no full tile: all that is known is where about.
        assert "positions 5 to 6 " in findings[0].detail


def test_a_record_in_a_full_tile_is_named_itself(
    written: regesta.Client, server_database: LiveDatabase
):
    for number in range(260):
        written.set_tags("churn", tags={"turn": str(number)})
    with unguarded(server_database, written.namespace) as run:
        run(
            "UPDATE regesta.events SET record = convert_to(replace(convert_from(record, 'UTF8'),"
            " '\"turn\"', '\"TURN\"'), 'UTF8')"
            " WHERE namespace_id = %(namespace_id)s AND position = 100"
        )
    findings, _ = verified(written)
    assert ("RECORD_CHANGED", 100) in [(found.kind, found.position) for found in findings]


def test_both_command_lines_say_what_is_wrong(
    written: regesta.Client, server: ServerProcess, server_database: LiveDatabase
):
    environment = {**os.environ, "REGESTA_TARGET": server.address}
    namespace = written.namespace

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = str(Path(sys.executable).parent / program)
        command = [path, *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    client = ("regesta", "--namespace", namespace, "verify")
    dsn = server_database.service_dsn
    operator = ("regesta-server", "verify", "--dsn", dsn, "--namespace", namespace)
    for command in (client, operator):
        whole = run(*command)
        assert 0 == whole.returncode, whole
    with unguarded(server_database, namespace) as edit:
        edit(EDITS["who it was"][0])
    for code, command in ((7, client), (4, operator)):
        found = run(*command)
        assert code == found.returncode, found
        assert "COLUMN_DIFFERS" in found.stdout + found.stderr
        assert "mallory" in found.stdout + found.stderr


def test_the_service_s_own_role_cannot_change_the_log(
    written: regesta.Client, server_database: LiveDatabase
):
    with psycopg.connect(server_database.service_dsn, autocommit=True) as connection:
        for statement in (
            "UPDATE regesta.events SET actor = 'mallory'",
            "DELETE FROM regesta.events",
            "TRUNCATE regesta.events",
            "DELETE FROM regesta.requests",
            "UPDATE regesta.tiles SET level = 1",
            "ALTER TABLE regesta.events DISABLE TRIGGER ALL",
            "DROP TABLE regesta.events",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode())
    assert [] == verified(written)[0]

"""The script that prepares PostgreSQL in the composition, run on a real server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from regesta_service.postgres.account import server_account
from regesta_service.postgres.binaries import find
from regesta_service.postgres.migrate import apply, check
from regesta_service.postgres.roles import OWNER, SERVICE, derive, provision

if TYPE_CHECKING:
    from regesta_service.postgres.embedded import EmbeddedPostgres
    from tests.conftest import OwnServer

SCRIPT = Path(__file__).parents[3] / "deploy" / "postgres" / "regesta.sql"
PASSWORDS = {"REGESTA_OWNER_PASSWORD": "it's one", "REGESTA_SERVICE_PASSWORD": 'an"other'}


def run_script(server: EmbeddedPostgres, environment: dict[str, str]) -> int:
    """Run it as the image's entry point does, and return psql's exit code."""
    place = server.data_dir / "binaries"
    psql = find(server_account(server.data_dir), staging=place).bindir / "psql"
    command = [str(psql), "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-f", str(SCRIPT), server.dsn]
    bare = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, env=bare, check=False, capture_output=True).returncode


def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        return conn.execute(query.encode()).fetchall()


def test_the_script_leaves_nothing_to_provision(own_server: OwnServer):
    server = own_server()
    assert run_script(server, PASSWORDS) == 0
    # A login that may make nothing: it would be told what is missing.
    with psycopg.connect(server.dsn, autocommit=True) as conn:
        conn.execute("CREATE ROLE passer_by LOGIN")
        conn.execute("GRANT CONNECT ON DATABASE regesta TO passer_by")
    made = provision(make_conninfo(server.dsn, user="passer_by"), "regesta")
    assert apply(made.owner_dsn)
    check(made.service_dsn)


def test_both_roles_get_a_password_of_their_own(own_server: OwnServer):
    server = own_server()
    assert run_script(server, PASSWORDS) == 0
    query = "SELECT rolname, rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname ~ 'regesta'"
    assert [(OWNER, True), (SERVICE, True)] == sorted(fetch(server.dsn, query))


def test_the_service_may_not_touch_the_schema(own_server: OwnServer):
    server = own_server()
    assert run_script(server, PASSWORDS) == 0
    dsn = derive(server.dsn, "regesta", SERVICE)
    assert [(False, False)] == fetch(
        dsn,
        "SELECT has_schema_privilege('regesta', 'CREATE'), has_schema_privilege('public', 'CREATE')",
    )


def test_without_a_password_nothing_is_made(own_server: OwnServer):
    server = own_server()
    assert run_script(server, {"REGESTA_SERVICE_PASSWORD": "only one"}) != 0
    assert [] == fetch(server.dsn, "SELECT FROM pg_roles WHERE rolname ~ 'regesta'")

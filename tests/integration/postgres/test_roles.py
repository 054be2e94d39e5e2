from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from regesta_service.postgres.account import server_account
from regesta_service.postgres.binaries import find
from regesta_service.postgres.errors import AdministratorNeeded, ServerUnsuitable
from regesta_service.postgres.migrate import apply, check
from regesta_service.postgres.roles import OWNER, SERVICE, administrator_sql, derive, provision

if TYPE_CHECKING:
    from pathlib import Path

    from regesta_service.postgres.embedded import EmbeddedPostgres
    from tests.conftest import OwnServer
    from tests.databases import LiveDatabase

ROLES = """
    SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolconfig
    FROM pg_roles WHERE rolname LIKE 'regesta%' ORDER BY rolname
"""
PINNED = ["search_path=regesta, pg_temp"]


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(statement.encode())


def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        return conn.execute(query.encode()).fetchall()


def login(server: EmbeddedPostgres, name: str, attributes: str) -> str:
    """Make a role, and return how it connects."""
    execute(server.dsn, f"CREATE ROLE {name} LOGIN {attributes}")
    return make_conninfo(server.dsn, user=name)


def psql(server: EmbeddedPostgres, bindir: Path, script: str) -> None:
    command = [str(bindir / "psql"), "-X", "-v", "ON_ERROR_STOP=1", server.dsn]
    # \password asks at the terminal; a script's runner has none here.
    asked = [line for line in script.splitlines() if not line.startswith("\\password")]
    subprocess.run(command, input="\n".join(asked), text=True, check=True, capture_output=True)


def test_neither_role_has_more_than_it_needs(database: LiveDatabase):
    assert [
        (OWNER, True, False, False, False, False, PINNED),
        (SERVICE, True, False, False, False, False, PINNED),
    ] == fetch(database.superuser_dsn, ROLES)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine ()",
        "CREATE TABLE regesta.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "ALTER TABLE regesta.migrations ADD COLUMN mine integer",
        "INSERT INTO regesta.migrations VALUES (9999, 'mine', sha256(''))",
        "DELETE FROM regesta.migrations",
        "SET ROLE regesta_owner",
        "SET ROLE postgres",
        "CREATE ROLE mine",
        "DROP SCHEMA regesta CASCADE",
    ],
)
def test_the_service_may_not(database: LiveDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(database.service_dsn, statement)


@pytest.mark.parametrize("statement", ["CREATE ROLE mine", "CREATE DATABASE mine"])
def test_the_owner_may_not(database: LiveDatabase, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(database.owner_dsn, statement)


def test_names_without_a_schema_are_found_in_ours_first(database: LiveDatabase):
    for dsn in (database.owner_dsn, database.service_dsn):
        assert [("regesta, pg_temp",)] == fetch(dsn, "SHOW search_path")


def test_strangers_may_not_connect(own_server: OwnServer):
    server = own_server()
    stranger = login(server, "stranger", "")
    made = provision(server.dsn, "registry")

    assert [(SERVICE,)] == fetch(made.service_dsn, "SELECT current_user")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(make_conninfo(stranger, dbname="registry"))


def test_a_database_that_others_use_keeps_its_owner_and_its_guests(own_server: OwnServer):
    server = own_server()
    stranger = make_conninfo(login(server, "stranger", ""), dbname="shared")
    execute(server.dsn, "CREATE DATABASE shared")

    made = provision(server.dsn, "shared")
    apply(made.owner_dsn)

    check(made.service_dsn)
    assert [("postgres",)] == fetch(
        server.dsn, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shared'"
    )
    assert [("stranger",)] == fetch(stranger, "SELECT current_user")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(stranger, "CREATE TABLE public.mine ()")


def test_provisioning_again_needs_no_rights_and_changes_nothing(own_server: OwnServer):
    server = own_server()
    first = provision(server.dsn, "registry")
    apply(first.owner_dsn)
    before = fetch(server.dsn, ROLES)

    again = provision(first.service_dsn, "registry")

    assert first == again
    assert before == fetch(server.dsn, ROLES)


def test_an_administrator_who_is_no_superuser_is_enough(own_server: OwnServer):
    server = own_server()
    admin = login(server, "admin", "CREATEROLE CREATEDB")

    made = provision(admin, "registry", service_password="secret")
    apply(made.owner_dsn)

    check(made.service_dsn)


def test_a_login_without_rights_is_told_what_an_administrator_has_to_run(own_server: OwnServer):
    server = own_server()
    poor = login(server, "poor", "")
    with pytest.raises(AdministratorNeeded) as caught:
        provision(poor, 'my "registry"')
    assert administrator_sql('my "registry"') == caught.value.sql
    assert "user poor may not run: CREATE ROLE" in str(caught.value)

    account = server_account(server.data_dir)
    bindir = find(account, staging=server.data_dir / "binaries").bindir
    psql(server, bindir, caught.value.sql)
    made = provision(derive(poor, "postgres", OWNER), 'my "registry"')
    apply(made.owner_dsn)

    check(made.service_dsn)


def test_applying_to_a_server_without_roles_tells_the_same(own_server: OwnServer):
    server = own_server()

    with pytest.raises(AdministratorNeeded, match="CREATE ROLE") as caught:
        apply(server.dsn)

    assert administrator_sql("postgres") == caught.value.sql


def test_applying_to_an_unprepared_database_tells_the_same(own_server: OwnServer):
    server = own_server()
    provision(server.dsn, "registry")

    with pytest.raises(AdministratorNeeded, match="postgres is not prepared"):
        apply(server.dsn)


def test_a_password_reaches_the_server_as_a_verifier_only(own_server: OwnServer):
    server = own_server()
    execute(server.dsn, "ALTER SYSTEM SET log_statement = 'all'")
    execute(server.dsn, "SELECT pg_reload_conf()")

    made = provision(server.dsn, "registry", service_password="p'ass word")
    stored = fetch(
        server.dsn, "SELECT rolname, left(rolpassword, 14) FROM pg_authid WHERE rolname ~ '^reg'"
    )
    logged = "".join(path.read_text() for path in (server.data_dir / "log").iterdir())

    assert [(OWNER, None), (SERVICE, "SCRAM-SHA-256$")] == sorted(stored)
    assert "ALTER ROLE" in logged
    assert "ass word" not in logged
    assert "p'ass word" == conninfo_to_dict(made.service_dsn)["password"]


def test_another_encoding_is_refused(own_server: OwnServer):
    server = own_server()
    execute(
        server.dsn,
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    )

    with pytest.raises(ServerUnsuitable, match="LATIN1"):
        provision(server.dsn, "latin")


def test_one_users_password_is_not_handed_to_another():
    dsn = "postgresql://admin:secret@db.example:6432/postgres?sslmode=verify-full"

    assert {
        "host": "db.example",
        "port": "6432",
        "user": SERVICE,
        "dbname": "registry",
        "sslmode": "verify-full",
    } == conninfo_to_dict(derive(dsn, "registry", SERVICE))
    assert "password" in conninfo_to_dict(derive(dsn, "registry", SERVICE, "own"))


def test_a_name_is_quoted_wherever_it_goes():
    name = "x'; DROP \"y"

    assert sql.Identifier(name).as_string() in administrator_sql(name)
    assert sql.Literal(name).as_string() not in administrator_sql(name)

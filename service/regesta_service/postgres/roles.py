"""The two roles that regesta's database has, and the database itself.

The owner has the schema and changes it; the service reads and adds, and owns nothing, so a
bug or a stolen password of the service cannot rewrite the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from regesta_service.postgres import OLDEST_MAJOR
from regesta_service.postgres.errors import AdministratorNeeded, ServerUnsuitable

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER: Final = "regesta_owner"
SERVICE: Final = "regesta_service"
SCHEMA: Final = "regesta"

_LOCK: Final = 0x7265_6765_7374_6101  # "regesta" and the number of this lock
_LOCK_TIMEOUT: Final = "60s"


@dataclass(frozen=True, slots=True)
class Database:
    """A database with its roles: the name and how each role connects."""

    name: str
    owner_dsn: str
    service_dsn: str


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to be so: a query that is true when it is, and the statement that makes it so."""

    is_done: sql.Composed
    statement: sql.Composed


def provision(
    superuser_dsn: str,
    dbname: str,
    *,
    owner_password: str | None = None,
    service_password: str | None = None,
) -> Database:
    """Make both roles and the database, and return how to connect. Again changes nothing.

    Everything is looked at first, so a login without rights is enough once it is all there.

    Args:
        superuser_dsn: A superuser, or what managed servers offer: CREATEROLE and CREATEDB.
        dbname: The database to make or to use.
        owner_password: The owner role's password from now on; None leaves it as it is.
        service_password: The same for the service's role.

    Raises:
        AdministratorNeeded: Something is missing and this login may not make it.
        ServerUnsuitable: The server is older than 14, or the database is not in UTF-8.
        psycopg.OperationalError: The server cannot be reached.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as conn:
        check_server(conn)
        _lock(conn)
        _ensure(conn, _compose(_SERVER_STEPS, dbname), dbname)
        for role, password in ((OWNER, owner_password), (SERVICE, service_password)):
            if password is not None:
                _set_password(conn, role, password, dbname)
    with psycopg.connect(make_conninfo(superuser_dsn, dbname=dbname), autocommit=True) as conn:
        check_server(conn)
        _ensure(conn, _compose(_DATABASE_STEPS, dbname), dbname)
    return Database(
        name=dbname,
        owner_dsn=derive(superuser_dsn, dbname, OWNER, owner_password),
        service_dsn=derive(superuser_dsn, dbname, SERVICE, service_password),
    )


def derive(dsn: str, dbname: str, user: str, password: str | None = None) -> str:
    """Return `dsn` for another user of the same server, without the first user's password."""
    parts = conninfo_to_dict(dsn) | {"dbname": dbname, "user": user}
    parts.pop("password", None)
    if password is not None:
        parts["password"] = password
    return make_conninfo("", **parts)


def check_server(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raise `ServerUnsuitable` unless regesta's SQL runs on this server and database."""
    major = conn.info.server_version // 10000
    if major < OLDEST_MAJOR:
        raise ServerUnsuitable(f"PostgreSQL {major} is too old; {OLDEST_MAJOR} is the oldest")
    encoding = conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ServerUnsuitable(
            f"database {conn.info.dbname} is encoded in {encoding}; make one with ENCODING 'UTF8'"
        )


def administrator_sql(dbname: str) -> str:
    """Return everything that `provision` does, as a script for psql, to be run once."""
    before = [step.statement.as_string() for step in _compose(_SERVER_STEPS, dbname)]
    after = [step.statement.as_string() for step in _compose(_DATABASE_STEPS, dbname)]
    passwords = [f"\\password {role}" for role in (OWNER, SERVICE)]
    connect = f"\\connect {sql.Identifier(dbname).as_string()}"
    lines = [*(f"{line};" for line in before), *passwords, connect, *(f"{line};" for line in after)]
    return "\n".join(dict.fromkeys(lines))


def _lock(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let one process at a time provision; two that alter a role at once would both fail."""
    conn.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT])
    conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])


def _ensure(
    conn: psycopg.Connection[tuple[object, ...]], steps: Iterator[_Step], dbname: str
) -> None:
    for step in steps:
        if _is_true(conn, step.is_done):
            continue
        try:
            conn.execute(step.statement)
        except (psycopg.errors.DuplicateObject, psycopg.errors.DuplicateDatabase):
            pass  # somebody else's script was quicker
        except psycopg.errors.InsufficientPrivilege as problem:
            raise _administrator_needed(conn, step.statement, dbname) from problem
        # REVOKE of what others granted is a warning only, so look again.
        if not _is_true(conn, step.is_done):
            raise _administrator_needed(conn, step.statement, dbname)


def _is_true(conn: psycopg.Connection[tuple[object, ...]], query: sql.Composed) -> bool:
    row = conn.execute(query).fetchone()
    return row is not None and row[0] is True


def _set_password(
    conn: psycopg.Connection[tuple[object, ...]], role: str, password: str, dbname: str
) -> None:
    # Hashed here, so that it appears in no log or statistics view of the server.
    verifier = conn.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    try:
        conn.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))
    except psycopg.errors.InsufficientPrivilege as problem:
        shown = statement.format(sql.Identifier(role), sql.SQL("..."))
        raise _administrator_needed(conn, shown, dbname) from problem


def _administrator_needed(
    conn: psycopg.Connection[tuple[object, ...]], statement: sql.Composed, dbname: str
) -> AdministratorNeeded:
    return AdministratorNeeded(
        f"user {conn.info.user} may not run: {statement.as_string()}.", administrator_sql(dbname)
    )


def _compose(steps: tuple[tuple[sql.SQL, sql.SQL], ...], dbname: str) -> Iterator[_Step]:
    names: dict[str, sql.Composable] = {
        "dbname": sql.Identifier(dbname),
        "dbname_text": sql.Literal(dbname),
        "owner": sql.Identifier(OWNER),
        "owner_text": sql.Literal(OWNER),
        "service": sql.Identifier(SERVICE),
        "service_text": sql.Literal(SERVICE),
        "schema": sql.Identifier(SCHEMA),
        "schema_text": sql.Literal(SCHEMA),
    }
    for is_done, statement in steps:
        yield _Step(is_done.format(**names), statement.format(**names))


# Each pair: a query that is true when nothing is to be done, and the statement.

# Lets a login that is no superuser give things to the owner.
_MEMBERSHIP: Final = sql.SQL("GRANT {owner} TO CURRENT_USER")

_SERVER_STEPS: Final = (
    (
        sql.SQL("SELECT true FROM pg_catalog.pg_roles WHERE rolname = {owner_text}"),
        sql.SQL("CREATE ROLE {owner} LOGIN"),
    ),
    (
        sql.SQL("SELECT true FROM pg_catalog.pg_roles WHERE rolname = {service_text}"),
        sql.SQL("CREATE ROLE {service} LOGIN"),
    ),
    # pg_temp last: else anybody's temporary table could stand in for one of ours.
    (
        sql.SQL(
            "SELECT true FROM pg_catalog.pg_roles WHERE rolname = {owner_text}"
            " AND 'search_path=regesta, pg_temp' = ANY (rolconfig)"
        ),
        sql.SQL("ALTER ROLE {owner} SET search_path = {schema}, pg_temp"),
    ),
    (
        sql.SQL(
            "SELECT true FROM pg_catalog.pg_roles WHERE rolname = {service_text}"
            " AND 'search_path=regesta, pg_temp' = ANY (rolconfig)"
        ),
        sql.SQL("ALTER ROLE {service} SET search_path = {schema}, pg_temp"),
    ),
    (
        sql.SQL(
            "SELECT pg_has_role({owner_text}, 'USAGE')"
            " OR EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {dbname_text})"
        ),
        _MEMBERSHIP,
    ),
    (
        sql.SQL("SELECT true FROM pg_catalog.pg_database WHERE datname = {dbname_text}"),
        # template0 is the only template that may differ in encoding and order.
        sql.SQL(
            "CREATE DATABASE {dbname} OWNER {owner} TEMPLATE template0"
            " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    ),
)

_DATABASE_STEPS: Final = (
    (
        sql.SQL(
            "SELECT pg_has_role({owner_text}, 'USAGE')"
            " OR to_regnamespace({schema_text}) IS NOT NULL"
        ),
        _MEMBERSHIP,
    ),
    (
        sql.SQL("SELECT true FROM pg_catalog.pg_namespace WHERE nspname = {schema_text}"),
        sql.SQL("CREATE SCHEMA {schema} AUTHORIZATION {owner}"),
    ),
    # Only in a database made for us: in a shared one others connect by this right.
    (
        sql.SQL(
            "SELECT NOT has_database_privilege('public', oid, 'CONNECT')"
            " OR pg_get_userbyid(datdba) <> {owner_text}"
            " FROM pg_catalog.pg_database WHERE datname = {dbname_text}"
        ),
        sql.SQL("REVOKE ALL ON DATABASE {dbname} FROM PUBLIC"),
    ),
    (
        sql.SQL("SELECT has_database_privilege({service_text}, {dbname_text}, 'CONNECT')"),
        sql.SQL("GRANT CONNECT ON DATABASE {dbname} TO {service}"),
    ),
    (
        sql.SQL(
            "SELECT CASE WHEN to_regnamespace('public') IS NULL THEN true"
            " ELSE NOT has_schema_privilege('public', 'public', 'CREATE') END"
        ),
        sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
    ),
)

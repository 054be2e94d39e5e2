"""Brings a database's schema to what this build expects, by plain SQL files, forward only.

Files are named ``NNNN_what.sql`` and numbered without gaps. Each runs in one transaction
together with its row in ``regesta.migrations``, which keeps the file's SHA-256. A session
lock lets one process at a time apply, so the DSN has to lead to PostgreSQL itself and not
through a pooler in transaction mode.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.rows import class_row

from regesta_service.postgres.errors import (
    AdministratorNeeded,
    MigrationFailed,
    MigrationFilesInvalid,
    MigrationsLocked,
    SchemaEdited,
    SchemaMissing,
    SchemaNewer,
    SchemaOlder,
)
from regesta_service.postgres.roles import administrator_sql, check_server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    Connection = psycopg.Connection[tuple[object, ...]]

_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# Each file is one transaction of ours; one that ended it would be applied by halves.
_ENDS_TRANSACTION: Final = re.compile(
    r"^\s*(?:BEGIN|START|COMMIT|ROLLBACK)(?:\s+(?:WORK|TRANSACTION)\b[^;]*)?\s*;",
    re.IGNORECASE | re.MULTILINE,
)

_LOCK: Final = 0x7265_6765_7374_6102  # "regesta" and the number of this lock

# A migration that waits for a table lock makes every later query on that table wait too.
_TABLE_LOCK_TIMEOUT: Final = "30s"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number from 1, its name without ``.sql``, its content."""

    number: int
    name: str
    content: bytes

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the content, by which an edit is noticed."""
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of ``regesta.migrations``."""

    number: int
    name: str
    sha256: bytes


def load(directory: Traversable | None = None) -> list[Migration]:
    """Return the migrations in `directory`, this build's own unless given, in order.

    Raises:
        MigrationFilesInvalid: A name is malformed, a number is missing or taken twice, or a
            file begins or ends a transaction.
    """
    if directory is None:
        directory = importlib.resources.files("regesta_service.postgres") / "migrations"
    entries = [entry for entry in directory.iterdir() if entry.name.endswith(".sql")]
    migrations = []
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry.name), start=1):
        match = _NAME.fullmatch(entry.name)
        if match is None or int(match[1]) != number:
            raise MigrationFilesInvalid(
                f"{entry.name} stands where a file named {number:04}_what.sql is expected"
            )
        content = entry.read_bytes()
        ending = _ENDS_TRANSACTION.search(content.decode())
        if ending is not None:
            raise MigrationFilesInvalid(f"{entry.name} has a {ending[0].strip()} of its own")
        migrations.append(Migration(number, entry.name.removesuffix(".sql"), content))
    return migrations


def pending(migrations: Sequence[Migration], applied: Sequence[Applied]) -> list[Migration]:
    """Return which migrations a database has not seen, in order.

    Raises:
        SchemaNewer: The database has seen more than there are.
        SchemaEdited: What it has seen differs from what there is, or has holes.
    """
    done = sorted(applied, key=lambda row: row.number)
    if len(done) > len(migrations):
        raise SchemaNewer(
            f"the database is at migration {done[-1].name}, this build ends at "
            f"{migrations[-1].name if migrations else 'none'}: run a newer build"
        )
    for migration, row in zip(migrations, done, strict=False):
        if (migration.number, migration.name) != (row.number, row.name):
            raise SchemaEdited(
                f"the database has {row.name} where this build has {migration.name}: "
                "applied files must stay as they are"
            )
        if migration.sha256 != row.sha256:
            raise SchemaEdited(
                f"{migration.name} was applied as {row.sha256.hex()[:12]} and is "
                f"{migration.sha256.hex()[:12]} in this build: restore it, put the change in a new file"
            )
    return list(migrations[len(done) :])


def apply(
    owner_dsn: str, *, directory: Traversable | None = None, lock_timeout: float = 300.0
) -> list[str]:
    """Apply what is missing and return its names, oldest first; empty when nothing was.

    However many processes do this at once, one applies and the others find it done.

    Args:
        owner_dsn: The owner role, or a login that may become it.
        directory: Where the files are; this build's own unless given.
        lock_timeout: Seconds to wait while another process applies.

    Raises:
        AdministratorNeeded: The roles are missing or the login may not become the owner.
        MigrationFailed: PostgreSQL refused a file. Those before it stay applied, of itself
            nothing does.
        MigrationsLocked: Another process was not done in time.
        SchemaNewer: See `pending`.
        SchemaEdited: See `pending`.
        ServerUnsuitable: See `roles.check_server`.
        psycopg.OperationalError: The server cannot be reached.
    """
    migrations = load(directory)
    with psycopg.connect(owner_dsn, autocommit=True) as conn:
        check_server(conn)
        _become_owner(conn)
        _take_lock(conn, lock_timeout)
        _make_ledger(conn)
        todo = pending(migrations, _read_ledger(conn))
        for migration in todo:
            _apply_one(conn, migration)
    return [migration.name for migration in todo]


def check(dsn: str, *, directory: Traversable | None = None) -> None:
    """Return if the database is exactly at this build's schema; any role of ours may ask.

    Raises:
        SchemaMissing: Nothing was ever applied.
        SchemaOlder: Migrations of this build are missing.
        SchemaNewer: See `pending`.
        SchemaEdited: See `pending`.
        ServerUnsuitable: See `roles.check_server`.
        psycopg.OperationalError: The server cannot be reached.
    """
    with psycopg.connect(dsn, autocommit=True) as conn:
        check_server(conn)
        todo = pending(load(directory), _read_ledger(conn))
        if todo:
            raise SchemaOlder(
                f"database {conn.info.dbname} lacks {', '.join(m.name for m in todo)}: {_WAY_OUT}"
            )


_WAY_OUT: Final = "apply the migrations with the owner's DSN"

_BECOME_OWNER: Final = "SET ROLE regesta_owner"


def _become_owner(conn: Connection) -> None:
    """Make the owner role own what we create: a superuser's functions would run as superuser."""
    try:
        conn.execute(_BECOME_OWNER)
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.InvalidParameterValue,  # there is no such role
    ) as problem:
        raise AdministratorNeeded(
            f"user {conn.info.user} cannot become the owner: {problem.diag.message_primary}.",
            administrator_sql(conn.info.dbname),
        ) from problem


_CONFIGURE: Final = """
    SELECT set_config('search_path', 'regesta, pg_temp', false),
           set_config('statement_timeout', '0', false),
           set_config('idle_in_transaction_session_timeout', '0', false),
           set_config('lock_timeout', %(lock_timeout)s, false)
"""

_TAKE_LOCK: Final = "SELECT pg_catalog.pg_advisory_lock(%s)"


def _take_lock(conn: Connection, timeout: float) -> None:
    """Hold the lock until the connection closes."""
    conn.execute(_CONFIGURE, {"lock_timeout": f"{int(timeout * 1000)}ms"})
    try:
        conn.execute(_TAKE_LOCK, [_LOCK])
    except psycopg.errors.LockNotAvailable as problem:
        raise MigrationsLocked(
            f"another process has been applying migrations for more than {timeout:g} s"
        ) from problem
    conn.execute(_CONFIGURE, {"lock_timeout": _TABLE_LOCK_TIMEOUT})


_MAKE_LEDGER: Final = """
    CREATE TABLE IF NOT EXISTS regesta.migrations (
        number integer PRIMARY KEY,
        name text COLLATE "C" NOT NULL,
        sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
        applied_at timestamptz NOT NULL DEFAULT now()
    );
    GRANT USAGE ON SCHEMA regesta TO regesta_service;
    GRANT SELECT ON regesta.migrations TO regesta_service;
"""


def _make_ledger(conn: Connection) -> None:
    if _ledger_exists(conn):
        return
    try:
        conn.execute(_MAKE_LEDGER)
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.InvalidSchemaName,
        psycopg.errors.UndefinedObject,  # the service's role
    ) as problem:
        raise AdministratorNeeded(
            f"database {conn.info.dbname} is not prepared: {problem.diag.message_primary}.",
            administrator_sql(conn.info.dbname),
        ) from problem


_LEDGER_EXISTS: Final = "SELECT pg_catalog.to_regclass('regesta.migrations') IS NOT NULL"


def _ledger_exists(conn: Connection) -> bool:
    return conn.execute(_LEDGER_EXISTS).fetchone() == (True,)


_READ_LEDGER: Final = "SELECT number, name, sha256 FROM regesta.migrations"


def _read_ledger(conn: Connection) -> list[Applied]:
    try:
        with conn.cursor(row_factory=class_row(Applied)) as cursor:
            return cursor.execute(_READ_LEDGER).fetchall()
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.InvalidSchemaName,
        psycopg.errors.UndefinedTable,
    ) as problem:
        raise SchemaMissing(
            f"database {conn.info.dbname} has no schema that user {conn.info.user} can see: "
            f"{_WAY_OUT}"
        ) from problem


_RECORD: Final = "INSERT INTO regesta.migrations (number, name, sha256) VALUES (%s, %s, %s)"


def _apply_one(conn: Connection, migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute(migration.content)  # no parameters: all its statements at once
            conn.execute(_RECORD, [migration.number, migration.name, migration.sha256])
    except psycopg.Error as problem:
        raise MigrationFailed(_explain(migration, problem)) from problem


def _explain(migration: Migration, problem: psycopg.Error) -> str:
    position = problem.diag.statement_position
    place = migration.name
    if position is not None:  # in characters from 1
        before = migration.content.decode()[: int(position) - 1]
        place += f", line {before.count(chr(10)) + 1}"
    return f"{place}: {problem.diag.message_primary or problem}"

"""A PostgreSQL server for tests, and one database of it for each test."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import OWNER, SERVICE, derive, provision

if TYPE_CHECKING:
    from collections.abc import Callable

# Servers that are reached over TCP want passwords, and workers share the roles.
_PASSWORD = "regesta-test"


@dataclass(frozen=True, slots=True)
class LiveDatabase:
    """A database on a running server, and how the superuser and our two roles connect to it."""

    name: str
    superuser_dsn: str
    owner_dsn: str
    service_dsn: str


class DatabaseServer:
    """Makes databases on one server, as copies of a template where all migrations are applied."""

    def __init__(self, superuser_dsn: str) -> None:
        self._dsn = superuser_dsn
        # Workers and sessions may share a server.
        self._prefix = f"regesta_{os.getpid()}_{secrets.token_hex(3)}"
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(superuser_dsn, autocommit=True)
        self._template = self.blank()
        apply(self._template.owner_dsn)

    def close(self) -> None:
        self.drop(self._template)
        self._admin.close()

    def blank(self) -> LiveDatabase:
        """Make a database with the roles, but without any migration."""
        name = f"{self._prefix}_{next(self._numbers)}"
        provision(self._dsn, name, owner_password=_PASSWORD, service_password=_PASSWORD)
        return self._live(name)

    def migrated(self) -> LiveDatabase:
        """Make a database with all migrations applied, by copying the template's files."""
        return self.copy(self._template)

    def copy(self, database: LiveDatabase) -> LiveDatabase:
        """Make a copy of a database to which nobody is connected, as a backup of it."""
        name = f"{self._prefix}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(database.name)
        )
        if self._admin.info.server_version >= 15_00_00:  # before, there was no other way
            statement += sql.SQL(" STRATEGY file_copy")
        self._admin.execute(statement)
        provision(self._dsn, name)  # a copy does not have the rights on the database itself
        return self._live(name)

    def drop(self, database: LiveDatabase) -> None:
        """Drop the database, whoever is still connected to it."""
        self._admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name))
        )

    def _live(self, name: str) -> LiveDatabase:
        return LiveDatabase(
            name=name,
            superuser_dsn=make_conninfo(self._dsn, dbname=name),
            owner_dsn=derive(self._dsn, name, OWNER, _PASSWORD),
            service_dsn=derive(self._dsn, name, SERVICE, _PASSWORD),
        )


def docker_answers() -> bool:
    """Whether a Docker daemon runs here; asked by hand, because its library takes a second."""
    where = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if where.scheme not in {"unix", "tcp"}:
        return True  # somebody has set it to something; starting a container will tell
    try:
        with _connect(where) as connection:
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def _connect(where: SplitResult) -> socket.socket:
    if where.scheme == "tcp":
        return socket.create_connection((where.hostname, where.port or 2375), timeout=2)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(2)
    try:
        connection.connect(where.path)
    except OSError:
        connection.close()
        raise
    return connection


def start_container() -> tuple[str, Callable[[], Any]]:
    """Start PostgreSQL in a container; return the superuser's DSN and what stops it."""
    # Importing it takes a second and a half.
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    container = PostgresContainer(
        "postgres:18", username="postgres", dbname="postgres", driver=None
    )
    container.with_command("postgres -c fsync=off -c full_page_writes=off")
    container.start()
    return container.get_connection_url(), container.stop

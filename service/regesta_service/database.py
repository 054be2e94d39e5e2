"""The database a server works on: an embedded one that is started, or a real one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regesta_service.access.tokens import TokenGrant, digest_of, new_token
from regesta_service.postgres import migrate
from regesta_service.postgres.data_directory import default_data_dir
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.roles import provision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regesta_service.config import Settings

#: Name of the embedded server's database.
DATABASE = "regesta"
_TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Opened:
    """A database at this build's schema."""

    #: Connects as the service role.
    service_dsn: str
    #: Migrations applied just now.
    applied: tuple[str, ...]
    #: Connects as the owner; None when a real database was named without it.
    owner_dsn: str | None = None
    #: Where the embedded server lives; None for a real one.
    home: Path | None = None
    #: Whether the embedded server was running already, started by another process.
    joined: bool = False
    #: Says whether the embedded server still answers; a real one is not ours to watch.
    alive: Callable[[], bool] = lambda: True


def home_of(settings: Settings) -> Path:
    """Return the directory of the embedded server and what belongs to it."""
    return settings.data_dir or default_data_dir().parent


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Opened]:
    """Yield a database that is ready, starting the embedded server if none is named.

    Migrations are applied where the owner's role is at hand; otherwise the schema is
    only checked.

    Raises:
        PostgresError: It cannot be had; the message names the way out.
        psycopg.OperationalError: A real server cannot be reached.
    """
    if settings.dsn is not None:
        dsn = settings.dsn.get_secret_value()
        applied: list[str] = []
        if settings.owner_dsn is not None:
            applied = migrate.apply(settings.owner_dsn.get_secret_value())
        migrate.check(dsn)
        owner = settings.owner_dsn.get_secret_value() if settings.owner_dsn is not None else None
        yield Opened(dsn, tuple(applied), owner)
        return
    home = home_of(settings)
    with EmbeddedPostgres(home / "postgres") as server:
        database = provision(server.dsn, DATABASE)
        applied = migrate.apply(database.owner_dsn)
        joined = not server.is_owned
        yield Opened(
            database.service_dsn,
            tuple(applied),
            database.owner_dsn,
            home,
            joined,
            server.answers,
        )


@contextlib.contextmanager
def scratch_database() -> Iterator[str]:
    """Yield the service's DSN of a database of its own, which is gone afterwards.

    Raises:
        PostgresError: It cannot be had; the message names the way out.
    """
    # Not in a home directory: the server may run under another account than root.
    with tempfile.TemporaryDirectory(prefix="regesta-scratch-") as place:
        Path(place).chmod(0o755)
        with EmbeddedPostgres(Path(place) / "postgres", durable=False) as server:
            database = provision(server.dsn, DATABASE)
            migrate.apply(database.owner_dsn)
            yield database.service_dsn


def first_token(home: Path) -> tuple[Path, str, TokenGrant]:
    """Return the token of the first administrator, made at the first start.

    There is no default credential: the token is random, and in a file that only its
    owner can read.

    Returns:
        The file, the token, and what it grants: everything, as the principal `admin`.

    Raises:
        OSError: The file cannot be written or read.
    """
    path = home / _TOKEN_FILE
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_token() + "\n")
    token = path.read_text().strip()
    return path, token, TokenGrant("admin", digest_of(token), "admin", kind="user")

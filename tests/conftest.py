"""What every test may ask for: a database of its own, or a server of its own.

Which server the databases are on is decided once per worker:

- ``REGESTA_TEST_DSN``: the superuser's DSN of a server that is already there
- ``REGESTA_TEST_PG=docker``: a container; ``embedded``: the programs that are installed, or
  those in ``REGESTA_PG_BINDIR``; ``auto``, the default: a container where a Docker daemon
  answers, else the programs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

from regesta_service.postgres.binaries import BINDIR_VARIABLE
from regesta_service.postgres.embedded import EmbeddedPostgres
from tests.databases import DatabaseServer, LiveDatabase, docker_answers, start_container

if TYPE_CHECKING:
    from collections.abc import Iterator

# A property's example takes as long as the machine is busy; pytest-timeout ends one that hangs.
settings.register_profile("regesta", deadline=None)
settings.load_profile("regesta")


class OwnServer(Protocol):
    """Starts a server that the test may stop, kill and start again as it likes."""

    def __call__(
        self, data_dir: Path | None = None, *, durable: bool = False, bindir: Path | None = None
    ) -> EmbeddedPostgres: ...


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """The server of this worker process."""
    with contextlib.ExitStack() as stack:
        server = DatabaseServer(_superuser_dsn(stack))
        stack.callback(server.close)
        yield server


@pytest.fixture
def database(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """A database of this test's own, with all migrations applied."""
    made = postgres.migrated()
    yield made
    postgres.drop(made)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """An empty directory that the server's account can get to, unlike root's ``tmp_path``."""
    with _open_directory() as directory:
        yield directory


@pytest.fixture
def own_server(open_directory: Path) -> Iterator[OwnServer]:
    """A function that starts a server of the test's own; it is stopped after the test."""
    with contextlib.ExitStack() as stack:

        def start(
            data_dir: Path | None = None, *, durable: bool = False, bindir: Path | None = None
        ) -> EmbeddedPostgres:
            place = data_dir or Path(tempfile.mkdtemp(dir=open_directory)) / "data"
            place.parent.chmod(0o755)
            server = EmbeddedPostgres(place, durable=durable, bindir=bindir or _bindir())
            stack.callback(server.stop)
            server.start()
            return server

        yield start


def _superuser_dsn(stack: contextlib.ExitStack) -> str:
    given = os.environ.get("REGESTA_TEST_DSN")
    if given:
        return given
    choice = os.environ.get("REGESTA_TEST_PG", "auto")
    if choice not in {"auto", "docker", "embedded"}:
        pytest.exit(f"REGESTA_TEST_PG is {choice!r}; it may be auto, docker or embedded", 4)
    if choice == "docker" or (choice == "auto" and docker_answers()):
        dsn, stop = start_container()
        stack.callback(stop)
        return dsn
    directory = stack.enter_context(_open_directory())
    server = EmbeddedPostgres(directory / "data", durable=False, bindir=_bindir())
    return stack.enter_context(server).dsn


def _bindir() -> Path | None:
    given = os.environ.get(BINDIR_VARIABLE)
    return Path(given) if given else None


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    # Short as well: a socket's path has 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="regesta-test-", dir="/tmp"))
    try:
        directory.chmod(0o755)
        yield directory
    finally:
        shutil.rmtree(directory)

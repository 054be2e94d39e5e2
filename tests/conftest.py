"""What every test may ask for: a database of its own, or a server of its own.

Which server the databases are on is decided once per worker:

- ``REGESTA_TEST_DSN``: the superuser's DSN of a server that is already there
- ``REGESTA_TEST_PG=docker``: a container; ``embedded``: the programs that are installed, or
  those in ``REGESTA_PG_BINDIR``; ``auto``, the default: a container where a Docker daemon
  answers, else the programs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

from regesta_service.postgres.binaries import BINDIR_VARIABLE
from regesta_service.postgres.embedded import EmbeddedPostgres
from tests.databases import DatabaseServer, LiveDatabase, docker_answers, start_container

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture(scope="session")
def pristine() -> Iterator[Callable[[Path | None], Path]]:
    """A function that returns a data directory with a new cluster, to be copied, not used.

    A copy takes a twentieth of the time of an initdb.
    """
    made: dict[Path | None, Path] = {}
    with _open_directory() as directory:

        def make(bindir: Path | None) -> Path:
            if bindir not in made:
                place = directory / f"cluster{len(made)}"
                with EmbeddedPostgres(place, durable=False, bindir=bindir):
                    made[bindir] = place
            return made[bindir]

        yield make


@pytest.fixture
def new_data_dir(
    open_directory: Path, pristine: Callable[[Path | None], Path]
) -> Callable[..., Path]:
    """A function that returns a data directory whose server has never run; any number of them."""
    numbers = itertools.count(1)

    def make(place: Path | None = None, *, bindir: Path | None = None) -> Path:
        place = place or open_directory / f"data{next(numbers)}"
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", pristine(bindir or _bindir()), place], check=True)
        return place

    return make


@pytest.fixture
def own_server(new_data_dir: Callable[..., Path]) -> Iterator[OwnServer]:
    """A function that starts a server of the test's own; it is stopped after the test."""
    with contextlib.ExitStack() as stack:

        def start(
            data_dir: Path | None = None, *, durable: bool = False, bindir: Path | None = None
        ) -> EmbeddedPostgres:
            if data_dir is None or not data_dir.exists():
                data_dir = new_data_dir(data_dir, bindir=bindir)
            server = EmbeddedPostgres(data_dir, durable=durable, bindir=bindir or _bindir())
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
    if choice != "embedded" and docker_answers():
        dsn, stop = start_container()
        stack.callback(stop)
        return dsn
    if choice == "docker":
        pytest.exit("REGESTA_TEST_PG is docker, but no Docker daemon answers", 4)
    directory = stack.enter_context(_open_directory())
    server = EmbeddedPostgres(directory / "data", durable=False, bindir=_bindir())
    return stack.enter_context(server).dsn


def _bindir() -> Path | None:
    given = os.environ.get(BINDIR_VARIABLE)
    return Path(given) if given else None


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    # Not pytest's: root's is closed to the server's account, and a socket's path has 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="regesta-test-", dir=_fastest_place()))
    try:
        directory.chmod(0o755)
        yield directory
    finally:
        shutil.rmtree(directory)


def _fastest_place() -> Path:
    """Memory where there is plenty of it: a cluster is a thousand files, made eight times as fast."""
    disk, memory = Path("/tmp"), Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return disk
    room = os.statvfs(memory)
    roomy = room.f_bavail * room.f_frsize > 2**32
    return memory if roomy and not room.f_flag & os.ST_NOEXEC else disk

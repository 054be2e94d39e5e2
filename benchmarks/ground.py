"""What a run stands on: a PostgreSQL on the disk, as it is shipped, and servers of ours."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.processes import family_cpu, own_cpu
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.errors import DataDirectoryUnusable
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regesta_service.config import EngineName

BUILD: Final = Path(__file__).parents[1] / "build"

_SERVES = "regesta serves on "
_STOP_SECONDS = 30.0


class NotServing(RuntimeError):
    """A server of ours did not start; the message has what it said."""


class Ground:
    """One PostgreSQL, fsync on, that every side of every comparison works on."""

    def __init__(self, home: Path, server: EmbeddedPostgres) -> None:
        self.home = home
        self._server = server
        self._numbers = itertools.count(1)

    @property
    def programs(self) -> Path:
        """Where the programs of this PostgreSQL are."""
        return Path(f"/proc/{self.postmaster}/exe").readlink().parent

    @property
    def postmaster(self) -> int:
        """Pid of PostgreSQL's first process."""
        pid = self._server.pid
        if pid is None:
            raise RuntimeError("PostgreSQL has ended")
        return pid

    def database_cpu(self) -> float:
        """Return the CPU seconds that PostgreSQL has used, all its processes together."""
        return family_cpu(self.postmaster)

    def migrated(self) -> str:
        """Make a database of ours and return the DSN of the service's role."""
        database = provision(self._server.dsn, f"regesta_{next(self._numbers)}")
        apply(database.owner_dsn)
        return database.service_dsn

    def superuser_of(self, service_dsn: str) -> str:
        """Return the superuser's DSN of one of our databases."""
        return make_conninfo(self._server.dsn, dbname=str(conninfo_to_dict(service_dsn)["dbname"]))

    def empty(self) -> str:
        """Make an empty database and return the superuser's DSN."""
        name = f"other_{next(self._numbers)}"
        with psycopg.connect(self._server.dsn, autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self._server.dsn, dbname=name)

    @contextlib.contextmanager
    def serving(
        self,
        service_dsn: str,
        engine: EngineName = "grpcio",
        config: Path | None = None,
        *,
        keep_pages: bool = True,
    ) -> Iterator[Served]:
        """Start `regesta-server up` on a database, and stop it at the end.

        Without a configuration everybody may do everything.
        """
        log = self.home / f"server-{next(self._numbers)}.log"
        served = Served(service_dsn, log, engine, config, keep_pages=keep_pages)
        try:
            yield served
        finally:
            served.stop()


class Served:
    """A server of ours in a process of its own.

    Attributes:
        address: Where it listens: a free port of the loopback interface.
        dsn: Its database.
    """

    def __init__(
        self,
        service_dsn: str,
        log: Path,
        engine: EngineName,
        config: Path | None = None,
        *,
        keep_pages: bool = True,
    ) -> None:
        self._log = log
        self.dsn = service_dsn
        environment = {"REGESTA_DSN": service_dsn, "REGESTA_ENGINE": engine}
        if not keep_pages:
            environment["REGESTA_KEPT_PAGES_MIB"] = "0"
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [
                    Path(sys.executable).with_name("regesta-server"),
                    "up",
                    *(("--config", str(config)) if config else ("--insecure-dev",)),
                    "--listen",
                    "127.0.0.1:0",
                ],
                env={**without_settings(), **environment},
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.address = self._await_address()

    def _await_address(self) -> str:
        said = []
        for line in self._process.stdout or ():
            if line.startswith(_SERVES):
                return line.removeprefix(_SERVES).strip()
            said.append(line)
        self._process.wait()
        raise NotServing("".join(said) + self._log.read_text(errors="replace")[-4_000:])

    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        return own_cpu(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop and wait."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()


def without_settings() -> dict[str, str]:
    """Return this environment without what would configure a server."""
    kept = {"REGESTA_PG_BINDIR"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("REGESTA_") or name in kept
    }


@contextlib.contextmanager
def prepared() -> Iterator[Ground]:
    """Yield the ground of a run; nothing of it is left afterwards."""
    with contextlib.ExitStack() as stack:
        home, server = _started(stack)
        yield Ground(home, server)


def _started(stack: contextlib.ExitStack) -> tuple[Path, EmbeddedPostgres]:
    try:
        return _start_in(stack, BUILD)
    except DataDirectoryUnusable:
        # Root's PostgreSQL runs as another user, who cannot get into every home. Not the
        # usual place for temporary files, because that one may lie in memory.
        return _start_in(stack, Path("/var/tmp"))  # noqa: S108


def _start_in(stack: contextlib.ExitStack, parent: Path) -> tuple[Path, EmbeddedPostgres]:
    parent.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    home.chmod(0o755)
    return home, stack.enter_context(EmbeddedPostgres(home / "postgres"))

"""A running PostgreSQL server as seen from outside: does it answer, who is it, make it end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
PORT = 5432  # names the socket file only; no server of ours listens on TCP
SOCKET_NAME = f".s.PGSQL.{PORT}"

_POLL_SECONDS = 0.01

_PROC = Path("/proc")
_KNOWS_DIRECTORIES = (_PROC / "self" / "cwd").exists()  # Linux; macOS has no /proc


def socket_dsn(socket_dir: Path) -> str:
    """Return the DSN of the cluster's superuser over the socket in `socket_dir`."""
    return make_conninfo(host=str(socket_dir), port=PORT, user=SUPERUSER, dbname="postgres")


def ping(socket_dir: Path) -> pq.Ping:
    """Ask the socket: OK, REJECT (starting, recovering or stopping) or NO_RESPONSE.

    The only reliable test. A pid file outlives its server, and the pid in it may be a zombie
    that no one reaps (PID 1 of many containers) or a stranger.
    """
    dsn = make_conninfo(socket_dsn(socket_dir), connect_timeout=2)
    return pq.Ping(pq.PGconn.ping(dsn.encode()))


def recorded_pid(cluster: Path) -> int | None:
    """Return the pid in the cluster's ``postmaster.pid``, None without a readable one."""
    try:
        first, *_ = (cluster / "postmaster.pid").read_text().splitlines()
        return int(first)
    except (FileNotFoundError, ValueError):
        return None


def processes_in(cluster: Path) -> list[int]:
    """Return the pids of PostgreSQL processes that still run in `cluster`.

    Every one of them has the cluster as its working directory; a zombie has none. Only Linux
    tells; elsewhere the list is empty and PostgreSQL's own interlock has to do.
    """
    if not _KNOWS_DIRECTORIES:
        return []
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _is_in(pid, cluster)]


def _is_in(pid: int, cluster: Path) -> bool:
    try:
        return (_PROC / str(pid) / "cwd").samefile(cluster)
    except OSError:  # it is gone, a zombie, or somebody else's
        return False


def remove_stale_locks(cluster: Path, socket_dir: Path) -> None:
    """Remove what a server that is gone left behind and what could keep the next from starting.

    PostgreSQL itself overwrites its lock files when no process has the pid in them. It refuses
    when one has, also when that is a zombie or an unrelated process that got the number since.
    To be called only while holding the directory's lock and after `processes_in` has become
    empty: the pid file also guards against starting beside orphaned backends.
    """
    if _KNOWS_DIRECTORIES:
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        remove_socket(socket_dir)


def remove_socket(socket_dir: Path) -> None:
    """Remove the socket and its lock file; a killed server leaves both behind."""
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (socket_dir / name).unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server's first process, started by us (then `child` is set) or found running."""

    pid: int
    cluster: Path
    child: subprocess.Popen[bytes] | None = None

    def is_running(self) -> bool:
        """Whether the process still runs; a zombie does not."""
        if self.child is not None:
            return self.child.poll() is None
        if _KNOWS_DIRECTORIES:
            return _is_in(self.pid, self.cluster)
        return _exists(self.pid)

    def end(self, timeout: float, *, immediate: bool) -> None:
        """Ask the server to end and wait; look at `is_running` for whether it has.

        First the polite signal for up to `timeout` seconds: SIGINT, which rolls back open
        transactions and closes the cluster, or with `immediate` SIGQUIT, which leaves it as
        after a power cut. Then SIGQUIT, then SIGKILL, at most 5 seconds each.
        """
        polite = signal.SIGQUIT if immediate else signal.SIGINT
        short = min(timeout, 5.0)
        for how, seconds in ((polite, timeout), (signal.SIGQUIT, short), (signal.SIGKILL, 5.0)):
            if not self.is_running():
                break
            self._send(how)
            self._wait(seconds)

    def reap(self, seconds: float) -> None:
        """Take note of our child's end, which otherwise leaves a zombie."""
        if self.child is not None:
            self.child.wait(seconds)

    def _send(self, how: signal.Signals) -> None:
        try:
            os.kill(self.pid, how)
        except ProcessLookupError:
            return

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

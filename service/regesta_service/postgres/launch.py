"""Becomes another program, run by a given account, that is told to stop when its parent dies.

Run as a script, never imported: ``python -I -S launch.py PARENT UID GID PROGRAM ARGUMENT...``.
A script, because the same steps between fork and exec in the calling process (subprocess's
``preexec_fn``) run Python in a forked copy of a process that may have gRPC threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def stop_with_parent(parent: int) -> None:
    """Have the kernel send SIGINT, PostgreSQL's fast shutdown, when `parent` ends.

    Linux only, elsewhere nothing is done. "Parent" is the thread that forked us, not only its
    process (prctl(2)). To be called after the account has been changed, which resets it.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGINT), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:  # it died before the request was in place
        raise SystemExit("the process that asked for the server is gone")


def main(arguments: list[str]) -> None:
    """Change the account when we are root, tie our life to the parent's, become the program."""
    parent, uid, gid = (int(number) for number in arguments[:3])
    command = arguments[3:]
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    stop_with_parent(parent)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])

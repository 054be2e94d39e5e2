"""Files that are there whole or not at all, also when the machine stops, and locks on files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

#: What other accounts may do with a file is the umask's business, as with any other program.
EVERYBODY: Final = 0o666

#: Nobody else may do anything with it.
OWNER: Final = 0o600


@contextmanager
def replacing(path: Path, mode: int = EVERYBODY) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of `path` when the block ends well.

    It is on disk by then, and so is its name. If the block raises, `path` is as it was.

    Args:
        path: The file.
        mode: Its permissions, of which the umask takes some away.

    Raises:
        OSError: The file cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(beside, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
    sync_directory(path.parent)


def write_atomically(path: Path, data: bytes, mode: int = EVERYBODY) -> None:
    """Write a file whole; see `replacing`.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(path, mode) as file:
        file.write(data)


def sync_directory(path: Path) -> None:
    """Make what was created or renamed in a directory last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(path: Path, mode: int = OWNER) -> int | None:
    """Take the lock of a file, made if need be; return its descriptor, None while it is taken.

    Closing the descriptor, or the end of this process in any way, gives it back.

    Raises:
        OSError: The file cannot be opened, or is a symbolic link.
    """
    import fcntl  # noqa: PLC0415 - the rest of the client runs where there is none

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

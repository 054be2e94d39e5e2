"""A publisher that runs: by itself, or as the child of a server with an embedded database."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from regesta.audit.keys import (
    ExposedKeyFile,
    InvalidKeyFile,
    KeyFileExists,
    generate,
    write_key,
)
from regesta.audit.notes import Note, VerifierKey
from regesta_service.audit.memory import Memory, MemoryDamaged, MemoryInUse
from regesta_service.audit.publisher import OriginChanged, Publisher, connected
from regesta_service.audit.witnessing import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta.audit.keys import PrivateKey
    from regesta_service.audit.stored import Head

_log = structlog.get_logger("publisher")

#: Exit codes: all is well; the database did not answer; an alarm stands.
DONE, NO_DATABASE, ALARM = 0, 3, 4

#: What keeps a publisher from running until somebody changes something.
CANNOT_RUN: Final = (
    ExposedKeyFile,
    InvalidKeyFile,
    MemoryDamaged,
    MemoryInUse,
    OriginChanged,
    OSError,
)

_LONGEST_PAUSE: Final = 30.0

#: Seconds that witnesses get when the publisher stops.
_LAST_WORDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Publication:
    """What to publish, and how.

    Attributes:
        dsn: As the service's role.
        memory: Directory.
        origin: Of the deployment; None means the database's own.
        namespaces: None means all.
        read_dsn: Where rows are read; None means `dsn`.
        interval: Seconds between two looks.
        witnesses: Keys and URLs; those without a URL are not asked.
    """

    dsn: str
    memory: Path
    origin: str | None = None
    namespaces: tuple[str, ...] | None = None
    read_dsn: str | None = None
    interval: float = 1.0
    witnesses: tuple[tuple[VerifierKey, str], ...] = ()


def publish(
    what: Publication,
    keys: Sequence[PrivateKey],
    wait: Callable[[float], bool],
    *,
    once: bool = False,
) -> int:
    """Publish until told to stop, and once more then, so that what was acknowledged is signed.

    Args:
        what: What to publish.
        keys: Keys to sign with, all of them each time.
        wait: Waits some seconds and returns whether to stop.
        once: Look once instead.

    Returns:
        The exit code.

    Raises:
        MemoryInUse: Another publisher has this memory.
        MemoryDamaged: It contradicts itself.
        OriginChanged: It contradicts the configuration.
        OSError: It cannot be written.
    """
    desks = [Desk(url, key, lambda: connected(what.dsn)) for key, url in what.witnesses if url]

    def ask(head: Head, note: Note) -> None:
        for desk in desks:
            desk.ask(head, note)

    with Memory(what.memory) as memory, contextlib.ExitStack() as stack:
        publisher = Publisher(
            what.dsn,
            keys,
            memory,
            origin=what.origin,
            namespaces=what.namespaces,
            read_dsn=what.read_dsn,
            on_signed=ask,
        )
        stack.callback(publisher.close)
        for desk in desks:
            stack.callback(desk.stop, _LAST_WORDS)
        reached = _look(publisher)
        pause = what.interval
        while not once:
            stopping = wait(pause)
            reached = _look(publisher)
            pause = what.interval if reached else min(max(pause, 0.5) * 2, _LONGEST_PAUSE)
            if stopping:
                break
        if publisher.alarms:
            return ALARM
        return DONE if reached else NO_DATABASE


def make_key(path: Path, password: bytes | None = None) -> None:
    """Make a key in a file unless there is one; its directory too.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Another process may be as fast.
        with contextlib.suppress(KeyFileExists):
            write_key(path, generate(), password)


def _look(publisher: Publisher) -> bool:
    """Look once; return whether the database answered."""
    try:
        publisher.look()
    except psycopg.Error as error:
        _log.warning("publisher_lost_database", problem=type(error).__name__)
        return False
    return True

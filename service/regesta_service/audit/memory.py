"""What a publisher has signed, remembered outside of the database.

Whoever can change the database cannot change this, so a log that was cut short or replaced is
noticed. One file a namespace, replaced as a whole and synced before anything is published: a
signature that others may have seen is never forgotten.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import Note
from regesta.disk import OWNER, sync_directory, try_lock, write_atomically
from regesta.merkle import Frontier, InvalidFrontier
from regesta_service.audit.published import Alarm

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FORMAT: Final = "regesta-publisher/1"

_MEMORY, _ALARM, _POLICY = "memory.json", "alarm.json", "policy.txt"


class MemoryInUse(RuntimeError):
    """Another publisher has this memory; each needs its own."""


class MemoryDamaged(RuntimeError):
    """What is remembered contradicts itself; it is not guessed what was meant."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a publisher last found right, and what it signed of it."""

    origin: str
    frontier: Frontier
    #: The signed checkpoint of that size; empty when a standby looked and did not sign.
    note: str = ""

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.frontier.size


class Memory:
    """A publisher's memory; a context manager that keeps others away.

    Args:
        directory: Made when missing, for its owner only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = -1

    def __enter__(self) -> Self:
        """Take hold of the directory.

        Raises:
            MemoryInUse: Another process has it.
            OSError: It cannot be made or read.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = try_lock(self._directory / "lock")
        if lock is None:
            raise MemoryInUse(f"another publisher has its memory in {self._directory}")
        self._lock = lock
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the directory."""
        os.close(self._lock)

    def namespaces(self) -> list[str]:
        """Return the namespaces that are remembered, in order."""
        return sorted(path.parent.name for path in self._directory.glob(f"*/{_MEMORY}"))

    def recall(self, namespace: str) -> Remembered | None:
        """Return what is remembered of a namespace; None when it is new.

        Raises:
            MemoryDamaged: The file is not as `remember` wrote it.
        """
        path = self._directory / namespace / _MEMORY
        data = _read(path)
        if data is None:
            return None
        try:
            if data["format"] != FORMAT:
                raise MemoryDamaged(f"{path} is of the format {data['format']!r}")
            frontier = Frontier.decode(data["size"], bytes.fromhex(data["frontier"]))
            found = Remembered(data["origin"], frontier, data["note"])
            if found.note:
                stated = Checkpoint.parse(Note.parse(found.note).text)
                if stated != Checkpoint(found.origin, frontier.size, frontier.root()):
                    raise MemoryDamaged(f"the note in {path} is not of what stands beside it")
        except (InvalidFrontier, KeyError, TypeError, ValueError) as error:
            raise MemoryDamaged(f"{path} cannot be understood: {error}") from error
        return found

    def remember(self, namespace: str, what: Remembered) -> None:
        """Replace what is remembered of a namespace; on return it is on the disk.

        Raises:
            OSError: It cannot be written; what was remembered before still is.
        """
        self._write(
            namespace,
            _MEMORY,
            {
                "format": FORMAT,
                "origin": what.origin,
                "size": what.size,
                "frontier": what.frontier.encode().hex(),
                "note": what.note,
            },
        )

    def alarm(self, namespace: str) -> Alarm | None:
        """Return the alarm that stands; None when an operator has cleared it, or there was none.

        Raises:
            MemoryDamaged: The file is not as `raise_alarm` wrote it.
        """
        path = self._directory / namespace / _ALARM
        data = _read(path)
        if data is None:
            return None
        try:
            return Alarm(**(data | {"at": datetime.fromisoformat(data["at"])}))
        except (KeyError, TypeError, ValueError) as error:
            raise MemoryDamaged(f"{path} cannot be understood: {error}") from error

    def raise_alarm(self, namespace: str, alarm: Alarm) -> Alarm:
        """Note an alarm, which stands until `clear_alarm`; return it with its time."""
        at = datetime.now(UTC)
        told = {
            "kind": alarm.kind,
            "position": alarm.position,
            "last_position": alarm.last_position,
            "detail": alarm.detail,
            "at": at.isoformat(),
        }
        self._write(namespace, _ALARM, told)
        return replace(alarm, at=at)

    def clear_alarm(self, namespace: str) -> bool:
        """Let the publisher look again; return whether there was an alarm.

        Needs no lock: it is an operator who says so, while the publisher runs.
        """
        path = self._directory / namespace / _ALARM
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_directory(path.parent)
        return True

    def write_policy(self, namespace: str, policy: str) -> None:
        """Write a trust policy for those who are to verify, if it is another than before."""
        path = self._directory / namespace / _POLICY
        if not path.exists() or path.read_text() != policy:
            self._replace(path, policy.encode())

    def _write(self, namespace: str, name: str, data: dict[str, Any]) -> None:
        self._replace(self._directory / namespace / name, json.dumps(data, indent=1).encode())

    def _replace(self, path: Path, data: bytes) -> None:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            sync_directory(self._directory)
        write_atomically(path, data, OWNER)


def _read(path: Path) -> dict[str, Any] | None:
    with contextlib.suppress(FileNotFoundError):
        try:
            data = json.loads(path.read_bytes())
        except ValueError as error:
            raise MemoryDamaged(f"{path} is no JSON: {error}") from error
        if not isinstance(data, dict):
            raise MemoryDamaged(f"{path} holds no object")
        return data
    return None

"""What processes have used, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def own_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, all its threads together, without its children."""
    return sum(_ticks(pid)[:2]) / _TICKS


def family_cpu(pid: int) -> float:
    """Return the CPU seconds of a process and of all children it has or had, and of theirs."""
    while True:
        before = _descendants(pid)
        used = sum(_ticks(pid)) + sum(sum(_ticks(child)) for child in before)
        # What a child used moves to its parent when it ends; look again if one has.
        if _descendants(pid) == before:
            return used / _TICKS


def _descendants(pid: int) -> list[int]:
    found = []
    for thread in _threads(pid):
        for child in map(int, _text(thread / "children").split()):
            found += [child, *_descendants(child)]
    return found


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []


def _ticks(pid: int) -> list[int]:
    """Return user and system time, own and of the children that have ended; zeros when it is gone."""
    # The name may hold anything, so count from the parenthesis that ends it.
    return [
        int(field) for field in _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[11:15]
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ""

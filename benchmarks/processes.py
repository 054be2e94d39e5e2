"""What processes have used, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def own_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, all its threads together, without its children."""
    return sum(_ticks(pid)[:2]) / _TICKS


def family_cpu(pid: int) -> float:
    """Return the CPU seconds of a process and of all children it has or had."""
    own = _ticks(pid)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (sum(own) + sum(sum(_ticks(int(child))[:2]) for child in children)) / _TICKS


def _ticks(pid: int) -> list[int]:
    """Return user and system time, own and of the children that have ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:  # it has just ended
        return [0, 0, 0, 0]
    # The name may hold anything, so count from the parenthesis that ends it.
    return [int(field) for field in line.rpartition(")")[2].split()[11:15]]

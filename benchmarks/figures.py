"""Figures of a run: what was measured, beside what, and whether its goal holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure's ratio or, without something to compare with, on its value."""

    bound: float
    #: False when more is better.
    at_most: bool = True
    of_value: bool = False

    def __str__(self) -> str:
        """Return the bound as the table shows it."""
        sign = "<=" if self.at_most else ">="
        return f"{sign} {number(self.bound)}{'' if self.of_value else ' x'}"

    def holds(self, value: float | None, ratio: float | None) -> bool | None:
        """Say whether the bound is kept; None when what it bounds was not measured."""
        measured = value if self.of_value else ratio
        if measured is None:
            return None
        return measured <= self.bound if self.at_most else measured >= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing.

    Attributes:
        value: None when it could not be measured; `note` says why.
        against: What it is compared with, and how much that was.
        ratio: Value by that of `against`.
    """

    name: str
    value: float | None
    unit: str
    against: str = ""
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the goal holds; None without a goal or without a measurement."""
        return None if self.goal is None else self.goal.holds(self.value, self.ratio)


def number(value: float) -> str:
    """Return a number with three significant digits at least, and no more than it needs."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


_HEADINGS = ("what", "value", "unit", "against", "ratio", "goal", "holds")
_RIGHT = {1, 4}


def table(figures: Sequence[Figure]) -> str:
    """Return figures as lines in columns, with the notes below."""
    lines = columns([_HEADINGS, *map(_cells, figures)], _RIGHT)
    notes = [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([lines, *notes])


def columns(lines: Sequence[Sequence[str]], right: Container[int]) -> str:
    """Return lines of cells in columns, the headings underlined.

    Args:
        lines: The headings first.
        right: Which columns, from 0, have their cells at the right.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in ruled
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        "-" if figure.value is None else number(figure.value),
        figure.unit,
        figure.against,
        "" if figure.ratio is None else number(figure.ratio),
        "" if figure.goal is None else str(figure.goal),
        {True: "yes", False: "NO", None: ""}[figure.holds],
    )


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """Write figures as a list of objects; a figure without a goal has null for `holds`."""
    listed = []
    for figure in figures:
        entry = asdict(figure)
        entry["goal"] = None if figure.goal is None else str(figure.goal)
        entry["holds"] = figure.holds
        listed.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(listed, indent=1) + "\n")

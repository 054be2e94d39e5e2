"""What goes to stdout: lines and tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: A text from the registry must not steer the terminal: all control characters but tab and
#: line break, and the marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

#: Wider than any table, for pipes: nothing is wrapped or cut there.
_PIPE_WIDTH = 1_000_000

#: A cell, and its style; see rich's.
Cell = str | tuple[str, str]


@dataclass(slots=True)
class Output:
    """Writes answers; `json` says for whom."""

    json: bool = False

    def document(self, value: Any) -> None:
        """Write the one JSON document of a command."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def json_line(self, value: Any) -> None:
        """Write one of the JSON lines of a stream."""
        click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def line(self, *parts: Cell) -> None:
        """Write a line for people, its parts one after the other."""
        self._write(Text.assemble(*(_cell(part) for part in parts)))

    def text(self, text: str) -> None:
        """Write a text of many lines as it is, but for control characters."""
        click.echo(visible(text), nl=not text.endswith("\n"))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Write a table; a column whose name ends in # is aligned to the right."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in columns:
            right = column.endswith("#")
            table.add_column(
                column.removesuffix("#"), justify="right" if right else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(_cell(cell) for cell in row))
        self._write(table)

    def facts(self, title: str, rows: Iterable[tuple[str, Cell]]) -> None:
        """Write what is known of one thing: names and values, below a title."""
        self.line((title, "bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(f"  {name}", _cell(value))
        self._write(grid)

    def _write(self, what: Text | Table) -> None:
        terminal = sys.stdout.isatty()
        console = Console(
            file=sys.stdout,
            width=None if terminal else _PIPE_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )
        with console.capture() as capture:
            console.print(what, soft_wrap=isinstance(what, Text))
        # Tables fill their last column with blanks, which nobody wants in a pipe.
        for line in capture.get().splitlines():
            click.echo(line.rstrip(), color=True)


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted, as in `1 text` and `1,200 texts`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def visible(text: str) -> str:
    """Return a text whose control characters are written out as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _cell(cell: Cell) -> Text:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return Text(visible(text), style=style)

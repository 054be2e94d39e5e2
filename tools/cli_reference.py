"""Keep the help texts in docs/reference/cli.md those of the program.

usage: tools/cli_reference.py [--check]

Each block of the page that begins with `Usage: regesta` is the help of that command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from regesta.cli.program import SECTIONS, program

PAGE = Path(__file__).parent.parent / "docs/reference/cli.md"
WIDTH = 92

_BLOCK = re.compile(r"^```text\n(Usage: (regesta[a-z -]*)\b.*?)^```$", re.MULTILINE | re.DOTALL)


def helps() -> dict[str, str]:
    """Return the help of each command, by its full name, in the order of the program's own."""
    settings = program.context_settings
    context = click.Context(program, info_name="regesta", terminal_width=WIDTH, **settings)
    found = {"regesta": program.get_help(context)}
    for commands in SECTIONS.values():
        for command in commands:
            found |= dict(_helps(command, context))
    return found


def _helps(command: click.Command, parent: click.Context) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=command.name, parent=parent, terminal_width=WIDTH)
    if not isinstance(command, click.Group):
        yield context.command_path, command.get_help(context)
        return
    for below in command.commands.values():
        yield from _helps(below, context)


def refreshed(text: str) -> str:
    """Return the page with every help as the program has it now."""
    now = helps()
    return _BLOCK.sub(lambda block: f"```text\n{now[block[2].strip()]}\n```", text)


def documented(text: str) -> list[str]:
    """Return the commands whose help is on the page."""
    return [block[2].strip() for block in _BLOCK.finditer(text)]


def main() -> int:
    """Write the page afresh, or with `--check` say whether it is fresh and complete."""
    text = PAGE.read_text()
    missing = sorted(set(helps()) - set(documented(text)))
    if missing:
        print(f"{PAGE.name} lacks the help of: {', '.join(missing)}")
        return 1
    if "--check" in sys.argv:
        if refreshed(text) != text:
            print(f"{PAGE.name} has another help than the program: run tools/cli_reference.py")
            return 1
        return 0
    PAGE.write_text(refreshed(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())

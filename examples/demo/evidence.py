"""The command line as an auditor runs it, and a forger who edits one word of a pack."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

_FINDINGS = 7


class CommandLine:
    """Runs `regesta` against a server, as somebody.

    Args:
        target: Where the server is.
        token: Whose it is.
    """

    def __init__(self, target: str, token: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("REGESTA")},
            "REGESTA_TARGET": target,
            "REGESTA_TOKEN": token,
        }

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command and return what it said.

        Raises:
            RuntimeError: It ended neither well nor with findings.
        """
        done = subprocess.run(
            [sys.executable, "-m", "regesta.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self._environment,
            check=False,
        )
        if done.returncode not in {0, _FINDINGS}:
            raise RuntimeError(f"regesta {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


def forge(pack: Path, forged: Path, word: str, other: str) -> None:
    """Write a pack with a word of its first event that has it replaced, and nothing else."""
    with zipfile.ZipFile(pack) as honest, zipfile.ZipFile(forged, "w") as written:
        for entry in honest.infolist():
            data = honest.read(entry)
            if entry.filename == "events.jsonl":
                data = data.replace(f'"{word}"'.encode(), f'"{other}"'.encode(), 1)
            written.writestr(entry.filename, data)

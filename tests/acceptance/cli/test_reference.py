"""docs/reference/cli.md: its help is the program's, and its examples print what it says."""

from __future__ import annotations

import json
import re
import shlex
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cli_reference
from regesta.cli.failing import FINDINGS
from regesta.cli.program import BROKEN_PIPE, INTERRUPTED, run

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"

_EXAMPLES = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
#: What is another each time: times, hashes and ids.
_VARIES = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "2026-11-21 09:15:00"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "2026-11-21T09:15:00.123456Z"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "4f9c" * 16),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "0195" * 8),
]


def settled(text: str) -> str:
    """Return a text with one value for all that varies."""
    for pattern, value in _VARIES:
        text = pattern.sub(value, text)
    return text


def played(block: str, say: Callable[[str], str]) -> str:
    """Return a block of examples with what its commands print now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{say(command[2:])}" for command in commands)


@pytest.fixture
def say(
    capfd: pytest.CaptureFixture[str],
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], str]:
    """A function that runs a command in a folder with an artifact and a card."""
    monkeypatch.chdir(tmp_path)
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    artifact = struct.pack("<Q", len(header)) + header + bytes(24)
    (tmp_path / "churn.safetensors").write_bytes(artifact)
    (tmp_path / "card.md").write_text("# Churn\n\nPredicts who leaves.\n")
    codes = [0]

    def run_it(command: str) -> str:
        if command == "echo $?":
            return f"{codes[-1]}\n"
        program, *arguments = shlex.split(command)
        assert "regesta" == program
        capfd.readouterr()
        codes.append(run(arguments))
        out, err = capfd.readouterr()
        return settled(out + err).replace(namespace, "default")

    return run_it


def test_the_help_on_the_page_is_the_programs():
    text = PAGE.read_text()
    assert list(cli_reference.helps()) == sorted(
        cli_reference.documented(text), key=list(cli_reference.helps()).index
    )
    assert cli_reference.refreshed(text) == text


def test_every_exit_code_is_on_the_page():
    table = PAGE.read_text().partition("## Exit codes")[2].partition("## JSON")[0]
    documented = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert [*range(FINDINGS + 1), INTERRUPTED, BROKEN_PIPE] == [
        int(code) for codes in documented for code in codes.split(", ")
    ]


def test_the_examples_print_what_the_page_says(say: Callable[[str], str]):
    blocks = _EXAMPLES.findall(PAGE.read_text())
    now = [played(block, say) for block in blocks]
    assert now == [settled(block) for block in blocks]

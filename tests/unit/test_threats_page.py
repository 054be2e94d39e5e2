"""docs/audit/threats.md names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/audit/threats.md"


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_attack_names_a_test_that_exists():
    rows = [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| attack |", "| what "))
    ]
    named = [re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", row) for row in rows]

    assert len(rows) > 20
    assert all(named), [row for row, tests in zip(rows, named, strict=True) if not tests]
    missing = [
        f"{file}::{name}"
        for tests in named
        for file, name in tests
        if not (ROOT / file).is_file() or (name and name not in functions_of(file))
    ]
    assert missing == []

"""docs/audit/packs.md has every kind of finding that a check of a pack can name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import regesta.audit

PAGE = Path(__file__).parents[3] / "docs/audit/packs.md"
SOURCES = Path(regesta.audit.__file__).parent


def _named_in(source: Path) -> set[str]:
    """Return the kinds with which a module makes findings."""
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    firsts = [
        call.args[0]
        for call in calls
        if call.args
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in {"found", "Fault"}
    ]
    return {str(one.value) for one in firsts if isinstance(one, ast.Constant)}


def test_the_page_lists_every_kind_of_finding_by_the_alphabet():
    listed = re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE)
    used = set().union(*map(_named_in, SOURCES.glob("*.py")))

    assert listed == sorted(used)

"""docs/reference/verify.md has every kind of finding, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from regesta_projections.verification import MAX_FINDINGS, Kind

PAGE = Path(__file__).parents[3] / "docs/reference/verify.md"


def test_the_page_lists_every_kind_with_its_meaning():
    listed = re.findall(r"^\| `([A-Z_]+)` \| (.+)\. \|$", PAGE.read_text(), re.MULTILINE)

    assert [(kind.name, kind.value) for kind in Kind] == [
        (name, meaning[0].lower() + meaning[1:]) for name, meaning in listed
    ]


def test_the_page_says_how_many_findings_are_named():
    assert f"the first {MAX_FINDINGS:,} are named" in PAGE.read_text()

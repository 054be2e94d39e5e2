from __future__ import annotations

from pathlib import Path

import msgspec

from regesta_projections.events import EVENTS

PAGE = Path(__file__).parents[2] / "docs/reference/events.md"


def test_the_page_has_every_event_type_with_its_fields():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `")
    ]
    listed = {
        name.strip("`"): sorted(filter(None, fields.replace("`", "").split(", ")))
        for name, _, fields in rows
    }

    assert listed == {
        name: sorted(field.encode_name for field in msgspec.structs.fields(kind))
        for name, kind in EVENTS.items()
    }

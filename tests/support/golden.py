"""The golden files: what was once written must be read, and folded, the same for ever.

`python -m tests.support.golden` adds what `rich_log` tells beyond the golden log, files of new
event types, and the rows of it all. It never touches a record that is there: those stand for
what is in databases.
"""

from __future__ import annotations

import json
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from regesta_projections.events import EVENTS
from regesta_projections.evolve import evolve, keys_of
from regesta_projections.forms import OBJECTS
from regesta_projections.records import read_record
from regesta_projections.rows import Key, Row, Rows
from regesta_projections.tables import TABLES
from tests.support.rich_log import rich_log

HERE = Path(__file__).parents[1] / "golden"
RECORDS = HERE / "records"
LOG = HERE / "log.jsonl"
ROWS = HERE / "rows.json"

#: Of every record's envelope and every event's data; a change that old readers would not
#: understand gets the next number and files of its own.
VERSION = 1


def golden_rows() -> dict[str, list[dict[str, Any]]]:
    """Return the rows that a fold of the golden log makes, by table, in the order of keys."""
    base: dict[Key, Row | None] = {}
    for position, record in enumerate(LOG.read_bytes().splitlines(), 1):
        recorded = read_record(record, position)
        for key in keys_of(recorded):
            base.setdefault(key, None)
        rows = Rows(base)
        evolve(rows, recorded)
        base.update((row.key, row) for row in rows.changed())
    tables: dict[str, list[dict[str, Any]]] = {}
    for kind, table in TABLES.items():
        values = [table.values_in(row, OBJECTS) for row in base.values() if isinstance(row, kind)]
        tables[table.name] = [
            {name: _shown(value) for name, value in zip(table.column_names, line, strict=True)}
            for line in sorted(values, key=itemgetter(slice(table.key_length)))
        ]
    return tables


def _shown(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case dict():
            # Protobuf's maps come in another order each time.
            return {key: _shown(value[key]) for key in sorted(value)}
        case list():
            return [_shown(part) for part in value]
        case _:
            return value


def write() -> None:
    """Write what is missing."""
    log = rich_log("golden")
    RECORDS.mkdir(parents=True, exist_ok=True)
    known = LOG.read_bytes().splitlines() if LOG.exists() else []
    if log.records[: len(known)] != known:
        raise SystemExit("rich_log tells another story than the golden log; add to its end")
    with LOG.open("ab") as file:
        file.writelines(record + b"\n" for record in log.records[len(known) :])
    for record in log.records:
        path = RECORDS / f"{read_record(record, 1).type}.v{VERSION}.json"
        if not path.exists():
            path.write_bytes(record)
    ROWS.write_text(json.dumps(golden_rows(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
    missing = set(EVENTS) - {path.name.split(".")[0] for path in RECORDS.iterdir()}
    if missing:
        raise SystemExit(f"tests/support/rich_log.py has no event of {', '.join(sorted(missing))}")

"""Writers of events: each turns a stream of them into one file.

write = WRITERS["csv"]
write(events, file)                      # returns how many events there were
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import astuple
from datetime import UTC, datetime
from typing import BinaryIO, Final

from regesta.exporting.columns import COLUMNS, row_of
from regesta.exporting.parquet import write_parquet
from regesta.v1 import event_pb2

#: Writes events into a file and returns how many there were.
Write = Callable[[Iterable[event_pb2.Event], BinaryIO], int]

# What a spreadsheet takes for a formula, as OWASP lists it ("CSV Injection"), full-width forms
# included; and the apostrophe itself, so that one at the front always was put there.
_FORMULA = re.compile("[=+\\-@\t\r\n'＝＋－＠]")  # noqa: RUF001 - the letters are what is meant


def write_jsonl(events: Iterable[event_pb2.Event], file: BinaryIO) -> int:
    """Write the exact bytes of each record on a line of its own.

    Unfiltered and from the beginning, line i is leaf i - 1 of the log's Merkle tree.
    """
    count = 0
    for event in events:
        file.write(event.record + b"\n")
        count += 1
    return count


def write_cloudevents(events: Iterable[event_pb2.Event], file: BinaryIO) -> int:
    """Write one JSON array of the records: `application/cloudevents-batch+json`.

    Each record is a CloudEvent already, and stands in the array byte for byte, on a line of
    its own.

    Source: CloudEvents 1.0, JSON event format, section 4 (JSON batch format).
    """
    count = 0
    file.write(b"[")
    for event in events:
        file.write((b",\n" if count else b"\n") + event.record)
        count += 1
    file.write(b"\n]\n")
    return count


def write_csv(events: Iterable[event_pb2.Event], file: BinaryIO) -> int:
    """Write a table: a line of names, then a line an event.

    UTF-8 without a mark at its front, lines end in CR LF, fields are quoted where they must
    be (RFC 4180). A field that a spreadsheet would take for a formula gets an apostrophe at
    its front, and so does one that begins with an apostrophe.

    Raises:
        UnreadableRecord: An event is not one.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        count = 0
        for event in events:
            writer.writerow([_cell(value) for value in astuple(row_of(event))])
            count += 1
        return count
    finally:
        # The file is the caller's; a wrapper that is thrown away would close it.
        text.detach()


def plain_text(cell: str) -> str:
    """Return what a field of the CSV said before it was made harmless."""
    return cell.removeprefix("'")


def _cell(value: str | int | datetime) -> str:
    match value:
        case int():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            return f"'{value}" if _FORMULA.match(value) else value


WRITERS: Final[dict[str, Write]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
    "cloudevents": write_cloudevents,
}

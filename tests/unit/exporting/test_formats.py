"""Each format says of every event what its record says, and nothing else."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.disk import replacing, write_atomically
from regesta.exporting.columns import COLUMNS, UnreadableRecord
from regesta.exporting.formats import plain_text, write_cloudevents, write_csv, write_jsonl
from regesta.exporting.parquet import write_parquet
from regesta.merkle import leaf_hash
from regesta.v1 import event_pb2

RECORDS = Path(__file__).parents[2] / "golden" / "log.jsonl"


def event(position: int, record: bytes, **texts: str) -> event_pb2.Event:
    said = json.loads(record)
    made = event_pb2.Event(position=position, record=record, stream=said["subject"])
    for field, text in texts.items():
        made.disclosures.add(field=field, text=text)
    return made


def golden() -> list[event_pb2.Event]:
    lines = RECORDS.read_bytes().splitlines()
    return [event(position, line, reason="why") for position, line in enumerate(lines, 1)]


def table(events) -> list[dict[str, str]]:
    file = io.BytesIO()
    count = write_csv(events, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))
    assert count == len(rows)
    return rows


def test_json_lines_are_the_records():
    events, file = golden(), io.BytesIO()
    assert len(events) == write_jsonl(iter(events), file)
    assert RECORDS.read_bytes() == file.getvalue()


def test_a_batch_of_cloudevents_holds_the_records_byte_for_byte():
    events, file = golden(), io.BytesIO()
    assert len(events) == write_cloudevents(iter(events), file)
    assert [json.loads(one.record) for one in events] == json.loads(file.getvalue())
    assert all(one.record in file.getvalue() for one in events)
    empty = io.BytesIO()
    write_cloudevents([], empty)
    assert [] == json.loads(empty.getvalue())


def test_a_line_of_the_table_says_what_the_record_says():
    events = golden()
    for one, row in zip(events, table(events), strict=True):
        record = json.loads(one.record)
        assert list(COLUMNS) == list(row)
        assert {
            "position": str(one.position),
            "type": record["type"],
            "resource": record["subject"],
            "revision": record["revision"],
            "actor": record["authid"],
            "actor_type": record["authtype"],
            "record_time": record["recordedtime"],
            "occurred_time": record["time"],
            "occurred_by": record.get("occurredby", ""),
            "request_id": record["correlationid"],
            "traceparent": record.get("traceparent", ""),
            "reason": "why",
            "prev": record.get("prev", ""),
            "leaf_hash": leaf_hash(one.record).hex(),
        } == {name: text for name, text in row.items() if name not in {"data", "texts"}}
        assert record["data"] == json.loads(row["data"])
        assert {"reason": "why"} == json.loads(row["texts"])


@pytest.mark.parametrize(
    "reason", ['=HYPERLINK("x")', "+1", "-1", "@a", "\t=1", "\r=1", "＝1", "'=1"]
)
def test_a_spreadsheet_takes_no_text_for_a_formula(reason: str):
    (row,) = table([event(1, golden()[0].record, reason=reason)])
    assert f"'{reason}" == row["reason"]


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back_from_the_table(reason: str):
    (row,) = table([event(1, golden()[0].record, reason=reason)])
    assert reason == plain_text(row["reason"])


def test_parquet_has_the_same_columns_and_the_exact_bytes(tmp_path: Path):
    events = golden()
    with replacing(tmp_path / "log.parquet") as file:
        assert len(events) == write_parquet(iter(events), file)
    read = pq.read_table(tmp_path / "log.parquet")
    assert [*COLUMNS, "record"] == read.column_names
    assert [one.record for one in events] == read["record"].to_pylist()
    for row, line in zip(table(events), read.to_pylist(), strict=True):
        times = {name: line.pop(name).isoformat() for name in ("record_time", "occurred_time")}
        assert {
            name: text.replace("Z", "+00:00") for name, text in row.items() if name in times
        } == times
        del line["record"]
        assert {name: plain_text(row[name]) for name in line} == {
            name: str(value) for name, value in line.items()
        }


@pytest.mark.parametrize("record", [b"{}", b"[]", b"no", b'{"type":1}'])
def test_what_is_no_record_has_no_place_in_a_table(record: bytes):
    broken = event_pb2.Event(position=7, record=record)
    with pytest.raises(UnreadableRecord, match="position 7"):
        write_csv([broken], io.BytesIO())


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path):
    path = tmp_path / "file"
    write_atomically(path, b"first")
    with contextlib.suppress(RuntimeError), replacing(path) as file:
        file.write(b"second")
        raise RuntimeError
    assert (b"first", [path]) == (path.read_bytes(), list(tmp_path.iterdir()))
    write_atomically(path, b"third")
    assert b"third" == path.read_bytes()

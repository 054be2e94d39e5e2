"""A log as a Parquet file, for data frames and warehouses. Needs `regesta[parquet]`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from itertools import islice
from typing import Any, BinaryIO, Final

from regesta.audit.cryptographic import MissingExtra
from regesta.exporting.columns import COLUMNS, row_of
from regesta.v1 import event_pb2

#: Events a row group: a few megabytes in memory.
ROW_GROUP: Final = 10_000


def write_parquet(events: Iterable[event_pb2.Event], file: BinaryIO) -> int:
    """Write a table with the columns of `columns.Row`, and the exact bytes as `record`.

    Times are timestamps in UTC to the microsecond, hashes are text in hexadecimal as in CSV.
    Compressed with Zstandard.

    Raises:
        MissingExtra: `pyarrow` is not installed.
        UnreadableRecord: An event is not one.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra of 50 MB; the client is small without it
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            "Parquet needs pyarrow, which the client does not bring: pip install 'regesta[parquet]'"
        ) from error
    schema = _schema(pa)
    count = 0
    reading = iter(events)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(reading, ROW_GROUP)):
            rows = [(*astuple(row_of(event)), event.record) for event in some]
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(some)
    return count


def _schema(pa: Any) -> Any:
    time = pa.timestamp("us", tz="UTC")
    types = {
        "position": pa.int64(),
        "revision": pa.int64(),
        "record_time": time,
        "occurred_time": time,
    }
    fields = [pa.field(name, types.get(name, pa.string()), nullable=False) for name in COLUMNS]
    return pa.schema([*fields, pa.field("record", pa.binary(), nullable=False)])

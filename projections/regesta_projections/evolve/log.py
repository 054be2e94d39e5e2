"""How events about the log itself change its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import log_status_pb2 as log_pb
from regesta_projections.evolve.stamps import put_time
from regesta_projections.rows import LOG, LogRow, Rows

if TYPE_CHECKING:
    from regesta_projections.events import (
        HeadsCommitted,
        KeyCompromised,
        KeyRotated,
        LogForked,
        LogWitnessed,
    )
    from regesta_projections.records import Recorded


def log_row(rows: Rows, recorded: Recorded) -> LogRow:
    """Return the row to change; the stream's first event makes it."""
    if recorded.revision == 1:
        rows.add(LogRow(log_pb.LogStatus()))
    return rows.edit(LOG)


def heads_committed(row: LogRow, event: HeadsCommitted, recorded: Recorded) -> None:
    """Note the last commitment to all heads."""
    heads = row.resource.heads
    heads.heads_position = int(event.position)
    heads.streams = int(event.streams)
    heads.root_hash = bytes.fromhex(event.root)
    heads.event_position = recorded.position
    put_time(heads.commit_time, recorded.recorded_at)


def key_rotated(row: LogRow, event: KeyRotated) -> None:
    """Take a key in the place of another."""
    vkeys = [vkey for vkey in row.resource.vkeys if vkey not in {event.old_vkey, event.new_vkey}]
    row.resource.vkeys[:] = [*vkeys, event.new_vkey]


def key_compromised(row: LogRow, event: KeyCompromised) -> None:
    """Trust a key up to a size only; what was said of it before is replaced."""
    resource = row.resource
    resource.vkeys[:] = [vkey for vkey in resource.vkeys if vkey != event.vkey]
    others = [key for key in resource.compromised_keys if key.vkey != event.vkey]
    said = log_pb.CompromisedKey(vkey=event.vkey, last_good_size=int(event.last_good_size or 0))
    kept = [*others, said]
    del resource.compromised_keys[:]
    resource.compromised_keys.extend(kept)


def log_forked(row: LogRow, event: LogForked) -> None:
    """Note a loss."""
    row.resource.forks.add(
        old_checkpoint=event.old_checkpoint,
        recovered_size=int(event.recovered_size or 0),
        recovered_root=bytes.fromhex(event.recovered_root),
        first_lost=int(event.first_lost or 0),
        last_lost=int(event.last_lost or 0),
    )


def log_witnessed(row: LogRow, event: LogWitnessed) -> None:
    """Note the last cosigned checkpoint that was written into the log."""
    row.resource.witnessed_checkpoint = event.checkpoint

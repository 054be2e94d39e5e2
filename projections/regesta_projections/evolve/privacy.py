"""How holds, erasures and retention change the row of what the log keeps and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import privacy_service_pb2 as privacy_pb
from regesta_projections.evolve.stamps import put_time
from regesta_projections.rows import PRIVACY, PrivacyRow, Rows

if TYPE_CHECKING:
    from regesta_projections.events import (
        BodiesReleased,
        HoldPlaced,
        HoldReleased,
        PersonalDataErased,
        RetentionDefined,
    )
    from regesta_projections.records import Recorded


def privacy_row(rows: Rows, recorded: Recorded) -> PrivacyRow:
    """Return the row to change; the stream's first event makes it."""
    if recorded.revision == 1:
        rows.add(PrivacyRow(privacy_pb.PrivacyStatus()))
    return rows.edit(PRIVACY)


def hold_placed(row: PrivacyRow, event: HoldPlaced, recorded: Recorded) -> None:
    """Put a hold in place."""
    hold = row.resource.holds.add(
        name=event.hold,
        person=event.person,
        model=event.model,
        matter=event.matter,
        created_by=recorded.actor,
        position=recorded.position,
    )
    put_time(hold.create_time, recorded.recorded_at)


def hold_released(row: PrivacyRow, event: HoldReleased) -> None:
    """End a hold."""
    kept = [hold for hold in row.resource.holds if hold.name != event.hold]
    del row.resource.holds[:]
    row.resource.holds.extend(kept)


def personal_data_erased(row: PrivacyRow, event: PersonalDataErased, recorded: Recorded) -> None:
    """Note an erasure: the last one, and how many texts there were in all."""
    row.resource.texts_erased += len(event.digests)
    erasure = row.resource.last_erasure
    erasure.Clear()
    erasure.person = event.person
    erasure.stream = event.stream
    erasure.event_position = int(event.event_position or 0)
    erasure.legal_basis = event.legal_basis
    erasure.texts = event.total
    # The events of a request are neighbours in the log.
    erasure.first_position = recorded.position - event.part + 1
    erasure.position = recorded.position
    erasure.erased_by = recorded.actor
    put_time(erasure.erase_time, recorded.recorded_at)


def retention_defined(row: PrivacyRow, event: RetentionDefined, recorded: Recorded) -> None:
    """Note from when on bodies may be archived."""
    retention = row.resource.retention
    retention.keep_days = event.keep_days
    retention.defined_by = recorded.actor
    retention.position = recorded.position
    put_time(retention.define_time, recorded.recorded_at)


def bodies_released(row: PrivacyRow, event: BodiesReleased, recorded: Recorded) -> None:
    """Note up to where bodies may be archived."""
    release = row.resource.release
    release.through = int(event.through or 0)
    release.checkpoint_size = int(event.checkpoint_size or 0)
    release.root_hash = bytes.fromhex(event.root)
    release.released_by = recorded.actor
    release.position = recorded.position
    put_time(release.release_time, recorded.recorded_at)

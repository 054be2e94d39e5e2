"""How a model's events change its row and its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import model_pb2 as model_pb
from regesta_projections.evolve.labels import put_tags
from regesta_projections.evolve.stamps import put_text, put_time, stamp_first
from regesta_projections.rows import ModelRow, NameKey, NameRow, Rows

if TYPE_CHECKING:
    from regesta_projections.events import ModelCreated, ModelRenamed, ModelUpdated
    from regesta_projections.records import Recorded


def model_created(rows: Rows, event: ModelCreated, recorded: Recorded) -> None:
    """Add a model and its first name."""
    resource = model_pb.Model(
        name=event.name,
        kind=model_pb.ModelKind.Value(f"MODEL_KIND_{event.kind}"),
        owner=event.owner,
    )
    row = ModelRow(event.name, resource)
    put_tags(row, event.tags, event.long_tags)
    put_text(row.texts, "description", event.description)
    put_text(row.texts, "card", event.card)
    stamp_first(row, recorded)
    rows.add(row)
    rows.add(NameRow(event.name.lower(), event.name))


def model_updated(row: ModelRow, event: ModelUpdated) -> None:
    """Change owner, description or card."""
    if event.owner is not None:
        row.resource.owner = event.owner
    put_text(row.texts, "description", event.description)
    put_text(row.texts, "card", event.card)


def model_renamed(rows: Rows, row: ModelRow, event: ModelRenamed) -> None:
    """Give a model another name; every name it had stays its own."""
    name_key = NameKey(event.to_name.lower())
    # Looked up before anything is changed.
    is_new = rows.get(name_key) is None
    former = [name for name in row.resource.former_names if name != event.to_name]
    if event.from_name not in former:
        former.append(event.from_name)
    row.resource.former_names[:] = former
    row.resource.name = event.to_name
    if is_new:
        rows.add(NameRow(name_key.name_key, row.model))


def model_deleted(row: ModelRow, recorded: Recorded) -> None:
    """Make a tombstone of a model."""
    put_time(row.resource.delete_time, recorded.recorded_at)


def model_restored(row: ModelRow) -> None:
    """Bring a model back."""
    row.resource.ClearField("delete_time")

"""How a version's events change its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from regesta.semver import sort_key
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.evolve.labels import put_tags
from regesta_projections.evolve.stamps import put_text, put_time, stamp_first
from regesta_projections.rows import LabelRow, ModelKey, Rows, VersionRow

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from regesta_projections import events
    from regesta_projections.records import Recorded


def version_registered(
    rows: Rows, model: str, event: events.VersionRegistered, recorded: Recorded
) -> None:
    """Add a version, and note its number as the model's last."""
    row = VersionRow(model, event.version, _registered(event), stage_position=recorded.position)
    put_tags(row, event.tags, event.long_tags)
    if event.description is not None or event.card is not None:
        put_text(row.texts, "description", event.description)
        put_text(row.texts, "card", event.card)
    stamp_first(row, recorded)
    # Looked up before anything is added: a missing model leaves the rows as they were.
    parent = rows.edit(ModelKey(model))
    # The highest rather than the latest, so that streams can be folded in any order.
    parent.last_version = max(parent.last_version, event.version)
    rows.add(row)
    if event.semver:
        rows.add(LabelRow(model, sort_key(event.semver), event.semver, event.version))


def _registered(event: events.VersionRegistered) -> version_pb.Version:
    """Return the resource as it was registered, but for tags."""
    resource = version_pb.Version()
    # Assigned one by one, and only what is there: half the time of keyword arguments.
    resource.version = event.version
    resource.source = event.source
    resource.stage = event.stage
    if event.resolution:
        resource.stage_resolution = event.resolution
    if event.semver:
        resource.semver = event.semver
    if event.digest:
        resource.digest = event.digest
    if event.size_bytes:
        resource.size_bytes = int(event.size_bytes)
    if event.params:
        params = resource.params
        for name, text in event.params.items():
            params[name] = text
    if event.metrics:
        metrics = resource.metrics
        for name, text in event.metrics.items():
            metrics[name] = float(text)
    for name, value in event.properties.items():
        _put_property(resource.properties[name], value)
    _put_references(resource, event)
    return resource


def _put_references(resource: version_pb.Version, event: events.VersionRegistered) -> None:
    """Copy manifest, signature and lineage."""
    if (manifest := event.manifest) is not None:
        resource.manifest.digest = manifest.digest
        resource.manifest.size_bytes = int(manifest.size_bytes or 0)
        resource.manifest.media_type = manifest.media_type
        resource.manifest.uri = manifest.uri
    if (signature := event.signature) is not None:
        # Present even when empty: "no inputs" is a statement.
        resource.signature.SetInParent()
        _put_specs(resource.signature.inputs, signature.inputs)
        _put_specs(resource.signature.outputs, signature.outputs)
        _put_specs(resource.signature.params, signature.params)
    if (lineage := event.lineage) is not None:
        _put_lineage(resource.lineage, lineage)


def _put_lineage(target: version_pb.Lineage, lineage: events.Lineage) -> None:
    # Present even when empty, as the signature: an assignment does that too.
    target.run = lineage.run
    target.repository = lineage.repository
    target.commit = lineage.commit
    if lineage.parents:
        target.parents.extend(lineage.parents)
    for dataset in lineage.datasets:
        target.datasets.add(name=dataset.name, digest=dataset.digest, role=dataset.role)


def _put_specs(
    target: RepeatedCompositeFieldContainer[version_pb.TensorSpec],
    specs: tuple[events.TensorSpec, ...],
) -> None:
    for spec in specs:
        target.add(
            name=spec.name,
            data_type=spec.data_type,
            shape=[int(size) for size in spec.shape],
            optional=spec.optional,
        )


def _put_property(target: version_pb.PropertyValue, value: events.PropertyValue) -> None:
    """Copy a typed value."""
    if value.string_value is not None:
        target.string_value = value.string_value
    elif value.int_value is not None:
        target.int_value = int(value.int_value)
    elif value.double_value is not None:
        target.double_value = float(value.double_value)
    elif value.bool_value is not None:
        target.bool_value = value.bool_value
    elif value.list_json is not None:
        # Present even when empty.
        target.list_value.SetInParent()
        target.list_value.extend(msgspec.json.decode(value.list_json))
    elif value.struct_json is not None:
        target.struct_value.SetInParent()
        target.struct_value.update(msgspec.json.decode(value.struct_json))


def version_semver_labelled(
    rows: Rows, row: VersionRow, event: events.VersionSemverLabelled
) -> None:
    """Give a version its label."""
    row.resource.semver = event.semver
    rows.add(LabelRow(row.model, sort_key(event.semver), event.semver, row.number))


def version_updated(row: VersionRow, event: events.VersionUpdated) -> None:
    """Change description or card."""
    put_text(row.texts, "description", event.description)
    put_text(row.texts, "card", event.card)


def version_deleted(row: VersionRow, recorded: Recorded) -> None:
    """Make a tombstone of a version."""
    put_time(row.resource.delete_time, recorded.recorded_at)


def version_restored(row: VersionRow) -> None:
    """Bring a version back."""
    row.resource.ClearField("delete_time")


def stage_changed(row: VersionRow, event: events.StageChanged, recorded: Recorded) -> None:
    """Move a version to another stage."""
    row.resource.stage = event.to_stage
    row.resource.stage_resolution = event.resolution
    row.stage_position = recorded.position


def stage_rolled_back(row: VersionRow, event: events.VersionRolledBack, recorded: Recorded) -> None:
    """Move a version back into a stage, or out of it; it enters anew even where it is."""
    row.resource.stage = event.to_stage
    row.resource.stage_resolution = event.resolution
    row.stage_position = recorded.position

"""How rows become the columns of their tables, and rows again.

The values are in the order of the columns in `regesta_projections.tables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import log_status_pb2 as log_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import privacy_service_pb2 as privacy_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections import resources
from regesta_projections.resolving import blocking_flag, resolvable
from regesta_projections.rows import (
    AliasRow,
    LabelRow,
    LogRow,
    ModelRow,
    NameRow,
    NamespaceRow,
    PrivacyRow,
    ResourceRow,
    VersionRow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta_projections.forms import Forms

#: Values of one row as psycopg takes them, in the order of `Table.columns`.
Values: TypeAlias = tuple[Any, ...]

#: What the names of the API's kinds begin with.
KIND_PREFIX = len("MODEL_KIND_")


def ordered(texts: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the fields of free texts, sorted, and their digests."""
    if not texts:
        return [], []
    fields = sorted(texts)
    return fields, [texts[field] for field in fields]


def model_values(row: ModelRow, forms: Forms) -> Values:
    """Return the columns of a model."""
    resource = row.resource
    fields, digests = ordered(row.texts)
    return (
        row.model,
        resource.name,
        resource.name.lower(),
        model_pb.ModelKind.Name(resource.kind)[KIND_PREFIX:],
        resource.owner,
        forms.json(resource.tags),
        resource.HasField("delete_time"),
        forms.moment(resource.create_time),
        forms.moment(resource.update_time),
        resource.created_by,
        row.last_version,
        row.revision,
        row.leaf_hash,
        forms.texts(fields),
        forms.texts(digests),
        resource.SerializeToString(deterministic=True),
        bool(resource.flags),
        blocking_flag(resource) is not None,
    )


def model_row(record: Sequence[Any]) -> ModelRow:
    """Return a model from the columns that are loaded."""
    model, last_version, revision, leaf_hash, fields, digests, resource = record
    return ModelRow(
        model,
        model_pb.Model.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        last_version,
        revision,
        bytes(leaf_hash),
    )


def version_values(row: VersionRow, forms: Forms) -> Values:
    """Return the columns of a version."""
    resource = row.resource
    fields, digests = ordered(row.texts)
    return (
        row.model,
        row.number,
        resource.semver or None,
        resource.stage,
        row.stage_position,
        resource.source,
        resource.digest or None,
        resource.lineage.run or None,
        forms.json(resource.tags),
        forms.properties(resource.properties),
        forms.json(resource.params),
        forms.json(resource.metrics),
        resource.HasField("delete_time"),
        forms.moment(resource.create_time),
        forms.moment(resource.update_time),
        resource.created_by,
        row.revision,
        row.leaf_hash,
        forms.texts(fields),
        forms.texts(digests),
        resource.SerializeToString(deterministic=True),
        resolvable(resource),
        bool(resource.flags),
        blocking_flag(resource) is not None,
        resource.HasField("revoked"),
    )


def version_row(record: Sequence[Any]) -> VersionRow:
    """Return a version from the columns that are loaded."""
    model, number, stage_position, revision, leaf_hash, fields, digests, resource = record
    return VersionRow(
        model,
        number,
        version_pb.Version.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        stage_position,
        revision,
        bytes(leaf_hash),
    )


def alias_values(row: AliasRow, forms: Forms) -> Values:
    """Return the columns of an alias."""
    return (
        row.model,
        row.alias,
        row.number,
        forms.moment(row.resource.update_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def alias_row(record: Sequence[Any]) -> AliasRow:
    """Return an alias from the columns that are loaded."""
    model, alias, revision, leaf_hash, resource = record
    return AliasRow(model, alias, model_pb.Alias.FromString(resource), revision, bytes(leaf_hash))


def name_values(row: NameRow, _: Forms) -> Values:
    """Return the columns of a name."""
    return (row.name_key, row.model)


def name_row(record: Sequence[Any]) -> NameRow:
    """Return a name from the columns that are loaded."""
    return NameRow(*record)


def label_values(row: LabelRow, _: Forms) -> Values:
    """Return the columns of a label."""
    return (row.model, row.semver_key, row.semver, row.number)


def label_row(record: Sequence[Any]) -> LabelRow:
    """Return a label from the columns that are loaded."""
    return LabelRow(*record)


def namespace_values(row: NamespaceRow, forms: Forms) -> Values:
    """Return the columns of a namespace."""
    return (
        row.resource.name,
        forms.moment(row.resource.create_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def namespace_row(record: Sequence[Any]) -> NamespaceRow:
    """Return a namespace from the columns that are loaded."""
    revision, leaf_hash, resource = record
    return NamespaceRow(admin_pb.Namespace.FromString(resource), revision, bytes(leaf_hash))


def log_values(row: LogRow, forms: Forms) -> Values:
    """Return the columns of what the log says of itself."""
    return (
        row.resource.heads.heads_position,
        forms.moment(row.resource.update_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def log_row(record: Sequence[Any]) -> LogRow:
    """Return what the log says of itself from the columns that are loaded."""
    revision, leaf_hash, resource = record
    return LogRow(log_pb.LogStatus.FromString(resource), revision, bytes(leaf_hash))


def privacy_values(row: PrivacyRow, forms: Forms) -> Values:
    """Return the columns of what is so of the texts beside the log."""
    return (
        forms.moment(row.resource.update_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def privacy_row(record: Sequence[Any]) -> PrivacyRow:
    """Return what is so of the texts beside the log from the columns that are loaded."""
    revision, leaf_hash, resource = record
    return PrivacyRow(privacy_pb.PrivacyStatus.FromString(resource), revision, bytes(leaf_hash))


def resource_values(row: ResourceRow, forms: Forms) -> Values:
    """Return the columns of a resource without columns of its own."""
    fields, digests = ordered(row.texts)
    place = resources.place_of(row.stream, row.resource)
    return (
        row.stream,
        place.kind,
        place.parent,
        place.state,
        row.revision,
        row.leaf_hash,
        forms.texts(fields),
        forms.texts(digests),
        row.resource.SerializeToString(deterministic=True),
    )


def resource_row(record: Sequence[Any]) -> ResourceRow:
    """Return a resource from the columns that are loaded.

    Raises:
        ValueError: Its stream is of no kind that this build knows.
    """
    stream, revision, leaf_hash, fields, digests, resource = record
    return ResourceRow(
        stream,
        resources.kind_of(stream).message.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        revision,
        bytes(leaf_hash),
    )

"""The tables of the history: how snapshots become columns.

Of a version's resource what was registered and cannot change is stored once, in `origin` of
the first snapshot; every snapshot's `resource` has the rest. Put behind each other they are
the whole: protobuf merges what is concatenated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.history.snapshots import AliasSnapshot, ModelSnapshot, VersionSnapshot
from regesta_projections.resolving import resolvable
from regesta_projections.row_values import KIND_PREFIX, ordered
from regesta_projections.rows import AliasRow, ModelRow, VersionRow
from regesta_projections.tables import Table, columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta_projections.forms import Forms
    from regesta_projections.history.snapshots import Snapshot
    from regesta_projections.row_values import Values

#: What events after the registration change of a version's resource.
CHANGING: Final = (
    "semver",
    "tags",
    "stage",
    "stage_resolution",
    "update_time",
    "occurred_update_time",
    "delete_time",
    "updated_by",
    "etag",
    "flags",
    "revoked",
)

#: What registration alone decides.
ORIGINAL: Final = tuple(
    field.name for field in version_pb.Version.DESCRIPTOR.fields if field.name not in CHANGING
)


def _model_values(snapshot: ModelSnapshot, forms: Forms) -> Values:
    row = snapshot.row
    resource = row.resource
    fields, digests = ordered(row.texts)
    return (
        row.model,
        snapshot.from_position,
        forms.time(snapshot.effective_at),
        snapshot.retagged,
        resource.name,
        resource.name.lower(),
        model_pb.ModelKind.Name(resource.kind)[KIND_PREFIX:],
        resource.owner,
        forms.json(resource.tags),
        resource.HasField("delete_time"),
        forms.moment(resource.create_time),
        forms.moment(resource.update_time),
        resource.created_by,
        row.revision,
        forms.texts(fields),
        forms.texts(digests),
        resource.SerializeToString(deterministic=True),
        bool(resource.flags),
    )


def _version_values(snapshot: VersionSnapshot, forms: Forms) -> Values:
    row = snapshot.row
    resource = row.resource
    fields, digests = ordered(row.texts)
    return (
        row.model,
        row.number,
        snapshot.from_position,
        forms.time(snapshot.effective_at),
        snapshot.retagged,
        resource.semver or None,
        resource.stage,
        row.stage_position,
        forms.json(resource.tags),
        resource.HasField("delete_time"),
        forms.moment(resource.update_time),
        row.revision,
        forms.texts(fields),
        forms.texts(digests),
        _without(resource, CHANGING) if row.revision == 1 else None,
        _without(resource, ORIGINAL),
        resolvable(resource),
        bool(resource.flags),
        resource.HasField("revoked"),
    )


def _without(resource: version_pb.Version, fields: Sequence[Any]) -> bytes:
    rest = version_pb.Version()
    rest.CopyFrom(resource)
    for field in fields:
        rest.ClearField(field)
    return rest.SerializeToString(deterministic=True)


def _alias_values(snapshot: AliasSnapshot, forms: Forms) -> Values:
    row = snapshot.row
    return (
        row.model,
        row.alias,
        snapshot.from_position,
        forms.time(snapshot.effective_at),
        row.number,
        forms.moment(row.resource.update_time),
        row.revision,
        row.resource.SerializeToString(deterministic=True),
    )


def _model_snapshot(record: Sequence[Any]) -> ModelSnapshot:
    model, position, effective_at, retagged, revision, fields, digests, resource = record
    row = ModelRow(
        model,
        model_pb.Model.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        revision=revision,
    )
    return ModelSnapshot(row, position, effective_at, retagged)


def _version_snapshot(record: Sequence[Any]) -> VersionSnapshot:
    """Return a snapshot whose row lacks what was registered."""
    (model, number, position, effective_at, retagged, stage_position, revision) = record[:7]
    fields, digests, resource = record[7:]
    row = VersionRow(
        model,
        number,
        version_pb.Version.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        stage_position,
        revision,
    )
    return VersionSnapshot(row, position, effective_at, retagged)


def _alias_snapshot(record: Sequence[Any]) -> AliasSnapshot:
    model, alias, position, effective_at, revision, resource = record
    row = AliasRow(model, alias, model_pb.Alias.FromString(resource), revision)
    return AliasSnapshot(row, position, effective_at)


MODEL_HISTORY: Final = Table(
    name="model_history",
    kind=ModelSnapshot,
    columns=columns_of(
        """
        model text
        from_position bigint
        effective_at timestamptz
        retagged boolean
        name text
        name_key text
        kind text
        owner text
        tags jsonb
        deleted boolean
        created_at timestamptz
        updated_at timestamptz
        created_by text
        revision bigint
        text_fields text[]
        text_digests text[]
        resource bytea
        flagged boolean
        """
    ),
    key_length=2,
    loaded=(
        "model",
        "from_position",
        "effective_at",
        "retagged",
        "revision",
        "text_fields",
        "text_digests",
        "resource",
    ),
    stream="'models/' || model",
    values_in=_model_values,
    row=_model_snapshot,
)

VERSION_HISTORY: Final = Table(
    name="version_history",
    kind=VersionSnapshot,
    columns=columns_of(
        """
        model text
        number integer
        from_position bigint
        effective_at timestamptz
        retagged boolean
        semver text
        stage text
        stage_position bigint
        tags jsonb
        deleted boolean
        updated_at timestamptz
        revision bigint
        text_fields text[]
        text_digests text[]
        origin bytea
        resource bytea
        resolvable boolean
        flagged boolean
        revoked boolean
        """
    ),
    key_length=3,
    loaded=(
        "model",
        "number",
        "from_position",
        "effective_at",
        "retagged",
        "stage_position",
        "revision",
        "text_fields",
        "text_digests",
        "resource",
    ),
    stream="'models/' || model || '/versions/' || number",
    values_in=_version_values,
    row=_version_snapshot,
)

ALIAS_HISTORY: Final = Table(
    name="alias_history",
    kind=AliasSnapshot,
    columns=columns_of(
        """
        model text
        alias text
        from_position bigint
        effective_at timestamptz
        number integer
        updated_at timestamptz
        revision bigint
        resource bytea
        """
    ),
    key_length=3,
    loaded=("model", "alias", "from_position", "effective_at", "revision", "resource"),
    stream="'models/' || model || '/aliases/' || alias",
    values_in=_alias_values,
    row=_alias_snapshot,
)

#: The table of each kind of snapshot.
HISTORY_TABLES: Final[dict[type[Snapshot], Table[Any]]] = {
    table.kind: table
    for table in cast("tuple[Table[Any], ...]", (VERSION_HISTORY, MODEL_HISTORY, ALIAS_HISTORY))
}


def lines_of(snapshot: Snapshot, forms: Forms) -> tuple[Table[Any], Values]:
    """Return a snapshot's table and its values there."""
    table = HISTORY_TABLES[type(snapshot)]
    return table, table.values_in(snapshot, forms)

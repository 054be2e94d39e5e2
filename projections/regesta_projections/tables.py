"""The catalog's tables: how rows become columns, and columns rows again.

One definition serves the append, a rebuild and `verify`, so that a row is written the
same way whoever writes it: maps are sorted, protobuf is serialized deterministically and
empty optional texts are NULL. The DDL is in the service's migrations; a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, cast

import msgspec

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.forms import PLAIN, Forms
from regesta_projections.rows import (
    AliasKey,
    AliasRow,
    Key,
    LabelKey,
    LabelRow,
    ModelKey,
    ModelRow,
    NameKey,
    NameRow,
    NamespaceKey,
    NamespaceRow,
    Row,
    VersionKey,
    VersionRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

R = TypeVar("R", bound=Row)

#: Values of one row as psycopg takes them, in the order of `Table.columns`.
Values: TypeAlias = tuple[Any, ...]

_KIND_PREFIX = len("MODEL_KIND_")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    #: Its SQL type, for example `text[]`.
    type: str


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """One projected table and the rows it stores.

    Every table has `namespace_id` and `generation` before these columns.
    """

    #: Without its schema, which is `regesta`.
    name: str
    kind: type[R]
    columns: tuple[Column, ...]
    #: How many of the columns, from the first, identify a row; a key's fields in order.
    key_length: int
    #: Which columns `row` needs, in the order it takes them.
    loaded: tuple[str, ...]
    #: Return a row's values in the order of `columns`, in these forms.
    values_in: Callable[[R, Forms], Values]
    #: Return the row whose `loaded` columns are given.
    row: Callable[[Sequence[Any]], R]

    def values(self, row: R) -> Values:
        """Return a row's values in the order of `columns`; jsonb as JSON text."""
        return self.values_in(row, PLAIN)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns that identify a row within a namespace and generation."""
        return self.columns[: self.key_length]


def key_values(key: Key) -> Values:
    """Return the values of a key's columns, in the order of `Table.key_columns`."""
    return msgspec.structs.astuple(key)


def _columns(text: str) -> tuple[Column, ...]:
    """Return columns written as in DDL, one a line."""
    return tuple(Column(*line.split()) for line in text.strip().splitlines())


def _ordered(texts: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the fields of free texts, sorted, and their digests."""
    if not texts:
        return [], []
    fields = sorted(texts)
    return fields, [texts[field] for field in fields]


def _model_values(row: ModelRow, forms: Forms) -> Values:
    resource = row.resource
    fields, digests = _ordered(row.texts)
    return (
        row.model,
        resource.name,
        resource.name.lower(),
        model_pb.ModelKind.Name(resource.kind)[_KIND_PREFIX:],
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
    )


def _model_row(record: Sequence[Any]) -> ModelRow:
    model, last_version, revision, leaf_hash, fields, digests, resource = record
    return ModelRow(
        model,
        model_pb.Model.FromString(resource),
        dict(zip(fields, digests, strict=True)),
        last_version,
        revision,
        bytes(leaf_hash),
    )


def _version_values(row: VersionRow, forms: Forms) -> Values:
    resource = row.resource
    fields, digests = _ordered(row.texts)
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
    )


def _version_row(record: Sequence[Any]) -> VersionRow:
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


def _alias_values(row: AliasRow, forms: Forms) -> Values:
    return (
        row.model,
        row.alias,
        row.number,
        forms.moment(row.resource.update_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def _alias_row(record: Sequence[Any]) -> AliasRow:
    model, alias, revision, leaf_hash, resource = record
    return AliasRow(model, alias, model_pb.Alias.FromString(resource), revision, bytes(leaf_hash))


def _name_values(row: NameRow, _: Forms) -> Values:
    return (row.name_key, row.model)


def _name_row(record: Sequence[Any]) -> NameRow:
    return NameRow(*record)


def _label_values(row: LabelRow, _: Forms) -> Values:
    return (row.model, row.semver_key, row.semver, row.number)


def _label_row(record: Sequence[Any]) -> LabelRow:
    return LabelRow(*record)


def _namespace_values(row: NamespaceRow, forms: Forms) -> Values:
    return (
        row.resource.name,
        forms.moment(row.resource.create_time),
        row.revision,
        row.leaf_hash,
        row.resource.SerializeToString(deterministic=True),
    )


def _namespace_row(record: Sequence[Any]) -> NamespaceRow:
    revision, leaf_hash, resource = record
    return NamespaceRow(admin_pb.Namespace.FromString(resource), revision, bytes(leaf_hash))


MODELS: Final = Table(
    name="models",
    kind=ModelRow,
    columns=_columns(
        """
        model text
        name text
        name_key text
        kind text
        owner text
        tags jsonb
        deleted boolean
        created_at timestamptz
        updated_at timestamptz
        created_by text
        last_version integer
        revision bigint
        leaf_hash bytea
        text_fields text[]
        text_digests text[]
        resource bytea
        """
    ),
    key_length=1,
    loaded=(
        "model",
        "last_version",
        "revision",
        "leaf_hash",
        "text_fields",
        "text_digests",
        "resource",
    ),
    values_in=_model_values,
    row=_model_row,
)

MODEL_NAMES: Final = Table(
    name="model_names",
    kind=NameRow,
    columns=_columns(
        """
        name_key text
        model text
        """
    ),
    key_length=1,
    loaded=("name_key", "model"),
    values_in=_name_values,
    row=_name_row,
)

VERSIONS: Final = Table(
    name="versions",
    kind=VersionRow,
    columns=_columns(
        """
        model text
        number integer
        semver text
        stage text
        stage_position bigint
        source text
        digest text
        run text
        tags jsonb
        properties jsonb
        params jsonb
        metrics jsonb
        deleted boolean
        created_at timestamptz
        updated_at timestamptz
        created_by text
        revision bigint
        leaf_hash bytea
        text_fields text[]
        text_digests text[]
        resource bytea
        """
    ),
    key_length=2,
    loaded=(
        "model",
        "number",
        "stage_position",
        "revision",
        "leaf_hash",
        "text_fields",
        "text_digests",
        "resource",
    ),
    values_in=_version_values,
    row=_version_row,
)

VERSION_LABELS: Final = Table(
    name="version_labels",
    kind=LabelRow,
    columns=_columns(
        """
        model text
        semver_key text
        semver text
        number integer
        """
    ),
    key_length=2,
    loaded=("model", "semver_key", "semver", "number"),
    values_in=_label_values,
    row=_label_row,
)

ALIASES: Final = Table(
    name="aliases",
    kind=AliasRow,
    columns=_columns(
        """
        model text
        alias text
        number integer
        updated_at timestamptz
        revision bigint
        leaf_hash bytea
        resource bytea
        """
    ),
    key_length=2,
    loaded=("model", "alias", "revision", "leaf_hash", "resource"),
    values_in=_alias_values,
    row=_alias_row,
)

NAMESPACES: Final = Table(
    name="namespaces",
    kind=NamespaceRow,
    columns=_columns(
        """
        name text
        created_at timestamptz
        revision bigint
        leaf_hash bytea
        resource bytea
        """
    ),
    key_length=0,
    loaded=("revision", "leaf_hash", "resource"),
    values_in=_namespace_values,
    row=_namespace_row,
)

_ALL: Final = cast(
    "tuple[Table[Any], ...]",
    (NAMESPACES, MODELS, MODEL_NAMES, VERSIONS, VERSION_LABELS, ALIASES),
)

#: The table of each row class.
TABLES: Final[dict[type[Row], Table[Any]]] = {table.kind: table for table in _ALL}

#: The table in which the row of each key class is found.
TABLES_BY_KEY: Final[dict[type[Key], Table[Any]]] = {
    NamespaceKey: NAMESPACES,
    ModelKey: MODELS,
    NameKey: MODEL_NAMES,
    VersionKey: VERSIONS,
    LabelKey: VERSION_LABELS,
    AliasKey: ALIASES,
}

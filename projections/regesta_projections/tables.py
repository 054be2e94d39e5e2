"""The catalog's tables: how rows become columns, and columns rows again.

One definition serves the append, a rebuild and `verify`, so that a row is written the
same way whoever writes it: maps are sorted, protobuf is serialized deterministically and
empty optional texts are NULL. The DDL is in the service's migrations; a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, LiteralString, TypeVar, cast

import msgspec

from regesta_projections import row_values
from regesta_projections.forms import PLAIN, Forms
from regesta_projections.rows import (
    AliasKey,
    AliasRow,
    Key,
    LabelKey,
    LabelRow,
    LogKey,
    LogRow,
    ModelKey,
    ModelRow,
    NameKey,
    NameRow,
    NamespaceKey,
    NamespaceRow,
    PrivacyKey,
    PrivacyRow,
    ResourceKey,
    ResourceRow,
    Row,
    VersionKey,
    VersionRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta_projections.row_values import Values

R = TypeVar("R")


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
    #: SQL for the stream that a row is of, or belongs to as one of several.
    stream: LiteralString
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


def key_values(key: msgspec.Struct) -> Values:
    """Return the values of a key's columns, in the order of `Table.key_columns`."""
    return msgspec.structs.astuple(key)


def columns_of(text: str) -> tuple[Column, ...]:
    """Return columns written as in DDL, one a line."""
    return tuple(Column(*line.split()) for line in text.strip().splitlines())


MODELS: Final = Table(
    name="models",
    kind=ModelRow,
    columns=columns_of(
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
        flagged boolean
        blocked boolean
        """
    ),
    key_length=1,
    stream="'models/' || model",
    loaded=(
        "model",
        "last_version",
        "revision",
        "leaf_hash",
        "text_fields",
        "text_digests",
        "resource",
    ),
    values_in=row_values.model_values,
    row=row_values.model_row,
)

MODEL_NAMES: Final = Table(
    name="model_names",
    kind=NameRow,
    columns=columns_of(
        """
        name_key text
        model text
        """
    ),
    key_length=1,
    stream="'models/' || model",
    loaded=("name_key", "model"),
    values_in=row_values.name_values,
    row=row_values.name_row,
)

VERSIONS: Final = Table(
    name="versions",
    kind=VersionRow,
    columns=columns_of(
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
        resolvable boolean
        flagged boolean
        blocked boolean
        revoked boolean
        """
    ),
    key_length=2,
    stream="'models/' || model || '/versions/' || number",
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
    values_in=row_values.version_values,
    row=row_values.version_row,
)

VERSION_LABELS: Final = Table(
    name="version_labels",
    kind=LabelRow,
    columns=columns_of(
        """
        model text
        semver_key text
        semver text
        number integer
        """
    ),
    key_length=2,
    stream="'models/' || model || '/versions/' || number",
    loaded=("model", "semver_key", "semver", "number"),
    values_in=row_values.label_values,
    row=row_values.label_row,
)

ALIASES: Final = Table(
    name="aliases",
    kind=AliasRow,
    columns=columns_of(
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
    stream="'models/' || model || '/aliases/' || alias",
    loaded=("model", "alias", "revision", "leaf_hash", "resource"),
    values_in=row_values.alias_values,
    row=row_values.alias_row,
)

NAMESPACES: Final = Table(
    name="namespaces",
    kind=NamespaceRow,
    columns=columns_of(
        """
        name text
        created_at timestamptz
        revision bigint
        leaf_hash bytea
        resource bytea
        """
    ),
    key_length=0,
    stream="'namespace'",
    loaded=("revision", "leaf_hash", "resource"),
    values_in=row_values.namespace_values,
    row=row_values.namespace_row,
)

LOG_STATUS: Final = Table(
    name="log_status",
    kind=LogRow,
    columns=columns_of(
        """
        heads_position bigint
        updated_at timestamptz
        revision bigint
        leaf_hash bytea
        resource bytea
        """
    ),
    key_length=0,
    stream="'log'",
    loaded=("revision", "leaf_hash", "resource"),
    values_in=row_values.log_values,
    row=row_values.log_row,
)

PRIVACY_STATUS: Final = Table(
    name="privacy_status",
    kind=PrivacyRow,
    columns=columns_of(
        """
        updated_at timestamptz
        revision bigint
        leaf_hash bytea
        resource bytea
        """
    ),
    key_length=0,
    loaded=("revision", "leaf_hash", "resource"),
    values_in=row_values.privacy_values,
    row=row_values.privacy_row,
    stream="'privacy'",
)

RESOURCES: Final = Table(
    name="resources",
    kind=ResourceRow,
    columns=columns_of(
        """
        stream text
        kind text
        parent text
        state text
        revision bigint
        leaf_hash bytea
        text_fields text[]
        text_digests text[]
        resource bytea
        """
    ),
    key_length=1,
    stream="stream",
    loaded=("stream", "revision", "leaf_hash", "text_fields", "text_digests", "resource"),
    values_in=row_values.resource_values,
    row=row_values.resource_row,
)

_ALL: Final = cast(
    "tuple[Table[Any], ...]",
    (
        NAMESPACES,
        MODELS,
        MODEL_NAMES,
        VERSIONS,
        VERSION_LABELS,
        ALIASES,
        LOG_STATUS,
        PRIVACY_STATUS,
        RESOURCES,
    ),
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
    LogKey: LOG_STATUS,
    PrivacyKey: PRIVACY_STATUS,
    ResourceKey: RESOURCES,
}

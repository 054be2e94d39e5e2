"""The fields a filter can name, of models and of versions, and the columns that hold them.

A query that uses them reads `regesta.models AS m`, or `regesta.versions AS v` joined to its
model `AS m`, and confines both to one namespace and generation itself. The map columns are NOT
NULL; where a scalar column can be NULL its field says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from psycopg import sql

KINDS: Final = ("MODEL", "ADAPTER", "PROMPT", "CONFIGURATION", "DATASET")


@dataclass(frozen=True, slots=True)
class TextField:
    """Text, compared by code points; NULL or empty, where it is optional, is no value."""

    column: sql.Identifier
    optional: bool = False


@dataclass(frozen=True, slots=True)
class NameField:
    """A model's present name, compared without regard to case; the column is in lower case."""

    column: sql.Identifier


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """One word of a fixed set."""

    column: sql.Identifier
    values: tuple[str, ...]
    enum_prefix: str
    """What the API's enum puts before each value, which a filter may write too."""


@dataclass(frozen=True, slots=True)
class IntegerField:
    """A whole number."""

    column: sql.Identifier


@dataclass(frozen=True, slots=True)
class TimeField:
    """A moment, to the microsecond."""

    column: sql.Identifier


@dataclass(frozen=True, slots=True)
class FlagField:
    """True or false."""

    column: sql.Identifier


@dataclass(frozen=True, slots=True)
class SemverField:
    """A SemVer label: equal as text, ordered by precedence.

    The column is NULL, or empty, without one. The order is that of `key` in the rows of `labels`, called
    `l`, that `join` ties to the version: one or none.
    """

    column: sql.Identifier
    labels: sql.Composable
    join: sql.Composable
    key: sql.Identifier


@dataclass(frozen=True, slots=True)
class AliasField:
    """The aliases of a model or version: rows of `table`, called `a`, that `join` ties to it."""

    table: sql.Composable
    join: sql.Composable


@dataclass(frozen=True, slots=True)
class TextMap:
    """Text by key, in jsonb.

    Where long texts are kept elsewhere, `elsewhere` is a column of type text[] with `prefix` and
    the key of each: such an entry is there, but its value cannot be compared.
    """

    column: sql.Identifier
    elsewhere: sql.Identifier | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class NumberMap:
    """Numbers by key, in jsonb."""

    column: sql.Identifier


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Typed values by key, in jsonb; only strings, numbers and booleans can be compared."""

    column: sql.Identifier


ScalarField = (
    TextField | NameField | ChoiceField | IntegerField | TimeField | FlagField | SemverField
)
MapField = TextMap | NumberMap | ValueMap
Field = ScalarField | AliasField | MapField


@dataclass(frozen=True, slots=True)
class Columns:
    """What can be named when searching one kind of resource.

    Attributes:
        noun: The resource in the plural, for messages.
        fields: By the name a filter uses.
    """

    noun: str
    fields: Mapping[str, Field]


_ALIASES: Final = sql.Identifier("regesta", "aliases")
_LABELS: Final = sql.Identifier("regesta", "version_labels")
# A removed alias keeps its row, with no number.
_ALIAS_OF_MODEL: Final = sql.SQL(
    "a.namespace_id = m.namespace_id AND a.generation = m.generation"
    " AND a.model = m.model AND a.number IS NOT NULL"
)
_ALIAS_OF_VERSION: Final = sql.SQL(
    "a.namespace_id = v.namespace_id AND a.generation = v.generation"
    " AND a.model = v.model AND a.number = v.number"
)
_LABEL_OF_VERSION: Final = sql.SQL(
    "l.namespace_id = v.namespace_id AND l.generation = v.generation"
    " AND l.model = v.model AND l.number = v.number AND l.semver = v.semver"
)


def model_columns(aliases: sql.Composable = _ALIASES) -> Columns:
    """Return what a search of models can name.

    Args:
        aliases: Where aliases are looked up, if not in the present ones: a table or the name of
            a common table expression with the columns of `regesta.aliases`.
    """
    fields: dict[str, Field] = {
        "name": NameField(sql.Identifier("m", "name_key")),
        "kind": ChoiceField(sql.Identifier("m", "kind"), KINDS, "MODEL_KIND_"),
        "owner": TextField(sql.Identifier("m", "owner"), optional=True),
        "alias": AliasField(aliases, _ALIAS_OF_MODEL),
        "latest_version": IntegerField(sql.Identifier("m", "last_version")),
        "create_time": TimeField(sql.Identifier("m", "created_at")),
        "update_time": TimeField(sql.Identifier("m", "updated_at")),
        "created_by": TextField(sql.Identifier("m", "created_by")),
        "deleted": FlagField(sql.Identifier("m", "deleted")),
        "flagged": FlagField(sql.Identifier("m", "flagged")),
        "tags": _tags("m"),
    }
    return Columns("models", MappingProxyType(fields))


def version_columns(
    aliases: sql.Composable = _ALIASES, labels: sql.Composable = _LABELS
) -> Columns:
    """Return what a search of versions can name.

    Args:
        aliases: As for `model_columns`.
        labels: Where SemVer labels are looked up, if not in the present ones: something with
            the columns of `regesta.version_labels`.
    """
    fields: dict[str, Field] = {
        "model": NameField(sql.Identifier("m", "name_key")),
        "version": IntegerField(sql.Identifier("v", "number")),
        "semver": SemverField(
            sql.Identifier("v", "semver"),
            labels,
            _LABEL_OF_VERSION,
            sql.Identifier("l", "semver_key"),
        ),
        "stage": TextField(sql.Identifier("v", "stage")),
        "alias": AliasField(aliases, _ALIAS_OF_VERSION),
        "source": TextField(sql.Identifier("v", "source"), optional=True),
        "digest": TextField(sql.Identifier("v", "digest"), optional=True),
        "run": TextField(sql.Identifier("v", "run"), optional=True),
        "create_time": TimeField(sql.Identifier("v", "created_at")),
        "update_time": TimeField(sql.Identifier("v", "updated_at")),
        "created_by": TextField(sql.Identifier("v", "created_by")),
        "deleted": FlagField(sql.Identifier("v", "deleted")),
        "flagged": FlagField(sql.Identifier("v", "flagged")),
        "revoked": FlagField(sql.Identifier("v", "revoked")),
        "tags": _tags("v"),
        "properties": ValueMap(sql.Identifier("v", "properties")),
        "params": TextMap(sql.Identifier("v", "params")),
        "metrics": NumberMap(sql.Identifier("v", "metrics")),
    }
    return Columns("versions", MappingProxyType(fields))


def _tags(table: str) -> TextMap:
    return TextMap(sql.Identifier(table, "tags"), sql.Identifier(table, "text_fields"), "tags.")


MODELS: Final = model_columns()
VERSIONS: Final = version_columns()

"""The order of a list, and where in it a page begins.

An `order_by` is a list of fields with commas between, each perhaps with `asc` or `desc` behind
it (https://google.aip.dev/132). The primary key is always appended, in the direction of the last
field: so the order is total, and a page can begin behind any row of it.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never

from psycopg.sql import SQL, Composable, Identifier

from regesta_projections.filtering.errors import InvalidOrder, excerpt
from regesta_projections.filtering.literals import INT64_MAX, INT64_MIN
from regesta_projections.filtering.operators import collated
from regesta_projections.filtering.parameters import Clause, Parameters
from regesta_projections.filtering.tokens import UNSTORABLE

MAX_CHARACTERS: Final = 1_000
_PREFIX: Final = "after_"
_PART = re.compile(r"[ \t]*(?:(\w+)(?:[ \t]+(\w+))?)?[ \t]*")


class Ordering(enum.Enum):
    """The SQL type that the values of a sort key are compared as."""

    TEXT = "text"
    INTEGER = "bigint"
    TIME = "timestamptz"


@dataclass(frozen=True, slots=True, eq=False)
class SortField:
    """Something to sort by; never NULL. Each is itself alone, so that orders can be keys.

    Attributes:
        expression: Its SQL.
        ordering: Its type.
        join: A join that the expression needs, which keeps the number of rows; None for none.
    """

    expression: Composable
    ordering: Ordering
    join: SQL | None = None


@dataclass(frozen=True, slots=True)
class SortFields:
    """What one kind of resource can be sorted by.

    Attributes:
        noun: The resource in the plural, for messages.
        fields: By the name that an `order_by` uses.
        primary_key: What makes every order total, within one namespace and generation.
    """

    noun: str
    fields: Mapping[str, SortField]
    primary_key: tuple[SortField, ...]


_MODEL_NAME = SortField(collated(Identifier("m", "name_key")), Ordering.TEXT)
_VERSION_NUMBER = SortField(Identifier("v", "number"), Ordering.INTEGER)
# Without a label a version sorts before all that have one.
_SEMVER = SortField(
    collated(SQL("COALESCE({}, '')").format(Identifier("l", "semver_key"))),
    Ordering.TEXT,
    SQL(
        "LEFT JOIN regesta.version_labels AS l"
        " ON l.namespace_id = v.namespace_id AND l.generation = v.generation"
        " AND l.model = v.model AND l.number = v.number AND l.semver = v.semver"
    ),
)

MODEL_ORDER: Final = SortFields(
    "models",
    MappingProxyType(
        {
            "name": _MODEL_NAME,
            "create_time": SortField(Identifier("m", "created_at"), Ordering.TIME),
            "update_time": SortField(Identifier("m", "updated_at"), Ordering.TIME),
        }
    ),
    (SortField(collated(Identifier("m", "model")), Ordering.TEXT),),
)
VERSION_ORDER: Final = SortFields(
    "versions",
    MappingProxyType(
        {
            "model": _MODEL_NAME,
            "version": _VERSION_NUMBER,
            "semver": _SEMVER,
            "create_time": SortField(Identifier("v", "created_at"), Ordering.TIME),
            "update_time": SortField(Identifier("v", "updated_at"), Ordering.TIME),
        }
    ),
    (SortField(collated(Identifier("v", "model")), Ordering.TEXT), _VERSION_NUMBER),
)


@dataclass(frozen=True, slots=True)
class SortKey:
    """A field and its direction."""

    field: SortField
    descending: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of rows."""

    keys: tuple[SortKey, ...]

    @property
    def join(self) -> Composable:
        """What the query has to join for this order, behind its FROM; often nothing."""
        return SQL(" ").join(key.field.join for key in self.keys if key.field.join is not None)

    @property
    def columns(self) -> Composable:
        """What the query has to select, so that `key_of` can say where the next page begins."""
        return SQL(", ").join(key.field.expression for key in self.keys)

    def sql(self) -> Composable:
        """Return the ORDER BY clause."""
        return SQL("ORDER BY {}").format(
            SQL(", ").join(
                SQL("{} DESC" if key.descending else "{}").format(key.field.expression)
                for key in self.keys
            )
        )

    def key_of(self, values: Sequence[object]) -> list[str | int]:
        """Return the place of a row in this order, of values that JSON holds.

        Args:
            values: What `columns` selected in that row.
        """
        return [_portable(value) for value in values]

    def keyset(self, after: Sequence[object]) -> Clause:
        """Return the condition for rows behind a place, and its parameters, named `after_…`.

        Args:
            after: From `key_of`, perhaps by way of JSON.

        Raises:
            InvalidOrder: It is no place in this order.
        """
        if len(after) != len(self.keys):
            raise _foreign()
        parameters = Parameters(_PREFIX)
        values = [
            _parameter(key.field.ordering, value, parameters)
            for key, value in zip(self.keys, after, strict=True)
        ]
        if len({key.descending for key in self.keys}) == 1:
            return Clause(self._row_comparison(values), parameters.values)
        return Clause(self._mixed_comparison(values), parameters.values)

    def _row_comparison(self, values: Sequence[Composable]) -> Composable:
        # Row-wise, because only this form becomes one range of an index.
        return SQL("(({}) {} ({}))").format(
            self.columns,
            SQL("<" if self.keys[0].descending else ">"),
            SQL(", ").join(values),
        )

    def _mixed_comparison(self, values: Sequence[Composable]) -> Composable:
        """Return `a >= x AND (a > x OR (a = x AND (b < y OR …)))`."""
        expression: Composable = SQL("FALSE")
        for key, value in reversed(list(zip(self.keys, values, strict=True))):
            behind = SQL("<" if key.descending else ">")
            expression = SQL("({0} {1} {2} OR ({0} = {2} AND {3}))").format(
                key.field.expression, behind, value, expression
            )
        # Said by what follows as well, but only this form becomes a range of an index.
        return SQL("({} {} {} AND {})").format(
            self.keys[0].field.expression,
            SQL("<=" if self.keys[0].descending else ">="),
            values[0],
            expression,
        )


def parse_order(text: str, sortable: SortFields) -> Order:
    """Return the order that an `order_by` means; empty, that of the primary key.

    Args:
        text: At most `MAX_CHARACTERS` characters.
        sortable: `MODEL_ORDER` or `VERSION_ORDER`.

    Raises:
        InvalidOrder: It names a field twice or one there is no order by, or is no such list.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidOrder(f"an order has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    chosen: dict[str, SortKey] = {}
    start = 0
    for part in text.split(",") if text.strip(" \t") else ():
        name, key = _sort_key(part, start, sortable)
        if name in chosen:
            raise InvalidOrder(f"{name} is named twice", start)
        chosen[name] = key
        start += len(part) + 1
    keys = list(chosen.values())
    descending = bool(keys) and keys[-1].descending
    named = [key.field for key in keys]
    rest = [field for field in sortable.primary_key if field not in named]
    return Order((*keys, *(SortKey(field, descending) for field in rest)))


def _sort_key(part: str, start: int, sortable: SortFields) -> tuple[str, SortKey]:
    found = _PART.fullmatch(part)
    if not found or not found[1]:
        raise InvalidOrder("between commas stands one field, perhaps with asc or desc", start)
    name, direction = found[1], found[2] or "asc"
    field = sortable.fields.get(name)
    if field is None:
        raise InvalidOrder(
            f"{sortable.noun} have no order by {excerpt(name)};"
            f" there are {', '.join(sorted(sortable.fields))}",
            start + found.start(1),
        )
    if direction.lower() not in {"asc", "desc"}:
        raise InvalidOrder(f"behind {name} comes asc or desc", start + found.start(2))
    return name, SortKey(field, direction.lower() == "desc")


def _portable(value: object) -> str | int:
    match value:
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case str() | int():
            return value
        case _:
            raise TypeError(f"no sort key is a {type(value).__name__}")


def _parameter(ordering: Ordering, value: object, parameters: Parameters) -> Composable:
    match ordering:
        case Ordering.TEXT:
            if isinstance(value, str) and not UNSTORABLE.search(value):
                return parameters.text(value)
        case Ordering.INTEGER:
            if type(value) is int and INT64_MIN <= value <= INT64_MAX:
                return parameters.add(value, SQL("bigint"))
        case Ordering.TIME:
            if (time := _time(value)) is not None:
                return parameters.add(time, SQL("timestamptz"))
        case _:
            assert_never(ordering)
    raise _foreign()


def _time(value: object) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


def _foreign() -> InvalidOrder:
    return InvalidOrder("this page belongs to a list in another order", 0)

"""What a filter finds, decided in Python from docs/reference/filters.md alone."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any, assert_never

from semantic_version import Version as SemVer

from regesta_projections.filtering.syntax import (
    ANYTHING,
    And,
    Boolean,
    Condition,
    Literal,
    Node,
    Not,
    Number,
    Operator,
    Or,
    Pattern,
    Text,
)
from tests.integration.filtering.catalog import Model, Version

_PYTHON: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.HAS: operator.eq,
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def finds(node: Node | None, row: Model | Version) -> bool:
    """Return whether a filter finds a row."""
    match node:
        case None:
            return True
        case And(operands):
            return all(finds(operand, row) for operand in operands)
        case Or(operands):
            return any(finds(operand, row) for operand in operands)
        case Not(operand):
            return not finds(operand, row)
        case Condition():
            return _holds(node, row)
        case _:
            assert_never(node)


def _holds(condition: Condition, row: Model | Version) -> bool:
    if condition.field in {"tags", "properties", "params", "metrics"}:
        return _entry_holds(condition, row)
    if condition.field == "alias":
        return any(_compares(condition, alias) for alias in _aliases(row))
    value = _value(condition.field, row)
    if condition.operator is Operator.HAS:
        return value is not None
    if value is None:
        return False
    if condition.field == "semver" and condition.operator not in {Operator.EQUAL, Operator.UNEQUAL}:
        wanted = SemVer(_written(condition.literal))
        return _PYTHON[condition.operator](SemVer(value).precedence_key, wanted.precedence_key)
    return _compares(condition, value)


def _aliases(row: Model | Version) -> list[str]:
    if isinstance(row, Model):
        return [alias for alias, number in row.aliases.items() if number is not None]
    return [alias for alias, number in row.model.aliases.items() if number == row.number]


def _value(field: str, row: Model | Version) -> Any:
    """Return what a row has in a field, None where that is nothing."""
    match field, row:
        case "name", Model():
            return row.name.lower()
        case "model", Version():
            return row.model.name.lower()
        case "version", Version():
            return row.number
        case "latest_version", Model():
            return row.last_version
        case "create_time", _:
            return row.created_at
        case "update_time", _:
            return row.updated_at
        case (("owner" | "source" | "digest" | "run" | "semver"), _):
            return getattr(row, field) or None
        case _:
            return getattr(row, field)


def _compares(condition: Condition, value: Any) -> bool:
    literal = condition.literal
    compare = _PYTHON[condition.operator]
    match value:
        case bool():
            return isinstance(literal, Boolean) and compare(value, literal.value)
        case int() | float():
            return isinstance(literal, Number) and compare(value, _number(literal))
        case dt.datetime():
            return compare(value, dt.datetime.fromisoformat(_written(literal)))
        case str():
            lower = str.lower if condition.field in {"name", "model"} else str
            if isinstance(literal, Pattern):
                fits = _fits([lower(piece) for piece in literal.pieces], value)
                return fits is not (condition.operator is Operator.UNEQUAL)
            # Python compares strings by code points.
            return compare(value, lower(_written(literal)))
        case _:
            return False


def _entry_holds(condition: Condition, row: Model | Version) -> bool:
    entries: dict[str, Any] = getattr(row, condition.field)
    long_keys = row.long_tags if condition.field == "tags" else frozenset()
    anything = condition.literal == ANYTHING
    if condition.key is None:
        keys = entries.keys() | long_keys
        return bool(keys) if anything else _written(condition.literal) in keys
    if condition.operator is Operator.HAS and anything:
        return condition.key in entries or condition.key in long_keys
    if condition.key not in entries:
        return False
    value = entries[condition.key]
    if condition.field == "properties":
        kinds = {Text: str, Pattern: str, Number: (int, float), Boolean: bool}
        if not isinstance(value, kinds[type(condition.literal)]):  # type: ignore[arg-type]
            return False
        if isinstance(condition.literal, Number) and isinstance(value, bool):
            return False
    return _compares(condition, value)


def _fits(pieces: list[str], value: str) -> bool:
    """Return whether a value is these pieces with anything between them."""
    first, *rest = pieces
    if not value.startswith(first):
        return False
    behind = value[len(first) :]
    if len(rest) == 1:
        return behind.endswith(rest[0])
    return any(_fits(rest, behind[start:]) for start in range(len(behind) + 1))


def _number(literal: Number) -> int | float:
    try:
        return int(literal.text)
    except ValueError:
        return float(literal.text)


def _written(literal: Literal) -> str:
    match literal:
        case Text(text) | Number(text):
            return text
        case Boolean(value):
            return str(value).lower()
        case Pattern():
            raise AssertionError("a pattern is no single text")
        case _:
            assert_never(literal)

"""Conditions on the entries of a jsonb column.

An entry that is missing, or holds a value of another type than the literal, makes the condition
false and never NULL, so NOT in front of it is true.
"""

from __future__ import annotations

from typing import assert_never

from psycopg import sql

from regesta_projections.filtering.fields import MapField, NumberMap, TextMap, ValueMap
from regesta_projections.filtering.literals import (
    boolean,
    is_anything,
    is_pattern,
    number,
    refusal,
    written,
)
from regesta_projections.filtering.operators import compare, compare_text, refuse_order
from regesta_projections.filtering.parameters import Parameters
from regesta_projections.filtering.syntax import (
    Boolean,
    Condition,
    Number,
    Operator,
    Pattern,
    Text,
)


def compile_entry(field: MapField, condition: Condition, parameters: Parameters) -> sql.Composable:
    """Return the SQL of a condition on a map field.

    Raises:
        InvalidFilter: The condition names no entry, or asks what its values cannot answer.
    """
    key = condition.key
    if key is None:
        return _has_key(field, condition, parameters)
    if condition.operator is Operator.HAS and is_anything(condition):
        return _present(field, key, parameters)
    match field:
        case TextMap():
            refuse_order(condition)
            return _text_entry(field, key, condition, parameters)
        case NumberMap():
            return _number_entry(field, key, condition, parameters)
        case ValueMap():
            return _value_entry(field, key, condition, parameters)
        case _:
            assert_never(field)


def _has_key(field: MapField, condition: Condition, parameters: Parameters) -> sql.Composable:
    """Compile `tags:team`, and `tags:*` for any entry at all."""
    if condition.operator is not Operator.HAS:
        raise refusal(
            condition,
            f"write {condition.field}.key = value, or {condition.field}:key for what has the key",
        )
    if is_anything(condition):
        return _not_empty(field, parameters)
    if is_pattern(condition):
        raise refusal(condition, 'a key has no wildcard; write "\\*" in quotes for the character')
    return _present(field, written(condition), parameters)


def _not_empty(field: MapField, parameters: Parameters) -> sql.Composable:
    filled = sql.SQL("({} <> '{{}}'::jsonb)").format(field.column)
    match field:
        case TextMap(elsewhere=sql.Identifier() as elsewhere, prefix=prefix):
            return sql.SQL(
                "({} OR EXISTS (SELECT FROM unnest({}) AS t(field) WHERE starts_with(t.field, {})))"
            ).format(filled, elsewhere, parameters.text(prefix))
        case _:
            return filled


def _present(field: MapField, key: str, parameters: Parameters) -> sql.Composable:
    here = sql.SQL("({} ? {})").format(field.column, parameters.text(key))
    match field:
        case TextMap(elsewhere=sql.Identifier() as elsewhere, prefix=prefix):
            there = parameters.text(prefix + key)
            return sql.SQL("({} OR {} = ANY ({}))").format(here, there, elsewhere)
        case _:
            return here


def _contains(
    field: MapField, key: str, value: str | float, parameters: Parameters
) -> sql.Composable:
    """Compare one entry for equality, so that a GIN index on the column can answer."""
    # The first half follows from the second, but the planner needs it said: the index
    # leaves empty maps out.
    return sql.SQL("({0} <> '{{}}'::jsonb AND {0} @> {1})").format(
        field.column, parameters.entry(key, value)
    )


def _is_whole_equality(condition: Condition) -> bool:
    return condition.operator in {Operator.EQUAL, Operator.HAS} and not is_pattern(condition)


def _text_entry(
    field: TextMap | ValueMap, key: str, condition: Condition, parameters: Parameters
) -> sql.Composable:
    if _is_whole_equality(condition):
        return _contains(field, key, written(condition), parameters)
    name = parameters.text(key)
    value = sql.SQL("({} ->> {})").format(field.column, name)
    comparison = compare_text(value, condition, parameters)
    return sql.SQL("COALESCE(jsonb_typeof({} -> {}) = 'string' AND {}, false)").format(
        field.column, name, comparison
    )


def _number_entry(
    field: NumberMap | ValueMap, key: str, condition: Condition, parameters: Parameters
) -> sql.Composable:
    wanted = number(condition)
    if _is_whole_equality(condition):
        return _contains(field, key, wanted, parameters)
    name = parameters.text(key)
    # CASE, because AND may cast what is no number before it looks at the type.
    comparison = compare(
        sql.SQL("({} -> {})::numeric").format(field.column, name),
        condition.operator,
        parameters.number(wanted),
    )
    return sql.SQL("(CASE WHEN jsonb_typeof({} -> {}) = 'number' THEN {} ELSE false END)").format(
        field.column, name, comparison
    )


def _value_entry(
    field: ValueMap, key: str, condition: Condition, parameters: Parameters
) -> sql.Composable:
    """Compare with the values of the literal's type."""
    match condition.literal:
        case Text() | Pattern():
            return _text_entry(field, key, condition, parameters)
        case Number():
            return _number_entry(field, key, condition, parameters)
        case Boolean():
            refuse_order(condition)
            wanted = boolean(condition) is not (condition.operator is Operator.UNEQUAL)
            return _contains(field, key, wanted, parameters)
        case _:
            assert_never(condition.literal)

"""From a filter's tree to SQL.

The SQL has two values, never NULL: a field without a value makes a condition on it false, `!=`
included, and NOT in front of that is true. Nothing the caller wrote is in the SQL; keys and
values are parameters, columns come from `fields`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from psycopg import sql

from regesta.semver import InvalidVersion, sort_key
from regesta_projections.filtering.errors import InvalidFilter, excerpt
from regesta_projections.filtering.fields import (
    AliasField,
    ChoiceField,
    Columns,
    FlagField,
    IntegerField,
    MapField,
    NameField,
    ScalarField,
    SemverField,
    TextField,
    TimeField,
)
from regesta_projections.filtering.literals import (
    boolean,
    integer,
    is_anything,
    moment,
    refusal,
    written,
)
from regesta_projections.filtering.maps import compile_entry
from regesta_projections.filtering.operators import (
    ORDERINGS,
    collated,
    compare,
    compare_text,
    refuse_order,
    refuse_wildcard,
)
from regesta_projections.filtering.parameters import Clause, Parameters
from regesta_projections.filtering.syntax import (
    And,
    Condition,
    Literal,
    Node,
    Not,
    Operator,
    Or,
    Pattern,
    Text,
)

_PREFIX: Final = "filter_"


def compile_filter(node: Node | None, columns: Columns) -> Clause:
    """Return a filter as a boolean SQL expression.

    Args:
        node: From `parse_filter`; None compiles to TRUE.
        columns: `MODELS` or `VERSIONS`, or what `model_columns` and `version_columns` make.

    Returns:
        The expression, to be put behind WHERE or AND, and its parameters, whose names begin
        with `filter_`. It reads the tables that `fields` describes.

    Raises:
        InvalidFilter: A condition names a field that does not exist, or asks what the field
            cannot answer.
    """
    parameters = Parameters(_PREFIX)
    expression = sql.SQL("TRUE") if node is None else _node(node, columns, parameters)
    return Clause(expression, parameters.values)


def _node(node: Node, columns: Columns, parameters: Parameters) -> sql.Composable:
    match node:
        case Condition():
            return _condition(node, columns, parameters)
        case Not():
            return sql.SQL("(NOT {})").format(_node(node.operand, columns, parameters))
        case And():
            glue = sql.SQL(" AND ")
        case Or():
            glue = sql.SQL(" OR ")
        case _:
            assert_never(node)
    operands = [_node(operand, columns, parameters) for operand in node.operands]
    return sql.SQL("({})").format(glue.join(operands))


def _condition(condition: Condition, columns: Columns, parameters: Parameters) -> sql.Composable:
    field = columns.fields.get(condition.field)
    if field is None:
        raise InvalidFilter(
            f"{columns.noun} have no field {excerpt(condition.field)};"
            f" there are {', '.join(sorted(columns.fields))}",
            condition.start,
        )
    if isinstance(field, MapField):
        return compile_entry(field, condition, parameters)
    if condition.key is not None:
        raise InvalidFilter(f"{condition.field} has no entries", condition.start)
    if condition.operator is Operator.HAS and not isinstance(field, AliasField):
        return _has_value(field, condition)
    return _comparison(field, condition, parameters)


def _comparison(
    field: ScalarField | AliasField, condition: Condition, parameters: Parameters
) -> sql.Composable:
    match field:
        case TextField():
            expression = _text(field, condition, parameters)
        case NameField():
            expression = _name(field, condition, parameters)
        case ChoiceField():
            expression = _choice(field, condition, parameters)
        case IntegerField():
            value = parameters.add(integer(condition), sql.SQL("bigint"))
            expression = compare(field.column, condition.operator, value)
        case TimeField():
            value = parameters.add(moment(condition), sql.SQL("timestamptz"))
            expression = compare(field.column, condition.operator, value)
        case FlagField():
            expression = _flag(field, condition)
        case SemverField():
            expression = _semver(field, condition, parameters)
        case AliasField():
            expression = _alias(field, condition, parameters)
        case _:
            assert_never(field)
    return expression


def _has_value(field: ScalarField, condition: Condition) -> sql.Composable:
    """Compile `semver:*`, the one question that `:` asks of a single value."""
    if not is_anything(condition) or isinstance(field, FlagField):
        raise refusal(
            condition,
            f"{condition.field} holds one value: compare it with =;"
            " only * stands behind the colon, for fields that can be empty",
        )
    match field:
        case TextField(optional=True) | SemverField():
            return sql.SQL("({})").format(_filled(field.column))
        case _:
            # What remains is never empty.
            return sql.SQL("TRUE")


def _filled(column: sql.Identifier) -> sql.Composable:
    return sql.SQL("{0} IS NOT NULL AND {0} <> ''").format(column)


def _text(field: TextField, condition: Condition, parameters: Parameters) -> sql.Composable:
    if field.optional:
        return _optional(field.column, condition, parameters)
    return compare_text(field.column, condition, parameters)


def _optional(
    column: sql.Identifier, condition: Condition, parameters: Parameters
) -> sql.Composable:
    """Compare a text that need not be there."""
    if not written(condition):
        raise refusal(condition, f"write NOT {condition.field}:* for what has no {condition.field}")
    comparison = compare_text(column, condition, parameters)
    # Not COALESCE(comparison, false), which no index can answer.
    return sql.SQL("({} AND {})").format(_filled(column), comparison)


def _name(field: NameField, condition: Condition, parameters: Parameters) -> sql.Composable:
    match condition.literal:
        case Pattern(pieces):
            lowered: Literal = Pattern(tuple(map(_lower, pieces)))
        case _:
            lowered = Text(_lower(written(condition)))
    return compare_text(field.column, replace(condition, literal=lowered), parameters)


def _lower(text: str) -> str:
    # Names are ASCII. Lowering other letters would let a Kelvin sign mean a k.
    return text.lower() if text.isascii() else text


def _choice(field: ChoiceField, condition: Condition, parameters: Parameters) -> sql.Composable:
    refuse_order(condition)
    refuse_wildcard(condition)
    value = written(condition).removeprefix(field.enum_prefix)
    if value not in field.values:
        raise refusal(condition, f"{condition.field} is one of {', '.join(field.values)}")
    return compare(field.column, condition.operator, parameters.text(value))


def _flag(field: FlagField, condition: Condition) -> sql.Composable:
    refuse_order(condition)
    wanted = boolean(condition) is not (condition.operator is Operator.UNEQUAL)
    return sql.SQL("{}" if wanted else "(NOT {})").format(field.column)


def _semver(field: SemverField, condition: Condition, parameters: Parameters) -> sql.Composable:
    text = written(condition)
    if condition.operator not in ORDERINGS:
        return _optional(field.column, condition, parameters)
    refuse_wildcard(condition)
    try:
        key = sort_key(text)
    except InvalidVersion:
        raise refusal(
            condition, "semver is ordered against a whole version such as 1.4.0"
        ) from None
    return sql.SQL("EXISTS (SELECT FROM {} AS l WHERE {} AND {})").format(
        field.labels,
        field.join,
        compare(collated(field.key), condition.operator, parameters.text(key)),
    )


def _alias(field: AliasField, condition: Condition, parameters: Parameters) -> sql.Composable:
    if condition.operator not in {Operator.EQUAL, Operator.HAS}:
        raise refusal(
            condition,
            "several aliases can point to one thing; write alias = champion or NOT alias = champion",
        )
    if written(condition).lower() == "latest":
        raise refusal(
            condition,
            "latest is computed, no alias; order by version desc, or resolve model@latest",
        )
    return sql.SQL("EXISTS (SELECT FROM {} AS a WHERE {} AND {})").format(
        field.table,
        field.join,
        compare_text(sql.Identifier("a", "alias"), condition, parameters),
    )

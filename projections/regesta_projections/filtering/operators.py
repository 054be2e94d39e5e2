"""The comparison operators in SQL, and the comparison of texts that every text field shares."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from regesta_projections.filtering.literals import is_pattern, refusal, written
from regesta_projections.filtering.parameters import Parameters
from regesta_projections.filtering.syntax import Condition, Operator, Pattern

COMPARISONS: Final = {
    # An entry `m.k:v` has the value `v`, which AIP-160 defines as being equal to it.
    Operator.HAS: sql.SQL("="),
    Operator.EQUAL: sql.SQL("="),
    Operator.UNEQUAL: sql.SQL("<>"),
    Operator.LESS: sql.SQL("<"),
    Operator.AT_MOST: sql.SQL("<="),
    Operator.GREATER: sql.SQL(">"),
    Operator.AT_LEAST: sql.SQL(">="),
}
ORDERINGS: Final = frozenset({Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST})


def compare(column: sql.Composable, operator: Operator, operand: sql.Composable) -> sql.Composable:
    """Return `(column operator operand)`."""
    return sql.SQL("({} {} {})").format(column, COMPARISONS[operator], operand)


def compare_text(
    column: sql.Composable, condition: Condition, parameters: Parameters
) -> sql.Composable:
    """Return the comparison of a text column, or a match of it; NULL where the column is.

    Args:
        column: What is compared.
        condition: Says how and with what.
        parameters: Takes the text.

    Raises:
        InvalidFilter: A value with a wildcard is to be ordered.
    """
    if isinstance(condition.literal, Pattern):
        if condition.operator in ORDERINGS:
            raise refusal(condition, "a value with a wildcard * has no order; use = or !=")
        like = sql.SQL("NOT LIKE") if condition.operator is Operator.UNEQUAL else sql.SQL("LIKE")
        return sql.SQL("({} {} {})").format(
            column, like, parameters.pattern(condition.literal.pieces)
        )
    if condition.operator in ORDERINGS:
        column = collated(column)
    return compare(column, condition.operator, parameters.text(written(condition)))


def collated(column: sql.Composable) -> sql.Composable:
    """Return a text column in the order of code points, whatever the database's locale."""
    return sql.SQL('{} COLLATE "C"').format(column)


def refuse_wildcard(condition: Condition) -> None:
    """Raise unless the literal is whole.

    Raises:
        InvalidFilter: It has a wildcard.
    """
    if is_pattern(condition):
        raise refusal(condition, f"{condition.field} has no wildcard; write the whole value")


def refuse_order(condition: Condition) -> None:
    """Raise unless the operator asks only for equality.

    Raises:
        InvalidFilter: It asks for an order.
    """
    if condition.operator in ORDERINGS:
        subject = condition.field if condition.key is None else f"a value of {condition.field}"
        raise refusal(condition, f"{subject} has no order; use = or !=")

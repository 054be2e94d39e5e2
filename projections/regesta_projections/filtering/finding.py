"""What of a filter an index of the history can find.

A condition on the past is asked of the row that held then, which is looked up key by key. But
what has a tag now or had it once must have been given it by some event, and those are indexed:
so the keys can be found first. That is necessary and not sufficient; the filter is asked as well.
"""

from __future__ import annotations

from typing import Final

from psycopg import sql

from regesta_projections.filtering.fields import TextMap
from regesta_projections.filtering.literals import is_pattern
from regesta_projections.filtering.maps import compile_entry
from regesta_projections.filtering.operators import compare_text
from regesta_projections.filtering.parameters import Clause, Parameters
from regesta_projections.filtering.syntax import And, Condition, Node, Operator

_PREFIX: Final = "found_"
_TAGS: Final = TextMap(sql.Identifier("c", "tags"))
_STAGE: Final = sql.Identifier("c", "stage")


def compile_found(node: Node | None) -> Clause | None:
    """Return a condition on rows of the history that began something a filter asks for.

    Args:
        node: The filter of a search of versions.

    Returns:
        What must be so of some row, called `c`, of each version that the filter finds, and its
        parameters, whose names begin with `found_`; None when no index helps.
    """
    conditions = node.operands if isinstance(node, And) else (node,)
    wholes = [
        condition
        for condition in conditions
        if isinstance(condition, Condition)
        and condition.operator in {Operator.EQUAL, Operator.HAS}
        and not is_pattern(condition)
    ]
    parameters = Parameters(_PREFIX)
    for condition in wholes:
        if condition.field == "tags" and condition.key is not None:
            entry = compile_entry(_TAGS, condition, parameters)
            return Clause(sql.SQL("c.retagged AND {}").format(entry), parameters.values)
    for condition in wholes:
        if condition.field == "stage" and condition.operator is Operator.EQUAL:
            stage = compare_text(_STAGE, condition, parameters)
            moved = sql.SQL("c.stage_position = c.from_position AND {}").format(stage)
            return Clause(moved, parameters.values)
    return None

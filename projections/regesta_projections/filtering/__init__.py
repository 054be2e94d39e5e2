"""The filter language and the orders of lists: text to tree to SQL.

`parse_filter`, then `compile_filter` with `MODELS` or `VERSIONS`, gives the condition of a
search; `parse_order` with `MODEL_ORDER` or `VERSION_ORDER` gives its order and its pages.
"""

from __future__ import annotations

from regesta_projections.filtering.compile import compile_filter
from regesta_projections.filtering.errors import InvalidExpression, InvalidFilter, InvalidOrder
from regesta_projections.filtering.fields import (
    MODELS,
    VERSIONS,
    Columns,
    model_columns,
    version_columns,
)
from regesta_projections.filtering.finding import compile_found
from regesta_projections.filtering.order import (
    MODEL_ORDER,
    VERSION_ORDER,
    Order,
    SortFields,
    parse_order,
)
from regesta_projections.filtering.parameters import Clause
from regesta_projections.filtering.syntax import Node, parse_filter, print_filter

__all__ = [
    "MODELS",
    "MODEL_ORDER",
    "VERSIONS",
    "VERSION_ORDER",
    "Clause",
    "Columns",
    "InvalidExpression",
    "InvalidFilter",
    "InvalidOrder",
    "Node",
    "Order",
    "SortFields",
    "compile_filter",
    "compile_found",
    "model_columns",
    "parse_filter",
    "parse_order",
    "print_filter",
    "version_columns",
]

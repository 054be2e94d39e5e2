"""Values that travel beside a statement, never in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from psycopg import sql

# What has a meaning of its own in a LIKE pattern.
_SPECIAL = re.compile(r"[\\%_]")


class Clause(NamedTuple):
    """A piece of SQL and the values of its placeholders, by name."""

    sql: sql.Composable
    params: dict[str, object]


class Parameters:
    """Collects values under names of their own; each method returns what stands in the SQL."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.values: dict[str, object] = {}

    def add(self, value: object, cast: sql.SQL) -> sql.Composable:
        """Add a value of the SQL type named by `cast`."""
        name = f"{self._prefix}{len(self.values)}"
        self.values[name] = value
        return sql.SQL("{}::{}").format(sql.Placeholder(name), cast)

    def text(self, value: str) -> sql.Composable:
        """Add text."""
        return self.add(value, sql.SQL("text"))

    def pattern(self, pieces: Iterable[str]) -> sql.Composable:
        """Add the LIKE pattern of pieces of text with anything between them."""
        return self.text("%".join(_SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces))

    def number(self, value: float) -> sql.Composable:
        """Add a number as numeric, which holds every int64 and every double as it is printed."""
        return self.add(Decimal(repr(value)), sql.SQL("numeric"))

    def entry(self, key: str, value: str | float) -> sql.Composable:
        """Add a jsonb object with one entry, for containment."""
        return self.add(json.dumps({key: value}), sql.SQL("jsonb"))

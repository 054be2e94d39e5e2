"""Reading the rows that commands look at: all of a batch in one round trip."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, LiteralString

from psycopg import sql

from regesta_projections.tables import (
    ALIASES,
    MODEL_NAMES,
    MODELS,
    RESOURCES,
    TABLES_BY_KEY,
    VERSION_LABELS,
    VERSIONS,
    Table,
    key_values,
)
from regesta_service.log import packing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from regesta_projections.rows import Key, Row, StreamKey
    from regesta_service.domain.deciding import Wanted
    from regesta_service.log.connections import Link
    from regesta_service.log.packing import Packed

# Everything is found by way of a name, so that nothing has to be known before. LATERAL with
# a LIMIT is looked up row by row through the primary key, whatever the planner believes of
# a table that grew since it last counted.
_NAMES: Final = sql.SQL("""
SELECT n.name_key, n.model FROM unnest(%(names)s::text[]) AS w (name_key)
CROSS JOIN LATERAL (
    SELECT n.name_key, n.model FROM regesta.model_names AS n
    WHERE n.namespace_id = %(log)s AND n.generation = %(generation)s
      AND n.name_key = w.name_key
    LIMIT 1) AS n
""")
_MODELS: Final = sql.SQL("""
SELECT {columns} FROM ({names}) AS n (name_key, model)
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.models AS t
    WHERE t.namespace_id = %(log)s AND t.generation = %(generation)s AND t.model = n.model
    LIMIT 1) AS t
""")
_PARTS: Final = sql.SQL("""
SELECT {columns} FROM unnest(%(names)s::text[], %(parts)s::{type}[]) AS w (name_key, part)
CROSS JOIN LATERAL (
    SELECT n.model FROM regesta.model_names AS n
    WHERE n.namespace_id = %(log)s AND n.generation = %(generation)s
      AND n.name_key = w.name_key
    LIMIT 1) AS n
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.{table} AS t
    WHERE t.namespace_id = %(log)s AND t.generation = %(generation)s
      AND t.model = n.model AND t.{part} = w.part
    LIMIT 1) AS t
""")
_BELOW: Final = sql.SQL("""
SELECT {columns} FROM unnest(%(names)s::text[], %(parts)s::text[]) AS w (name_key, part)
CROSS JOIN LATERAL (
    SELECT n.model FROM regesta.model_names AS n
    WHERE n.namespace_id = %(log)s AND n.generation = %(generation)s
      AND n.name_key = w.name_key
    LIMIT 1) AS n
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.resources AS t
    WHERE t.namespace_id = %(log)s AND t.generation = %(generation)s
      AND t.stream = 'models/' || n.model || '/' || w.part
    LIMIT 1) AS t
""")
_ENTERED: Final = sql.SQL("""
SELECT {columns} FROM unnest(%(names)s::text[], %(parts)s::text[]) AS w (name_key, part)
CROSS JOIN LATERAL (
    SELECT n.model FROM regesta.model_names AS n
    WHERE n.namespace_id = %(log)s AND n.generation = %(generation)s
      AND n.name_key = w.name_key
    LIMIT 1) AS n
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.versions AS t
    WHERE t.namespace_id = %(log)s AND t.generation = %(generation)s
      AND t.model = n.model AND t.stage = w.part AND NOT t.deleted
    ORDER BY t.stage_position DESC
    LIMIT 1) AS t
""")
# Rows whose keys are known.
_KEYED: Final = sql.SQL("""
SELECT {columns} FROM {wanted}
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.{table} AS t
    WHERE t.namespace_id = %(log)s AND t.generation = %(generation)s {same_key}
    LIMIT 1) AS t
""")


def _columns(table: Table[Any]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("t", name) for name in table.loaded)


def _parts(table: Table[Any], part: str, kind: LiteralString) -> sql.Composed:
    return _PARTS.format(
        table=sql.Identifier(table.name),
        part=sql.Identifier(part),
        type=sql.SQL(kind),
        columns=_columns(table),
    )


_FIND_MODELS: Final = _MODELS.format(names=_NAMES, columns=_columns(MODELS))
_FIND_VERSIONS: Final = _parts(VERSIONS, "number", "integer")
_FIND_ALIASES: Final = _parts(ALIASES, "alias", "text")
_FIND_LABELS: Final = _parts(VERSION_LABELS, "semver_key", "text")
_FIND_BELOW: Final = _BELOW.format(columns=_columns(RESOURCES))
_FIND_ENTERED: Final = _ENTERED.format(columns=_columns(VERSIONS))


async def find_rows(
    link: Link, log_id: int, generation: int, wanted: Iterable[Wanted]
) -> list[Row]:
    """Return every row there is of those that are wanted, in no order.

    One round trip outside of a transaction, two inside. Each statement sees what is
    committed when it runs, so the rows belong together only if the head did not move
    meanwhile, or is locked.
    """
    wanted = list(wanted)
    place = {"log": packing.integer(log_id), "generation": packing.integer(generation)}
    statements = list(_statements([want for want in wanted if want.name]))
    statements += _keyed_statements({key for want in wanted for key in want.keys})
    if not statements:
        return []
    # A transaction must not be left after a pipeline: see `lock_head`.
    last = [] if link.is_reusable else [statements.pop()]
    asked: list[tuple[Table[Any], Any]] = []
    async with link.conn.pipeline():
        for table, statement, found_by in statements:
            cursor = await link.conn.execute(statement, place | found_by, binary=True)
            asked.append((table, cursor))
    for table, statement, found_by in last:
        cursor = await link.conn.execute(statement, place | found_by, binary=True)
        asked.append((table, cursor))
    return [table.row(record) for table, cursor in asked for record in await cursor.fetchall()]


def _statements(
    wanted: list[Wanted],
) -> Iterable[tuple[Table[Any], sql.SQL | sql.Composed, dict[str, Packed]]]:
    if not wanted:
        return
    names = {"names": packing.text_array(sorted({want.name.lower() for want in wanted}))}
    yield MODEL_NAMES, _NAMES, names
    yield MODELS, _FIND_MODELS, names
    versions = {(want.name.lower(), number) for want in wanted for number in want.versions}
    if versions:
        parts = packing.integer_array([number for _, number in versions])
        yield VERSIONS, _FIND_VERSIONS, _pairs([name for name, _ in versions], parts)
    aliases = {(want.name.lower(), alias) for want in wanted for alias in want.aliases}
    if aliases:
        parts = packing.text_array([alias for _, alias in aliases])
        yield ALIASES, _FIND_ALIASES, _pairs([name for name, _ in aliases], parts)
    labels = {(want.name.lower(), label) for want in wanted for label in want.labels}
    if labels:
        parts = packing.text_array([label for _, label in labels])
        yield VERSION_LABELS, _FIND_LABELS, _pairs([name for name, _ in labels], parts)
    below = {(want.name.lower(), part) for want in wanted for part in want.below}
    if below:
        parts = packing.text_array([part for _, part in below])
        yield RESOURCES, _FIND_BELOW, _pairs([name for name, _ in below], parts)
    stages = {(want.name.lower(), stage) for want in wanted for stage in want.stages}
    if stages:
        parts = packing.text_array([stage for _, stage in stages])
        yield VERSIONS, _FIND_ENTERED, _pairs([name for name, _ in stages], parts)


_ARRAYS: Final[dict[str, Callable[[Any], Packed]]] = {
    "text": packing.text_array,
    "integer": packing.integer_array,
}


def _keyed_statements(
    keys: set[StreamKey],
) -> Iterable[tuple[Table[Any], sql.SQL | sql.Composed, dict[str, Packed]]]:
    """Yield a statement for each kind of key."""
    by_kind: dict[type[Key], list[Key]] = {}
    for key in keys:
        by_kind.setdefault(type(key), []).append(key)
    for kind, group in by_kind.items():
        table = TABLES_BY_KEY[kind]
        arrays = zip(table.key_columns, zip(*map(key_values, group), strict=True), strict=True)
        parameters = {column.name: _ARRAYS[column.type](values) for column, values in arrays}
        yield table, _keyed(table), parameters


@cache
def _keyed(table: Table[Any]) -> sql.Composed:
    columns = [sql.Identifier(column.name) for column in table.key_columns]
    wanted: sql.Composable = sql.SQL("(SELECT) AS w")
    if columns:
        wanted = sql.SQL("unnest({}) AS w ({})").format(
            sql.SQL(", ").join(
                sql.Placeholder(column.name) + sql.SQL("::") + sql.SQL(column.type) + sql.SQL("[]")
                for column in table.key_columns
            ),
            sql.SQL(", ").join(columns),
        )
    same = sql.SQL(" ").join(sql.SQL("AND t.{0} = w.{0}").format(column) for column in columns)
    return _KEYED.format(
        columns=_columns(table), wanted=wanted, table=sql.Identifier(table.name), same_key=same
    )


def _pairs(names: list[str], parts: Packed) -> dict[str, Packed]:
    return {"names": packing.text_array(names), "parts": parts}

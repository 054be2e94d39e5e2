"""Which versions of a model a stage, a range or `latest` can have meant at a moment.

From the history, by its indexes: the best of those that might be resolved (of a stage, of those
not deleted), and the best of all, so that one can say why not. The rule that chooses is the one for states that were folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from psycopg.sql import SQL, Composable, Composed

from regesta.addresses import Latest, Stage
from regesta_service.reads.past import VersionState
from regesta_service.reads.then import last_number

if TYPE_CHECKING:
    import psycopg

    from regesta.semver import Range
    from regesta_service.reads.then import AsOf

    Connection: TypeAlias = psycopg.AsyncConnection[Any]


async def candidates(
    connection: Connection,
    namespace_id: int,
    model: str,
    selector: Stage | Latest | Range,
    as_of: AsOf,
) -> list[VersionState]:
    """Return the states of the versions among which the one meant is; at most a few.

    Args:
        connection: Where to read; the history must have reached the moment.
        namespace_id: Whose.
        model: The name it was created with.
        selector: What the address says.
        as_of: The moment.
    """
    parameters: dict[str, object] = {
        "namespace_id": namespace_id,
        "model": model,
        **as_of.parameters,
    }
    state = _STATE.format(then=as_of.condition)
    match selector:
        case Latest():
            found = _LATEST.format(
                last=last_number(as_of, "h"),
                found=_best_and_any(_NUMBERED.format(state=state), _BY_NUMBER, _RESOLVABLE),
            )
        case Stage(stage):
            parameters["stage"] = stage
            moved = _MOVED.format(state=state, moved=as_of.condition_of("k"))
            found = _STAGE.format(found=_best_and_any(moved, _BY_MOVE, _THERE))
        case _:
            bounds = [(*bound, False) for bound in selector.bounds()]
            bounds += [(*bound, True) for bound in selector.prerelease_bounds()]
            for name, values in zip(
                ("lows", "highs", "pre"), zip(*bounds, strict=True), strict=True
            ):
                parameters[name] = list(values)
            found = _RANGE.format(
                last=last_number(as_of, "h"),
                found=_best_and_any(_LABELLED.format(state=state), _BY_LABEL, _RESOLVABLE),
            )
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(found, parameters)
        return [VersionState(*row) for row in await cursor.fetchall()]


def _best_and_any(select: Composable, order: Composable, meant: Composable) -> Composed:
    return _BEST_AND_ANY.format(select=select, order=order, meant=meant)


_RESOLVABLE: Final = SQL("NOT s.deleted AND s.resolvable")
# Of a stage the newest holder is meant, also one that is then refused.
_THERE: Final = SQL("NOT s.deleted")


# The state of version `k.number` at the moment.
_STATE: Final = SQL("""
    SELECT s.number, s.stage, s.stage_position, s.deleted, COALESCE(s.semver, '') AS semver,
        s.resolvable
    FROM regesta.version_history AS s
    WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
        AND s.model = k.model AND s.number = k.number AND {then}
    ORDER BY s.from_position DESC LIMIT 1
""")

# The first of those that might be meant, and the first of all.
_BEST_AND_ANY: Final = SQL("""
    ({select} AND {meant} {order} LIMIT 1)
    UNION ALL
    ({select} {order} LIMIT 1)
""")

_NUMBERED: Final = SQL("""
        SELECT s.* FROM regesta.versions AS k CROSS JOIN LATERAL ({state}) AS s
        WHERE k.namespace_id = h.namespace_id AND k.generation = h.generation
            AND k.model = h.model AND k.number <= t.number
""")
_BY_NUMBER: Final = SQL("ORDER BY k.number DESC")

_LATEST: Final = SQL("""
SELECT p.* FROM (
    SELECT l.namespace_id, l.generation, %(model)s::text AS model
    FROM regesta.logs AS l WHERE l.namespace_id = %(namespace_id)s
) AS h
CROSS JOIN LATERAL ({last}) AS t
CROSS JOIN LATERAL ({found}) AS p
""")

# Whoever is in the stage came into it by an event that is among those of the stage.
_MOVED: Final = SQL("""
        SELECT s.* FROM regesta.version_history AS k CROSS JOIN LATERAL ({state}) AS s
        WHERE k.namespace_id = h.namespace_id AND k.generation = h.generation
            AND k.model = %(model)s AND k.stage = %(stage)s
            AND k.stage_position = k.from_position AND {moved}
            AND s.stage_position = k.stage_position
""")
_BY_MOVE: Final = SQL("ORDER BY k.from_position DESC")

_STAGE: Final = SQL("""
SELECT p.* FROM regesta.logs AS h
CROSS JOIN LATERAL ({found}) AS p
WHERE h.namespace_id = %(namespace_id)s
""")

# A label once given stays; whether it had been given yet, the state says.
_LABELLED: Final = SQL("""
        SELECT s.* FROM regesta.version_labels AS k CROSS JOIN LATERAL ({state}) AS s
        WHERE k.namespace_id = h.namespace_id AND k.generation = h.generation
            AND k.model = h.model AND k.number <= t.number AND k.semver_key >= r.low COLLATE "C"
            AND k.semver_key < r.high COLLATE "C"
            AND r.prereleases = (right(k.semver_key, 1) <> '~') AND s.semver <> ''
""")
_BY_LABEL: Final = SQL("ORDER BY k.semver_key DESC")

_RANGE: Final = SQL("""
SELECT p.* FROM (
    SELECT l.namespace_id, l.generation, %(model)s::text AS model
    FROM regesta.logs AS l WHERE l.namespace_id = %(namespace_id)s
) AS h
CROSS JOIN LATERAL ({last}) AS t
CROSS JOIN unnest(%(lows)s::text[], %(highs)s::text[], %(pre)s::boolean[])
    AS r(low, high, prereleases)
CROSS JOIN LATERAL ({found}) AS p
""")

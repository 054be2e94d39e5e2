"""The past judged by a policy: which moves it would have refused.

Every move that the policy governs is decided again on what there was right before its event:
the model, the version, its evaluations and the request that it carried out, folded from their
own streams, at the time and by the principal that the event has. So an evaluation that came
later does not count, and a tag that was removed since is still there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections import events as e
from regesta_projections.evolve.streams import below, key_of
from regesta_projections.records import TYPE_PREFIX, read_record
from regesta_projections.resources import GOVERNANCE
from regesta_projections.rows import AliasKey, ModelKey, VersionKey
from regesta_service.domain import policies
from regesta_service.domain.lifecycle import chosen
from regesta_service.domain.moving import evaluations_part, request_key
from regesta_service.reads import past
from regesta_service.reads.events import Selection, read_chunk
from regesta_service.reads.moments import position_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta_projections.records import Recorded
    from regesta_service.reads.tails import Namespaces

    Connection: TypeAlias = psycopg.AsyncConnection[Any]

#: Most moves that one call looks at; each takes some reads of the database.
MOST_MOVES: Final = 2_000
#: Most refusals that one call lists.
MOST_REFUSALS: Final = 200

#: Events read at once; a connection is held for as long as they are judged.
_PIECE: Final = 50

#: A rollback asks no policy, so its type is not among them.
_MOVES: Final = Selection(types=frozenset({TYPE_PREFIX + "StageChanged", TYPE_PREFIX + "AliasSet"}))


class RefusedMove(NamedTuple):
    """A move that was made and would have been refused."""

    position: int
    version: VersionKey
    #: Empty for an alias.
    to_stage: str
    #: Empty for a stage.
    alias: str
    #: Who made it.
    principal: str
    recorded_at: datetime
    #: At least one condition that is not met.
    unmet: Sequence[policies.Outcome]


@dataclass(slots=True)
class Backtest:
    """What came of judging a part of the log."""

    #: Up to here the log was looked through.
    position: int
    #: Moves that the policy governs.
    moves: int = 0
    refused: int = 0
    #: The first of those that were refused, oldest first.
    refusals: list[RefusedMove] = field(default_factory=list)
    #: Whether there is more to look through.
    more: bool = False


class _Made(NamedTuple):
    """A move of the past, as its event has it."""

    version: VersionKey
    to_stage: str
    alias: str
    #: Empty without one.
    request: str
    recorded: Recorded


class BacktestReads:
    """Judges moves of the past.

    Args:
        namespaces: Finds a namespace's number.
        pool: Where to read.
    """

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool) -> None:
        self._namespaces = namespaces
        self._pool = pool

    async def backtest(
        self, namespace: str, policy: pb.Policy, *, after: int, until: int, ends: float
    ) -> Backtest:
        """Return which moves a policy would have refused.

        Args:
            namespace: Its name.
            policy: The policy; it need not be defined.
            after: Only moves after this position.
            until: Only moves up to this position; 0 is the end of the log.
            ends: When to stop, on the event loop's clock. At least one event is looked at.

        Raises:
            MomentOutOfRange: The log has no such position.
            BodyArchived: The body of a move, or of what it was decided by, is in an archive only.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            place = await position_at(connection, namespace_id, max(after, until, 1))
        end = until or place.size
        done = Backtest(after)
        while done.position < end and not _is_enough(done, ends):
            async with self._pool.connection() as connection:
                await _go_on(connection, namespace_id, policy, done, end=end, ends=ends)
        done.more = done.position < end
        return done


def _is_enough(done: Backtest, ends: float) -> bool:
    return done.moves >= MOST_MOVES or asyncio.get_running_loop().time() >= ends


async def _go_on(
    connection: Connection,
    namespace_id: int,
    policy: pb.Policy,
    done: Backtest,
    *,
    end: int,
    ends: float,
) -> None:
    """Judge the next moves."""
    chunk = await read_chunk(
        connection, namespace_id, after=done.position, limit=_PIECE, until=end, selection=_MOVES
    )
    governance = pb.Governance(policies=[policy])
    for event in chunk.events:
        made = _made(read_record(event.record, event.position, event.leaf_hash))
        if (
            made is not None
            and policies.governing(
                governance, made.version.model, stage=made.to_stage, alias=made.alias
            )
            and not await _by_lifecycle(connection, namespace_id, made)
        ):
            move = await _as_of_then(connection, namespace_id, made)
            _count(done, made, policies.outcomes(policy, move))
        done.position = event.position
        if _is_enough(done, ends):
            return
    done.position = chunk.position


def _made(recorded: Recorded) -> _Made | None:
    """Return the move that an event is; None when it is none."""
    key, event = key_of(recorded.stream), recorded.event
    match event:
        case e.StageChanged() if isinstance(key, VersionKey):
            return _Made(key, event.to_stage, "", event.request, recorded)
        case e.AliasSet() if isinstance(key, AliasKey):
            version = VersionKey(key.model, event.version)
            return _Made(version, "", key.alias, event.request, recorded)
        case _:
            return None


async def _by_lifecycle(connection: Connection, namespace_id: int, made: _Made) -> bool:
    """Say whether a version made room because the lifecycle said so, which asks no policy."""
    event = made.recorded.event
    if not isinstance(event, e.StageChanged) or not event.displaced_by:
        return False
    before = made.recorded.position - 1
    row = await past.resource_at(connection, namespace_id, GOVERNANCE, before)
    if row is None:
        return False
    lifecycle = chosen(cast("pb.Governance", row.resource), made.version.model)
    stage = lifecycle.find(event.from_stage)
    return stage is not None and bool(stage.told)


async def _as_of_then(connection: Connection, namespace_id: int, made: _Made) -> policies.Move:
    """Return a move with what there was right before it.

    Raises:
        LookupError: The log moves what it never made.
    """
    before = made.recorded.position - 1
    key = made.version
    model = await past.model_at(connection, namespace_id, ModelKey(key.model), before)
    version = await past.version_at(connection, namespace_id, key, before)
    if model is None or version is None:
        raise LookupError(f"position {made.recorded.position} moves what was never registered")
    asked = (
        await past.resource_at(connection, namespace_id, request_key(made.request), before)
        if made.request
        else None
    )
    actor = made.recorded.actor
    return policies.Move(
        model=model,
        version=version,
        evaluations=await past.resource_at(
            connection, namespace_id, below(key.model, evaluations_part(key.number)), before
        ),
        request=cast("pb.TransitionRequest", asked.resource) if asked else None,
        alias=made.alias,
        to_stage=made.to_stage,
        principal=actor,
        person=actor,
        now=made.recorded.recorded_at,
    )


def _count(done: Backtest, made: _Made, outcomes: Sequence[policies.Outcome]) -> None:
    done.moves += 1
    unmet = [each for each in outcomes if not each.met]
    if not unmet:
        return
    done.refused += 1
    if len(done.refusals) < MOST_REFUSALS:
        recorded = made.recorded
        done.refusals.append(
            RefusedMove(
                recorded.position,
                made.version,
                made.to_stage,
                made.alias,
                recorded.actor,
                recorded.recorded_at,
                unmet,
            )
        )

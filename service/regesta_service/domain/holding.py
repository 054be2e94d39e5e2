"""Which versions an alias or a stage had, one after the other: what a rollback goes back along.

It is a history of holders, not of moves: whoever held it before, and no version twice in a
row. A rollback takes the last holder off it, and so does a move by hand out of a stage that
lets an earlier version hold it again. So a second rollback goes one further back, and never
returns to what the first has undone. A version that only passes through a stage on its way to
another never holds it, and came to where it goes from where its way began.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regesta_projections import events as e
from regesta_projections.evolve.streams import key_of
from regesta_projections.rows import VersionKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_projections.records import Recorded

#: Holders to go back along; those before them are forgotten.
MAX_HOLDERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A version that had the alias or the stage."""

    number: int
    #: Position of the event that gave it to the version: what a rollback of it undoes.
    position: int
    #: The stage that the version came from; empty when it was registered into it, and of
    #: an alias.
    from_stage: str = ""
    #: Position of the event by which the version is in the stage: a rollback brings it back
    #: by another one than before. 0 of an alias.
    entered: int = 0
    #: Position of the event that moved the version away to make room for another, if it is
    #: where that put it.
    displaced: int = 0


@dataclass(frozen=True, slots=True)
class Holders:
    """Who had an alias or a stage, as looked up before a rollback is decided."""

    #: Oldest first.
    history: tuple[Held, ...] = ()
    #: Whether the last of them still has it.
    holds: bool = False
    #: Of an alias: the revision it was at.
    revision: int = 0


def holders_of_alias(events: Iterable[Recorded]) -> Holders:
    """Return which versions an alias pointed to.

    Args:
        events: All events of the alias, oldest first.
    """
    history: list[Held] = []
    holds, revision = False, 0
    for recorded in events:
        revision = recorded.revision
        match recorded.event:
            case e.AliasSet(version=number):
                _push(history, Held(number, recorded.position))
                holds = True
            case e.VersionRolledBack(version=number):
                if not _cut_to(history, number):
                    _push(history, Held(number, recorded.position))
            case e.AliasRemoved():
                holds = False
            case _:
                pass
    return Holders(tuple(history[-MAX_HOLDERS:]), holds, revision)


@dataclass(frozen=True, slots=True)
class Step:
    """What an event did to the whereabouts of a version."""

    position: int
    number: int
    #: The stage it is in from now on; None when it stays where it was.
    to_stage: str | None = None
    from_stage: str = ""
    #: Whether a rollback brought it back, or had it give way to another that comes next.
    back: bool = False
    gives_way: bool = False
    #: The version that it made room for; 0 when it moved for its own sake.
    displaced_by: int = 0
    #: Whether its next step, of the same append, takes it on to another stage.
    passing: bool = False
    #: Whether it is deleted from now on; None when that stays as it was.
    deleted: bool | None = None


def step_of(recorded: Recorded) -> Step | None:
    """Return what an event did to the whereabouts of its version; None when nothing."""
    key = key_of(recorded.stream)
    if not isinstance(key, VersionKey):
        return None
    position, number = recorded.position, key.number
    match recorded.event:
        case e.VersionRegistered(stage=stage):
            return Step(position, number, stage)
        case e.StageChanged(from_stage=from_stage, to_stage=stage) as moved:
            by, passing = moved.displaced_by, moved.passing
            return Step(position, number, stage, from_stage, displaced_by=by, passing=passing)
        case e.VersionRolledBack(from_stage=from_stage, to_stage=stage, version=version):
            back = version == number
            return Step(position, number, stage, from_stage, back=back, gives_way=not back)
        case e.VersionDeleted():
            return Step(position, number, deleted=True)
        case e.VersionRestored():
            return Step(position, number, deleted=False)
        case _:
            return None


def holders_of_stage(stage: str, steps: Iterable[Step]) -> Holders:
    """Return which versions held a stage: at each time the one in it that entered last.

    Args:
        stage: The stage.
        steps: All steps of a model's versions, in any order.
    """
    whereabouts = _Whereabouts(stage)
    history: list[Held] = []
    for step in sorted(steps, key=lambda step: step.position):
        entered = whereabouts.take(step, history)
        if step.from_stage == stage and (step.gives_way or step.displaced_by):
            # Somebody else enters next, by another event of the same request, or is left.
            if step.displaced_by:
                whereabouts.made_room(step, history)
            continue
        holder = whereabouts.holder()
        if holder is None or (history and _same(history[-1], holder)):
            continue
        # Whoever enters is new; whoever holds it again because another left is not.
        if entered or not _cut_to(history, holder.number, holder.position):
            _push(history, holder)
    holder = whereabouts.holder()
    if holder is not None:
        history[-1] = replace(history[-1], entered=holder.entered)
    displaced = whereabouts.displaced
    return Holders(
        tuple(
            replace(held, displaced=displaced.get(held.number, 0))
            for held in history[-MAX_HOLDERS:]
        ),
        holder is not None,
    )


class _Whereabouts:
    """Which versions are in a stage, and which of them entered last."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        #: Versions in the stage, deleted ones too.
        self._inside: dict[int, Held] = {}
        self._deleted: set[int] = set()
        #: Positions at which versions were moved away to make room, while they stay there.
        self.displaced: dict[int, int] = {}
        #: Where the ways began of those that are on one.
        self._origins: dict[int, str] = {}
        #: Those inside, the last to enter first; and some that are not there any more.
        self._heap: list[tuple[int, int]] = []

    def take(self, step: Step, history: list[Held]) -> bool:
        """Apply a step; say whether a version entered for which the history has no place."""
        number = step.number
        if step.deleted is not None:
            if step.deleted:
                self._deleted.add(number)
            else:
                self._deleted.discard(number)
                if number in self._inside:
                    self._add(self._inside[number])
            return False
        self.displaced.pop(number, None)
        origin = self._origins.pop(number, step.from_stage)
        if step.passing:
            self._origins[number] = origin
        if step.passing or step.to_stage != self._stage:
            self._inside.pop(number, None)
            if step.displaced_by:
                self.displaced[number] = step.position
            return False
        held = Held(number, step.position, origin, step.position)
        is_known = step.back and _cut_to(history, number)
        if is_known:
            held = replace(history[-1], entered=step.position)
        self._inside[number] = held
        self._add(held)
        return not is_known

    def made_room(self, step: Step, history: list[Held]) -> None:
        """Let a version take the stage that was in it already when others made room for it.

        One that was not enters next.
        """
        holder, number = self.holder(), step.displaced_by
        if holder and holder.number == number and history and history[-1].number != number:
            self._inside[number] = held = replace(holder, position=step.position)
            history.append(held)

    def holder(self) -> Held | None:
        """Return the version that holds the stage."""
        while self._heap:
            entered, number = self._heap[0]
            held = self._inside.get(number)
            if held and held.entered == -entered and number not in self._deleted:
                return held
            heapq.heappop(self._heap)
        return None

    def _add(self, held: Held) -> None:
        heapq.heappush(self._heap, (-held.entered, held.number))


def _same(one: Held, other: Held) -> bool:
    return (one.number, one.position) == (other.number, other.position)


def _push(history: list[Held], held: Held) -> None:
    """Add a holder; one that held it last only holds it anew."""
    if history and history[-1].number == held.number:
        history[-1] = held
    else:
        history.append(held)


def _cut_to(history: list[Held], number: int, position: int | None = None) -> bool:
    """Drop all that follow the last entry of a version; say whether there is one."""
    for at in range(len(history) - 1, -1, -1):
        if history[at].number == number and position in (None, history[at].position):
            del history[at + 1 :]
            return True
    return False

"""Release sets: aliases of several models, pointed together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from regesta_projections.rows import AliasKey
from regesta_service.domain.aliases import expect_movable, expect_resolvable, pointed, wanted
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import live_model, live_version
from regesta_service.domain.moving import NOBODY, Mover
from regesta_service.domain.rejections import (
    HolderMismatch,
    InvalidRequest,
    MovesRefused,
    Rejection,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta.sealed import SealedText
    from regesta_projections.rows import Rows

#: Of what is told about each move: all of it travels in trailing metadata.
_MAX_TOLD: Final = 160


@dataclass(frozen=True, slots=True)
class AliasMove:
    """Where one alias is to point."""

    model: str
    alias: str
    number: int
    #: The version it must point to now, 0 for none; None for any.
    expected_number: int | None = None
    reason: SealedText | None = None


@dataclass(frozen=True, slots=True)
class MoveAliases:
    """Point several aliases, all or none; a move that changes nothing is no event.

    No request is carried out by it, so it moves no alias whose policy asks for approvals.
    """

    #: At least one.
    moves: tuple[AliasMove, ...]
    mover: Mover = NOBODY
    #: Whether the caller has the permission that protected aliases want.
    may_move_protected: bool = False

    def wants(self) -> tuple[Wanted, ...]:
        """Return each alias, its version and what governs it."""
        return tuple(wanted(move.model, move.alias, move.number, self.mover) for move in self.moves)

    def decide(self, rows: Rows) -> Decision:
        """Point them there, or refuse with MOVES_REFUSED, which tells every move in the way."""
        refused: dict[int, Rejection] = {}
        seen: dict[AliasKey, int] = {}
        facts: list[Fact] = []
        moved: list[AliasKey] = []
        for at, move in enumerate(self.moves):
            try:
                key, pointing = self._decide_one(rows, move)
            except Rejection as rejection:
                refused[at] = rejection
                continue
            # Two names of one model are seen here only.
            first = seen.setdefault(key, at)
            if first != at:
                refused[at] = InvalidRequest(f"moves[{first}] moves the same alias")
            elif pointing:
                facts += pointing
                moved.append(key)
        if refused:
            raise _refusal(refused, len(self.moves))
        # What a request shows is something that it did something to, if it did anything.
        return Decision(tuple(facts), moved[0] if moved else next(iter(seen)))

    def _decide_one(self, rows: Rows, move: AliasMove) -> tuple[AliasKey, tuple[Fact, ...]]:
        model = live_model(rows, move.model)
        version = live_version(rows, model, move.number)
        key = AliasKey(model.model, move.alias)
        alias = rows.get(key)
        present = 0 if alias is None else alias.number or 0
        expect_holder(f"models/{model.name}/aliases/{move.alias}", present, move.expected_number)
        expect_resolvable(model, version)
        expect = partial(expect_movable, model, alias, may=self.may_move_protected)
        mover = self.mover
        return key, pointed(
            rows, model, version, key, reason=move.reason, mover=mover, expect=expect
        )


def expect_holder(thing: str, actual: int, expected: int | None) -> None:
    """Refuse unless an alias or a stage has the version that the caller expects, if any.

    Args:
        thing: Its name for people.
        actual: The version; 0 when there is none.
        expected: Likewise; None for any.

    Raises:
        HolderMismatch: It has another one.
    """
    if expected is not None and actual != expected:
        has = f"version {actual}" if actual else "no version"
        raise HolderMismatch(
            f"{thing} has {has}, not {expected}; read it again and decide anew",
            metadata={"expected": str(expected), "actual": str(actual)},
        )


def _refusal(refused: Mapping[int, Rejection], count: int) -> MovesRefused:
    """Return what tells of every move that stands in the way."""
    by_reason: dict[str, list[str]] = {}
    for at, rejection in refused.items():
        by_reason.setdefault(rejection.reason, []).append(str(at))
    first = next(iter(refused))
    message = f"{len(refused)} of {count} moves are refused, so none was made"
    return MovesRefused(
        f"{message}; moves[{first}]: {refused[first].message}",
        # Short, so that a hundred of them fit.
        metadata={"refused": "; ".join(f"{why}: {', '.join(at)}" for why, at in by_reason.items())},
        violations=tuple(
            Violation(f"moves[{at}]", _cut(f"{rejection.reason}: {rejection.message}"))
            for at, rejection in refused.items()
        ),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TOLD else f"{text[: _MAX_TOLD - 1]}…"

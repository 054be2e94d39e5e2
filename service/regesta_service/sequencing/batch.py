"""A batch: commands that wait, decided one after the other on one working set. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from regesta_projections.records import RecordTooLong
from regesta_projections.rows import NotLoaded
from regesta_service.domain.rejections import EventTooLarge, Rejection, RequestIdReused
from regesta_service.log.draft import Committed, Draft, EvolveFailed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from regesta_projections.records import Cause
    from regesta_service.domain.deciding import Command, Wanted
    from regesta_service.log.identity import RequestIdentity

#: What a caller is told: the answer, or why there is none.
Result: TypeAlias = Committed | Exception


@dataclass(slots=True, eq=False)
class Waiting:
    """A command and the caller who waits for it."""

    command: Command
    cause: Cause
    request: RequestIdentity
    future: asyncio.Future[Committed]
    #: When the caller stops waiting, on the event loop's clock; None when it tells us itself.
    deadline: float | None = None
    wanted: tuple[Wanted, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = self.command.wants()

    def answer(self, result: Result) -> None:
        """Tell the caller, if it is still there."""
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


@dataclass(slots=True)
class Decided:
    """What a batch comes to: nothing is so before the draft is in the log."""

    draft: Draft
    results: list[tuple[Waiting, Result]]
    #: Those that look at rows nobody could know of before: they belong to the next batch.
    deferred: list[Waiting]

    def answer(self) -> None:
        """Tell every caller."""
        for waiting, result in self.results:
            waiting.answer(result)


def decide(batch: Sequence[Waiting], new_draft: Callable[[], Draft]) -> Decided:
    """Decide each command in turn, on what those before it have done.

    A refusal refuses one command alone. So does a fault in a decider or a fold.

    Args:
        batch: The commands.
        new_draft: Returns an empty draft; called again when a fold has spoiled one.
    """
    faults: dict[Waiting, Exception] = {}
    while True:
        decided = Decided(new_draft(), [], [])
        first: dict[UUID, tuple[Waiting, Committed]] = {}
        spoiled = False
        for waiting in batch:
            if waiting in faults:
                decided.results.append((waiting, faults[waiting]))
                continue
            try:
                result = _decide_one(waiting, decided.draft, first)
            except EvolveFailed as failed:
                faults[waiting] = failed
                spoiled = True
                break
            if isinstance(result, NotLoaded) and decided.draft.events:
                # One before it created or renamed what it is about.
                decided.deferred.append(waiting)
            else:
                decided.results.append((waiting, result))
        if not spoiled:
            return decided


def refused_reuse() -> RequestIdReused:
    """Return the refusal of a request id that was used for other content."""
    return RequestIdReused("this request id was used before for other content; take a new one")


def _decide_one(
    waiting: Waiting, draft: Draft, first: dict[UUID, tuple[Waiting, Committed]]
) -> Result:
    request = waiting.request
    before = first.get(request.key)
    if before is not None:
        return _repeat(waiting, *before)
    try:
        decision = waiting.command.decide(draft.rows)
        committed = draft.add(decision.facts, decision.shows, waiting.cause, request)
    except EvolveFailed:
        raise
    except RecordTooLong:
        return EventTooLarge(
            "all of the request together does not fit into one event of 65,535 bytes;"
            " keep large parts elsewhere and refer to them"
        )
    except Rejection as refusal:
        return refusal
    except Exception as fault:  # noqa: BLE001  told to this caller alone, who logs it
        return fault
    first[request.key] = waiting, committed
    return committed


def _repeat(waiting: Waiting, earlier: Waiting, committed: Committed) -> Result:
    """Return the answer to a request that came twice within a batch."""
    if waiting.request.fingerprint != earlier.request.fingerprint:
        return refused_reuse()
    return Committed(committed.position, committed.shows, None, committed.name, repeated=True)

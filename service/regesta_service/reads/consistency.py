"""How fresh a read must be, and waiting until this process is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from regesta_service.domain.rejections import MomentOutOfRange, NotFreshYet

if TYPE_CHECKING:
    from collections.abc import Callable

    from regesta_service.reads.lookups import Lookups
    from regesta_service.reads.tail import Tail


class Freshness(NamedTuple):
    """What a read demands of the state it is answered from."""

    #: No older than this position; 0 demands nothing.
    position: int = 0
    #: No older than every write acknowledged before the call.
    full: bool = False


ANY = Freshness()


def beyond_the_end(position: int, size: int) -> MomentOutOfRange:
    """Return the refusal of a position that the log does not have."""
    return MomentOutOfRange(
        f"the log ends at position {size}; {position} lies beyond it",
        metadata={"position": str(size)},
    )


def check_reached(freshness: Freshness, size: int) -> None:
    """Refuse when an answer from the database is not fresh enough: it cannot become so.

    Args:
        freshness: What was demanded.
        size: The log's size in the snapshot of the answer, taken during the call.

    Raises:
        MomentOutOfRange: The position demanded is beyond the end of the log.
    """
    if freshness.position > size:
        raise beyond_the_end(freshness.position, size)


async def reach(
    tail: Tail, lookups: Lookups, freshness: Freshness, remaining: Callable[[], float]
) -> None:
    """Wait until the tail is as fresh as demanded.

    Reads that wait at the same time share one look at the head of the log.

    Args:
        tail: What the answer will come from.
        lookups: Looks at the head.
        freshness: What is demanded.
        remaining: Returns the seconds that the call has left.

    Raises:
        MomentOutOfRange: The position demanded is beyond the end of the log.
        NotFreshYet: The tail did not get there within the call's time.
    """
    if not freshness.full and freshness.position <= tail.position:
        return
    size = await lookups.size(tail.namespace_id)
    check_reached(freshness, size)
    wanted = size if freshness.full else freshness.position
    if not await tail.wait_for(wanted, remaining()):
        raise NotFreshYet(
            f"this server has seen position {tail.position} so far, not yet {wanted}; try again",
            metadata={"position": str(tail.position)},
            retry_after=0.1,
        )

"""How long bodies of events stay in the log, and letting old ones be archived."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from regesta.merkle import TILE_WIDTH
from regesta_projections import events as e
from regesta_projections.evolve.streams import PRIVACY_STREAM
from regesta_projections.rows import PRIVACY
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.rejections import (
    BodiesTooYoung,
    HoldInPlace,
    NotSignedYet,
    NotWholeTiles,
    ReleasedAlready,
    RetentionNotDefined,
    SamePerson,
)
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1.privacy_service_pb2 import PrivacyStatus
    from regesta_projections.rows import Rows

#: Whom a hold is of: a person and a model, one of them or both empty.
HoldScope = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DefineRetention:
    """Say from when on bodies may be archived.

    It is an event also when the days stay the same: another person may answer for them now.
    """

    #: 0 says that none may be archived any more.
    keep_days: int
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what is kept so far."""
        return (Wanted(keys=(PRIVACY,)),)

    def decide(self, rows: Rows) -> Decision:
        """Say so."""
        del rows
        event = e.RetentionDefined(keep_days=self.keep_days, reason=free_text(self.reason))
        return Decision((Fact(PRIVACY_STREAM, event, beside(("reason", self.reason))),), PRIVACY)


@dataclass(frozen=True, slots=True)
class ReleaseBodies:
    """Let the bodies up to a position be archived.

    What the log and its checkpoints say was looked up before, in no transaction with this.
    None of it changes: times and checkpoints stay, and a hold that was placed since is none
    of those that were found to spare these events.
    """

    through: int
    #: Who asks for it.
    actor: str
    now: datetime
    #: When the event at `through` was recorded; None when there is none.
    recorded_at: datetime | None
    #: Of the newest checkpoint; 0 without one.
    checkpoint_size: int
    #: 32 bytes.
    checkpoint_root: bytes
    #: Holds that cover no event up to `through`.
    spared: Collection[HoldScope] = frozenset()
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return holds, retention and the release before."""
        return (Wanted(keys=(PRIVACY,)),)

    def decide(self, rows: Rows) -> Decision:
        """Release them, or refuse.

        NOT_WHOLE_TILES, RETENTION_NOT_DEFINED, SAME_PERSON, RELEASED_ALREADY, NOT_SIGNED_YET,
        BODIES_TOO_YOUNG and HOLD_IN_PLACE, in this order.
        """
        if self.through % TILE_WIDTH:
            raise NotWholeTiles(
                f"bodies are released in whole tiles: {self.through} is no multiple of 256",
                metadata={"through": str(self.through)},
            )
        row = rows.get(PRIVACY)
        if row is None or not row.resource.retention.keep_days:
            raise no_retention()
        status = row.resource
        self._check_place(status)
        check_age(status, self.through, self.recorded_at, self.now)
        check_holds(status, self.spared)
        event = e.BodiesReleased(
            through=str(self.through),
            checkpoint_size=str(self.checkpoint_size),
            root=self.checkpoint_root.hex(),
            reason=free_text(self.reason),
        )
        return Decision((Fact(PRIVACY_STREAM, event, beside(("reason", self.reason))),), PRIVACY)

    def _check_place(self, status: PrivacyStatus) -> None:
        if status.retention.defined_by == self.actor:
            raise SamePerson(
                "whoever defined the retention does not release bodies: it takes two persons",
                metadata={"position": str(status.retention.position)},
            )
        if self.through <= status.release.through:
            raise ReleasedAlready(
                f"there is nothing to release up to {self.through}: up to"
                f" {status.release.through} it was done before",
                metadata={"through": str(status.release.through)},
            )
        if self.through > self.checkpoint_size:
            raise NotSignedYet(
                f"the newest checkpoint covers {self.checkpoint_size} events, not {self.through}",
                metadata={"size": str(self.checkpoint_size)},
            )


def no_retention() -> RetentionNotDefined:
    """Return the refusal where nothing may be archived."""
    return RetentionNotDefined("no retention allows it: define one first, as another person")


def check_age(
    status: PrivacyStatus, through: int, recorded_at: datetime | None, now: datetime
) -> None:
    """Refuse bodies that the retention keeps.

    Raises:
        BodiesTooYoung: The last of them is too young; times never decrease along the log.
    """
    days = status.retention.keep_days
    if recorded_at is None or now - recorded_at < timedelta(days=days):
        when = "" if recorded_at is None else f", and was recorded at {recorded_at:%Y-%m-%d %H:%M}"
        raise BodiesTooYoung(
            f"bodies stay for {days} days: the one at {through} is younger{when}",
            metadata={"through": str(through), "keep_days": str(days)},
        )


def check_holds(status: PrivacyStatus, spared: Collection[HoldScope]) -> None:
    """Refuse while a hold is in place that is not known to spare these events.

    Raises:
        HoldInPlace: There is one.
    """
    for hold in status.holds:
        scope = hold.person, hold.model
        if scope == ("", "") or scope not in spared:
            name = hold.name.rpartition("/")[2]  # a resource name, where it was read
            raise HoldInPlace(
                f"the hold {name} keeps bodies among these, for the matter: {hold.matter}",
                metadata={"hold": name, "position": str(hold.position)},
            )

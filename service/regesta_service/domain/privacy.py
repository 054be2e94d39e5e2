"""Holds on texts that are kept beside the log, and erasing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import PRIVACY_STREAM
from regesta_projections.rows import PRIVACY
from regesta_service.domain import limits
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import any_model
from regesta_service.domain.rejections import (
    HoldExists,
    HoldInPlace,
    HoldNotFound,
    NothingToErase,
    TooManyHolds,
)
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta.sealed import SealedText
    from regesta.v1.privacy_service_pb2 import Hold
    from regesta_projections.rows import Rows


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Keep texts from being erased."""

    hold: str
    matter: str
    person: str = ""
    #: A present or former name.
    model: str = ""
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the holds in place, and the model that is named."""
        return (Wanted(name=self.model, keys=(PRIVACY,)),)

    def decide(self, rows: Rows) -> Decision:
        """Place it, or refuse with HOLD_EXISTS, TOO_MANY_HOLDS or MODEL_NOT_FOUND.

        A deleted model may be held: its texts are still there.
        """
        holds = _holds(rows)
        model = any_model(rows, self.model).model if self.model else ""
        if any(hold.name == self.hold for hold in holds):
            raise HoldExists(
                f"the hold {self.hold} is in place; release it first, or name another",
                metadata={"hold": self.hold},
            )
        if len(holds) >= limits.MAX_HOLDS:
            raise TooManyHolds(
                f"{len(holds)} holds are in place, as many as there may be; release one first",
                metadata={"limit": str(limits.MAX_HOLDS)},
            )
        event = e.HoldPlaced(
            hold=self.hold,
            person=self.person,
            model=model,
            matter=self.matter,
            reason=free_text(self.reason),
        )
        return _said(event, self.reason)


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """End a hold."""

    hold: str
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the holds in place."""
        return (Wanted(keys=(PRIVACY,)),)

    def decide(self, rows: Rows) -> Decision:
        """End it, or refuse with HOLD_NOT_FOUND."""
        if not any(hold.name == self.hold for hold in _holds(rows)):
            raise HoldNotFound(
                f"there is no hold {self.hold} in place", metadata={"hold": self.hold}
            )
        return _said(e.HoldReleased(hold=self.hold, reason=free_text(self.reason)), self.reason)


@dataclass(frozen=True, slots=True)
class ChosenText:
    """A text that is there, and was chosen to be erased."""

    digest: str
    #: Who wrote it.
    person: str
    #: The model that its event belongs to, by its first name; empty when to none.
    model: str


@dataclass(frozen=True, slots=True)
class EraseTexts:
    """Erase texts.

    Which texts there are was looked up before, in no transaction with this. A text that was
    written since is not among them, and one that was erased since is named twice: both do no
    harm, and the holds are looked at when it is decided.
    """

    texts: Sequence[ChosenText]
    legal_basis: str
    #: How they were chosen: one of the three.
    person: str = ""
    stream: str = ""
    event_position: int = 0
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the holds in place."""
        return (Wanted(keys=(PRIVACY,)),)

    def decide(self, rows: Rows) -> Decision:
        """Erase them, or refuse with HOLD_IN_PLACE or NOTHING_TO_ERASE."""
        check_holds(_holds(rows), self.texts)
        if not self.texts:
            raise NothingToErase("there is no such text: there never was, or it was erased")
        size = limits.MAX_ERASED_BY_EVENT
        starts = range(0, len(self.texts), size)
        facts = []
        for part, start in enumerate(starts, 1):
            # The request's one reason stands in its last event, which the answer shows.
            reason = self.reason if part == len(starts) else None
            event = e.PersonalDataErased(
                person=self.person,
                stream=self.stream,
                event_position=str(self.event_position) if self.event_position else "",
                legal_basis=self.legal_basis,
                digests=tuple(text.digest for text in self.texts[start : start + size]),
                total=len(self.texts),
                part=part,
                reason=free_text(reason),
            )
            facts.append(Fact(PRIVACY_STREAM, event, beside(("reason", reason))))
        return Decision(tuple(facts), PRIVACY)


def check_holds(holds: Sequence[Hold], texts: Sequence[ChosenText]) -> None:
    """Refuse to erase texts while a hold covers one of them.

    Raises:
        HoldInPlace: It does.
    """
    persons = {text.person for text in texts}
    models = {text.model for text in texts}
    for hold in holds:
        everything = not hold.person and not hold.model
        if everything or hold.person in persons or (hold.model and hold.model in models):
            name = hold.name.rpartition("/")[2]  # a resource name, where it was read
            raise HoldInPlace(
                f"the hold {name} keeps these texts, for the matter: {hold.matter}",
                metadata={"hold": name, "position": str(hold.position)},
            )


def _holds(rows: Rows) -> Sequence[Hold]:
    row = rows.get(PRIVACY)
    return row.resource.holds if row else ()


def _said(event: e.HoldPlaced | e.HoldReleased, reason: SealedText | None) -> Decision:
    return Decision((Fact(PRIVACY_STREAM, event, beside(("reason", reason))),), PRIVACY)

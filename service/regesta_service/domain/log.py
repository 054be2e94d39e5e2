"""What the log says of itself: commitments to all heads, keys, losses, witnesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from regesta_projections import events as e
from regesta_projections.evolve.streams import LOG_STREAM
from regesta_projections.rows import LOG
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision
from regesta_service.domain.rejections import LastGoodSizeGrew, LostRangeInvalid, SameKey
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1.log_status_pb2 import LogStatus
    from regesta_projections.rows import Rows

_LogEvent: TypeAlias = (
    e.HeadsCommitted | e.KeyRotated | e.KeyCompromised | e.LogForked | e.LogWitnessed
)


@dataclass(frozen=True, slots=True)
class _AboutTheLog:
    """What commands about the log have in common."""

    reason: SealedText | None = None
    expected_revision: int | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what the log says of itself so far."""
        return (Wanted(keys=(LOG,)),)

    def _status(self, rows: Rows) -> LogStatus | None:
        """Return what the log says so far, None before it said anything."""
        row = rows.get(LOG)
        expect_revision("log", row.revision if row else 0, self.expected_revision)
        return row.resource if row else None

    def _said(self, event: _LogEvent) -> Decision:
        return Decision((Fact(LOG_STREAM, event, beside(("reason", self.reason))),), LOG)


@dataclass(frozen=True, slots=True)
class CommitHeads(_AboutTheLog):
    """Commit to the heads of all streams; nothing when that was done for as late a position."""

    position: int = 0
    streams: int = 0
    #: 32 bytes.
    root: bytes = b""

    def decide(self, rows: Rows) -> Decision:
        """Commit to them."""
        status = self._status(rows)
        if status is not None and status.heads.heads_position >= self.position:
            return Decision((), LOG)
        return self._said(
            e.HeadsCommitted(
                position=str(self.position),
                streams=str(self.streams),
                root=self.root.hex(),
                reason=free_text(self.reason),
            )
        )


@dataclass(frozen=True, slots=True)
class RecordKeyRotation(_AboutTheLog):
    """Say that another key signs from now on; nothing when that key does already."""

    new_vkey: str = ""
    old_vkey: str = ""
    last_checkpoint: str = ""

    def decide(self, rows: Rows) -> Decision:
        """Say so, or refuse with SAME_KEY."""
        if self.new_vkey == self.old_vkey:
            raise SameKey("a key is not rotated to itself; name the new one and the old one")
        status = self._status(rows)
        known = set(status.vkeys) if status else set()
        if self.new_vkey in known and self.old_vkey not in known:
            return Decision((), LOG)
        return self._said(
            e.KeyRotated(
                new_vkey=self.new_vkey,
                old_vkey=self.old_vkey,
                last_checkpoint=self.last_checkpoint,
                reason=free_text(self.reason),
            )
        )


@dataclass(frozen=True, slots=True)
class RecordKeyCompromise(_AboutTheLog):
    """Say up to which size a key can be trusted; later knowledge can only take trust away."""

    vkey: str = ""
    last_good_size: int = 0
    checkpoint: str = ""

    def decide(self, rows: Rows) -> Decision:
        """Say so, or refuse with LAST_GOOD_SIZE_GREW."""
        status = self._status(rows)
        said = {key.vkey: key.last_good_size for key in status.compromised_keys} if status else {}
        before = said.get(self.vkey)
        if before == self.last_good_size:
            return Decision((), LOG)
        if before is not None and before < self.last_good_size:
            raise LastGoodSizeGrew(
                f"this key was said to be good up to size {before} only, and trust that was"
                " taken away does not come back",
                metadata={"expected": str(before), "actual": str(self.last_good_size)},
            )
        return self._said(
            e.KeyCompromised(
                vkey=self.vkey,
                last_good_size=str(self.last_good_size) if self.last_good_size else "",
                checkpoint=self.checkpoint,
                reason=free_text(self.reason),
            )
        )


@dataclass(frozen=True, slots=True)
class RecordFork(_AboutTheLog):
    """Say which events were lost; the first lost one follows the last that was recovered."""

    old_checkpoint: str = ""
    recovered_size: int = 0
    #: 32 bytes.
    recovered_root: bytes = b""
    first_lost: int = 0
    last_lost: int = 0

    def decide(self, rows: Rows) -> Decision:
        """Say so, or refuse with LOST_RANGE_INVALID."""
        if not self.recovered_size < self.first_lost <= self.last_lost:
            raise LostRangeInvalid(
                "the first event that was lost lies beyond those recovered, and not after the last",
                metadata={
                    "size": str(self.recovered_size),
                    "first": str(self.first_lost),
                    "last": str(self.last_lost),
                },
            )
        self._status(rows)
        return self._said(
            e.LogForked(
                old_checkpoint=self.old_checkpoint,
                recovered_size=str(self.recovered_size) if self.recovered_size else "",
                recovered_root=self.recovered_root.hex(),
                first_lost=str(self.first_lost),
                last_lost=str(self.last_lost),
                reason=free_text(self.reason),
            )
        )


@dataclass(frozen=True, slots=True)
class RecordWitness(_AboutTheLog):
    """Write a cosigned checkpoint into the log; nothing when it is the last one written."""

    checkpoint: str = ""

    def decide(self, rows: Rows) -> Decision:
        """Write it."""
        status = self._status(rows)
        if status is not None and status.witnessed_checkpoint == self.checkpoint:
            return Decision((), LOG)
        return self._said(e.LogWitnessed(checkpoint=self.checkpoint, reason=free_text(self.reason)))

"""Refusals about the log: its keys, checkpoints and heads, holds, erasures and retention."""

from __future__ import annotations

from regesta_service.domain.rejections.base import Kind, Rejection


class StreamNotFound(Rejection):
    """There was no such stream when the heads were committed to."""

    kind = Kind.NOT_FOUND
    reason = "STREAM_NOT_FOUND"


class SameKey(Rejection):
    """A key cannot be rotated to itself."""

    kind = Kind.INVALID
    reason = "SAME_KEY"


class LostRangeInvalid(Rejection):
    """The events that were lost must follow those that were recovered."""

    kind = Kind.INVALID
    reason = "LOST_RANGE_INVALID"


class LastGoodSizeGrew(Rejection):
    """A compromised key cannot become trusted up to a larger size than was said before."""

    kind = Kind.PRECONDITION
    reason = "LAST_GOOD_SIZE_GREW"


class HoldExists(Rejection):
    """A hold of this name is in place."""

    kind = Kind.EXISTS
    reason = "HOLD_EXISTS"


class HoldNotFound(Rejection):
    """No hold of this name is in place."""

    kind = Kind.NOT_FOUND
    reason = "HOLD_NOT_FOUND"


class HoldInPlace(Rejection):
    """A hold forbids to erase these texts or archive these bodies; it names the matter that it serves."""

    kind = Kind.PRECONDITION
    reason = "HOLD_IN_PLACE"


class TooManyHolds(Rejection):
    """As many holds are in place as there may be."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_HOLDS"


class NothingToErase(Rejection):
    """No text is there that was asked to be erased: there never was one, or it was erased."""

    kind = Kind.NOT_FOUND
    reason = "NOTHING_TO_ERASE"


class RetentionNotDefined(Rejection):
    """No retention allows to archive bodies: none was defined, or it was ended."""

    kind = Kind.PRECONDITION
    reason = "RETENTION_NOT_DEFINED"


class BodiesTooYoung(Rejection):
    """Some of the bodies are younger than the retention lets go of."""

    kind = Kind.PRECONDITION
    reason = "BODIES_TOO_YOUNG"


class SamePerson(Rejection):
    """Whoever defined the retention does not release bodies: it takes two persons."""

    kind = Kind.PRECONDITION
    reason = "SAME_PERSON"


class NotSignedYet(Rejection):
    """No checkpoint covers all of these bodies."""

    kind = Kind.PRECONDITION
    reason = "NOT_SIGNED_YET"


class ReleasedAlready(Rejection):
    """These bodies, or more, were released before."""

    kind = Kind.PRECONDITION
    reason = "RELEASED_ALREADY"


class NotWholeTiles(Rejection):
    """Bodies are released in whole tiles of 256."""

    kind = Kind.INVALID
    reason = "NOT_WHOLE_TILES"


class BodiesArchived(Rejection):
    """What is asked for needs bodies of events that are in an archive only."""

    kind = Kind.PRECONDITION
    reason = "BODIES_ARCHIVED"


class MomentOutOfRange(Rejection):
    """A position or time lies outside of the namespace's history."""

    kind = Kind.OUT_OF_RANGE
    reason = "MOMENT_OUT_OF_RANGE"


class OutsideTree(Rejection):
    """A position, size or tile lies outside of the namespace's tree."""

    kind = Kind.OUT_OF_RANGE
    reason = "OUTSIDE_TREE"


class CheckpointNotFound(Rejection):
    """There is no such checkpoint, or none yet."""

    kind = Kind.NOT_FOUND
    reason = "CHECKPOINT_NOT_FOUND"


class WitnessUnknown(Rejection):
    """None of the signatures is by a witness that this server is configured to know."""

    kind = Kind.PRECONDITION
    reason = "WITNESS_UNKNOWN"


class PublishingStopped(Rejection):
    """The publisher raised an alarm and signs no more until an operator acts."""

    kind = Kind.PRECONDITION
    reason = "PUBLISHING_STOPPED"


class ReceiptNotReady(Rejection):
    """No checkpoint covers the event yet."""

    kind = Kind.DEADLINE
    reason = "RECEIPT_NOT_READY"


class HeadsUnderWay(Rejection):
    """The heads of the namespace are being read for a commitment already."""

    kind = Kind.PRECONDITION
    reason = "HEADS_UNDER_WAY"


class HeadsNotKept(Rejection):
    """There is no commitment to all heads whose lines are kept as of this position.

    `regesta audit commit-heads` makes one, with the permission `audit.commit`.
    """

    kind = Kind.PRECONDITION
    reason = "HEADS_NOT_KEPT"


class TooManyStreams(Rejection):
    """The model has more versions and aliases than can be proved at once."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_STREAMS"


class LogDamaged(Rejection):
    """What is stored of the log is not as it was appended; verify says what."""

    kind = Kind.PRECONDITION
    reason = "LOG_DAMAGED"

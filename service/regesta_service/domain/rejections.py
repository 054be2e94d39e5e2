"""Refusals: what a caller asked for and cannot have, and why.

Raised by pure code and by reads alike. `api/errors.py` alone turns them into gRPC
statuses with google.rpc.ErrorInfo; the table for users is docs/reference/errors.md.
Messages name the thing and the way out, and never repeat a caller's long text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """The family of a refusal; each is one gRPC code."""

    INVALID = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    EXISTS = "ALREADY_EXISTS"
    PRECONDITION = "FAILED_PRECONDITION"
    CONFLICT = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    DENIED = "PERMISSION_DENIED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE = "DEADLINE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Violation:
    """A field of a request that breaks a rule."""

    #: Path of the field, for example `version.metrics["auc"]`.
    field: str
    #: The rule, in one sentence.
    description: str


class Rejection(Exception):
    """Base of all refusals.

    Attributes:
        kind: The family.
        reason: ErrorInfo's reason, UPPER_SNAKE; stable, for programs.
        message: For people.
        metadata: ErrorInfo's metadata: names and numbers, never free text.
        violations: Fields that break a rule.
        retry_after: Seconds after which to try again, when that helps.
    """

    kind: ClassVar[Kind]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata or {}
        self.violations = violations
        self.retry_after = retry_after


class InvalidRequest(Rejection):
    """A field breaks a rule whatever the state."""

    kind = Kind.INVALID
    reason = "INVALID_FIELD"

    @classmethod
    def of(cls, field: str, description: str) -> InvalidRequest:
        """Return the refusal of one field."""
        return cls(f"{field}: {description}", violations=(Violation(field, description),))


class InvalidFilterGiven(InvalidRequest):
    """A filter or an order cannot be understood."""

    reason = "INVALID_FILTER"


class InvalidPageToken(InvalidRequest):
    """A page token is not one of ours, or is for another request."""

    reason = "INVALID_PAGE_TOKEN"


class EventTooLarge(InvalidRequest):
    """All of a request together does not fit into one event."""

    reason = "EVENT_TOO_LARGE"


class ModelNotFound(Rejection):
    """There is no such model."""

    kind = Kind.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class VersionNotFound(Rejection):
    """There is no such version."""

    kind = Kind.NOT_FOUND
    reason = "VERSION_NOT_FOUND"


class AliasNotFound(Rejection):
    """There is no such alias."""

    kind = Kind.NOT_FOUND
    reason = "ALIAS_NOT_FOUND"


class CommentNotFound(Rejection):
    """There is no such comment on the model or version."""

    kind = Kind.NOT_FOUND
    reason = "COMMENT_NOT_FOUND"


class CommentNotYours(Rejection):
    """Only who said something may change it."""

    kind = Kind.DENIED
    reason = "COMMENT_NOT_YOURS"


class NamespaceNotFound(Rejection):
    """There is no such namespace, or the caller may not know of it."""

    kind = Kind.NOT_FOUND
    reason = "NAMESPACE_NOT_FOUND"


class StreamNotFound(Rejection):
    """There was no such stream when the heads were committed to."""

    kind = Kind.NOT_FOUND
    reason = "STREAM_NOT_FOUND"


class NoVersionMatches(Rejection):
    """An address is right in form but no version is meant by it."""

    kind = Kind.NOT_FOUND
    reason = "NO_VERSION_MATCHES"


class ModelExists(Rejection):
    """A model has, or once had, this name."""

    kind = Kind.EXISTS
    reason = "MODEL_EXISTS"


class NamespaceExists(Rejection):
    """There is a namespace of this name."""

    kind = Kind.EXISTS
    reason = "NAMESPACE_EXISTS"


class SemverTaken(Rejection):
    """Another version of the model has this label."""

    kind = Kind.EXISTS
    reason = "SEMVER_TAKEN"


class RequestIdReused(Rejection):
    """A request id was used before for other content."""

    kind = Kind.EXISTS
    reason = "REQUEST_ID_REUSED"


class ModelDeletedAlready(Rejection):
    """The model is deleted; restore it first."""

    kind = Kind.PRECONDITION
    reason = "MODEL_DELETED"


class VersionDeletedAlready(Rejection):
    """The version is deleted; restore it first."""

    kind = Kind.PRECONDITION
    reason = "VERSION_DELETED"


class VersionArchived(Rejection):
    """The version is archived, so nothing may point to it or resolve to it."""

    kind = Kind.PRECONDITION
    reason = "VERSION_ARCHIVED"


class VersionFlagged(Rejection):
    """A blocking flag is open on the version, so it is neither resolved nor promoted."""

    kind = Kind.PRECONDITION
    reason = "VERSION_FLAGGED"


class ModelFlagged(Rejection):
    """A blocking flag is open on the model, so none of its versions is resolved or promoted."""

    kind = Kind.PRECONDITION
    reason = "MODEL_FLAGGED"


class VersionRevoked(Rejection):
    """The version was revoked, so it is never resolved or promoted again."""

    kind = Kind.PRECONDITION
    reason = "VERSION_REVOKED"


class FlagExists(Rejection):
    """A flag of this id is open, with another severity or effect."""

    kind = Kind.EXISTS
    reason = "FLAG_EXISTS"


class FlagNotFound(Rejection):
    """No flag of this id is open on the resource."""

    kind = Kind.NOT_FOUND
    reason = "FLAG_NOT_FOUND"


class TooManyFlags(Rejection):
    """As many flags are open on the resource as there may be."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_FLAGS"


class AliasPinned(Rejection):
    """The alias is pinned: nobody moves or removes it until it is unpinned."""

    kind = Kind.PRECONDITION
    reason = "ALIAS_PINNED"


class AliasIsProtected(Rejection):
    """The alias is protected, and the caller lacks the permission to move or remove it."""

    kind = Kind.DENIED
    reason = "ALIAS_PROTECTED"


class MovesRefused(Rejection):
    """Moves of a release set stand in its way; it tells all of them, and none was made."""

    kind = Kind.PRECONDITION
    reason = "MOVES_REFUSED"


class NothingToRollBack(Rejection):
    """The alias or the stage has no earlier version to go back to."""

    kind = Kind.PRECONDITION
    reason = "NOTHING_TO_ROLL_BACK"


class NeverHeld(Rejection):
    """The version to go back to is none that the alias or the stage had before."""

    kind = Kind.PRECONDITION
    reason = "NEVER_HELD"


class CannotComeBack(Rejection):
    """The version to go back to is not resolved any more: it is deleted or archived."""

    kind = Kind.PRECONDITION
    reason = "CANNOT_COME_BACK"


class NotDeleted(Rejection):
    """What is to be restored is not deleted."""

    kind = Kind.PRECONDITION
    reason = "NOT_DELETED"


class SemverFixed(Rejection):
    """The version has another label already, and labels stay."""

    kind = Kind.PRECONDITION
    reason = "SEMVER_FIXED"


class MoveNotAllowed(Rejection):
    """The lifecycle does not allow this move."""

    kind = Kind.PRECONDITION
    reason = "MOVE_NOT_ALLOWED"


class StageTakenAlready(Rejection):
    """An exclusive stage has a holder, and the lifecycle does not say where it would go."""

    kind = Kind.PRECONDITION
    reason = "STAGE_TAKEN"


class HoldersChanged(Rejection):
    """Who has a stage or an alias changed between look and move, each time; try again."""

    kind = Kind.CONFLICT
    reason = "HOLDERS_CHANGED"


class LifecycleNotFound(Rejection):
    """No lifecycle of this name is defined."""

    kind = Kind.NOT_FOUND
    reason = "LIFECYCLE_NOT_FOUND"


class LifecycleOverlaps(Rejection):
    """Another lifecycle is for the same models, no more and no less exactly."""

    kind = Kind.PRECONDITION
    reason = "LIFECYCLE_OVERLAPS"


class PolicyNotMet(Rejection):
    """A policy governs the move, and a condition of it is not met; each is told."""

    kind = Kind.PRECONDITION
    reason = "POLICY_NOT_MET"


class PolicyNotFound(Rejection):
    """No policy of this name is defined."""

    kind = Kind.NOT_FOUND
    reason = "POLICY_NOT_FOUND"


class RequestNotFound(Rejection):
    """No request of this name was made."""

    kind = Kind.NOT_FOUND
    reason = "REQUEST_NOT_FOUND"


class RequestEnded(Rejection):
    """The request was rejected, cancelled, carried out, or has expired."""

    kind = Kind.PRECONDITION
    reason = "REQUEST_ENDED"


class RequestForAnother(Rejection):
    """The request is for another move."""

    kind = Kind.PRECONDITION
    reason = "REQUEST_FOR_ANOTHER"


class OwnRequest(Rejection):
    """Who asked for a move cannot approve it, with whatever account."""

    kind = Kind.DENIED
    reason = "OWN_REQUEST"


class NotYourRequest(Rejection):
    """Only who asked for a move takes the request back."""

    kind = Kind.DENIED
    reason = "NOT_YOUR_REQUEST"


class ApprovedAlready(Rejection):
    """The same person approved the same already."""

    kind = Kind.EXISTS
    reason = "APPROVED_ALREADY"


class GovernanceFull(Rejection):
    """A namespace has as many lifecycles or policies as it may."""

    kind = Kind.PRECONDITION
    reason = "GOVERNANCE_FULL"


class TooManyTags(Rejection):
    """A resource would have more tags than it may."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_TAGS"


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


class GrantNotFound(Rejection):
    """There is no such grant: there never was, or it was revoked or has ended."""

    kind = Kind.NOT_FOUND
    reason = "GRANT_NOT_FOUND"


class GrantExceedsOwn(Rejection):
    """Nobody grants what he may not do himself, or only in fewer cases or for a shorter time."""

    kind = Kind.DENIED
    reason = "GRANT_EXCEEDS_OWN"


class TooManyGrants(Rejection):
    """A namespace has as many grants as it may; give roles to groups, or revoke some."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_GRANTS"


class PrincipalNotFound(Rejection):
    """No principal of this name is registered."""

    kind = Kind.NOT_FOUND
    reason = "PRINCIPAL_NOT_FOUND"


class PrincipalKindFixed(Rejection):
    """A principal is registered as another kind, and that stays."""

    kind = Kind.PRECONDITION
    reason = "PRINCIPAL_KIND_FIXED"


class TokenNotFound(Rejection):
    """There is no such token, or it is not the caller's."""

    kind = Kind.NOT_FOUND
    reason = "TOKEN_NOT_FOUND"


class TokenShownOnce(Rejection):
    """The request was carried out before, and showed the token then; it is kept nowhere."""

    kind = Kind.PRECONDITION
    reason = "TOKEN_SHOWN_ONCE"


class TokenExceedsOwn(Rejection):
    """A token cannot make another that may do more or ends later than itself."""

    kind = Kind.DENIED
    reason = "TOKEN_EXCEEDS_OWN"


class RevisionMismatch(Rejection):
    """The resource is not at the revision the caller expects."""

    kind = Kind.CONFLICT
    reason = "REVISION_MISMATCH"


class StageMismatch(Rejection):
    """The version is not in the stage the caller expects."""

    kind = Kind.CONFLICT
    reason = "STAGE_MISMATCH"


class HolderMismatch(Rejection):
    """The alias or the stage does not have the version that the caller expects."""

    kind = Kind.CONFLICT
    reason = "HOLDER_MISMATCH"


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


class Overloaded(Rejection):
    """Too much is waiting already; nothing was done."""

    kind = Kind.EXHAUSTED
    reason = "OVERLOADED"


class DatabaseUnavailable(Rejection):
    """The database does not answer.

    Whether a write was done is unknown: repeat it with the same request id.
    """

    kind = Kind.UNAVAILABLE
    reason = "DATABASE_UNAVAILABLE"


class Draining(Rejection):
    """The server is about to stop; another one, or this one later, will answer."""

    kind = Kind.UNAVAILABLE
    reason = "DRAINING"


class NotFreshYet(Rejection):
    """This server did not reach the position asked for in time."""

    kind = Kind.DEADLINE
    reason = "NOT_FRESH_YET"


class SubscriberTooSlow(Rejection):
    """More events wait for a subscriber than are kept; it goes on where it stopped."""

    kind = Kind.EXHAUSTED
    reason = "TOO_SLOW"


class PermissionLost(Rejection):
    """The permission that a stream began with is gone."""

    kind = Kind.DENIED
    reason = "PERMISSION_LOST"


class RebuildUnderWay(Rejection):
    """A rebuild of the namespace's projections is under way already."""

    kind = Kind.PRECONDITION
    reason = "REBUILD_UNDER_WAY"


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

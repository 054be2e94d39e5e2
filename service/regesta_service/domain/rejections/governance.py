"""Refusals about moves: lifecycles, policies, requests, flags, rollbacks; and comments."""

from __future__ import annotations

from regesta_service.domain.rejections.base import Kind, Rejection


class CommentNotFound(Rejection):
    """There is no such comment on the model or version."""

    kind = Kind.NOT_FOUND
    reason = "COMMENT_NOT_FOUND"


class CommentNotYours(Rejection):
    """Only who said something may change it."""

    kind = Kind.DENIED
    reason = "COMMENT_NOT_YOURS"


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


class MoveNotAllowed(Rejection):
    """The lifecycle does not allow this move."""

    kind = Kind.PRECONDITION
    reason = "MOVE_NOT_ALLOWED"


class StageTakenAlready(Rejection):
    """An exclusive stage has a holder, and the lifecycle does not say where it would go."""

    kind = Kind.PRECONDITION
    reason = "STAGE_TAKEN"


class TooManyInStage(Rejection):
    """More versions are in a stage than can be displaced at once."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_IN_STAGE"


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


class StageMismatch(Rejection):
    """The version is not in the stage the caller expects."""

    kind = Kind.CONFLICT
    reason = "STAGE_MISMATCH"


class HolderMismatch(Rejection):
    """The alias or the stage does not have the version that the caller expects."""

    kind = Kind.CONFLICT
    reason = "HOLDER_MISMATCH"

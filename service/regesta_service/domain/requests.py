"""Asking for moves, approving, rejecting and cancelling them; and evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from regesta_projections import events as e
from regesta_projections.canonical import utc_text
from regesta_projections.evolve.streams import below, stream_of
from regesta_projections.resources import GOVERNANCE, place_of
from regesta_projections.rows import ResourceKey, VersionKey
from regesta_service.domain import lifecycle, policies
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.moving import evaluations_part, open_request, request_key
from regesta_service.domain.rejections import (
    ApprovedAlready,
    MoveNotAllowed,
    NotYourRequest,
    OwnRequest,
    RequestEnded,
)
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.sealed import SealedText
    from regesta.v1 import governance_pb2 as pb
    from regesta_projections.rows import Rows


@dataclass(frozen=True, slots=True)
class Signer:
    """Who asks, approves or rejects, and when."""

    principal: str
    #: The person, where identities say that one has several principals.
    person: str
    #: The roles that they have for the model.
    roles: tuple[str, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class RequestTransition:
    """Ask for a move."""

    #: Its id, which nobody else has.
    request: str
    model: str
    number: int
    #: One of the two is empty.
    stage: str
    alias: str
    signer: Signer
    expires: datetime
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version, its evaluations and what governs it."""
        return (
            Wanted(
                self.model,
                versions=(self.number,),
                below=(evaluations_part(self.number),),
                keys=(GOVERNANCE, request_key(self.request)),
            ),
        )

    def decide(self, rows: Rows) -> Decision:
        """Open it, or refuse with MOVE_NOT_ALLOWED when the lifecycle has no such stage."""
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        stages = lifecycle.lifecycle_for(rows, model.model)
        if self.stage and stages.find(self.stage) is None:
            raise MoveNotAllowed(
                f"the lifecycle of models/{model.name} has no stage {self.stage}",
                metadata={"from_stage": version.resource.stage, "to_stage": self.stage},
            )
        evaluations = rows.get(below(model.model, evaluations_part(self.number)))
        event = e.TransitionRequested(
            request=self.request,
            model=model.model,
            version=self.number,
            to_stage=self.stage,
            alias=self.alias,
            person=_other(self.signer),
            evidence_digest=policies.evidence_digest(version, evaluations),
            expire_time=utc_text(self.expires),
            reason=free_text(self.reason),
        )
        return _of(self.request, event, self.reason)


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve a move that was asked for."""

    request: str
    #: What it is for, as it was looked up: a request is for one version for ever.
    version: VersionKey
    signer: Signer
    meaning: str = ""
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the request, the version and its evaluations."""
        keys = (request_key(self.request), self.version, self._evaluations, GOVERNANCE)
        return (Wanted(keys=keys),)

    def decide(self, rows: Rows) -> Decision:
        """Approve it, or refuse with OWN_REQUEST, APPROVED_ALREADY or REQUEST_ENDED.

        Whether who asked may approve is for a policy to allow; where none does, the approval
        would not count, and so it is refused here.
        """
        request = _open(rows, self.request, self.signer.now, self.expected_revision)
        own = request.proposer_person == self.signer.person
        if own and not _lets_proposer(rows, self.version.model, request):
            raise OwnRequest(
                f"{request.proposer} asked for this move; somebody else approves it",
                metadata={"request": self.request},
            )
        version = rows.get(self.version)
        if version is None or version.deleted:
            raise RequestEnded(
                "the version of this request is deleted; restore it first",
                metadata={"request": self.request, "state": "open"},
            )
        digest = policies.evidence_digest(version, rows.get(self._evaluations))
        for approval in request.approvals:
            if approval.person == self.signer.person and approval.evidence_digest == digest:
                raise ApprovedAlready(
                    f"{approval.principal} approved this already",
                    metadata={"request": self.request},
                )
        event = e.TransitionApproved(
            person=_other(self.signer),
            roles=self.signer.roles,
            meaning=self.meaning,
            evidence_digest=digest,
            reason=free_text(self.reason),
        )
        return _of(self.request, event, self.reason)

    @property
    def _evaluations(self) -> ResourceKey:
        return ResourceKey(f"{stream_of(self.version)}/evaluations")


@dataclass(frozen=True, slots=True)
class Reject:
    """Reject a move that was asked for."""

    request: str
    signer: Signer
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the request."""
        return (Wanted(keys=(request_key(self.request),)),)

    def decide(self, rows: Rows) -> Decision:
        """End it, or refuse with REQUEST_ENDED."""
        _open(rows, self.request, self.signer.now, self.expected_revision)
        event = e.TransitionRejected(
            person=_other(self.signer), roles=self.signer.roles, reason=free_text(self.reason)
        )
        return _of(self.request, event, self.reason)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a request back."""

    request: str
    signer: Signer
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the request."""
        return (Wanted(keys=(request_key(self.request),)),)

    def decide(self, rows: Rows) -> Decision:
        """End it, or refuse with NOT_YOUR_REQUEST or REQUEST_ENDED."""
        request = _open(rows, self.request, self.signer.now, self.expected_revision)
        if request.proposer_person != self.signer.person:
            raise NotYourRequest(
                f"{request.proposer} asked for this move and can take it back; reject it instead",
                metadata={"request": self.request},
            )
        event = e.TransitionCancelled(reason=free_text(self.reason))
        return _of(self.request, event, self.reason)


@dataclass(frozen=True, slots=True)
class Expire:
    """Note that nobody carried a request out in time; one that has ended stays as it is."""

    request: str
    now: datetime

    def wants(self) -> tuple[Wanted, ...]:
        """Return the request."""
        return (Wanted(keys=(request_key(self.request),)),)

    def decide(self, rows: Rows) -> Decision:
        """End it if it is open and its time is over."""
        try:
            open_request(rows, self.request, self.now)
        except RequestEnded as refusal:
            if refusal.metadata["state"] == "expired" and _is_open(rows, self.request):
                return _of(self.request, e.TransitionExpired(), None)
        return Decision((), request_key(self.request))


@dataclass(frozen=True, slots=True)
class RecordEvaluation:
    """Record what was measured of a version, deleted or in whatever stage."""

    model: str
    number: int
    #: The event but for nothing: its id is chosen by who asks, at random.
    content: e.EvaluationRecorded
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version and its evaluations."""
        return (
            Wanted(self.model, versions=(self.number,), below=(evaluations_part(self.number),)),
        )

    def decide(self, rows: Rows) -> Decision:
        """Record it."""
        model = live_model(rows, self.model)
        live_version(rows, model, self.number)
        key = below(model.model, evaluations_part(self.number))
        return Decision((Fact(key.stream, self.content, beside(("reason", self.reason))),), key)


def _lets_proposer(rows: Rows, model: str, request: pb.TransitionRequest) -> bool:
    """Say whether a policy for the move lets who asked for it approve it."""
    row = rows.get(GOVERNANCE)
    if row is None:
        return False
    found = policies.governing(
        cast("pb.Governance", row.resource), model, stage=request.to_stage, alias=request.alias
    )
    return any(policy.proposer_may_approve for policy in found)


def _open(
    rows: Rows, request: str, now: datetime, expected_revision: int | None
) -> pb.TransitionRequest:
    found = open_request(rows, request, now)
    row = rows.get(request_key(request))
    expect_revision(f"requests/{request}", row.revision if row else 0, expected_revision)
    return found


def _is_open(rows: Rows, request: str) -> bool:
    row = rows.get(request_key(request))
    return row is not None and place_of(row.stream, row.resource).state == "open"


def _other(signer: Signer) -> str:
    """Return the person, where it is another name than the principal's."""
    return signer.person if signer.person != signer.principal else ""


def _of(request: str, event: e.Event, reason: SealedText | None) -> Decision:
    key = request_key(request)
    return Decision((Fact(key.stream, event, beside(("reason", reason))),), key)

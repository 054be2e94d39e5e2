"""What moves into a stage and moves of an alias have in common: policies and requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections import events as e
from regesta_projections.evolve.streams import below
from regesta_projections.resources import GOVERNANCE
from regesta_projections.rows import ResourceKey
from regesta_service.domain import policies
from regesta_service.domain.deciding import Fact
from regesta_service.domain.rejections import RequestEnded, RequestForAnother, RequestNotFound

if TYPE_CHECKING:
    from regesta_projections.rows import ModelRow, Rows, VersionRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mover:
    """Who makes a move, when, and what request it carries out."""

    principal: str = ""
    #: The person, where identities say that one has several principals.
    person: str = ""
    now: datetime = _EPOCH
    #: Id of a request; empty without one.
    request: str = ""

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """What governs, and the request."""
        return (GOVERNANCE, request_key(self.request)) if self.request else (GOVERNANCE,)


#: What a command holds before a server says who moves: no policy is met by that.
NOBODY = Mover()


@dataclass(frozen=True, slots=True)
class Permit:
    """What policies and the request say of a move that may be made."""

    policies: tuple[e.PolicyDecision, ...] = ()
    evidence_digest: str = ""
    #: What completes the request.
    facts: tuple[Fact, ...] = ()


def evaluations_part(number: int) -> str:
    """Return the stream of a version's evaluations, as it follows the model's."""
    return f"versions/{number}/evaluations"


def request_key(request: str) -> ResourceKey:
    """Return the key of a request."""
    return ResourceKey(f"requests/{request}")


def move_of(
    rows: Rows,
    mover: Mover,
    model: ModelRow,
    version: VersionRow,
    *,
    stage: str = "",
    alias: str = "",
) -> policies.Move:
    """Return a move with everything that policies look at.

    Raises:
        RequestNotFound: The request that it names does not exist.
        RequestEnded: It is no longer open.
        RequestForAnother: It is for another version, stage or alias.
    """
    request = _request(rows, mover, version, stage, alias) if mover.request else None
    return policies.Move(
        model=model,
        version=version,
        evaluations=rows.get(below(model.model, evaluations_part(version.number))),
        request=request,
        alias=alias,
        to_stage=stage,
        principal=mover.principal,
        person=mover.person or mover.principal,
        now=mover.now,
    )


def permit(
    rows: Rows,
    mover: Mover,
    model: ModelRow,
    version: VersionRow,
    *,
    stage: str = "",
    alias: str = "",
) -> Permit:
    """Return what the event of a move says of the policies that govern it.

    Raises:
        PolicyNotMet: A condition is not met.
        RequestNotFound: As `move_of`; RequestEnded and RequestForAnother too.
    """
    row = rows.get(GOVERNANCE)
    governance = cast("pb.Governance", row.resource) if row else pb.Governance()
    found = policies.governing(governance, model.model, stage=stage, alias=alias)
    if not found and not mover.request:
        return Permit()
    move = move_of(rows, mover, model, version, stage=stage, alias=alias)
    decisions = policies.decide(found, move)
    completed = (Fact(request_key(mover.request).stream, e.TransitionCompleted()),)
    return Permit(
        decisions,
        policies.evidence_digest(version, move.evaluations) if found else "",
        completed if mover.request else (),
    )


def open_request(rows: Rows, request: str, now: datetime) -> pb.TransitionRequest:
    """Return a request that is open.

    Raises:
        RequestNotFound: There is none of the id.
        RequestEnded: It was rejected, cancelled, carried out, or has expired.
    """
    row = rows.get(request_key(request))
    if row is None:
        raise RequestNotFound(f"there is no requests/{request}", metadata={"request": request})
    found = cast("pb.TransitionRequest", row.resource)
    state = pb.TransitionRequest.State.Name(found.state).removeprefix("STATE_").lower()
    if state == "open" and found.expire_time.ToDatetime(tzinfo=UTC) <= now:
        state = "expired"
    if state != "open":
        raise RequestEnded(
            f"requests/{request} is {state}; ask for the move again",
            metadata={"request": request, "state": state},
        )
    return found


def _request(
    rows: Rows, mover: Mover, version: VersionRow, stage: str, alias: str
) -> pb.TransitionRequest:
    request = open_request(rows, mover.request, mover.now)
    stream = f"models/{version.model}/versions/{version.number}"
    if (request.version, request.to_stage, request.alias) != (stream, stage, alias):
        raise RequestForAnother(
            f"requests/{mover.request} is for another move; read it again",
            metadata={"request": mover.request},
        )
    return request

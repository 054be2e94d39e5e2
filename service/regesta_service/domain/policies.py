"""What policies ask of a move, and whether it is there.

Pure: the state, the request and the time come as arguments, so the same is said when a move is
decided, when somebody only asks, and of a move of the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC as _UTC
from hashlib import sha256
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Final, cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections import events as e
from regesta_projections.canonical import encode
from regesta_projections.heads.states import state_of
from regesta_service.domain import approving
from regesta_service.domain.conditions import Vocabulary
from regesta_service.domain.rejections import PolicyNotMet, Violation
from regesta_service.domain.selecting import is_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from regesta_projections.rows import ModelRow, ResourceRow, VersionRow

#: What conditions of policies may speak of.
VOCABULARY: Final = Vocabulary(
    {
        "model": "regesta.v1.Model",
        "version": "regesta.v1.Version",
        "evaluations": "list(regesta.v1.Evaluation)",
        "approvals": "list(regesta.v1.Approval)",
        "from_stage": "string",
        "to_stage": "string",
        "alias": "string",
        "principal": "string",
        "proposer": "string",
        "now": "timestamp",
    }
)

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": ge,
    ">": gt,
    "<=": le,
    "<": lt,
    "==": eq,
}

#: Members of a version's state that a move itself changes, or that say who changed it last:
#: they are no evidence.
_NO_EVIDENCE: Final = (
    "stage",
    "stagePosition",
    "stageResolution",
    "updateTime",
    "updatedBy",
    "etag",
)


@dataclass(frozen=True, slots=True)
class Move:
    """A move that somebody wants to make, and everything policies look at."""

    model: ModelRow
    version: VersionRow
    #: Row of the version's evaluations; None before the first.
    evaluations: ResourceRow | None
    #: The request it would carry out, if there is one.
    request: pb.TransitionRequest | None
    #: Empty for a stage.
    alias: str
    #: Empty for an alias.
    to_stage: str
    principal: str
    #: The person, where identities say that one has several principals.
    person: str
    now: datetime

    @property
    def known(self) -> Sequence[pb.Evaluation]:
        """The evaluations, oldest first."""
        row = self.evaluations
        return cast("pb.VersionEvaluations", row.resource).evaluations if row else ()

    @property
    def proposer(self) -> str:
        """Who asked for it: whoever makes it, when nobody did."""
        return self.request.proposer_person if self.request else self.person


@dataclass(frozen=True, slots=True)
class Outcome:
    """A condition of a policy, and whether a move meets it."""

    policy: str
    version: int
    condition: str
    met: bool
    message: str


def governing(
    governance: pb.Governance, model: str, *, stage: str = "", alias: str = ""
) -> list[pb.Policy]:
    """Return the policies that govern a move of a model: into a stage, or of an alias."""
    return [
        policy
        for policy in governance.policies
        if is_for(model, policy)
        and (stage in policy.stages if stage else alias in policy.aliases or "*" in policy.aliases)
    ]


def evidence_digest(version: VersionRow, evaluations: ResourceRow | None) -> str:
    """Return the SHA-256, in hex, of what policies look at.

    That is the state of the version but for where it stands, and of its evaluations; texts are
    there by their digests. The form is RFC 8785's.
    """
    state = {name: value for name, value in state_of(version).items() if name not in _NO_EVIDENCE}
    known = cast("pb.VersionEvaluations", evaluations.resource) if evaluations else None
    state["evaluations"] = [each.id for each in known.evaluations] if known else []
    return sha256(encode(state)).hexdigest()


def outcomes(policy: pb.Policy, move: Move) -> list[Outcome]:
    """Return every condition of a policy, met or not."""
    return outcomes_of([policy], move)


def outcomes_of(policies: Sequence[pb.Policy], move: Move) -> list[Outcome]:
    """Return every condition of some policies, met or not.

    Once a condition has used up its budget, which takes a third of a second, no further one is
    weighed: they do not hold, and say why. So a move costs one such condition at most.
    """
    asked, spent = _asked(move), list[str]()
    return [outcome for policy in policies for outcome in _outcomes(policy, move, asked, spent)]


def _outcomes(
    policy: pb.Policy, move: Move, asked: approving.Asked, spent: list[str]
) -> list[Outcome]:
    name = policy.name.rpartition("/")[2]
    return [
        Outcome(name, policy.version, condition, met, message)
        for condition, met, message in (
            *_content(policy, move),
            *_evaluated(policy, move),
            *_approved(policy, move, asked),
            *_conditions(policy, move, asked, spent),
        )
    ]


def decide(policies: Sequence[pb.Policy], move: Move) -> tuple[e.PolicyDecision, ...]:
    """Return what an event says of the policies by which a move was decided.

    Raises:
        PolicyNotMet: A condition of one of them is not met.
    """
    asked = _asked(move)
    unmet = [each for each in outcomes_of(policies, move) if not each.met]
    if unmet:
        raise refusal(unmet)
    return tuple(
        e.PolicyDecision(
            policy=policy.name.rpartition("/")[2],
            version=policy.version,
            evaluations=tuple(
                found.id
                for wanted in policy.evaluations
                if (found := _last(wanted, move)) is not None
            ),
            approvals=tuple(approval.principal for approval in approving.counting(policy, asked)),
        )
        for policy in policies
    )


def refusal(unmet: Sequence[Outcome]) -> PolicyNotMet:
    """Return the refusal of a move that does not meet some conditions."""
    first = unmet[0]
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    return PolicyNotMet(
        f"the policy {first.policy} is not met: {first.condition}: {first.message}{more}",
        metadata={
            "policies": ",".join(sorted({f"{each.policy}@{each.version}" for each in unmet})),
            "unmet": str(len(unmet)),
        },
        violations=tuple(
            Violation(f"policies/{each.policy}#{each.condition}", each.message) for each in unmet
        ),
    )


_Found = tuple[str, bool, str]


def _content(policy: pb.Policy, move: Move) -> Iterator[_Found]:
    """Yield what the version itself must have."""
    version = move.version.resource
    texts = move.version.texts
    for key in policy.required_tags:
        there = key in version.tags or f"tags.{key}" in texts
        yield f"tag {key}", there, "it is set" if there else "set it (SetTags)"
    for wanted, condition, there, missing in (
        (policy.require_signature, "signature", version.HasField("signature"), "it has none"),
        (policy.require_card, "card", "card" in texts, "write one (UpdateVersion)"),
        (policy.require_lineage, "lineage", version.HasField("lineage"), "it has none"),
        (policy.require_digest, "digest", bool(version.digest), "it has none"),
    ):
        if wanted:
            fixed = "" if condition == "card" else "; register a version that has one"
            yield condition, there, "it is there" if there else missing + fixed


def _evaluated(policy: pb.Policy, move: Move) -> Iterator[_Found]:
    for at, wanted in enumerate(policy.evaluations):
        met, message = _judged(wanted, move)
        yield f"evaluations[{at}]", met, message


def _judged(wanted: pb.EvaluationRequirement, move: Move) -> tuple[bool, str]:
    """Say whether the last evaluation that fits is good enough, and why not."""
    what = " ".join(filter(None, (wanted.method, "evaluation"))) + (
        f" on {wanted.dataset}" if wanted.dataset else ""
    )
    found = _last(wanted, move)
    if found is None:
        return False, f"there is no {what}; record one (RecordEvaluation)"
    if found.HasField("valid_until") and found.valid_until.ToDatetime(tzinfo=_UTC) <= move.now:
        return False, f"the {what} {found.id} is no longer valid; record another"
    age = (move.now - found.record_time.ToDatetime(tzinfo=_UTC)).total_seconds()
    if wanted.max_age_seconds and age > wanted.max_age_seconds:
        return False, (
            f"the {what} {found.id} is {int(age)} seconds old;"
            f" {wanted.max_age_seconds} are allowed: record another"
        )
    for bound in wanted.thresholds:
        if bound.metric not in found.metrics:
            return False, f"the {what} {found.id} has no metric {bound.metric}"
        value = found.metrics[bound.metric]
        if not OPERATORS[bound.operator](value, bound.value):
            return False, (
                f"{bound.metric} is {value:g} in the {what} {found.id};"
                f" {bound.operator} {bound.value:g} is wanted"
            )
    return True, f"the {what} {found.id} is good"


def _last(wanted: pb.EvaluationRequirement, move: Move) -> pb.Evaluation | None:
    """Return the last evaluation of the kind that is wanted."""
    for found in reversed(move.known):
        if (
            (not wanted.dataset or found.dataset == wanted.dataset)
            and (not wanted.dataset_digest or found.dataset_digest == wanted.dataset_digest)
            and (not wanted.method or found.method == wanted.method)
        ):
            return found
    return None


def _approved(policy: pb.Policy, move: Move, asked: approving.Asked) -> Iterator[_Found]:
    if not policy.approvals:
        return
    approvals = approving.counting(policy, asked)
    missing = approving.missing(policy.approvals, approvals)
    for at, wanted in enumerate(policy.approvals):
        whom = " or ".join(wanted.roles) or "whoever may approve"
        lacks = missing[at]
        if not lacks:
            message = f"{wanted.count} of {wanted.count} by {whom}"
        elif move.request is None:
            message = f"ask for the move (RequestTransition); {wanted.count} by {whom} must approve"
        else:
            stale = approving.why_not(policy, asked)
            message = f"{wanted.count - lacks} of {wanted.count} by {whom}{stale}"
        yield f"approvals[{at}]", not lacks, message


def _asked(move: Move) -> approving.Asked:
    approvals = tuple(move.request.approvals) if move.request else ()
    return approving.Asked(
        approvals,
        move.proposer,
        # Only approvals are compared with it, and it is a good part of what a check costs.
        evidence_digest(move.version, move.evaluations) if approvals else "",
        move.now,
    )


def _conditions(
    policy: pb.Policy, move: Move, asked: approving.Asked, spent: list[str]
) -> Iterator[_Found]:
    """Yield the conditions in CEL; `spent` takes the one that used up its budget."""
    if not policy.conditions:
        return
    approvals = approving.counting(policy, asked)
    facts = {
        "model": move.model.resource,
        "version": move.version.resource,
        "evaluations": list(move.known),
        "approvals": list(approvals),
        "from_stage": move.version.resource.stage,
        "to_stage": move.to_stage,
        "alias": move.alias,
        "principal": move.principal,
        "proposer": move.proposer,
        "now": move.now,
    }
    for condition in policy.conditions:
        if spent:
            yield condition.id, False, f"it was not weighed: {spent[0]} took too long"
            continue
        outcome = VOCABULARY.compile(condition.expression).weigh(facts)
        if outcome.spent:
            spent.append(f"{policy.name.rpartition('/')[2]}#{condition.id}")
        message = "it holds"
        if not outcome.holds:
            message = condition.message or f"{condition.expression} does not hold"
            message += f" ({outcome.error})" if outcome.error else ""
        yield condition.id, outcome.holds, message

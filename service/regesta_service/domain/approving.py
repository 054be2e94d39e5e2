"""Which approvals count, and which are still missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta.v1 import governance_pb2 as pb


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as approvals are counted for it."""

    approvals: tuple[pb.Approval, ...]
    #: The person who asked.
    proposer: str
    #: What the version is now.
    evidence_digest: str
    now: datetime


def counting(policy: pb.Policy, asked: Asked) -> list[pb.Approval]:
    """Return the approvals that count by a policy: the last of each person.

    They are of others than who asked, unless the policy lets them, not too old, and given for
    what the version still is.
    """
    last: dict[str, pb.Approval] = {}
    for approval in asked.approvals:
        if _objection(policy, asked, approval) == "":
            last[approval.person] = approval
    return list(last.values())


def missing(
    wanted: Sequence[pb.ApprovalRequirement], approvals: Sequence[pb.Approval]
) -> list[int]:
    """Return how many approvals each requirement lacks.

    A person counts for one requirement only, so two people sign where two are asked for,
    whatever roles one of them has. Who counts for which is chosen so that the fewest lack:
    augmenting paths in a bipartite graph.
    """
    places = [at for at, each in enumerate(wanted) for _ in range(each.count)]
    holder: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for place, requirement in enumerate(places):
            if place in tried or not _fits(wanted[requirement], approvals[person]):
                continue
            tried.add(place)
            if place not in holder or seat(holder[place], tried):
                holder[place] = person
                return True
        return False

    for person in range(len(approvals)):
        seat(person, set())
    lacks = [each.count for each in wanted]
    for place in holder:
        lacks[places[place]] -= 1
    return lacks


def why_not(policy: pb.Policy, asked: Asked) -> str:
    """Return why approvals that are there do not count; empty when all do."""
    reasons = dict.fromkeys(
        objection
        for approval in asked.approvals
        if (objection := _objection(policy, asked, approval))
    )
    return "; " + "; ".join(reasons) if reasons else ""


def _fits(wanted: pb.ApprovalRequirement, approval: pb.Approval) -> bool:
    return not wanted.roles or not set(wanted.roles).isdisjoint(approval.roles)


def _objection(policy: pb.Policy, asked: Asked, approval: pb.Approval) -> str:
    """Return why an approval does not count; empty when it does."""
    who = approval.principal
    if approval.person == asked.proposer and not policy.proposer_may_approve:
        return f"{who} asked for it and cannot approve it"
    if approval.evidence_digest != asked.evidence_digest:
        return f"what {who} approved has changed since; approve it again"
    age = (asked.now - approval.time.ToDatetime(tzinfo=UTC)).total_seconds()
    if policy.approval_max_age_seconds and age > policy.approval_max_age_seconds:
        return f"the approval of {who} has expired; approve it again"
    return ""

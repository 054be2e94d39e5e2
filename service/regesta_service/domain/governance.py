"""Defining what governs moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from regesta.v1 import governance_pb2 as pb
from regesta_projections import events as e
from regesta_projections.evolve.governance import policy_of
from regesta_projections.resources import GOVERNANCE
from regesta_service.domain import limits
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision
from regesta_service.domain.rejections import (
    GovernanceFull,
    LifecycleNotFound,
    LifecycleOverlaps,
    PolicyNotFound,
)
from regesta_service.domain.selecting import overlap
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.rows import Rows


@dataclass(frozen=True, slots=True)
class DefineLifecycle:
    """Define a lifecycle; the same again changes nothing."""

    lifecycle: str
    models: tuple[str, ...]
    stages: tuple[e.StageDefinition, ...]
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what governs the namespace."""
        return (Wanted(keys=(GOVERNANCE,)),)

    def decide(self, rows: Rows) -> Decision:
        """Define it, or refuse with LIFECYCLE_OVERLAPS or GOVERNANCE_FULL."""
        present = governance_of(rows, self.expected_revision)
        version = 1
        for other in present.lifecycles:
            if other.name == self.lifecycle:
                if self._is(other):
                    return Decision((), GOVERNANCE)
                version = other.version + 1
            elif overlap(self.models, other.models):
                raise LifecycleOverlaps(
                    f"the lifecycle {other.name} is for the same models;"
                    " define that one anew, or name models more exactly",
                    metadata={"lifecycle": other.name},
                )
        if version == 1 and len(present.lifecycles) >= limits.MAX_LIFECYCLES:
            raise GovernanceFull(
                f"there are {limits.MAX_LIFECYCLES} lifecycles, as many as there may be",
                metadata={"limit": str(limits.MAX_LIFECYCLES)},
            )
        event = e.LifecycleDefined(
            lifecycle=self.lifecycle,
            version=version,
            models=self.models,
            stages=self.stages,
            reason=free_text(self.reason),
        )
        return governed(event, self.reason)

    def _is(self, other: pb.Lifecycle) -> bool:
        stages = tuple(
            e.StageDefinition(
                name=stage.name,
                moves_to=tuple(stage.moves_to),
                closed=stage.closed,
                exclusive=stage.exclusive,
                displaced_to=stage.displaced_to,
            )
            for stage in other.stages
        )
        return self.stages == stages and self.models == tuple(other.models)


@dataclass(frozen=True, slots=True)
class RemoveLifecycle:
    """Remove a lifecycle."""

    lifecycle: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what governs the namespace."""
        return (Wanted(keys=(GOVERNANCE,)),)

    def decide(self, rows: Rows) -> Decision:
        """Remove it, or refuse with LIFECYCLE_NOT_FOUND."""
        present = governance_of(rows, self.expected_revision)
        if all(each.name != self.lifecycle for each in present.lifecycles):
            raise LifecycleNotFound(
                f"there is no lifecycle {self.lifecycle}", metadata={"lifecycle": self.lifecycle}
            )
        event = e.LifecycleRemoved(lifecycle=self.lifecycle, reason=free_text(self.reason))
        return governed(event, self.reason)


def governance_of(rows: Rows, expected_revision: int | None = None) -> pb.Governance:
    """Return what governs the namespace; nobody may change it.

    Raises:
        RevisionMismatch: It is not at the revision that is expected.
    """
    row = rows.get(GOVERNANCE)
    expect_revision("governance", row.revision if row else 0, expected_revision)
    return cast("pb.Governance", row.resource) if row else pb.Governance()


def governed(event: e.Event, reason: SealedText | None) -> Decision:
    """Return the decision for one event about what governs."""
    return Decision((Fact(GOVERNANCE.stream, event, beside(("reason", reason))),), GOVERNANCE)


@dataclass(frozen=True, slots=True)
class DefinePolicy:
    """Define a policy; the same again changes nothing."""

    #: The event but for its version and reason, which are decided and sealed.
    content: e.PolicyDefined
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what governs the namespace."""
        return (Wanted(keys=(GOVERNANCE,)),)

    def decide(self, rows: Rows) -> Decision:
        """Define it, or refuse with GOVERNANCE_FULL."""
        present = governance_of(rows, self.expected_revision)
        policy = self.content.policy
        version = 1
        for other in present.policies:
            if other.name == policy:
                if _asks(other) == policy_of(self.content):
                    return Decision((), GOVERNANCE)
                version = other.version + 1
        if version == 1 and len(present.policies) >= limits.MAX_POLICIES:
            raise GovernanceFull(
                f"there are {limits.MAX_POLICIES} policies, as many as there may be",
                metadata={"limit": str(limits.MAX_POLICIES)},
            )
        event = msgspec.structs.replace(
            self.content, version=version, reason=free_text(self.reason)
        )
        return governed(event, self.reason)


@dataclass(frozen=True, slots=True)
class RemovePolicy:
    """Remove a policy."""

    policy: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what governs the namespace."""
        return (Wanted(keys=(GOVERNANCE,)),)

    def decide(self, rows: Rows) -> Decision:
        """Remove it, or refuse with POLICY_NOT_FOUND."""
        present = governance_of(rows, self.expected_revision)
        if all(each.name != self.policy for each in present.policies):
            raise PolicyNotFound(
                f"there is no policy {self.policy}", metadata={"policy": self.policy}
            )
        return governed(
            e.PolicyRemoved(policy=self.policy, reason=free_text(self.reason)), self.reason
        )


def _asks(policy: pb.Policy) -> pb.Policy:
    """Return what a policy asks for, without what the log says of it."""
    bare = pb.Policy()
    bare.CopyFrom(policy)
    for field in ("version", "defined_by", "define_time", "position"):
        bare.ClearField(field)
    return bare

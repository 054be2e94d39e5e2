"""Requests about what governs moves, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import NamespaceName
from regesta_projections import events as e
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated, expect_to_fit
from regesta_service.domain import limits
from regesta_service.domain.governance import DefineLifecycle, RemoveLifecycle
from regesta_service.domain.selecting import PATTERN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from regesta.v1 import governance_pb2 as governance_pb
    from regesta.v1 import lifecycle_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource


def define_lifecycle(
    request: pb.DefineLifecycleRequest, now: datetime, new_salt: SaltSource
) -> Translated[DefineLifecycle]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: It has too much in it.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    lifecycle = request.lifecycle
    command = DefineLifecycle(
        checks.named("lifecycle_id", names.check_id, request.lifecycle_id),
        patterns_in(checks, "lifecycle.models", lifecycle.models),
        _stages(checks, lifecycle.stages),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    event = e.LifecycleDefined(models=command.models, stages=command.stages)
    expect_to_fit(request, event)
    return Translated(namespace, command, request, checks.texts, claim)


def remove_lifecycle(
    request: pb.RemoveLifecycleRequest, now: datetime, new_salt: SaltSource
) -> Translated[RemoveLifecycle]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace, lifecycle = parse_name("name", parse_lifecycle_name, request.name)
    command = RemoveLifecycle(
        lifecycle,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(namespace, command, request, checks.texts, claim)


def parse_lifecycle_name(text: str) -> tuple[str, str]:
    """Return namespace and id of a lifecycle.

    Raises:
        InvalidName: It names something else.
    """
    return names.parse_in_namespace("lifecycles", text)


def patterns_in(checks: Checks, field: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Check names of models and beginnings of names."""
    if checks.fits(field, patterns, limits.MAX_PATTERNS):
        for at, pattern in enumerate(patterns):
            if not PATTERN.fullmatch(pattern):
                checks.refuse((field, at), "is a model's name, or its beginning and a *")
    return tuple(patterns)


def _stages(
    checks: Checks, stages: Sequence[governance_pb.LifecycleStage]
) -> tuple[e.StageDefinition, ...]:
    field = "lifecycle.stages"
    if not stages:
        checks.refuse(field, "has at least one entry")
    if not checks.fits(field, stages, limits.MAX_STAGES):
        return ()
    known = [stage.name for stage in stages]
    for at, stage in enumerate(stages):
        checks.named((field, at, "name"), names.check_stage, stage.name)
        if stage.name in known[:at]:
            checks.refuse((field, at, "name"), "is another stage's name already")
        if not set(stage.moves_to) <= set(known):
            checks.refuse((field, at, "moves_to"), "names stages of this lifecycle only")
        if stage.name in stage.moves_to or len(set(stage.moves_to)) < len(stage.moves_to):
            checks.refuse((field, at, "moves_to"), "names other stages, each once")
        _displacing(checks, (field, at, "displaced_to"), stage, stages)
    return tuple(
        e.StageDefinition(
            name=stage.name,
            moves_to=tuple(stage.moves_to),
            closed=stage.closed,
            exclusive=stage.exclusive,
            displaced_to=stage.displaced_to,
        )
        for stage in stages
    )


def _displacing(
    checks: Checks,
    place: tuple[str, int, str],
    stage: governance_pb.LifecycleStage,
    stages: Sequence[governance_pb.LifecycleStage],
) -> None:
    target = stage.displaced_to
    known = [other.name for other in stages]
    if not target:
        return
    if not stage.exclusive:
        checks.refuse(place, "goes with an exclusive stage only")
    elif target not in known or target == stage.name:
        checks.refuse(place, "names another stage of this lifecycle")
    elif any(other.exclusive for other in stages if other.name == target):
        checks.refuse(place, "names a stage that may have several versions")

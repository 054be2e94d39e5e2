"""Requests to roll back, as commands that lack only what is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import AliasName, ModelName
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain.rollbacks import RollbackAlias, RollbackStage

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
    from regesta_service.api.writes.checks import SaltSource


def rollback_alias(
    request: pb.RollbackAliasRequest, now: datetime, new_salt: SaltSource
) -> Translated[RollbackAlias]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", AliasName.parse, request.name)
    expected, to_number = _numbers(checks, request)
    command = RollbackAlias(
        name.model, name.alias, expected, to_number, reason=checks.cause(request)
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def rollback_stage(
    request: lifecycle_pb.RollbackStageRequest, now: datetime, new_salt: SaltSource
) -> Translated[RollbackStage]:
    """Translate. Which stages there are is the lifecycle's to say.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", ModelName.parse, request.name)
    stage = checks.named("stage", names.check_stage, request.stage)
    expected, to_number = _numbers(checks, request)
    reason = checks.cause(request)
    reasons = reason, checks.sealed_again(reason)
    command = RollbackStage(name.model, stage, expected, to_number, reasons)
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def _numbers(
    checks: Checks, request: pb.RollbackAliasRequest | lifecycle_pb.RollbackStageRequest
) -> tuple[int | None, int | None]:
    """Return the version that is expected and the one to go back to, if they are given."""
    expected = to_number = None
    if request.HasField("expected_version"):
        expected = checks.named(
            "expected_version", names.check_version_number, request.expected_version
        )
    if request.HasField("to_version"):
        to_number = checks.named("to_version", names.check_version_number, request.to_version)
    return expected, to_number

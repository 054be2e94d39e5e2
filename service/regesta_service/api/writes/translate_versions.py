"""Requests about versions that are there already, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import VersionName
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.transitions import TransitionVersion
from regesta_service.domain.versions import (
    DeleteVersion,
    LabelVersion,
    RestoreVersion,
    UpdateVersion,
)

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
    from regesta_service.api.writes.checks import SaltSource

_CHANGEABLE = frozenset({"description", "card"})


def update_version(
    request: pb.UpdateVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[UpdateVersion]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    version = request.version
    name = parse_name("version.name", VersionName.parse, version.name)
    mask = set(request.update_mask.paths)
    if not mask or not mask <= _CHANGEABLE:
        checks.refuse(
            "update_mask",
            "names one or more of description and card; nothing else of a version can change",
        )
    description = card = None
    if "description" in mask:
        description = checks.changed(
            "version.description", version.description, limits.MAX_DESCRIPTION
        )
    if "card" in mask:
        card = checks.changed("version.card", version.card, limits.MAX_CARD)
    command = UpdateVersion(
        name.model,
        name.version,
        description,
        card,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def label_version(
    request: pb.LabelVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[LabelVersion]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    command = LabelVersion(
        name.model,
        name.version,
        checks.named("semver", names.check_semver, request.semver),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def delete_version(
    request: pb.DeleteVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[DeleteVersion]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    command = DeleteVersion(
        name.model,
        name.version,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def restore_version(
    request: pb.RestoreVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[RestoreVersion]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    command = RestoreVersion(
        name.model,
        name.version,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def transition_version(
    request: lifecycle_pb.TransitionVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[TransitionVersion]:
    """Translate. Which stages there are is the lifecycle's to say.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    from_stage = None
    if request.from_stage:
        from_stage = checks.named("from_stage", names.check_stage, request.from_stage)
    command = TransitionVersion(
        name.model,
        name.version,
        checks.named("stage", names.check_stage, request.stage),
        from_stage,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
        through=request.through,
        displace_to=displacing(checks, request.stage, request.displace_to),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def displacing(checks: Checks, stage: str, displace_to: str) -> str:
    """Check where others are displaced to; empty lets them stay."""
    if displace_to:
        checks.named("displace_to", names.check_stage, displace_to)
        if displace_to == stage:
            checks.refuse("displace_to", "is another stage than `stage`")
    return displace_to

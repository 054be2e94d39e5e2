"""Requests about models, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import ModelName, NamespaceName
from regesta.v1 import model_pb2 as model_pb
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated, expect_to_fit
from regesta_service.domain import limits
from regesta_service.domain.models import (
    CreateModel,
    DeleteModel,
    RenameModel,
    RestoreModel,
    UpdateModel,
)

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource

_KINDS = {
    number: name.removeprefix("MODEL_KIND_") for name, number in model_pb.ModelKind.items()
} | {model_pb.MODEL_KIND_UNSPECIFIED: "MODEL"}

_CHANGEABLE = frozenset({"owner", "description", "card"})


def create_model(
    request: pb.CreateModelRequest, now: datetime, new_salt: SaltSource
) -> Translated[CreateModel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: Its tags are too long together.
    """
    checks = Checks(new_salt)
    parent = parse_name("parent", NamespaceName.parse, request.parent)
    model = request.model
    kind = _KINDS.get(model.kind)
    if kind is None:
        checks.refuse("model.kind", "is a kind that this server does not know")
    tags, long_tags = checks.tags("model.tags", model.tags)
    command = CreateModel(
        name=checks.named("model_id", names.check_model, request.model_id),
        kind=kind or "",
        owner=checks.line("model.owner", model.owner, limits.MAX_OWNER),
        description=checks.sealed("model.description", model.description, limits.MAX_DESCRIPTION),
        card=checks.sealed("model.card", model.card, limits.MAX_CARD),
        tags=tags,
        long_tags=long_tags,
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    expect_to_fit(request, command.created())
    return Translated(parent.namespace, command, request, checks.texts, claim)


def update_model(
    request: pb.UpdateModelRequest, now: datetime, new_salt: SaltSource
) -> Translated[UpdateModel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    model = request.model
    name = parse_name("model.name", ModelName.parse, model.name)
    mask = set(request.update_mask.paths)
    if not mask or not mask <= _CHANGEABLE:
        checks.refuse("update_mask", "names one or more of owner, description and card")
    owner = description = card = None
    if "owner" in mask:
        owner = checks.line("model.owner", model.owner, limits.MAX_OWNER)
    if "description" in mask:
        description = checks.changed("model.description", model.description, limits.MAX_DESCRIPTION)
    if "card" in mask:
        card = checks.changed("model.card", model.card, limits.MAX_CARD)
    command = UpdateModel(
        name.model,
        owner,
        description,
        card,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def rename_model(
    request: pb.RenameModelRequest, now: datetime, new_salt: SaltSource
) -> Translated[RenameModel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", ModelName.parse, request.name)
    command = RenameModel(
        name.model,
        checks.named("new_model_id", names.check_model, request.new_model_id),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def delete_model(
    request: pb.DeleteModelRequest, now: datetime, new_salt: SaltSource
) -> Translated[DeleteModel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", ModelName.parse, request.name)
    command = DeleteModel(
        name.model,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def restore_model(
    request: pb.RestoreModelRequest, now: datetime, new_salt: SaltSource
) -> Translated[RestoreModel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", ModelName.parse, request.name)
    command = RestoreModel(
        name.model,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)

"""Requests about tags and aliases, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import AliasName, InvalidName, NamespaceName, VersionName
from regesta_service.api.writes.checks import Checks, model_or_version, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.aliases import ProtectAlias, RemoveAlias, SetAlias
from regesta_service.domain.labels import RemoveTags, SetTags
from regesta_service.domain.releases import AliasMove, MoveAliases

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource


def set_tags(
    request: pb.SetTagsRequest, now: datetime, new_salt: SaltSource
) -> Translated[SetTags]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = model_or_version(request.name)
    if not request.tags:
        checks.refuse("tags", "has at least one entry")
    tags, long_tags = checks.tags("tags", request.tags)
    command = SetTags(
        name.model,
        name.version if isinstance(name, VersionName) else None,
        tags,
        long_tags,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def remove_tags(
    request: pb.RemoveTagsRequest, now: datetime, new_salt: SaltSource
) -> Translated[RemoveTags]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = model_or_version(request.name)
    if not request.keys:
        checks.refuse("keys", "has at least one entry")
    if checks.fits("keys", request.keys, limits.MAX_TAGS):
        for at, key in enumerate(request.keys):
            checks.named(("keys", at), names.check_tag_key, key)
    command = RemoveTags(
        name.model,
        name.version if isinstance(name, VersionName) else None,
        tuple(request.keys),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def set_alias(
    request: pb.SetAliasRequest, now: datetime, new_salt: SaltSource
) -> Translated[SetAlias]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", AliasName.parse, request.name)
    command = SetAlias(
        name.model,
        name.alias,
        checks.named("version", names.check_version_number, request.version),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def remove_alias(
    request: pb.RemoveAliasRequest, now: datetime, new_salt: SaltSource
) -> Translated[RemoveAlias]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", AliasName.parse, request.name)
    command = RemoveAlias(
        name.model,
        name.alias,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def protect_alias(
    request: pb.ProtectAliasRequest, now: datetime, new_salt: SaltSource
) -> Translated[ProtectAlias]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", AliasName.parse, request.name)
    protected = request.protected if request.HasField("protected") else None
    pinned = request.pinned if request.HasField("pinned") else None
    if protected is None and pinned is None:
        checks.refuse("protected", "is given, or pinned is, or both are")
    command = ProtectAlias(
        name.model,
        name.alias,
        protected,
        pinned,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def move_aliases(
    request: pb.MoveAliasesRequest, now: datetime, new_salt: SaltSource
) -> Translated[MoveAliases]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    parent = parse_name("parent", NamespaceName.parse, request.parent)
    reason = checks.cause(request)
    if not request.moves:
        checks.refuse("moves", "has at least one entry")
    moves: list[AliasMove] = []
    if checks.fits("moves", request.moves, limits.MAX_MOVES):
        for at, move in enumerate(request.moves):
            found = _move(checks, at, move, parent.namespace)
            if found is not None:
                moves.append(AliasMove(*found, reason=reason))
                reason = checks.sealed_again(reason)
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(parent.namespace, MoveAliases(tuple(moves)), request, checks.texts, claim)


def _move(
    checks: Checks, at: int, move: pb.AliasMove, namespace: str
) -> tuple[str, str, int, int | None] | None:
    """Return model, alias, version and expected version of a move; None when its name is none."""
    number = checks.named(("moves", at, "version"), names.check_version_number, move.version)
    expected = move.expected_version if move.HasField("expected_version") else None
    if expected:
        checks.named(("moves", at, "expected_version"), names.check_version_number, expected)
    try:
        name = AliasName.parse(move.name)
    except InvalidName as error:
        checks.refuse(("moves", at, "name"), error.message)
        return None
    if name.namespace != namespace:
        checks.refuse(("moves", at, "name"), "is one of the namespace in parent")
    return name.model, name.alias, number, expected

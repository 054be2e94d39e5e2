"""Requests about tags and aliases, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import AliasName, VersionName
from regesta_service.api.writes.checks import Checks, model_or_version, parse_name
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.aliases import RemoveAlias, SetAlias
from regesta_service.domain.labels import RemoveTags, SetTags

if TYPE_CHECKING:
    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource


def set_tags(request: pb.SetTagsRequest, new_salt: SaltSource) -> Translated[SetTags]:
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
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)


def remove_tags(request: pb.RemoveTagsRequest, new_salt: SaltSource) -> Translated[RemoveTags]:
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
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)


def set_alias(request: pb.SetAliasRequest, new_salt: SaltSource) -> Translated[SetAlias]:
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
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)


def remove_alias(request: pb.RemoveAliasRequest, new_salt: SaltSource) -> Translated[RemoveAlias]:
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
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)

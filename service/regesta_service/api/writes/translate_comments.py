"""Requests to comment, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import CommentName, ModelName, VersionName
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.comments import AddComment, EditComment, comment_id, mentions_in
from regesta_service.domain.rejections import InvalidRequest

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.sealed import SealedText
    from regesta.v1 import comments_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource


def add_comment(
    request: pb.AddCommentRequest, now: datetime, new_salt: SaltSource
) -> Translated[AddComment]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    parent = commented("parent", request.parent)
    if request.reply_to:
        checks.named("reply_to", names.check_comment, request.reply_to)
    text, mentions = _said(checks, request.text)
    command = AddComment(
        parent.model,
        number_of(parent),
        comment_id(new_salt()),
        text,
        mentions,
        request.reply_to,
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(parent.namespace, command, request, checks.texts, claim)


def edit_comment(
    request: pb.EditCommentRequest, now: datetime, new_salt: SaltSource
) -> Translated[EditComment]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", CommentName.parse, request.name)
    text, mentions = _said(checks, request.text)
    command = EditComment(
        name.model,
        number_of(name.parent),
        name.comment,
        text,
        mentions,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def commented(field: str, text: str) -> ModelName | VersionName:
    """Return the name of a model or version.

    Raises:
        InvalidRequest: It is no name, or one of something that is not commented on.
    """
    name = parse_name(field, names.parse, text)
    if not isinstance(name, ModelName | VersionName):
        raise InvalidRequest.of(field, f"has the form {ModelName.PATTERN} or {VersionName.PATTERN}")
    return name


def number_of(name: ModelName | VersionName) -> int | None:
    """Return the number of a version; None of a model."""
    return name.version if isinstance(name, VersionName) else None


def _said(checks: Checks, text: str) -> tuple[SealedText, tuple[str, ...]]:
    """Return a comment's text, and whom it names.

    Raises:
        InvalidRequest: There is none.
    """
    if not text.strip():
        raise InvalidRequest.of("text", "is required")
    mentions = mentions_in(text) if len(text) <= limits.MAX_COMMENT else ()
    if len(mentions) > limits.MAX_MENTIONS:
        checks.refuse("text", f"names at most {limits.MAX_MENTIONS} principals with an @")
    sealed = checks.sealed("text", text, limits.MAX_COMMENT)
    if sealed is None:
        raise InvalidRequest.of("text", "is required")
    return sealed, mentions

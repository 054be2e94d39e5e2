"""Requests to keep documents, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.names import DocumentName
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.documents import PutDocument, RemoveDocument
from regesta_service.domain.rejections import InvalidRequest

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import documents_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource


def put_document(
    request: pb.PutDocumentRequest, now: datetime, new_salt: SaltSource
) -> Translated[PutDocument]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", DocumentName.parse, request.name)
    content = checks.sealed("content", request.content, limits.MAX_DOCUMENT)
    if content is None:
        raise InvalidRequest.of("content", "is required")
    command = PutDocument(
        name.collection,
        name.document,
        content,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def remove_document(
    request: pb.RemoveDocumentRequest, now: datetime, new_salt: SaltSource
) -> Translated[RemoveDocument]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", DocumentName.parse, request.name)
    command = RemoveDocument(
        name.collection,
        name.document,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)

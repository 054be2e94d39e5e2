"""Requests about texts beside the log, and about bodies in it, as commands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from regesta import names
from regesta.names import (
    AliasName,
    DocumentName,
    HoldName,
    ModelName,
    NamespaceName,
    ResourceName,
    VersionName,
)
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.privacy import EraseTexts, PlaceHold, ReleaseHold
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.domain.retention import DefineRetention, ReleaseBodies
from regesta_service.reads.privacy import Selection

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import privacy_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource
    from regesta_service.reads.privacy import Chosen
    from regesta_service.reads.retention import Releasable

# As the configuration's principals.
_PERSON: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")


def place_hold(request: pb.PlaceHoldRequest, new_salt: SaltSource) -> Translated[PlaceHold]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    hold = request.hold
    reason = checks.cause(request)
    checks.named("hold_id", names.check_hold, request.hold_id)
    _matter(checks, "hold.matter", hold.matter)
    if hold.person and hold.model:
        checks.refuse("hold", "holds a person's texts or a model's, or with neither all")
    if hold.person:
        _person(checks, "hold.person", hold.person)
    if hold.model:
        checks.named("hold.model", names.check_model, hold.model)
    checks.finish()
    command = PlaceHold(request.hold_id, hold.matter, hold.person, hold.model, reason)
    return Translated(namespace, command, request, checks.texts)


def release_hold(request: pb.ReleaseHoldRequest, new_salt: SaltSource) -> Translated[ReleaseHold]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", HoldName.parse, request.name)
    reason = checks.cause(request)
    checks.finish()
    return Translated(name.namespace, ReleaseHold(name.hold, reason), request, checks.texts)


def define_retention(
    request: pb.DefineRetentionRequest, new_salt: SaltSource
) -> Translated[DefineRetention]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    reason = checks.cause(request)
    if not 0 <= request.keep_days <= limits.MAX_KEEP_DAYS:
        checks.refuse("keep_days", f"is 0 to {limits.MAX_KEEP_DAYS}")
    checks.finish()
    command = DefineRetention(request.keep_days, reason)
    return Translated(namespace, command, request, checks.texts)


class Releasing:
    """A request to release bodies, checked; the command is made once it is known what is so.

    Raises:
        InvalidRequest: A field breaks a rule.
    """

    def __init__(self, request: pb.ReleaseBodiesRequest, new_salt: SaltSource) -> None:
        checks = Checks(new_salt)
        self.namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
        self._request = request
        self._reason = checks.cause(request)
        self.bound: int | datetime = request.through
        match request.WhichOneof("bound"):
            case "through":
                if request.through < 1:
                    checks.refuse("through", "is 256 or more")
            case "before":
                try:
                    self.bound = request.before.ToDatetime(UTC)
                except (ValueError, OverflowError):
                    checks.refuse("before", "is no time")
            case None:
                raise InvalidRequest.of("bound", "is required: through or before")
        checks.finish()
        self._texts = checks.texts

    def command(self, found: Releasable, actor: str, now: datetime) -> Translated[ReleaseBodies]:
        """Return the command for what is so."""
        command = ReleaseBodies(
            found.through,
            actor,
            now,
            found.recorded_at,
            found.checkpoint_size,
            found.checkpoint_root,
            found.spared,
            self._reason,
        )
        return Translated(self.namespace, command, self._request, self._texts)


class Erasing:
    """A request to erase texts, checked; the command is made once the texts are known.

    Raises:
        InvalidRequest: A field breaks a rule.
    """

    def __init__(self, request: pb.EraseTextsRequest, new_salt: SaltSource) -> None:
        checks = Checks(new_salt)
        self.namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
        self._request = request
        self._reason: SealedText | None = None
        if not request.validate_only:
            self._reason = checks.cause(request)
            _matter(checks, "legal_basis", request.legal_basis)
        self.selection = _selection(checks, request, self.namespace)
        if request.field and request.WhichOneof("selection") != "event_position":
            checks.refuse("field", "goes with event_position only")
        checks.line("field", request.field, limits.MAX_LINE)
        checks.finish()
        self._texts = checks.texts

    def command(self, chosen: Chosen) -> Translated[EraseTexts]:
        """Return the command for the texts that there are."""
        command = EraseTexts(
            chosen.texts,
            self._request.legal_basis,
            self.selection.person,
            chosen.stream,
            self.selection.event_position,
            self._reason,
        )
        return Translated(self.namespace, command, self._request, self._texts)


def _erasable(text: str) -> ResourceName | DocumentName:
    return DocumentName.parse(text) if "/collections/" in text else names.parse(text)


def _selection(checks: Checks, request: pb.EraseTextsRequest, namespace: str) -> Selection:
    match request.WhichOneof("selection"):
        case "person":
            _person(checks, "person", request.person)
            return Selection(person=request.person)
        case "resource":
            name = parse_name("resource", _erasable, request.resource)
            if not isinstance(name, ModelName | VersionName | AliasName | DocumentName):
                raise InvalidRequest.of(
                    "resource", "names a model, a version, an alias or a document"
                )
            if name.namespace != namespace:
                checks.refuse("resource", "is one of the namespace in parent")
            return Selection(resource=name)
        case "event_position":
            if request.event_position < 1:
                checks.refuse("event_position", "is 1 or more")
            return Selection(event_position=request.event_position, field=request.field)
        case None:
            raise InvalidRequest.of(
                "selection", "is required: exactly one of person, resource and event_position"
            )


def _person(checks: Checks, field: str, person: str) -> None:
    if not _PERSON.fullmatch(person):
        checks.refuse(field, "is a principal, as it stands in the log as actor")


def _matter(checks: Checks, field: str, text: str) -> None:
    if not text.strip():
        checks.refuse(field, "is required")
    checks.line(field, text, limits.MAX_MATTER)

"""Requests for moves, approvals and evaluations, as commands."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, timedelta
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

from regesta import names
from regesta.names import VersionName
from regesta_projections import events as e
from regesta_projections.canonical import decimal_text, utc_text
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated, expect_to_fit
from regesta_service.domain import limits
from regesta_service.domain.requests import (
    Approve,
    Cancel,
    RecordEvaluation,
    Reject,
    RequestTransition,
)
from regesta_service.domain.texts import free_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import governance_pb2 as governance_pb
    from regesta.v1 import governance_service_pb2 as pb
    from regesta_projections.rows import VersionKey
    from regesta_service.api.writes.checks import SaltSource
    from regesta_service.domain.requests import Signer

    Decision = TypeVar("Decision", Reject, Cancel)

_ID_BYTES = 6


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for something, and where chance comes from."""

    signer: Signer
    new_salt: SaltSource

    def new_id(self) -> str:
        """Return an id that sorts by the time of asking: 11 hexadecimal digits of time, 10 letters of chance."""
        milliseconds = int(self.signer.now.timestamp() * 1_000)
        return f"{milliseconds:011x}{_letters(self.new_salt()[:_ID_BYTES])}"


def request_transition(
    request: pb.RequestTransitionRequest, asking: Asking
) -> Translated[RequestTransition]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(asking.new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    target(checks, request.stage, request.alias)
    command = RequestTransition(
        request=asking.new_id(),
        model=name.model,
        number=name.version,
        stage=request.stage,
        alias=request.alias,
        signer=asking.signer,
        expires=_expiry(checks, request, asking.signer.now),
        reason=checks.cause(request),
    )
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)


def target(checks: Checks, stage: str, alias: str) -> None:
    """Check that a move goes into a stage or to an alias."""
    if bool(stage) == bool(alias):
        checks.refuse("stage", "give this or alias, one of the two")
    elif stage:
        checks.named("stage", names.check_stage, stage)
    else:
        checks.named("alias", names.check_alias, alias)


def approve_transition(
    request: pb.ApproveTransitionRequest, version: VersionKey, asking: Asking
) -> Translated[Approve]:
    """Translate.

    Args:
        request: As it came.
        version: What it is about, as was looked up.
        asking: Who approves.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(asking.new_salt)
    namespace, request_id = parse_name("name", parse_request_name, request.name)
    command = Approve(
        request_id,
        version,
        asking.signer,
        checks.line("meaning", request.meaning, limits.MAX_SHORT),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    checks.finish()
    return Translated(namespace, command, request, checks.texts)


def reject_transition(request: pb.RejectTransitionRequest, asking: Asking) -> Translated[Reject]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    return _ending(Reject, request, asking)


def cancel_transition(request: pb.CancelTransitionRequest, asking: Asking) -> Translated[Cancel]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    return _ending(Cancel, request, asking)


def record_evaluation(
    request: pb.RecordEvaluationRequest, asking: Asking
) -> Translated[RecordEvaluation]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: It has too much in it.
    """
    checks = Checks(asking.new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    given = request.evaluation
    reason = checks.cause(request)
    if not given.dataset:
        checks.refuse("evaluation.dataset", "is required")
    if not given.metrics:
        checks.refuse("evaluation.metrics", "has at least one entry")
    event = e.EvaluationRecorded(
        evaluation=asking.new_id(),
        dataset=checks.line("evaluation.dataset", given.dataset, limits.MAX_SHORT),
        dataset_digest=checks.line(
            "evaluation.dataset_digest", given.dataset_digest, limits.MAX_SHORT
        ),
        method=checks.named("evaluation.method", names.check_stage, given.method),
        evaluator=checks.line("evaluation.evaluator", given.evaluator, limits.MAX_SHORT),
        metrics=_metrics(
            checks, "evaluation.metrics", given.metrics, limits.MAX_EVALUATION_METRICS
        ),
        slices=_slices(checks, given.slices),
        valid_until=_until(checks, given),
        source=checks.line("evaluation.source", given.source, limits.MAX_SOURCE),
        reason=free_text(reason),
    )
    claim = claim_in(checks, request, asking.signer.now)
    checks.finish()
    expect_to_fit(request, event)
    command = RecordEvaluation(name.model, name.version, event, reason)
    return Translated(name.namespace, command, request, checks.texts, claim)


def parse_request_name(text: str) -> tuple[str, str]:
    """Return namespace and id of a request.

    Raises:
        InvalidName: It names something else.
    """
    return names.parse_in_namespace("requests", text)


def _ending(
    kind: type[Decision],
    request: pb.RejectTransitionRequest | pb.CancelTransitionRequest,
    asking: Asking,
) -> Translated[Decision]:
    checks = Checks(asking.new_salt)
    namespace, request_id = parse_name("name", parse_request_name, request.name)
    command = kind(
        request_id,
        asking.signer,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    checks.finish()
    return Translated(namespace, command, request, checks.texts)


def _expiry(checks: Checks, request: pb.RequestTransitionRequest, now: datetime) -> datetime:
    if not request.HasField("expire_time"):
        return now + timedelta(days=limits.DEFAULT_REQUEST_DAYS)
    expires = _time(request.expire_time)
    latest = now + timedelta(days=limits.MAX_REQUEST_DAYS)
    if expires is None or not now < expires <= latest:
        checks.refuse(
            "expire_time", f"lies in the future, at most {limits.MAX_REQUEST_DAYS} days ahead"
        )
        return latest
    return expires


def _until(checks: Checks, evaluation: governance_pb.Evaluation) -> str:
    if not evaluation.HasField("valid_until"):
        return ""
    until = _time(evaluation.valid_until)
    if until is None:
        checks.refuse("evaluation.valid_until", "is a time of the years 1 to 9999")
        return ""
    return utc_text(until)


def _time(timestamp: Timestamp) -> datetime | None:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _slices(
    checks: Checks, slices: Sequence[governance_pb.EvaluationSlice]
) -> tuple[e.EvaluationSlice, ...]:
    field = "evaluation.slices"
    if not checks.fits(field, slices, limits.MAX_SLICES):
        return ()
    return tuple(
        e.EvaluationSlice(
            name=checks.line((field, at, "name"), each.name, limits.MAX_SHORT),
            metrics=_metrics(checks, f"{field}[{at}].metrics", each.metrics, limits.MAX_SLICES),
        )
        for at, each in enumerate(slices)
    )


def _metrics(
    checks: Checks, field: str, metrics: Mapping[str, float], limit: int
) -> dict[str, str]:
    if not checks.fits(field, metrics, limit):
        return {}
    for name, value in metrics.items():
        place = checks.key(field, name)
        if not isfinite(value):
            checks.refuse(place, "is a finite number")
    return {name: decimal_text(value) for name, value in metrics.items() if isfinite(value)}


def _letters(chance: bytes) -> str:
    return b32encode(chance).decode().rstrip("=").lower()

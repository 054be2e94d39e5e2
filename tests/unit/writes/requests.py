"""Requests as callers send them, and their translation without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from regesta.audit.messages import SignatureType
from regesta.audit.notes import VerifierKey
from regesta.v1 import access_service_pb2 as access_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import comments_service_pb2 as comments_pb
from regesta.v1 import documents_service_pb2 as documents_pb
from regesta.v1 import flag_pb2, model_pb2, version_pb2
from regesta.v1 import flags_service_pb2 as flags_pb
from regesta.v1 import governance_pb2 as governance_pb
from regesta.v1 import governance_service_pb2 as governance_service_pb
from regesta.v1 import heads_service_pb2 as heads_pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1 import privacy_service_pb2 as privacy_pb
from regesta_projections.rows import VersionKey
from regesta_service.access.principals import Principal
from regesta_service.api.writes import (
    translate_access,
    translate_comments,
    translate_documents,
    translate_flags,
    translate_governance,
    translate_labels,
    translate_log,
    translate_models,
    translate_policies,
    translate_privacy,
    translate_registration,
    translate_requests,
    translate_rollbacks,
    translate_versions,
)
from regesta_service.api.writes.translate_privacy import Erasing, Releasing
from regesta_service.api.writes.translating import Translated
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.domain.requests import Signer
from regesta_service.reads.privacy import Chosen
from regesta_service.reads.retention import Releasable

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MODEL = "namespaces/acme/models/churn"
VERSION = f"{MODEL}/versions/3"
ALIAS = f"{MODEL}/aliases/champion"
DOCUMENT = "namespaces/acme/collections/webhooks/documents/w1"
ID = "request-1"
ROOT = Principal("root", "user")
VKEY = VerifierKey("log.example.com/acme", SignatureType.ED25519, bytes(32)).vkey


def asking(new_salt: Callable[[], bytes]) -> translate_requests.Asking:
    """Return who asks."""
    return translate_requests.Asking(Signer("alice", "alice", ("reviewer",), NOW), new_salt)


def salts() -> Callable[[], bytes]:
    """Return a source of salts, other ones each time but the same in each test."""
    numbers: Iterator[int] = iter(range(1, 1 << 20))
    return lambda: next(numbers).to_bytes(16, "big")


def register(version: version_pb2.Version | None = None, **fields: Any) -> Translated[Any]:
    """Translate a registration."""
    request = pb.RegisterVersionRequest(
        parent=MODEL, request_id=ID, version=version or version_pb2.Version(), **fields
    )
    return translate_registration.register_version(request, NOW, salts())


def content(version: version_pb2.Version) -> Any:
    """Return what a version's event would hold."""
    return register(version).command.content


def _now(translated: Callable[..., Translated[Any]]) -> Callable[..., Translated[Any]]:
    """Return a translation that takes place at `NOW`."""
    return lambda request, new_salt: translated(request, NOW, new_salt)


#: By method: how it is translated, and a valid request of it.
WRITES: dict[str, tuple[Callable[..., Translated[Any]], Any]] = {
    "CreateModel": (
        _now(translate_models.create_model),
        pb.CreateModelRequest(parent="namespaces/acme", model_id="churn"),
    ),
    "UpdateModel": (
        _now(translate_models.update_model),
        pb.UpdateModelRequest(
            model=model_pb2.Model(name=MODEL, owner="ann"), update_mask=FieldMask(paths=["owner"])
        ),
    ),
    "RenameModel": (
        _now(translate_models.rename_model),
        pb.RenameModelRequest(name=MODEL, new_model_id="leavers"),
    ),
    "DeleteModel": (_now(translate_models.delete_model), pb.DeleteModelRequest(name=MODEL)),
    "RestoreModel": (_now(translate_models.restore_model), pb.RestoreModelRequest(name=MODEL)),
    "RegisterVersion": (
        _now(translate_registration.register_version),
        pb.RegisterVersionRequest(parent=MODEL),
    ),
    "UpdateVersion": (
        _now(translate_versions.update_version),
        pb.UpdateVersionRequest(
            version=version_pb2.Version(name=VERSION, card="# Card"),
            update_mask=FieldMask(paths=["card"]),
        ),
    ),
    "LabelVersion": (
        _now(translate_versions.label_version),
        pb.LabelVersionRequest(name=VERSION, semver="1.0.0"),
    ),
    "DeleteVersion": (
        _now(translate_versions.delete_version),
        pb.DeleteVersionRequest(name=VERSION),
    ),
    "RestoreVersion": (
        _now(translate_versions.restore_version),
        pb.RestoreVersionRequest(name=VERSION),
    ),
    "SetTags": (
        _now(translate_labels.set_tags),
        pb.SetTagsRequest(name=VERSION, tags={"tier": "1"}),
    ),
    "RemoveTags": (
        _now(translate_labels.remove_tags),
        pb.RemoveTagsRequest(name=VERSION, keys=["tier"]),
    ),
    "SetAlias": (_now(translate_labels.set_alias), pb.SetAliasRequest(name=ALIAS, version=3)),
    "RemoveAlias": (_now(translate_labels.remove_alias), pb.RemoveAliasRequest(name=ALIAS)),
    "ProtectAlias": (
        _now(translate_labels.protect_alias),
        pb.ProtectAliasRequest(name=ALIAS, pinned=True),
    ),
    "MoveAliases": (
        _now(translate_labels.move_aliases),
        pb.MoveAliasesRequest(
            parent="namespaces/acme", moves=[pb.AliasMove(name=ALIAS, version=3)]
        ),
    ),
    "RollbackAlias": (
        _now(translate_rollbacks.rollback_alias),
        pb.RollbackAliasRequest(name=ALIAS),
    ),
    "RollbackStage": (
        _now(translate_rollbacks.rollback_stage),
        lifecycle_pb.RollbackStageRequest(name=MODEL, stage="production"),
    ),
    "AddComment": (
        _now(translate_comments.add_comment),
        comments_pb.AddCommentRequest(parent=VERSION, text="slow, @rosa"),
    ),
    "EditComment": (
        _now(translate_comments.edit_comment),
        comments_pb.EditCommentRequest(name=f"{VERSION}/comments/abcdefgh23", text="fast"),
    ),
    "PutDocument": (
        _now(translate_documents.put_document),
        documents_pb.PutDocumentRequest(name=DOCUMENT, content="{}"),
    ),
    "RemoveDocument": (
        _now(translate_documents.remove_document),
        documents_pb.RemoveDocumentRequest(name=DOCUMENT),
    ),
    "RecordLogEvent": (
        translate_log.record_log_event,
        heads_pb.RecordLogEventRequest(
            parent="namespaces/acme",
            key_rotated=heads_pb.KeyRotation(new_vkey=VKEY),
        ),
    ),
    "RaiseFlag": (
        _now(translate_flags.raise_flag),
        flags_pb.RaiseFlagRequest(
            name=VERSION,
            flag=flag_pb2.Flag(id="drift", severity=flag_pb2.FLAG_SEVERITY_WARNING),
        ),
    ),
    "ResolveFlag": (
        _now(translate_flags.resolve_flag),
        flags_pb.ResolveFlagRequest(name=VERSION, flag_id="drift"),
    ),
    "RevokeVersion": (
        _now(translate_flags.revoke_version),
        flags_pb.RevokeVersionRequest(name=VERSION, category="licence"),
    ),
    "EraseTexts": (
        lambda request, new_salt: Erasing(request, new_salt).command(Chosen((), "", False, 1)),
        privacy_pb.EraseTextsRequest(
            parent="namespaces/acme", person="rosa", legal_basis="GDPR Art. 17"
        ),
    ),
    "PlaceHold": (
        translate_privacy.place_hold,
        privacy_pb.PlaceHoldRequest(
            parent="namespaces/acme", hold_id="case-7", hold=privacy_pb.Hold(matter="7 O 114/26")
        ),
    ),
    "ReleaseHold": (
        translate_privacy.release_hold,
        privacy_pb.ReleaseHoldRequest(name="namespaces/acme/holds/case-7"),
    ),
    "DefineRetention": (
        translate_privacy.define_retention,
        privacy_pb.DefineRetentionRequest(parent="namespaces/acme", keep_days=730),
    ),
    "ReleaseBodies": (
        lambda request, new_salt: Releasing(request, new_salt).command(
            Releasable(256, NOW, 300, bytes(32), frozenset()), "rosa", NOW
        ),
        privacy_pb.ReleaseBodiesRequest(parent="namespaces/acme", through=256),
    ),
    "DefineLifecycle": (
        _now(translate_governance.define_lifecycle),
        lifecycle_pb.DefineLifecycleRequest(
            parent="namespaces/acme",
            lifecycle_id="strict",
            lifecycle=governance_pb.Lifecycle(stages=[governance_pb.LifecycleStage(name="draft")]),
        ),
    ),
    "RemoveLifecycle": (
        _now(translate_governance.remove_lifecycle),
        lifecycle_pb.RemoveLifecycleRequest(name="namespaces/acme/lifecycles/strict"),
    ),
    "DefinePolicy": (
        _now(translate_policies.define_policy),
        governance_service_pb.DefinePolicyRequest(
            parent="namespaces/acme",
            policy_id="gate",
            policy=governance_pb.Policy(stages=["production"]),
        ),
    ),
    "RemovePolicy": (
        _now(translate_policies.remove_policy),
        governance_service_pb.RemovePolicyRequest(name="namespaces/acme/policies/gate"),
    ),
    "RequestTransition": (
        lambda request, new_salt: translate_requests.request_transition(request, asking(new_salt)),
        governance_service_pb.RequestTransitionRequest(name=VERSION, stage="production"),
    ),
    "ApproveTransition": (
        lambda request, new_salt: translate_requests.approve_transition(
            request, VersionKey("churn", 3), asking(new_salt)
        ),
        governance_service_pb.ApproveTransitionRequest(name="namespaces/acme/requests/r1"),
    ),
    "RejectTransition": (
        lambda request, new_salt: translate_requests.reject_transition(request, asking(new_salt)),
        governance_service_pb.RejectTransitionRequest(name="namespaces/acme/requests/r1"),
    ),
    "CancelTransition": (
        lambda request, new_salt: translate_requests.cancel_transition(request, asking(new_salt)),
        governance_service_pb.CancelTransitionRequest(name="namespaces/acme/requests/r1"),
    ),
    "RecordEvaluation": (
        lambda request, new_salt: translate_requests.record_evaluation(request, asking(new_salt)),
        governance_service_pb.RecordEvaluationRequest(
            name=VERSION,
            evaluation=governance_pb.Evaluation(
                dataset="holdout", method="benchmark", metrics={"auc": 0.9}
            ),
        ),
    ),
    "GrantRole": (
        lambda request, salts: translate_access.grant_role(request, "a" * 16, ROOT, NOW, salts),
        access_pb.GrantRoleRequest(parent="namespaces/acme", principal="rosa", role="reader"),
    ),
    "RevokeRole": (
        translate_access.revoke_role,
        access_pb.RevokeRoleRequest(name=f"namespaces/acme/grants/{'a' * 16}"),
    ),
    "TransitionVersion": (
        _now(translate_versions.transition_version),
        lifecycle_pb.TransitionVersionRequest(name=VERSION, stage="staging"),
    ),
}


def translate(method: str, **changes: Any) -> Translated[Any]:
    """Translate a method's valid request after some of its fields were changed."""
    function, valid = WRITES[method]
    request = type(valid)(request_id=ID)
    request.MergeFrom(valid)
    for field in changes:
        request.ClearField(field)
    request.MergeFrom(type(valid)(**changes))
    return function(request, salts())


def refused(method: str, field: str, **changes: Any) -> str:
    """Expect that just one field of a request is refused, and return the rule."""
    return refusal(lambda: translate(method, **changes), field)


def refused_version(version: version_pb2.Version, field: str) -> str:
    """Expect that just one field of a registration is refused, and return the rule."""
    return refusal(lambda: register(version), field)


def refusal(act: Callable[[], object], field: str) -> str:
    """Expect that just one field is refused, and return the rule."""
    with pytest.raises(InvalidRequest) as caught:
        act()

    assert [field] == [violation.field for violation in caught.value.violations]
    (violation,) = caught.value.violations
    assert f"{field}: {violation.description}" == caught.value.message
    return violation.description

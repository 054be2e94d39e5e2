"""The dispatch from an event to the function that applies it.

Adding an event type: declare it in proto/regesta/events/v1, apply it here. mypy
names this place (`assert_never`) until it is done.
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import governance_pb2 as pb
from regesta.v1.access_pb2 import Access, Principal, Token
from regesta_projections import events as e
from regesta_projections.evolve import (
    access,
    comments,
    documents,
    flags,
    governance,
    labels,
    log,
    models,
    privacy,
    requests,
    versions,
)
from regesta_projections.evolve.stamps import put_time, resource_row, stamp, stamp_resource
from regesta_projections.evolve.streams import UnknownStream, key_of
from regesta_projections.records import Recorded
from regesta_projections.resources import kind_of
from regesta_projections.rows import (
    AliasKey,
    Key,
    LogKey,
    ModelKey,
    NameKey,
    NamespaceRow,
    PrivacyKey,
    ResourceKey,
    ResourceRow,
    Rows,
    VersionKey,
)

_AliasEvent: TypeAlias = e.AliasSet | e.AliasRemoved | e.AliasProtected
_ModelEvent: TypeAlias = (
    e.ModelCreated | e.ModelUpdated | e.ModelRenamed | e.ModelDeleted | e.ModelRestored
)
_VersionEvent: TypeAlias = (
    e.VersionRegistered
    | e.VersionSemverLabelled
    | e.VersionUpdated
    | e.VersionDeleted
    | e.VersionRestored
    | e.StageChanged
    | e.VersionRevoked
)
_FlagEvent: TypeAlias = e.FlagRaised | e.FlagResolved
_LogEvent: TypeAlias = (
    e.HeadsCommitted | e.KeyRotated | e.KeyCompromised | e.LogForked | e.LogWitnessed
)
_AccessEvent: TypeAlias = (
    e.RoleGranted | e.RoleRevoked | e.PrincipalRegistered | e.TokenIssued | e.TokenRevoked
)
_PrivacyEvent: TypeAlias = (
    e.HoldPlaced | e.HoldReleased | e.PersonalDataErased | e.RetentionDefined | e.BodiesReleased
)
_GovernanceEvent: TypeAlias = (
    e.LifecycleDefined | e.LifecycleRemoved | e.PolicyDefined | e.PolicyRemoved | e.StageTaken
)
_RequestEvent: TypeAlias = (
    e.TransitionRequested
    | e.TransitionApproved
    | e.TransitionRejected
    | e.TransitionCancelled
    | e.TransitionExpired
    | e.TransitionCompleted
)
_CommentEvent: TypeAlias = e.CommentAdded | e.CommentEdited
_DocumentEvent: TypeAlias = e.DocumentPut | e.DocumentRemoved
_ResourceEvent: TypeAlias = (
    _GovernanceEvent | _RequestEvent | _CommentEvent | _DocumentEvent | e.EvaluationRecorded
)


def keys_of(recorded: Recorded) -> list[Key]:
    """Return the keys of every row that `evolve` will look at for an event."""
    key = key_of(recorded.stream)
    match recorded.event:
        case e.VersionRegistered():
            if not isinstance(key, VersionKey):
                raise _misplaced(recorded)
            return [key, ModelKey(key.model)]
        case e.ModelCreated(name=name) | e.ModelRenamed(to_name=name):
            return [key, NameKey(name.lower())]
        case _:
            return [key]


def evolve(rows: Rows, recorded: Recorded) -> None:
    """Apply one event to a working set of rows.

    Raises:
        UnknownStream: The event cannot happen to its stream.
        NotLoaded: A row of `keys_of(recorded)` was not loaded, or does not exist. Nothing
            has been changed then.
    """
    event = recorded.event
    # The frequent first: each case tried costs a twentieth of a fold.
    match event:
        case (
            e.VersionRegistered()
            | e.StageChanged()
            | e.VersionSemverLabelled()
            | e.VersionUpdated()
            | e.VersionDeleted()
            | e.VersionRestored()
            | e.VersionRevoked()
        ):
            _evolve_version(rows, event, recorded)
        case e.TagsSet() | e.TagsRemoved():
            _evolve_tags(rows, event, recorded)
        case e.FlagRaised() | e.FlagResolved():
            _evolve_flags(rows, event, recorded)
        case e.AliasSet() | e.AliasRemoved() | e.AliasProtected():
            _evolve_alias(rows, event, recorded)
        case e.VersionRolledBack():
            _evolve_rollback(rows, event, recorded)
        case (
            e.ModelCreated()
            | e.ModelUpdated()
            | e.ModelRenamed()
            | e.ModelDeleted()
            | e.ModelRestored()
        ):
            _evolve_model(rows, event, recorded)
        case e.NamespaceCreated():
            resource = admin_pb.Namespace(name=event.name, created_by=recorded.actor)
            put_time(resource.create_time, recorded.recorded_at)
            rows.add(NamespaceRow(resource, recorded.revision, recorded.leaf_hash))
        case (
            e.HeadsCommitted()
            | e.KeyRotated()
            | e.KeyCompromised()
            | e.LogForked()
            | e.LogWitnessed()
        ):
            _evolve_log(rows, event, recorded)
        case (
            e.HoldPlaced()
            | e.HoldReleased()
            | e.PersonalDataErased()
            | e.RetentionDefined()
            | e.BodiesReleased()
        ):
            _evolve_privacy(rows, event, recorded)
        case _:
            _evolve_rare(rows, event, recorded)


def _evolve_rare(rows: Rows, event: _AccessEvent | _ResourceEvent, recorded: Recorded) -> None:
    match event:
        case (
            e.RoleGranted()
            | e.RoleRevoked()
            | e.PrincipalRegistered()
            | e.TokenIssued()
            | e.TokenRevoked()
        ):
            _evolve_access(rows, event, recorded)
        case _:
            # mypy names this call when an event is applied nowhere.
            _evolve_resource(rows, event, recorded)


def _evolve_model(rows: Rows, event: _ModelEvent, recorded: Recorded) -> None:
    if isinstance(event, e.ModelCreated):
        models.model_created(rows, event, recorded)
        return
    key = key_of(recorded.stream)
    if not isinstance(key, ModelKey):
        raise _misplaced(recorded)
    row = rows.edit(key)
    match event:
        case e.ModelUpdated():
            models.model_updated(row, event)
        case e.ModelRenamed():
            models.model_renamed(rows, row, event)
        case e.ModelDeleted():
            models.model_deleted(row, recorded)
        case e.ModelRestored():
            models.model_restored(row)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_version(rows: Rows, event: _VersionEvent, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, VersionKey):
        raise _misplaced(recorded)
    if isinstance(event, e.VersionRegistered):
        versions.version_registered(rows, key.model, event, recorded)
        return
    row = rows.edit(key)
    match event:
        case e.StageChanged():
            versions.stage_changed(row, event, recorded)
        case e.VersionSemverLabelled():
            versions.version_semver_labelled(rows, row, event)
        case e.VersionUpdated():
            versions.version_updated(row, event)
        case e.VersionDeleted():
            versions.version_deleted(row, recorded)
        case e.VersionRestored():
            versions.version_restored(row)
        case e.VersionRevoked():
            flags.version_revoked(row, event, recorded)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_tags(rows: Rows, event: e.TagsSet | e.TagsRemoved, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, ModelKey | VersionKey):
        raise _misplaced(recorded)
    row = rows.edit(key)
    match event:
        case e.TagsSet():
            labels.tags_set(row, event)
        case e.TagsRemoved():
            labels.tags_removed(row, event)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_flags(rows: Rows, event: _FlagEvent, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, ModelKey | VersionKey):
        raise _misplaced(recorded)
    row = rows.edit(key)
    match event:
        case e.FlagRaised():
            flags.flag_raised(row, event, recorded)
        case e.FlagResolved():
            flags.flag_resolved(row, event)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_alias(rows: Rows, event: _AliasEvent, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, AliasKey):
        raise _misplaced(recorded)
    match event:
        case e.AliasSet():
            labels.alias_set(rows, key, event, recorded)
        case e.AliasRemoved():
            labels.alias_removed(rows, key, event, recorded)
        case e.AliasProtected():
            labels.alias_protected(rows, key, event, recorded)
        case _:
            assert_never(event)


def _evolve_rollback(rows: Rows, event: e.VersionRolledBack, recorded: Recorded) -> None:
    """Apply a rollback, which happens to an alias or to a version."""
    match key_of(recorded.stream):
        case AliasKey() as key:
            labels.alias_rolled_back(rows, key, event, recorded)
        case VersionKey() as key:
            row = rows.edit(key)
            versions.stage_rolled_back(row, event, recorded)
            stamp(row, recorded)
        case _:
            raise _misplaced(recorded)


def _evolve_log(rows: Rows, event: _LogEvent, recorded: Recorded) -> None:
    if not isinstance(key_of(recorded.stream), LogKey):
        raise _misplaced(recorded)
    row = log.log_row(rows, recorded)
    match event:
        case e.HeadsCommitted():
            log.heads_committed(row, event, recorded)
        case e.KeyRotated():
            log.key_rotated(row, event)
        case e.KeyCompromised():
            log.key_compromised(row, event)
        case e.LogForked():
            log.log_forked(row, event)
        case e.LogWitnessed():
            log.log_witnessed(row, event)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_privacy(rows: Rows, event: _PrivacyEvent, recorded: Recorded) -> None:
    if not isinstance(key_of(recorded.stream), PrivacyKey):
        raise _misplaced(recorded)
    row = privacy.privacy_row(rows, recorded)
    match event:
        case e.HoldPlaced():
            privacy.hold_placed(row, event, recorded)
        case e.HoldReleased():
            privacy.hold_released(row, event)
        case e.PersonalDataErased():
            privacy.personal_data_erased(row, event, recorded)
        case e.RetentionDefined():
            privacy.retention_defined(row, event, recorded)
        case e.BodiesReleased():
            privacy.bodies_released(row, event, recorded)
        case _:
            assert_never(event)
    stamp(row, recorded)


def _evolve_resource(rows: Rows, event: _ResourceEvent, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, ResourceKey) or _KIND_OF[type(event)] != kind_of(key.stream).name:
        raise _misplaced(recorded)
    row = resource_row(rows, key, recorded)
    match event:
        case e.LifecycleDefined():
            governance.lifecycle_defined(row, event, recorded)
        case e.LifecycleRemoved():
            governance.lifecycle_removed(row, event)
        case e.PolicyDefined():
            governance.policy_defined(row, event, recorded)
        case e.PolicyRemoved():
            governance.policy_removed(row, event)
        case e.StageTaken():
            governance.stage_taken(row, event)
        case e.EvaluationRecorded():
            requests.evaluation_recorded(row, event, recorded)
        case e.CommentAdded() | e.CommentEdited():
            comments.commented(row, event)
        case e.DocumentPut() | e.DocumentRemoved():
            documents.documented(row, event, recorded)
        case _:
            _evolve_request(row, event, recorded)
    stamp_resource(row, recorded)


def _evolve_request(row: ResourceRow, event: _RequestEvent, recorded: Recorded) -> None:
    match event:
        case e.TransitionRequested():
            requests.transition_requested(row, event, recorded)
        case e.TransitionApproved():
            requests.transition_approved(row, event, recorded)
        case e.TransitionRejected():
            requests.transition_rejected(row, event, recorded)
        case e.TransitionCancelled():
            requests.ended(row, pb.TransitionRequest.STATE_CANCELLED)
        case e.TransitionExpired():
            requests.ended(row, pb.TransitionRequest.STATE_EXPIRED)
        case e.TransitionCompleted():
            requests.ended(row, pb.TransitionRequest.STATE_COMPLETED)
        case _:
            assert_never(event)


#: The kind of resource that each of these events happens to.
_KIND_OF: Final[dict[type[_ResourceEvent], str]] = {
    e.LifecycleDefined: "governance",
    e.LifecycleRemoved: "governance",
    e.PolicyDefined: "governance",
    e.PolicyRemoved: "governance",
    e.EvaluationRecorded: "evaluations",
    e.TransitionRequested: "request",
    e.TransitionApproved: "request",
    e.TransitionRejected: "request",
    e.TransitionCancelled: "request",
    e.TransitionExpired: "request",
    e.TransitionCompleted: "request",
    e.StageTaken: "stage_holder",
    e.CommentAdded: "comment",
    e.CommentEdited: "comment",
    e.DocumentPut: "document",
    e.DocumentRemoved: "document",
}


def _evolve_access(rows: Rows, event: _AccessEvent, recorded: Recorded) -> None:
    key = key_of(recorded.stream)
    if not isinstance(key, ResourceKey):
        raise _misplaced(recorded)
    row = resource_row(rows, key, recorded)
    match event, row.resource:
        case e.RoleGranted(), Access() as resource:
            access.role_granted(resource, event, recorded)
        case e.RoleRevoked(), Access() as resource:
            access.role_revoked(resource, event)
        case e.PrincipalRegistered(), Principal() as resource:
            access.principal_registered(row, resource, event)
        case e.TokenIssued(), Token() as resource:
            access.token_issued(resource, event)
        case e.TokenRevoked(), Token() as resource:
            access.token_revoked(resource, recorded)
        case _:
            raise _misplaced(recorded)
    stamp_resource(row, recorded)


def _misplaced(recorded: Recorded) -> UnknownStream:
    return UnknownStream(f"{recorded.type} cannot happen to {recorded.stream}")

"""Who set each field of a resource: its history, folded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from regesta.cli.fields import flat, join, snake
from regesta.cli.happened import Happened

#: Members that are 64-bit numbers, which are text in a record.
_INT64 = {"sizeBytes", "shape"}
_FREE_TEXTS = ("description", "card")
#: Events that say again what they leave as it was.
_REPEATING = {"AliasProtected"}


@dataclass(frozen=True, slots=True)
class Line:
    """A field as it is, and the event that made it so."""

    field: str
    value: Any
    event: Happened


class UnknownEvent(ValueError):
    """The history holds an event that this client cannot fold."""


def blame(history: Iterable[Happened]) -> list[Line]:
    """Return each field that a resource has, with the event that set it last.

    Args:
        history: Every event of one stream, oldest first. Fields that were cleared or
            removed since are not in the result.

    Raises:
        UnknownEvent: A newer server's event may have changed anything.
    """
    lines: dict[str, Line] = {}
    for event in history:
        fold = _FOLDS.get(event.type)
        if fold is None:
            raise UnknownEvent(
                f"position {event.position} holds {event.type}, which this client does not know;"
                " a newer one does"
            )
        for field, value in fold(event).items():
            if value is None:
                lines.pop(field, None)
            elif event.type in _REPEATING and field in lines and lines[field].value == value:
                continue
            else:
                lines[field] = Line(field, value, event)
    return list(lines.values())


def _created(event: Happened) -> dict[str, Any]:
    data = event.data
    fields = {"name": data.get("name"), "kind": data.get("kind"), "owner": data.get("owner")}
    return fields | _texts(event) | _tags_set(event)


def _updated(event: Happened) -> dict[str, Any]:
    owner = {"owner": event.data["owner"] or None} if "owner" in event.data else {}
    return owner | _texts(event)


def _registered(event: Happened) -> dict[str, Any]:
    data = event.data
    fields: dict[str, Any] = {
        name: data.get(name) for name in ("version", "stage", "semver", "source", "digest")
    }
    if "sizeBytes" in data:
        fields["size_bytes"] = int(data["sizeBytes"])
    for name in ("manifest", "lineage"):
        fields |= flat(_snaked(data.get(name, {})), name)
    fields["signature"] = _snaked(data.get("signature"))
    fields |= flat(data.get("params", {}), "params")
    fields |= flat({key: float(text) for key, text in data.get("metrics", {}).items()}, "metrics")
    for key, value in data.get("properties", {}).items():
        fields[join("properties", key)] = _property(value)
    return fields | _texts(event) | _tags_set(event)


def _texts(event: Happened) -> dict[str, Any]:
    """Return the free texts that an event sets; one that it clears is None."""
    texts = {field: event.text(field) for field in _FREE_TEXTS}
    return {field: text or None for field, text in texts.items() if text is not None}


def _tags_set(event: Happened) -> dict[str, Any]:
    return {join("tags", key): value for key, value in event.tags.items()}


def _tags_removed(event: Happened) -> dict[str, Any]:
    return {join("tags", key): None for key in event.data.get("keys", [])}


def _alias_protected(event: Happened) -> dict[str, Any]:
    return {field: event.data.get(field) or None for field in ("protected", "pinned")}


def _rolled_back(event: Happened) -> dict[str, Any]:
    if "toStage" in event.data:
        return {"stage": event.data["toStage"]}
    return {"version": event.data.get("version")}


def _commented(event: Happened) -> dict[str, Any]:
    return {
        "text": event.text("text"),
        "reply_to": event.data.get("replyTo"),
        "mentions": event.data.get("mentions"),
    }


def _comment_edited(event: Happened) -> dict[str, Any]:
    return {"text": event.text("text"), "mentions": event.data.get("mentions")}


def _heads_committed(event: Happened) -> dict[str, Any]:
    data = event.data
    return {
        "heads.heads_position": int(data.get("position", 0)),
        "heads.streams": int(data.get("streams", 0)),
        "heads.root_hash": data.get("root"),
    }


def _key_rotated(event: Happened) -> dict[str, Any]:
    data = event.data
    return {join("vkeys", data.get("oldVkey", "")): None} | {
        join("vkeys", data.get("newVkey", "")): True
    }


def _key_compromised(event: Happened) -> dict[str, Any]:
    vkey = event.data.get("vkey", "")
    size = int(event.data.get("lastGoodSize", 0))
    return {join("vkeys", vkey): None, join("compromised_keys", vkey): size}


def _log_forked(event: Happened) -> dict[str, Any]:
    first, last = int(event.data.get("firstLost", 0)), int(event.data.get("lastLost", 0))
    return {join("forks", str(event.position)): f"{first} to {last}"}


def _hold_placed(event: Happened) -> dict[str, Any]:
    return {join("holds", event.data.get("hold", "")): event.data.get("matter")}


def _hold_released(event: Happened) -> dict[str, Any]:
    return {join("holds", event.data.get("hold", "")): None}


def _retention_defined(event: Happened) -> dict[str, Any]:
    return {"retention.keep_days": event.data.get("keepDays", 0)}


def _bodies_released(event: Happened) -> dict[str, Any]:
    return {"release.through": int(event.data.get("through", 0))}


def _lifecycle_defined(event: Happened) -> dict[str, Any]:
    return {
        join("lifecycles", event.data.get("lifecycle", "")): event.data.get("version"),
    }


def _lifecycle_removed(event: Happened) -> dict[str, Any]:
    return {join("lifecycles", event.data.get("lifecycle", "")): None}


def _policy_defined(event: Happened) -> dict[str, Any]:
    return {join("policies", event.data.get("policy", "")): event.data.get("version")}


def _policy_removed(event: Happened) -> dict[str, Any]:
    return {join("policies", event.data.get("policy", "")): None}


def _evaluated(event: Happened) -> dict[str, Any]:
    metrics = {key: float(text) for key, text in event.data.get("metrics", {}).items()}
    return flat(metrics, join("evaluations", event.data.get("evaluation", "")))


def _asked(event: Happened) -> dict[str, Any]:
    data = event.data
    return {
        "version": f"models/{data.get('model', '')}/versions/{data.get('version', 0)}",
        "to_stage": data.get("toStage"),
        "alias": data.get("alias"),
        "state": "open",
    }


def _approved(event: Happened) -> dict[str, Any]:
    return {join("approvals", str(event.position)): event.data.get("meaning") or True}


def _flag_raised(event: Happened) -> dict[str, Any]:
    data = event.data
    effect = "blocking" if data.get("blocking") else "not blocking"
    return {join("flags", data.get("flag", "")): f"{data.get('severity', '')}, {effect}"}


def _flag_resolved(event: Happened) -> dict[str, Any]:
    return {join("flags", event.data.get("flag", "")): None}


def _revoked(event: Happened) -> dict[str, Any]:
    return {
        "revoked.category": event.data.get("category"),
        "revoked.reason": event.text("reason"),
    }


def _role_granted(event: Happened) -> dict[str, Any]:
    data = event.data
    whom = data.get("principal") or f"group {data.get('group', '')}"
    return {join("grants", data.get("grant", "")): f"{data.get('role', '')} to {whom}"}


def _role_revoked(event: Happened) -> dict[str, Any]:
    return {join("grants", event.data.get("grant", "")): None}


def _principal_registered(event: Happened) -> dict[str, Any]:
    data = event.data
    display = event.text("display")
    fields = {"kind": data.get("kind"), "same_person_as": data.get("samePersonAs") or None}
    return fields if display is None else fields | {"display": display or None}


def _token_issued(event: Happened) -> dict[str, Any]:
    data = event.data
    return {
        name: data.get(member) or None
        for name, member in (
            ("principal", "principal"),
            ("label", "label"),
            ("expire_time", "expireTime"),
            ("role", "role"),
            ("namespaces", "namespaces"),
        )
    }


def _sets(field: str, member: str) -> Callable[[Happened], dict[str, Any]]:
    """Return the fold of an event whose member is the new value of a field."""
    return lambda event: {field: event.data.get(member)}


def _is(field: str, value: Any) -> Callable[[Happened], dict[str, Any]]:
    """Return the fold of an event that says no more than its name; None removes the field."""
    return lambda _: {field: value}


_FOLDS: dict[str, Callable[[Happened], dict[str, Any]]] = {
    "NamespaceCreated": _sets("name", "name"),
    "ModelCreated": _created,
    "ModelUpdated": _updated,
    "ModelRenamed": _sets("name", "toName"),
    "ModelDeleted": _is("deleted", value=True),
    "ModelRestored": _is("deleted", value=None),
    "VersionRegistered": _registered,
    "VersionSemverLabelled": _sets("semver", "semver"),
    "VersionUpdated": _updated,
    "VersionDeleted": _is("deleted", value=True),
    "VersionRestored": _is("deleted", value=None),
    "StageChanged": _sets("stage", "toStage"),
    "StageTaken": _sets("version", "version"),
    "LifecycleDefined": _lifecycle_defined,
    "LifecycleRemoved": _lifecycle_removed,
    "PolicyDefined": _policy_defined,
    "PolicyRemoved": _policy_removed,
    "EvaluationRecorded": _evaluated,
    "TransitionRequested": _asked,
    "TransitionApproved": _approved,
    "TransitionRejected": _is("state", value="rejected"),
    "TransitionCancelled": _is("state", value="cancelled"),
    "TransitionExpired": _is("state", value="expired"),
    "TransitionCompleted": _is("state", value="completed"),
    "VersionRevoked": _revoked,
    "FlagRaised": _flag_raised,
    "FlagResolved": _flag_resolved,
    "TagsSet": _tags_set,
    "TagsRemoved": _tags_removed,
    "AliasSet": _sets("version", "version"),
    "AliasRemoved": _is("version", value=None),
    "AliasProtected": _alias_protected,
    "VersionRolledBack": _rolled_back,
    "CommentAdded": _commented,
    "CommentEdited": _comment_edited,
    "DocumentPut": _is("removed", value=None),
    "DocumentRemoved": _is("removed", value=True),
    "HeadsCommitted": _heads_committed,
    "KeyRotated": _key_rotated,
    "KeyCompromised": _key_compromised,
    "LogForked": _log_forked,
    "HoldPlaced": _hold_placed,
    "HoldReleased": _hold_released,
    "PersonalDataErased": _sets("last_erasure.legal_basis", "legalBasis"),
    "RetentionDefined": _retention_defined,
    "BodiesReleased": _bodies_released,
    "RoleGranted": _role_granted,
    "RoleRevoked": _role_revoked,
    "PrincipalRegistered": _principal_registered,
    "TokenIssued": _token_issued,
    "TokenRevoked": _is("revoked", value=True),
    "LogWitnessed": _sets("witnessed_checkpoint", "checkpoint"),
}


def _property(value: dict[str, Any]) -> Any:
    """Return a typed value as it stands in a record (64-bit numbers are text there)."""
    match value:
        case {"intValue": text}:
            return int(text)
        case {"doubleValue": text}:
            return float(text)
        case {"listJson": text} | {"structJson": text}:
            return json.loads(text)
        case _:
            return next(iter(value.values()), None)


def _snaked(value: Any) -> Any:
    """Return a part of a record with the names of the protos, and numbers as numbers."""
    match value:
        case dict():
            return {
                snake(key): _numbers(member) if key in _INT64 else _snaked(member)
                for key, member in value.items()
            }
        case list():
            return [_snaked(member) for member in value]
        case _:
            return value


def _numbers(value: Any) -> Any:
    return [int(item) for item in value] if isinstance(value, list) else int(value)

"""An event in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from regesta.cli.happened import Happened
from regesta.cli.output import counted

_LONGEST_VALUE = 40
_MOST_NAMED = 5


def in_words(event: Happened) -> str:
    """Return what an event did, in one line; the resource is not named again.

    A type that this client does not know is said by its name.
    """
    say = _SENTENCES.get(event.type)
    return say(event) if say else f"{event.type} (a newer server's event)"


def _namespace_created(event: Happened) -> str:
    return f"created the namespace {event.data.get('name', '')}"


def _model_created(event: Happened) -> str:
    facts = [event.data.get("kind", "MODEL").lower()]
    if owner := event.data.get("owner"):
        facts.append(f"owner {owner}")
    if tags := event.tags:
        facts.append(f"tags {_pairs(tags)}")
    return f"created the model ({', '.join(facts)})"


def _updated(event: Happened) -> str:
    changes = []
    if (owner := event.data.get("owner")) is not None:
        changes.append(f"owner to {owner}" if owner else "owner to nobody")
    for field in ("description", "card"):
        text = event.text(field)
        if text is not None:
            changes.append(field if text else f"{field} to nothing")
    return f"changed {_list(changes)}"


def _renamed(event: Happened) -> str:
    return f"renamed from {event.data.get('fromName', '')} to {event.data.get('toName', '')}"


def _registered(event: Happened) -> str:
    facts = []
    if semver := event.data.get("semver"):
        facts.append(semver)
    if source := event.data.get("source"):
        facts.append(_cut(source))
    said = f"registered version {event.data.get('version', 0)}"
    return f"{said} ({', '.join(facts)})" if facts else said


def _labelled(event: Happened) -> str:
    return f"labelled it {event.data.get('semver', '')}"


def _moved(event: Happened) -> str:
    said = f"moved from {event.data.get('fromStage', '')} to {event.data.get('toStage', '')}"
    if event.data.get("passing"):
        return f"{said} (passing through)"
    by = event.data.get("displacedBy")
    return f"{said} (displaced by version {by})" if by else said


def _lifecycle_defined(event: Happened) -> str:
    data = event.data
    stages = " → ".join(stage.get("name", "") for stage in data.get("stages", []))
    models = _list(data.get("models", [])) or "every model"
    return (
        f"defined the lifecycle {data.get('lifecycle', '')} (version {data.get('version', 0)})"
        f" for {models}: {stages}"
    )


def _policy_defined(event: Happened) -> str:
    data = event.data
    where = [*data.get("stages", []), *(f"@{alias}" for alias in data.get("aliases", []))]
    models = _list(data.get("models", [])) or "every model"
    return (
        f"defined the policy {data.get('policy', '')} (version {data.get('version', 0)})"
        f" for {models} into {_list(where)}"
    )


def _evaluated(event: Happened) -> str:
    data = event.data
    metrics = _pairs(data.get("metrics", {}))
    return f"recorded a {data.get('method', '')} on {_cut(data.get('dataset', ''))}: {metrics}"


def _asked(event: Happened) -> str:
    data = event.data
    where = data.get("toStage") or f"@{data.get('alias', '')}"
    return f"asked for models/{data.get('model', '')}/{data.get('version', 0)} to go to {where}"


def _approved(event: Happened) -> str:
    meaning = event.data.get("meaning")
    return f"approved it: {_cut(meaning)}" if meaning else "approved it"


def _stage_taken(event: Happened) -> str:
    said = f"version {event.data.get('version', 0)} took the stage"
    previous = event.data.get("previousVersion", 0)
    return f"{said} (before it {previous})" if previous else said


def _tags_set(event: Happened) -> str:
    return f"set {_tags(len(event.tags))} {_pairs(event.tags)}"


def _tags_removed(event: Happened) -> str:
    keys = event.data.get("keys", [])
    return f"removed {_tags(len(keys))} {_list(keys)}"


def _alias_set(event: Happened) -> str:
    said = f"pointed the alias to version {event.data.get('version', 0)}"
    previous = event.data.get("previousVersion", 0)
    return f"{said} (was {previous})" if previous else said


def _alias_removed(event: Happened) -> str:
    return f"removed the alias (was {event.data.get('previousVersion', 0)})"


def _alias_protected(event: Happened) -> str:
    said = _list(field for field in ("protected", "pinned") if event.data.get(field))
    return f"made the alias {said or 'neither protected nor pinned'}"


def _rolled_back(event: Happened) -> str:
    data = event.data
    back, undone = data.get("version", 0), data.get("previousVersion", 0)
    if "/versions/" not in event.stream:
        return f"rolled the alias back to version {back} (was {undone})"
    to_stage = data.get("toStage", "")
    if event.stream.endswith(f"/versions/{back}"):
        return f"rolled back into {to_stage} in the place of version {undone}"
    return f"rolled back from {data.get('fromStage', '')} to {to_stage} for version {back}"


def _commented(event: Happened) -> str:
    said = f'"{_cut(event.text("text") or "")}"'
    answered = event.data.get("replyTo")
    return f"answered {answered}: {said}" if answered else f"commented: {said}"


def _comment_edited(event: Happened) -> str:
    return f'changed the comment to "{_cut(event.text("text") or "")}"'


def _heads_committed(event: Happened) -> str:
    data = event.data
    streams, position = data.get("streams", "0"), data.get("position", "0")
    return f"committed to the heads of {streams} streams as of position {position}"


def _key_rotated(event: Happened) -> str:
    said = f"took the key {_cut(event.data.get('newVkey', ''))}"
    old = event.data.get("oldVkey")
    return f"{said} in the place of {_cut(old)}" if old else said


def _key_compromised(event: Happened) -> str:
    vkey, size = event.data.get("vkey", ""), event.data.get("lastGoodSize", "0")
    return f"trusts the key {_cut(vkey)} up to size {size} only"


def _log_forked(event: Happened) -> str:
    first, last = event.data.get("firstLost", "0"), event.data.get("lastLost", "0")
    return f"lost the events {first} to {last} and went on without them"


def _hold_placed(event: Happened) -> str:
    data = event.data
    whose = data.get("person") or (data.get("model") and f"models/{data['model']}") or "everybody"
    return f"placed the hold {data.get('hold', '')} on the texts of {whose}: {_cut(data.get('matter', ''))}"


def _flag_raised(event: Happened) -> str:
    data = event.data
    blocking = "blocking " if data.get("blocking") else ""
    return f"raised the {blocking}flag {data.get('flag', '')} ({data.get('severity', '')})"


def _erased(event: Happened) -> str:
    data = event.data
    at = f"position {data['eventPosition']}" if data.get("eventPosition") else ""
    whose = data.get("person") or data.get("stream") or at
    texts = len(data.get("digests", []))
    return f"erased {counted(texts, 'text')} of {whose}: {_cut(data.get('legalBasis', ''))}"


def _retention_defined(event: Happened) -> str:
    days = event.data.get("keepDays", 0)
    return f"lets bodies be archived after {days} days" if days else "lets no body be archived"


def _bodies_released(event: Happened) -> str:
    return f"released the bodies of the events up to position {event.data.get('through', '0')}"


def _granted(event: Happened) -> str:
    data = event.data
    if data.get("breakGlass"):
        return f"BROKE THE GLASS: took the role {data.get('role', '')} {_bounds(data)}".rstrip()
    whom = data.get("principal") or f"the group {data.get('group', '')}"
    return f"granted the role {data.get('role', '')} to {whom} {_bounds(data)}".rstrip()


def _bounds(data: dict[str, Any]) -> str:
    facts = []
    if models := data.get("models"):
        facts.append(f"models {_list(models)}")
    if condition := data.get("condition"):
        facts.append(f"if {_cut(condition)}")
    if end := data.get("expireTime"):
        facts.append(f"until {end}")
    return f"({'; '.join(facts)})" if facts else ""


def _registered_principal(event: Happened) -> str:
    data = event.data
    said = f"registered the {data.get('kind', '').replace('_', ' ')}"
    same = data.get("samePersonAs")
    return f"{said} (the same person as {same})" if same else said


def _issued(event: Happened) -> str:
    data = event.data
    facts = [_cut(data.get("label", ""))]
    if role := data.get("role"):
        facts.append(f"at most {role}")
    if namespaces := data.get("namespaces"):
        facts.append(f"in {_list(namespaces)}")
    if end := data.get("expireTime"):
        facts.append(f"until {end}")
    return f"issued a token to {data.get('principal', '')} ({'; '.join(facts)})"


def _always(sentence: str) -> Callable[[Happened], str]:
    return lambda _: sentence


_SENTENCES: dict[str, Callable[[Happened], str]] = {
    "NamespaceCreated": _namespace_created,
    "ModelCreated": _model_created,
    "ModelUpdated": _updated,
    "ModelRenamed": _renamed,
    "ModelDeleted": _always("deleted the model"),
    "ModelRestored": _always("restored the model"),
    "VersionRegistered": _registered,
    "VersionSemverLabelled": _labelled,
    "VersionUpdated": _updated,
    "VersionDeleted": _always("deleted the version"),
    "VersionRestored": _always("restored the version"),
    "StageChanged": _moved,
    "VersionRevoked": lambda event: (
        f"revoked the version for good: {_cut(event.data.get('category', ''))}"
    ),
    "FlagRaised": _flag_raised,
    "FlagResolved": lambda event: f"resolved the flag {event.data.get('flag', '')}",
    "RoleGranted": _granted,
    "RoleRevoked": lambda event: f"revoked the grant {event.data.get('grant', '')}",
    "PrincipalRegistered": _registered_principal,
    "TokenIssued": _issued,
    "TokenRevoked": _always("revoked the token"),
    "TagsSet": _tags_set,
    "TagsRemoved": _tags_removed,
    "AliasSet": _alias_set,
    "AliasRemoved": _alias_removed,
    "AliasProtected": _alias_protected,
    "VersionRolledBack": _rolled_back,
    "CommentAdded": _commented,
    "CommentEdited": _comment_edited,
    "DocumentPut": _always("put the document"),
    "DocumentRemoved": _always("removed the document"),
    "HeadsCommitted": _heads_committed,
    "KeyRotated": _key_rotated,
    "KeyCompromised": _key_compromised,
    "LogForked": _log_forked,
    "HoldPlaced": _hold_placed,
    "HoldReleased": lambda event: f"released the hold {event.data.get('hold', '')}",
    "PersonalDataErased": _erased,
    "RetentionDefined": _retention_defined,
    "BodiesReleased": _bodies_released,
    "LifecycleDefined": _lifecycle_defined,
    "LifecycleRemoved": lambda event: f"removed the lifecycle {event.data.get('lifecycle', '')}",
    "StageTaken": _stage_taken,
    "PolicyDefined": _policy_defined,
    "PolicyRemoved": lambda event: f"removed the policy {event.data.get('policy', '')}",
    "EvaluationRecorded": _evaluated,
    "TransitionRequested": _asked,
    "TransitionApproved": _approved,
    "TransitionRejected": _always("rejected it"),
    "TransitionCancelled": _always("took the request back"),
    "TransitionExpired": _always("the request expired"),
    "TransitionCompleted": _always("carried the request out"),
    "LogWitnessed": _always("wrote a cosigned checkpoint into the log"),
}


def _tags(count: int) -> str:
    return "tag" if count == 1 else "tags"


def _pairs(tags: dict[str, str]) -> str:
    return _list(f"{key}={_cut(value)}" for key, value in sorted(tags.items()))


def _list(parts: Iterable[str]) -> str:
    named = list(parts)
    more = len(named) - _MOST_NAMED
    if more > 0:
        return f"{', '.join(named[:_MOST_NAMED])} and {more} more"
    return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"

"""What to do so that an event of another log happens here. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format

from regesta.importing.log_records import LogRecord
from regesta.importing.steps import (
    Finding,
    Outcome,
    Plan,
    Scribe,
    alias_name,
    model_name,
    version_name,
)
from regesta.v1 import flag_pb2, governance_pb2, model_pb2, version_pb2

#: Events that other events bring with them.
BROUGHT: Final = frozenset({"NamespaceCreated", "StageTaken", "TransitionCompleted"})

#: Events that no call of an importer makes, and why.
LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("RoleGranted", "RoleRevoked", "PrincipalRegistered", "TokenIssued", "TokenRevoked"),
        "who may do what is for each deployment to say",
    ),
    **dict.fromkeys(
        ("HeadsCommitted", "KeyRotated", "KeyCompromised", "LogForked", "LogWitnessed"),
        "it is about the other log itself",
    ),
    **dict.fromkeys(
        (
            "TransitionRequested",
            "TransitionApproved",
            "TransitionRejected",
            "TransitionCancelled",
            "TransitionExpired",
        ),
        "an approval is the approver's own; nobody can give it for them",
    ),
    **dict.fromkeys(
        ("HoldPlaced", "HoldReleased", "RetentionDefined", "BodiesReleased"),
        "it is about what is kept there; decide it anew here",
    ),
    "PersonalDataErased": "what was erased there is not in an export either",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that does what an event says.

    Attributes:
        name: The method of the client.
        arguments: Of the method.
        withheld: Texts that the event has and the export has not.
        etag: Whether the call takes the revision that its resource must have.
    """

    name: str
    arguments: Mapping[str, Any]
    withheld: tuple[str, ...] = ()
    etag: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """A resource, as streams of events name it."""

    model: str
    version: int = 0
    alias: str = ""
    comment: str = ""

    @classmethod
    def parse(cls, stream: str) -> Stream:
        """Return the resource of a stream; one of no model has an empty one."""
        match stream.split("/"):
            case ["models", model]:
                return cls(model)
            case ["models", model, "versions", number] | [
                "models",
                model,
                "versions",
                number,
                "evaluations",
            ]:
                return cls(model, int(number))
            case ["models", model, "aliases", alias]:
                return cls(model, alias=alias)
            case ["models", model, "comments", comment]:
                return cls(model, comment=comment)
            case ["models", model, "versions", number, "comments", comment]:
                return cls(model, int(number), comment=comment)
            case _:
                return cls("")

    @property
    def short(self) -> str:
        """The name for people: `churn`, `churn/3`, `churn@champion`."""
        if self.alias:
            return f"{self.model}@{self.alias}"
        return f"{self.model}/{self.version}" if self.version else self.model

    @property
    def name(self) -> str:
        """The name below the namespace; that of a comment is the one of what it is on."""
        if self.alias:
            return alias_name(self.model, self.alias)
        if self.version:
            return version_name(self.model, self.version)
        return model_name(self.model)


class LogPlanner:
    """Makes the plan of each event, in the order of the other log.

    Args:
        scribe: Makes the steps.
        namespace: Into which it is imported.
    """

    def __init__(self, scribe: Scribe, namespace: str) -> None:
        self._scribe = scribe
        self._namespace = namespace
        #: How many events of a stream did not happen here.
        self._missed: dict[str, int] = {}
        self._models_missed: set[str] = set()
        #: Stages that take one version only: what leaves them for another is moved by that one.
        self._exclusive: set[str] = set()
        #: Ids of comments here, by those in the other log.
        self._comments: dict[str, str] = {}

    def plan(self, record: LogRecord) -> Plan:
        """Return the step that does what an event says, or why there is none."""
        stream = Stream.parse(record.stream)
        resource = stream.short or record.stream
        if record.type in BROUGHT or self._is_brought(record):
            return Plan()
        make = _CALLS.get(record.type)
        why = LEFT_OUT.get(record.type, "" if make else "this program does not know such events")
        if stream.model in self._models_missed:
            why = "its model is not here"
        if make is None or why:
            return self._left(record, resource, why)
        call = make(record, stream)
        findings = tuple(
            Finding(Outcome.NOT_CARRIED, resource, f"{field} of {record.type}", _WITHHELD)
            for field in call.withheld
        )
        if not call.name:
            self.missed(record)
            return Plan((), findings)
        arguments = dict(call.arguments)
        if record.stream == "governance" and "name" in arguments:
            arguments["name"] = f"namespaces/{self._namespace}/{arguments['name']}"
        if stream.comment:
            self._rename_comment(arguments, record, stream)
        if call.etag:
            arguments["etag"] = self._etag(record)
        if record.texts.get("reason"):
            arguments["reason"] = record.texts["reason"]
        step = self._scribe.step(
            call.name,
            record.type,
            resource,
            arguments,
            identity=record.leaf,
            at=record.time,
            by=record.actor,
        )
        return Plan((step,), findings)

    def missed(self, record: LogRecord) -> None:
        """Take note that an event did not happen here."""
        self._missed[record.stream] = self._missed.get(record.stream, 0) + 1
        if record.type == "ModelCreated":
            self._models_missed.add(Stream.parse(record.stream).model)

    def commented(self, record: LogRecord, name: str) -> None:
        """Take note of what a comment is called here."""
        self._comments[Stream.parse(record.stream).comment] = name.rpartition("/")[2]

    def _is_brought(self, record: LogRecord) -> bool:
        """Say whether the event comes with another one: a version makes room for another."""
        if record.type == "LifecycleDefined":
            stages = record.data.get("stages", ())
            self._exclusive |= {stage["name"] for stage in stages if stage.get("exclusive")}
        if record.type == "StageChanged" and record.data.get("displacedBy"):
            return record.data.get("fromStage") in self._exclusive
        if record.type == "VersionRolledBack" and "toStage" in record.data:
            return int(record.data.get("version", 0)) != Stream.parse(record.stream).version
        return False

    def _left(self, record: LogRecord, resource: str, why: str) -> Plan:
        self.missed(record)
        return Plan((), (Finding(Outcome.NOT_CARRIED, resource, record.type, why),))

    def _etag(self, record: LogRecord) -> str:
        """Return the revision that a resource must have: nobody else has written to it."""
        if record.type == "AliasSet" and not record.data.get("previousVersion"):
            return "0"
        return str(record.revision - 1 - self._missed.get(record.stream, 0))

    def _rename_comment(self, arguments: dict[str, Any], record: LogRecord, stream: Stream) -> None:
        if record.type == "CommentEdited":
            comment = self._comments.get(stream.comment, stream.comment)
            arguments["name"] = f"{stream.name}/comments/{comment}"
        elif "reply_to" in arguments:
            replied = arguments["reply_to"]
            arguments["reply_to"] = self._comments.get(replied, replied)


_WITHHELD: Final = "the export has no free texts; a pack or a backup has"


def _text(record: LogRecord, field: str, name: str = "") -> tuple[str | None, tuple[str, ...]]:
    """Return a text of an event: None when it says nothing of it, or when it is withheld."""
    sealed = record.data.get(field)
    if sealed is None:
        return None, ()
    if not sealed:
        return "", ()
    text = record.texts.get(name or field)
    return text, () if text is not None else (name or field,)


def _tags(record: LogRecord) -> tuple[dict[str, str], tuple[str, ...]]:
    tags = dict(record.data.get("tags", {}))
    withheld: list[str] = []
    for key in record.data.get("longTags", {}):
        name = f"long_tags.{key}"
        if name in record.texts:
            tags[key] = record.texts[name]
        else:
            withheld.append(name)
    return tags, tuple(withheld)


def _texts(record: LogRecord) -> tuple[dict[str, Any], tuple[str, ...]]:
    found: dict[str, Any] = {}
    withheld: tuple[str, ...] = ()
    for field in ("description", "card"):
        text, missing = _text(record, field)
        withheld += missing
        if text is not None:
            found[field] = text
    return found, withheld


def _model_created(record: LogRecord, stream: Stream) -> Call:
    tags, missing = _tags(record)
    texts, withheld = _texts(record)
    kind = model_pb2.ModelKind.Value(f"MODEL_KIND_{record.data.get('kind', 'MODEL')}")
    model = model_pb2.Model(kind=kind, owner=record.data.get("owner", ""), tags=tags, **texts)
    arguments = {"model_id": stream.model, "model": model}
    return Call("create_model", arguments, missing + withheld, etag=False)


def _updated(record: LogRecord, stream: Stream) -> Call:
    texts, withheld = _texts(record)
    changed: dict[str, Any] = dict(texts)
    if "owner" in record.data:
        changed["owner"] = record.data["owner"]
    kind = "version" if stream.version else "model"
    message = version_pb2.Version if stream.version else model_pb2.Model
    arguments = {kind: message(name=stream.name, **changed), "update_mask": sorted(changed)}
    return Call(f"update_{kind}" if changed else "", arguments, withheld)


def _registered(record: LogRecord, stream: Stream) -> Call:
    tags, missing = _tags(record)
    texts, withheld = _texts(record)
    own = {"version", "stage", "resolution", "reason", "description", "card", "longTags", "tags"}
    data = {name: value for name, value in record.data.items() if name not in own}
    data["properties"] = {
        key: _property(value) for key, value in record.data.get("properties", {}).items()
    }
    version = json_format.ParseDict(data, version_pb2.Version())
    version.MergeFrom(version_pb2.Version(tags=tags, **texts))
    arguments = {"parent": stream.name.partition("/versions/")[0], "version": version}
    return Call("register_version", arguments, missing + withheld, etag=False)


def _property(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property of a record as the API's messages have it in JSON."""
    match value:
        case {"listJson": str(text)}:
            return {"listValue": json.loads(text)}
        case {"structJson": str(text)}:
            return {"structValue": json.loads(text)}
        case _:
            return dict(value)


def _tags_set(record: LogRecord, stream: Stream) -> Call:
    tags, withheld = _tags(record)
    return Call("set_tags" if tags else "", {"name": stream.name, "tags": tags}, withheld)


def _rolled_back(record: LogRecord, stream: Stream) -> Call:
    back = {
        "expected_version": int(record.data.get("previousVersion", 0)),
        "to_version": int(record.data.get("version", 0)),
    }
    if stream.alias:
        return Call("rollback_alias", {"name": stream.name, **back}, etag=False)
    stage = record.data["toStage"]
    return Call(
        "rollback_stage", {"name": model_name(stream.model), "stage": stage, **back}, etag=False
    )


def _protected(record: LogRecord, stream: Stream) -> Call:
    said = {field: bool(record.data.get(field)) for field in ("protected", "pinned")}
    return Call("protect_alias", {"name": stream.name, **said})


def _flag_raised(record: LogRecord, stream: Stream) -> Call:
    severity = flag_pb2.FlagSeverity.Value(f"FLAG_SEVERITY_{record.data['severity']}")
    flag = flag_pb2.Flag(
        id=record.data["flag"], severity=severity, blocking=record.data.get("blocking", False)
    )
    _, withheld = _text(record, "reason")
    return Call("raise_flag", {"name": stream.name, "flag": flag}, withheld)


def _evaluated(record: LogRecord, stream: Stream) -> Call:
    data = _without(record.data, "evaluation")
    evaluation = json_format.ParseDict(data, governance_pb2.Evaluation())
    arguments = {"name": stream.name, "evaluation": evaluation}
    return Call("record_evaluation", arguments, etag=False)


def _commented(record: LogRecord, stream: Stream) -> Call:
    text, withheld = _text(record, "text")
    arguments = {"parent": stream.name, "text": text or ""}
    if record.data.get("replyTo"):
        arguments["reply_to"] = record.data["replyTo"]
    return Call("add_comment" if text else "", arguments, withheld, etag=False)


def _comment_edited(record: LogRecord, _stream: Stream) -> Call:
    text, withheld = _text(record, "text")
    return Call("edit_comment" if text else "", {"text": text or ""}, withheld)


def _lifecycle(record: LogRecord, _stream: Stream) -> Call:
    data = _without(record.data, "lifecycle", "version")
    lifecycle = json_format.ParseDict(data, governance_pb2.Lifecycle())
    arguments = {"lifecycle_id": record.data["lifecycle"], "lifecycle": lifecycle}
    return Call("define_lifecycle", arguments, etag=False)


def _policy(record: LogRecord, _stream: Stream) -> Call:
    data = _without(record.data, "policy", "version")
    policy = json_format.ParseDict(data, governance_pb2.Policy())
    arguments = {"policy_id": record.data["policy"], "policy": policy}
    return Call("define_policy", arguments, etag=False)


def _governed(call: str, collection: str) -> Callable[[LogRecord, Stream], Call]:
    """Return a removal of what governs moves; its name is relative to the namespace."""
    field = {"lifecycles": "lifecycle", "policies": "policy"}[collection]

    def make(record: LogRecord, _stream: Stream) -> Call:
        return Call(call, {"name": f"{collection}/{record.data[field]}"}, etag=False)

    return make


def _simple(call: str, *fields: tuple[str, str]) -> Callable[[LogRecord, Stream], Call]:
    """Return a call on the resource itself, with some of the event's fields as arguments."""

    def make(record: LogRecord, stream: Stream) -> Call:
        taken = {argument: record.data[field] for argument, field in fields if field in record.data}
        return Call(call, {"name": stream.name, **taken})

    return make


def _without(data: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    left = {*fields, "reason"}
    return {name: value for name, value in data.items() if name not in left}


_CALLS: Final[Mapping[str, Callable[[LogRecord, Stream], Call]]] = {
    "ModelCreated": _model_created,
    "ModelUpdated": _updated,
    "ModelRenamed": _simple("rename_model", ("new_model_id", "toName")),
    "ModelDeleted": _simple("delete_model"),
    "ModelRestored": _simple("restore_model"),
    "VersionRegistered": _registered,
    "VersionSemverLabelled": _simple("label_version", ("semver", "semver")),
    "VersionUpdated": _updated,
    "VersionDeleted": _simple("delete_version"),
    "VersionRestored": _simple("restore_version"),
    "VersionRevoked": _simple("revoke_version", ("category", "category")),
    "VersionRolledBack": _rolled_back,
    "StageChanged": _simple("transition_version", ("stage", "toStage")),
    "TagsSet": _tags_set,
    "TagsRemoved": _simple("remove_tags", ("keys", "keys")),
    "AliasSet": _simple("set_alias", ("version", "version")),
    "AliasRemoved": _simple("remove_alias"),
    "AliasProtected": _protected,
    "FlagRaised": _flag_raised,
    "FlagResolved": _simple("resolve_flag", ("flag_id", "flag")),
    "EvaluationRecorded": _evaluated,
    "CommentAdded": _commented,
    "CommentEdited": _comment_edited,
    "LifecycleDefined": _lifecycle,
    "LifecycleRemoved": _governed("remove_lifecycle", "lifecycles"),
    "PolicyDefined": _policy,
    "PolicyRemoved": _governed("remove_policy", "policies"),
}

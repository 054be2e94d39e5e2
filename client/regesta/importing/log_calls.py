"""The call that does what an event of another log says. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format

from regesta.importing.log_records import LogRecord
from regesta.importing.steps import alias_name, model_name, version_name
from regesta.v1 import flag_pb2, governance_pb2, model_pb2, version_pb2


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


def _document_put(record: LogRecord, _stream: Stream) -> Call:
    text, withheld = _text(record, "content")
    arguments = {"name": record.stream, "content": text or ""}
    return Call("put_document" if text else "", arguments, withheld)


def _document_removed(record: LogRecord, _stream: Stream) -> Call:
    return Call("remove_document", {"name": record.stream})


def _lifecycle(record: LogRecord, _stream: Stream) -> Call:
    data = _without(record.data, "lifecycle", "version")
    lifecycle = json_format.ParseDict(data, governance_pb2.Lifecycle())
    arguments = {"lifecycle_id": record.data["lifecycle"], "lifecycle": lifecycle}
    return Call("define_lifecycle", arguments)


def _policy(record: LogRecord, _stream: Stream) -> Call:
    data = _without(record.data, "policy", "version")
    policy = json_format.ParseDict(data, governance_pb2.Policy())
    arguments = {"policy_id": record.data["policy"], "policy": policy}
    return Call("define_policy", arguments)


def _governed(call: str, collection: str) -> Callable[[LogRecord, Stream], Call]:
    """Return a removal of what governs moves; its name is relative to the namespace."""
    field = {"lifecycles": "lifecycle", "policies": "policy"}[collection]

    def make(record: LogRecord, _stream: Stream) -> Call:
        return Call(call, {"name": f"{collection}/{record.data[field]}"})

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


#: What makes the call of each type of event.
CALLS: Final[Mapping[str, Callable[[LogRecord, Stream], Call]]] = {
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
    "DocumentPut": _document_put,
    "DocumentRemoved": _document_removed,
    "LifecycleDefined": _lifecycle,
    "LifecycleRemoved": _governed("remove_lifecycle", "lifecycles"),
    "PolicyDefined": _policy,
    "PolicyRemoved": _governed("remove_policy", "policies"),
}

"""Who set each field of a resource last, and what an import had set it to.

That is what tells a change of the source from a change that people made here: a field that
people set last is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final

from regesta.importing.steps import is_imported
from regesta.sealed import digest_in
from regesta.v1 import event_pb2

_TYPE_PREFIX = "io.regesta.events.v1."

#: Fields of this name are tags.
TAG: Final = "tags."


class Erased(Enum):
    """Stands for a text that an import had set and that is erased, or may not be read."""

    ERASED = auto()


#: A field's value: text, a number, a truth, nothing, or a text that is gone.
Value = str | int | bool | None | Erased


@dataclass(frozen=True, slots=True)
class Touch:
    """What is known of a field.

    Attributes:
        by_import: Whether an import set it last.
        base: What an import set it to last; None when none ever did, or it was taken away.
    """

    by_import: bool
    base: Value = None


#: A field that nobody has ever set.
UNTOUCHED: Final = Touch(by_import=True)


@dataclass(frozen=True, slots=True)
class Touched:
    """The history of a resource, as far as an import wants to know it.

    Attributes:
        born_by: The request that made it; empty for a resource without history.
        born_at: When it was made, as was claimed; None when nobody claimed a time.
        born_in: The stage that a version began in.
        revision: How many events it has had.
        by_people: How many of them no import wrote.
        fields: By name.
    """

    born_by: str = ""
    born_at: datetime | None = None
    born_in: str = ""
    revision: int = 0
    by_people: int = 0
    fields: Mapping[str, Touch] = field(default_factory=dict)

    @property
    def is_imported(self) -> bool:
        """Whether an import made the resource."""
        return is_imported(self.born_by)

    def touch(self, name: str) -> Touch:
        """Return what is known of a field."""
        return self.fields.get(name, UNTOUCHED)


def touched(history: Iterable[event_pb2.Event]) -> Touched:
    """Return what a history says; its events are those of one stream, oldest first."""
    born_by, born_at, born_in = "", None, ""
    revision = by_people = 0
    fields: dict[str, Touch] = {}
    for event in history:
        revision += 1
        imported = is_imported(event.request_id)
        by_people += not imported
        for name, value in _changes(event):
            if revision == 1 and name == "stage":
                born_in = str(value)
            before = fields.get(name, UNTOUCHED)
            fields[name] = Touch(imported, value if imported else before.base)
        if revision == 1:
            born_by = event.request_id
            if event.HasField("occurred_time"):
                born_at = event.occurred_time.ToDatetime(UTC)
    return Touched(born_by, born_at, born_in, revision, by_people, fields)


def _changes(event: event_pb2.Event) -> Iterator[tuple[str, Value]]:
    """Yield the fields that an event sets, and their values."""
    data: dict[str, Any] = json.loads(event.record).get("data", {})
    texts = {disclosure.field: disclosure.text for disclosure in event.disclosures}
    for name in ("description", "card"):
        if name in data:
            yield name, _opened(data[name], texts, name)
    for key, value in data.get("tags", {}).items():
        yield TAG + key, str(value)
    for key, sealed in data.get("longTags", {}).items():
        yield TAG + key, _opened(sealed, texts, f"long_tags.{key}")
    yield from _others(event.type.removeprefix(_TYPE_PREFIX), data)


def _others(kind: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    match kind:
        case "TagsRemoved":
            for key in data.get("keys", []):
                yield TAG + key, None
        case "VersionRolledBack":
            is_stage = "toStage" in data
            yield ("stage", data["toStage"]) if is_stage else ("version", _number(data))
        case "ModelUpdated" if "owner" not in data:
            pass
        case _ if kind in _FIELDS:
            name, read = _FIELDS[kind]
            yield name, read(data)
        case _:
            pass
    if kind == "VersionRegistered":
        yield "semver", data.get("semver", "")


def _number(data: Mapping[str, Any]) -> Value:
    return int(data.get("version", 0))


#: The field that an event sets, and its value in the event's data.
_FIELDS: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], Value]]]] = {
    "ModelCreated": ("owner", lambda data: data.get("owner", "")),
    "ModelUpdated": ("owner", lambda data: data["owner"]),
    "VersionRegistered": ("stage", lambda data: data.get("stage", "")),
    "VersionSemverLabelled": ("semver", lambda data: data.get("semver", "")),
    "StageChanged": ("stage", lambda data: data.get("toStage", "")),
    "AliasSet": ("version", _number),
    "AliasRemoved": ("version", lambda _data: None),
    "DocumentPut": ("content", lambda _data: True),
    "DocumentRemoved": ("content", lambda _data: None),
    "ModelDeleted": ("deleted", lambda _data: True),
    "VersionDeleted": ("deleted", lambda _data: True),
    "ModelRestored": ("deleted", lambda _data: False),
    "VersionRestored": ("deleted", lambda _data: False),
}


def _opened(sealed: object, texts: Mapping[str, str], name: str) -> Value:
    if digest_in(sealed) is None:
        return ""
    return texts.get(name, Erased.ERASED)

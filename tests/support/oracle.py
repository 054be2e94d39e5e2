"""The rules of a registry once more, as simply as possible: dictionaries, copied at each event.

It says what each write must answer and each read must find, also of the past.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.message import Message

ACTOR: Final = "anonymous"
TIMES: Final = ("create_time", "update_time", "delete_time", "pin_time")

MOVES: Final = {
    "development": {"staging", "archived"},
    "staging": {"development", "production", "archived"},
    "production": {"staging", "archived"},
    "archived": {"development"},
}

#: Ways through other stages, worked out by hand; to everything else there is a move or no way.
WAYS: Final = {
    ("development", "production"): ["staging", "production"],
    ("production", "development"): ["staging", "development"],
    ("archived", "staging"): ["development", "staging"],
    ("archived", "production"): ["development", "staging", "production"],
}

#: Labels by precedence, those of equal precedence together.
LABELS: Final = (("0.1.0",), ("1.0.0", "1.0.0+b1"), ("1.2.0",), ("2.0.0-rc.1",), ("2.0.0",))
#: Ranges and the labels they admit, worked out by hand.
RANGES: Final = {
    "*": {"0.1.0", "1.0.0", "1.0.0+b1", "1.2.0", "2.0.0"},
    "^1.0": {"1.0.0", "1.0.0+b1", "1.2.0"},
    "~1.0.0": {"1.0.0", "1.0.0+b1"},
    ">=2.0.0-rc.1": {"2.0.0-rc.1", "2.0.0"},
    "<1.0.0": {"0.1.0"},
    "9.x": set[str](),
}


class Refused(Exception):
    """What a call is refused for: ErrorInfo's reason."""


def precedence(label: str) -> int:
    """Return a number that is higher for a label of higher precedence."""
    return next(place for place, labels in enumerate(LABELS) if label in labels)


def bare(message: Message) -> Message:
    """Return a copy without times; whether something is deleted still shows."""
    copied = type(message)()
    copied.CopyFrom(message)
    for name in TIMES:
        if name in copied.DESCRIPTOR.fields_by_name:
            deleted = name == "delete_time" and copied.HasField(name)
            copied.ClearField(name)
            if deleted:
                getattr(copied, name).SetInParent()
    _without_times_of_flags(copied)
    return copied


def _without_times_of_flags(message: Any) -> None:
    fields = message.DESCRIPTOR.fields_by_name
    for flag in [*(message.flags if "flags" in fields else ())]:
        flag.ClearField("raise_time")
    if "flag" in fields:
        message.flag.ClearField("raise_time")
    if "revoked" in fields and message.HasField("revoked"):
        message.revoked.ClearField("revoke_time")


@dataclass
class Version:
    """A version."""

    number: int
    #: What was registered.
    content: version_pb.Version
    semver: str
    tags: dict[str, str]
    description: str
    card: str
    #: The position at which it entered its stage.
    entered: int
    created: int
    stage: str = "development"
    #: When it came into its stage first, before a rollback brought it back, and from where.
    since: int = 0
    origin: str = ""
    deleted: bool = False
    revision: int = 1
    #: By id, oldest first.
    flags: dict[str, flag_pb.Flag] = field(default_factory=dict)
    revoked: flag_pb.Revocation | None = None
    #: Whether it is archived only because it made room for another.
    displaced: bool = False

    @property
    def live(self) -> bool:
        """Whether ranges and `latest` may mean it."""
        stopped = self.stage == "archived" or self.revoked is not None or blocked(self.flags)
        return not self.deleted and not stopped


@dataclass
class Alias:
    """An alias; version 0 when it was removed."""

    version: int = 0
    previous: int = 0
    revision: int = 0
    protected: bool = False
    pinned: bool = False
    #: The versions it had, no one twice in a row, without those that rollbacks undid.
    had: list[int] = field(default_factory=list)


@dataclass
class Model:
    """A model with all that belongs to it."""

    #: The name it was created with.
    first: str
    name: str
    kind: int
    owner: str
    description: str
    card: str
    tags: dict[str, str]
    former: list[str] = field(default_factory=list)
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    deleted: bool = False
    revision: int = 1
    flags: dict[str, flag_pb.Flag] = field(default_factory=dict)
    #: By stage: the versions that held it, likewise, each with when and from where it came.
    held: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)

    def pointing(self) -> dict[str, int]:
        """Return where aliases point."""
        return {
            name: alias.version for name, alias in sorted(self.aliases.items()) if alias.version
        }

    def latest_by_stage(self) -> list[Version]:
        """Return the highest version in each stage, by number; none of a deleted model."""
        live = [version for version in self.versions.values() if not version.deleted]
        latest = {version.stage: version for version in sorted(live, key=lambda v: v.number)}
        return [] if self.deleted else sorted(latest.values(), key=lambda v: v.number)


class Namespace:
    """Everything in a namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.models: dict[str, Model] = {}
        #: Every name in lower case, and the first name of the model that has or had it.
        self.names: dict[str, str] = {}
        #: The streams of all events.
        self.streams: list[str] = ["namespace"]
        #: The models right after each position.
        self.past: dict[int, dict[str, Model]] = {1: {}}

    @property
    def position(self) -> int:
        """The position of the last event."""
        return len(self.streams)

    # Finding things.

    def model(self, name: str, at: int | None = None) -> Model:
        """Return a model, deleted or not, as it was at a position."""
        models = self.models if at is None else self.past[at]
        found = models.get(self.names.get(name.lower(), ""))
        if found is None:
            raise Refused("MODEL_NOT_FOUND")
        return found

    def live_model(self, name: str, at: int | None = None) -> Model:
        """Return a model that is not deleted."""
        found = self.model(name, at)
        if found.deleted:
            raise Refused("MODEL_DELETED")
        return found

    def version(self, model: Model, number: int) -> Version:
        """Return a version, deleted or not."""
        if number not in model.versions:
            raise Refused("VERSION_NOT_FOUND")
        return model.versions[number]

    def live_version(self, model: Model, number: int) -> Version:
        """Return a version that is not deleted."""
        found = self.version(model, number)
        if found.deleted:
            raise Refused("VERSION_DELETED")
        return found

    def happened(self, *streams: str) -> None:
        """Take note of events, after their changes were made."""
        for stream in streams:
            self.streams.append(stream)
            self.past[self.position] = copy.deepcopy(self.models)

    # What the API shows.

    def show_model(self, model: Model) -> model_pb.Model:
        """Return a model as the API shows it, but for times."""
        shown = model_pb.Model(
            name=f"namespaces/{self.name}/models/{model.name}",
            kind=model.kind,  # type: ignore[arg-type]  # a number of the enumeration
            owner=model.owner,
            description=model.description,
            card=model.card,
            tags=model.tags,
            latest_version=max(model.versions, default=0),
            aliases=model.pointing(),
            former_names=model.former,
            created_by=ACTOR,
            updated_by=ACTOR,
            etag=str(model.revision),
            flags=model.flags.values(),
        )
        if model.deleted:
            shown.delete_time.SetInParent()
        return shown

    def show_version(self, model: Model, version: Version) -> version_pb.Version:
        """Return a version as the API shows it, but for times."""
        shown = version_pb.Version()
        shown.CopyFrom(version.content)
        shown.ClearField("tags")
        shown.tags.update(version.tags)
        shown.name = f"namespaces/{self.name}/models/{model.name}/versions/{version.number}"
        shown.version = version.number
        shown.semver = version.semver
        shown.description = version.description
        shown.card = version.card
        shown.stage = version.stage
        shown.aliases.extend(
            name for name, number in model.pointing().items() if number == version.number
        )
        shown.created_by = shown.updated_by = ACTOR
        shown.etag = str(version.revision)
        if version.deleted:
            shown.delete_time.SetInParent()
        shown.flags.extend(version.flags.values())
        if version.revoked is not None:
            shown.revoked.CopyFrom(version.revoked)
        return shown

    def show_alias(self, model: Model, name: str, removed: Alias | None = None) -> model_pb.Alias:
        """Return an alias as the API shows it, but for times; perhaps one that was removed."""
        alias = removed or model.aliases.get(name)
        if alias is None or not (alias.version or removed):
            raise Refused("ALIAS_NOT_FOUND")
        return model_pb.Alias(
            name=f"namespaces/{self.name}/models/{model.name}/aliases/{name}",
            version=alias.version,
            previous_version=alias.previous,
            updated_by=ACTOR,
            etag=str(alias.revision),
            protected=alias.protected,
            pinned=alias.pinned,
            pinned_by=ACTOR if alias.pinned else "",
        )

    # Resolving.

    def resolve(self, address: str, at: int | None = None) -> version_pb.Version:
        """Return the version that an address means."""
        if address.startswith("sha256:"):
            return self._with_digest(address, at)
        for mark in "@#/":
            name, found, rest = address.partition(mark)
            if found:
                break
        model = self.live_model(name, at)
        if mark == "/":
            version = self.live_version(model, int(rest))
            if version.revoked is not None:
                raise Refused("VERSION_REVOKED")
            return self.show_version(model, version)
        version = self._meant(model, mark, rest)
        if version.deleted:
            raise Refused("VERSION_DELETED")
        expect_not_stopped(model, version)
        if version.stage == "archived":
            raise Refused("VERSION_ARCHIVED")
        return self.show_version(model, version)

    def _meant(self, model: Model, mark: str, rest: str) -> Version:
        every = model.versions.values()
        if mark == "#":
            holders = [v for v in sorted(every, key=_entered) if v.stage == rest]
            return _best([v for v in holders if not v.deleted] or holders, stopped_too=True)
        if rest == "latest":
            return _best(every)
        if rest in RANGES:
            labelled = [v for v in every if v.semver in RANGES[rest]]
            return _best(sorted(labelled, key=lambda v: precedence(v.semver)))
        number = model.pointing().get(rest)
        if number is None:
            raise Refused("ALIAS_NOT_FOUND")
        return model.versions[number]

    def _with_digest(self, digest: str, at: int | None) -> version_pb.Version:
        models = self.models if at is None else self.past[at]
        found = [
            (not version.deleted and not model.deleted, version.created, model.first)
            for model in models.values()
            for version in model.versions.values()
            if version.content.digest == digest
        ]
        if not found:
            raise Refused("NO_VERSION_MATCHES")
        _, created, first = max(found)
        model = models[first]
        (version,) = [v for v in model.versions.values() if v.created == created]
        if model.deleted:
            raise Refused("MODEL_DELETED")
        if version.deleted:
            raise Refused("VERSION_DELETED")
        if version.revoked is not None:
            raise Refused("VERSION_REVOKED")
        return self.show_version(model, version)

    # Lists.

    def visible_models(self, *, show_deleted: bool, at: int | None = None) -> list[Model]:
        """Return models by name, as they were at a position."""
        models = self.models if at is None else self.past[at]
        return sorted(
            (model for model in models.values() if show_deleted or not model.deleted),
            key=lambda model: model.name.lower(),
        )

    def flagged(self) -> list[tuple[str, list[flag_pb.Flag]]]:
        """Return what has open flags, by first names and numbers, and the flags."""
        found: list[tuple[str, list[flag_pb.Flag]]] = []
        for _, model in sorted(self.models.items()):
            name = f"namespaces/{self.name}/models/{model.name}"
            found.append((name, [*model.flags.values()]))
            found += [
                (f"{name}/versions/{number}", [*version.flags.values()])
                for number, version in sorted(model.versions.items())
            ]
        return found

    def visible_versions(
        self, *, show_deleted: bool, at: int | None = None
    ) -> list[tuple[Model, Version]]:
        """Return versions of all models in the order of first names and numbers."""
        models = self.models if at is None else self.past[at]
        return [
            (model, version)
            for _, model in sorted(models.items())
            for _, version in sorted(model.versions.items())
            if show_deleted or not (model.deleted or version.deleted)
        ]


def _entered(version: Version) -> int:
    return version.entered


def blocked(flags: Mapping[str, flag_pb.Flag]) -> bool:
    """Return whether one of some flags stops what it is on."""
    return any(flag.blocking for flag in flags.values())


def expect_not_stopped(model: Model, version: Version) -> None:
    """Refuse a version that flags or revocation stop."""
    if version.revoked is not None:
        raise Refused("VERSION_REVOKED")
    if blocked(model.flags):
        raise Refused("MODEL_FLAGGED")
    if blocked(version.flags):
        raise Refused("VERSION_FLAGGED")


def _best(versions: Iterable[Version], *, stopped_too: bool = False) -> Version:
    """Return the last of those that may be resolved, else the last of all."""
    every = list(versions)
    if not every:
        raise Refused("NO_VERSION_MATCHES")
    if stopped_too:
        return every[-1]
    return ([version for version in every if version.live] or every)[-1]


def changed_tags(present: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether setting tags is an event: a long value always is."""
    return any(len(value) > 1_024 or present.get(key) != value for key, value in wanted.items())

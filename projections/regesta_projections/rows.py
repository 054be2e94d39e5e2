"""Rows of the catalog: what the folds build and the tables store.

A row holds the finished resource as a protobuf message plus what the message does
not say: which free texts it has (kept beside the log), the revision and leaf hash of
its stream's last event, and what other streams contribute. Each row but a model's
`last_version` is folded from exactly one stream.

`Rows` is a working set: it reads through to a base of shared rows, which it never
changes, and keeps copies of those that an event changes. A batch that cannot be
written is dropped with its working set, and nothing has to be undone.

Rows cannot form cycles, so the garbage collector need not look at each of them (gc=False).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, overload

import msgspec
from google.protobuf.message import Message

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import log_status_pb2 as log_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import privacy_service_pb2 as privacy_pb
from regesta.v1 import version_pb2 as version_pb


class ModelKey(msgspec.Struct, frozen=True):
    """Identifies a model by the name it was created with."""

    model: str


class VersionKey(msgspec.Struct, frozen=True):
    """Identifies a version of a model."""

    model: str
    number: int


class AliasKey(msgspec.Struct, frozen=True):
    """Identifies an alias of a model."""

    model: str
    alias: str


class NameKey(msgspec.Struct, frozen=True):
    """Identifies a present or former model name, in lower case."""

    name_key: str


class LabelKey(msgspec.Struct, frozen=True):
    """Identifies a SemVer label of a model by its sort key."""

    model: str
    semver_key: str


class NamespaceKey(msgspec.Struct, frozen=True):
    """Identifies the namespace's own row."""


class LogKey(msgspec.Struct, frozen=True):
    """Identifies what the log says of itself."""


class PrivacyKey(msgspec.Struct, frozen=True):
    """Identifies what is so of the texts beside the log."""


class ResourceKey(msgspec.Struct, frozen=True):
    """Identifies a resource that needs no columns of its own, by its stream."""

    stream: str


#: Keys of rows that have a stream of their own.
StreamKey: TypeAlias = (
    ModelKey | VersionKey | AliasKey | NamespaceKey | LogKey | PrivacyKey | ResourceKey
)
Key: TypeAlias = StreamKey | NameKey | LabelKey
NAMESPACE = NamespaceKey()
LOG = LogKey()
PRIVACY = PrivacyKey()


class ModelRow(msgspec.Struct, gc=False):
    """A model. `resource` lacks `latest_version`, `aliases` and the free texts."""

    model: str
    resource: model_pb.Model
    #: Digest of each free text by its field: `description`, `card`, `tags.{key}`.
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    #: The highest version number given out.
    last_version: int = 0
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> ModelKey:
        """What identifies it."""
        return ModelKey(self.model)

    @property
    def name(self) -> str:
        """The present name."""
        return self.resource.name

    @property
    def deleted(self) -> bool:
        """Whether it is a tombstone."""
        return self.resource.HasField("delete_time")

    def copy(self) -> ModelRow:
        """Return a copy that shares nothing that can change."""
        resource = model_pb.Model()
        resource.CopyFrom(self.resource)
        return ModelRow(
            self.model,
            resource,
            dict(self.texts),
            self.last_version,
            self.revision,
            self.leaf_hash,
        )


class VersionRow(msgspec.Struct, gc=False):
    """A version. `resource` lacks `name`, `aliases` and the free texts."""

    model: str
    number: int
    resource: version_pb.Version
    #: Digest of each free text by its field: `description`, `card`, `tags.{key}`.
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    #: Position of the event that brought it into its stage.
    stage_position: int = 0
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> VersionKey:
        """What identifies it."""
        return VersionKey(self.model, self.number)

    @property
    def deleted(self) -> bool:
        """Whether it is a tombstone."""
        return self.resource.HasField("delete_time")

    def copy(self) -> VersionRow:
        """Return a copy that shares nothing that can change."""
        resource = version_pb.Version()
        resource.CopyFrom(self.resource)
        return VersionRow(
            self.model,
            self.number,
            resource,
            dict(self.texts),
            self.stage_position,
            self.revision,
            self.leaf_hash,
        )


class AliasRow(msgspec.Struct, gc=False):
    """An alias. `resource` lacks `name`; its version is 0 once it was removed."""

    model: str
    alias: str
    resource: model_pb.Alias
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> AliasKey:
        """What identifies it."""
        return AliasKey(self.model, self.alias)

    @property
    def number(self) -> int | None:
        """The version it points to; None once it was removed."""
        return self.resource.version or None

    def copy(self) -> AliasRow:
        """Return a copy that shares nothing that can change."""
        resource = model_pb.Alias()
        resource.CopyFrom(self.resource)
        return AliasRow(self.model, self.alias, resource, self.revision, self.leaf_hash)


class NameRow(msgspec.Struct, gc=False):
    """A name that a model has or had."""

    name_key: str
    model: str

    @property
    def key(self) -> NameKey:
        """What identifies it."""
        return NameKey(self.name_key)

    def copy(self) -> NameRow:
        """Return a copy."""
        return NameRow(self.name_key, self.model)


class LabelRow(msgspec.Struct, gc=False):
    """A SemVer label that a version has."""

    model: str
    semver_key: str
    semver: str
    number: int

    @property
    def key(self) -> LabelKey:
        """What identifies it."""
        return LabelKey(self.model, self.semver_key)

    def copy(self) -> LabelRow:
        """Return a copy."""
        return LabelRow(self.model, self.semver_key, self.semver, self.number)


class NamespaceRow(msgspec.Struct, gc=False):
    """The namespace itself."""

    resource: admin_pb.Namespace
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> NamespaceKey:
        """What identifies it."""
        return NAMESPACE

    def copy(self) -> NamespaceRow:
        """Return a copy that shares nothing that can change."""
        resource = admin_pb.Namespace()
        resource.CopyFrom(self.resource)
        return NamespaceRow(resource, self.revision, self.leaf_hash)


class LogRow(msgspec.Struct, gc=False):
    """What the log says of itself. `resource` lacks `name`."""

    resource: log_pb.LogStatus
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> LogKey:
        """What identifies it."""
        return LOG

    def copy(self) -> LogRow:
        """Return a copy that shares nothing that can change."""
        resource = log_pb.LogStatus()
        resource.CopyFrom(self.resource)
        return LogRow(resource, self.revision, self.leaf_hash)


class PrivacyRow(msgspec.Struct, gc=False):
    """Holds, erasures, retention. `resource` lacks `name`, and its holds have their last part only."""

    resource: privacy_pb.PrivacyStatus
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> PrivacyKey:
        """What identifies it."""
        return PRIVACY

    def copy(self) -> PrivacyRow:
        """Return a copy that shares nothing that can change."""
        resource = privacy_pb.PrivacyStatus()
        resource.CopyFrom(self.resource)
        return PrivacyRow(resource, self.revision, self.leaf_hash)


class ResourceRow(msgspec.Struct, gc=False):
    """A resource that needs no columns of its own: `regesta_projections.resources` has the kinds.

    `resource` lacks `name` and the free texts.
    """

    stream: str
    resource: Message
    #: Digest of each free text by its field.
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    revision: int = 0
    leaf_hash: bytes = b""

    @property
    def key(self) -> ResourceKey:
        """What identifies it."""
        return ResourceKey(self.stream)

    def copy(self) -> ResourceRow:
        """Return a copy that shares nothing that can change."""
        resource = type(self.resource)()
        resource.CopyFrom(self.resource)
        return ResourceRow(self.stream, resource, dict(self.texts), self.revision, self.leaf_hash)


#: Rows that have a stream of their own.
StreamRow: TypeAlias = (
    ModelRow | VersionRow | AliasRow | NamespaceRow | LogRow | PrivacyRow | ResourceRow
)
Row: TypeAlias = StreamRow | NameRow | LabelRow


class NotLoaded(LookupError):
    """A row was asked for that is neither in the working set nor in its base."""


class Rows:
    """A working set of rows over a base that it never changes.

    In the base, a key with the value None says that there is no such row; a key
    that is missing says that nobody has looked, and asking for it raises
    `NotLoaded`.
    """

    __slots__ = ("_base", "_own")

    def __init__(self, base: Mapping[Key, Row | None] | None = None) -> None:
        self._base: Mapping[Key, Row | None] = {} if base is None else base
        self._own: dict[Key, Row] = {}

    @overload
    def get(self, key: ModelKey) -> ModelRow | None: ...
    @overload
    def get(self, key: VersionKey) -> VersionRow | None: ...
    @overload
    def get(self, key: AliasKey) -> AliasRow | None: ...
    @overload
    def get(self, key: NameKey) -> NameRow | None: ...
    @overload
    def get(self, key: LabelKey) -> LabelRow | None: ...
    @overload
    def get(self, key: NamespaceKey) -> NamespaceRow | None: ...
    @overload
    def get(self, key: LogKey) -> LogRow | None: ...
    @overload
    def get(self, key: PrivacyKey) -> PrivacyRow | None: ...
    @overload
    def get(self, key: ResourceKey) -> ResourceRow | None: ...
    def get(self, key: Key) -> Row | None:
        """Return a row to look at, or None when there is no such row.

        Raises:
            NotLoaded: Nobody has looked whether there is one.
        """
        row = self._own.get(key)
        if row is not None:
            return row
        try:
            return self._base[key]
        except KeyError:
            raise NotLoaded(key) from None

    @overload
    def edit(self, key: ModelKey) -> ModelRow: ...
    @overload
    def edit(self, key: VersionKey) -> VersionRow: ...
    @overload
    def edit(self, key: AliasKey) -> AliasRow: ...
    @overload
    def edit(self, key: NameKey) -> NameRow: ...
    @overload
    def edit(self, key: LabelKey) -> LabelRow: ...
    @overload
    def edit(self, key: NamespaceKey) -> NamespaceRow: ...
    @overload
    def edit(self, key: LogKey) -> LogRow: ...
    @overload
    def edit(self, key: PrivacyKey) -> PrivacyRow: ...
    @overload
    def edit(self, key: ResourceKey) -> ResourceRow: ...
    def edit(self, key: Key) -> Row:
        """Return this working set's own copy of a row, to change.

        Raises:
            NotLoaded: There is no such row, or nobody has looked.
        """
        row = self._own.get(key)
        if row is None:
            shared = self._base.get(key)
            if shared is None:
                raise NotLoaded(key)
            row = self._own[key] = shared.copy()
        return row

    def versions_in(self, model: str, stage: str) -> Iterator[VersionRow]:
        """Yield the versions of a model that are in a stage and not deleted, as far as loaded.

        Those that this working set changed come as they are and as they were in the base.
        """
        for row in (*self._base.values(), *self._own.values()):
            if (
                isinstance(row, VersionRow)
                and row.model == model
                and row.resource.stage == stage
                and not row.deleted
            ):
                yield row

    def add(self, row: Row) -> None:
        """Put a new row into the working set."""
        self._own[row.key] = row

    def changed(self) -> Iterator[Row]:
        """Yield every row that was added or taken to change, oldest first."""
        return iter(self._own.values())

    def is_new(self, key: Key) -> bool:
        """Say whether the base has no such row, so that it is to be inserted."""
        return self._base.get(key) is None

    def has_own_events(self, row: ModelRow) -> bool:
        """Say whether more happened to a model than that versions were registered."""
        before = self._base.get(row.key)
        return not isinstance(before, ModelRow) or before.revision != row.revision

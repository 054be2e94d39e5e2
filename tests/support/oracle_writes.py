"""What each write does to the oracle's namespace, or why it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import flags_service_pb2 as flags_pb
from regesta.v1 import model_pb2 as model_pb
from tests.support.oracle import (
    ACTOR,
    MOVES,
    WAYS,
    Alias,
    Model,
    Namespace,
    Refused,
    Version,
    changed_tags,
    expect_not_stopped,
    precedence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regesta.v1 import version_pb2 as version_pb


class Oracle(Namespace):
    """A namespace that writes change."""

    def create_model(self, name: str, given: model_pb.Model) -> model_pb.Model:
        """Create a model."""
        if name.lower() in self.names:
            raise Refused("MODEL_EXISTS")
        return self.show_model(self._create(name, given))

    def _create(self, name: str, given: model_pb.Model) -> Model:
        kind = given.kind or model_pb.MODEL_KIND_MODEL
        model = Model(
            name, name, kind, given.owner, given.description, given.card, dict(given.tags)
        )
        self.models[name] = model
        self.names[name.lower()] = name
        self.happened(f"models/{name}")
        return model

    def update_model(
        self, name: str, given: model_pb.Model, mask: Sequence[str], etag: str
    ) -> model_pb.Model:
        """Change owner, description or card."""
        model = self.live_model(name)
        expect(etag, model.revision)
        changes = {
            field: getattr(given, field)
            for field in mask
            if getattr(given, field) != getattr(model, field)
            # A text is set anew even if it is the same.
            or (field != "owner" and getattr(given, field))
        }
        if changes:
            for field, value in changes.items():
                setattr(model, field, value)
            self._changed(model)
        return self.show_model(model)

    def rename_model(self, name: str, new: str, etag: str) -> model_pb.Model:
        """Rename a model."""
        model = self.live_model(name)
        expect(etag, model.revision)
        if new != model.name:
            if self.names.setdefault(new.lower(), model.first) != model.first:
                raise Refused("MODEL_EXISTS")
            model.former = [known for known in model.former if known != new]
            if model.name not in model.former:
                model.former.append(model.name)
            model.name = new
            self._changed(model)
        return self.show_model(model)

    def delete_model(self, name: str, etag: str) -> model_pb.Model:
        """Delete a model."""
        model = self.model(name)
        expect(etag, model.revision)
        if not model.deleted:
            model.deleted = True
            self._changed(model)
        return self.show_model(model)

    def restore_model(self, name: str, etag: str) -> model_pb.Model:
        """Restore a model."""
        model = self.model(name)
        expect(etag, model.revision)
        if not model.deleted:
            raise Refused("NOT_DELETED")
        model.deleted = False
        self._changed(model)
        return self.show_model(model)

    def register(self, name: str, given: version_pb.Version, *, create: bool) -> version_pb.Version:
        """Register a version."""
        if create and name.lower() not in self.names:
            model = self._create(name, model_pb.Model())
        else:
            model = self.live_model(name)
            self._expect_free(model, given.semver)
        content = type(given)()
        content.CopyFrom(given)
        number = len(model.versions) + 1
        at = self.position + 1
        version = Version(
            number, content, given.semver, dict(given.tags), given.description, given.card, at, at
        )
        version.since = at
        model.versions[number] = version
        self.happened(f"models/{model.first}/versions/{number}")
        return self.show_version(model, version)

    def label_version(self, name: str, number: int, semver: str, etag: str) -> version_pb.Version:
        """Give a version its label."""
        model, version = self._version(name, number, etag)
        if version.semver == semver:
            return self.show_version(model, version)
        if version.semver:
            raise Refused("SEMVER_FIXED")
        self._expect_free(model, semver)
        version.semver = semver
        return self._moved(model, version)

    def update_version(
        self, name: str, number: int, given: version_pb.Version, mask: Sequence[str], etag: str
    ) -> version_pb.Version:
        """Change description or card."""
        model, version = self._version(name, number, etag)
        changes = {
            field: getattr(given, field)
            for field in mask
            if getattr(given, field) or getattr(version, field)
        }
        if not changes:
            return self.show_version(model, version)
        for field, value in changes.items():
            setattr(version, field, value)
        return self._moved(model, version)

    def delete_version(self, name: str, number: int, etag: str) -> version_pb.Version:
        """Delete a version."""
        model = self.live_model(name)
        version = self.version(model, number)
        expect(etag, version.revision)
        if version.deleted:
            return self.show_version(model, version)
        version.deleted = True
        return self._moved(model, version)

    def restore_version(self, name: str, number: int, etag: str) -> version_pb.Version:
        """Restore a version."""
        model = self.live_model(name)
        version = self.version(model, number)
        expect(etag, version.revision)
        if not version.deleted:
            raise Refused("NOT_DELETED")
        version.deleted = False
        return self._moved(model, version)

    def transition(
        self,
        name: str,
        number: int,
        stage: str,
        from_stage: str,
        etag: str,
        *,
        through: bool = False,
        displace_to: str = "",
    ) -> version_pb.Version:
        """Move a version to another stage, and perhaps all others away from there."""
        model, version = self._version(name, number, etag)
        if from_stage and from_stage != version.stage:
            raise Refused("STAGE_MISMATCH")
        if stage == version.stage and not displace_to:
            return self.show_version(model, version)
        way = [] if stage == version.stage else [stage]
        if through:
            way = WAYS.get((version.stage, stage), way)
        if way and way[0] not in MOVES[version.stage]:
            raise Refused("MOVE_NOT_ALLOWED")
        if way and stage != "archived":
            expect_not_stopped(model, version)
        if displace_to and not (displace_to == "archived" != stage):
            raise Refused("MOVE_NOT_ALLOWED")
        others = [v for v in model.versions.values() if v.stage == stage and v is not version]
        others = sorted((v for v in others if not v.deleted), key=lambda v: v.entered)
        origin = version.stage
        for step in way[:-1]:
            version.stage, version.entered = step, self.position + 1
            version.revision += 1
            self.happened(f"models/{model.first}/versions/{number}", settled=step)
        if displace_to:
            self._displace(model, version, stage, others)
        if not way:
            return self.show_version(model, version)
        version.origin, version.stage, version.displaced = origin, stage, False
        version.entered = version.since = self.position + 1
        return self._moved(model, version)

    def _displace(
        self, model: Model, version: Version, stage: str, others: Sequence[Version]
    ) -> None:
        """Archive others; a version that is in the stage already takes it from the last of them."""
        for other in others:
            took = version.stage == stage and _holder(model, stage) is other
            other.origin, other.stage, other.displaced = stage, "archived", True
            other.entered = other.since = self.position + 1
            other.revision += 1
            if took and _holder(model, stage) is version:
                version.since = self.position + 1
            settled = "" if _holder(model, stage) is version else stage
            self.happened(f"models/{model.first}/versions/{other.number}", settled=settled)

    def set_tags(
        self, name: str, number: int | None, tags: Mapping[str, str], etag: str
    ) -> pb.SetTagsResponse:
        """Set tags of a model or a version."""
        thing, stream = self._tagged(name, number, etag)
        if changed_tags(thing.tags, tags):
            thing.tags.update(tags)
            thing.revision += 1
            self.happened(stream)
        return pb.SetTagsResponse(tags=thing.tags, etag=str(thing.revision), position=self.position)

    def remove_tags(
        self, name: str, number: int | None, keys: Sequence[str], etag: str
    ) -> pb.RemoveTagsResponse:
        """Remove tags of a model or a version."""
        thing, stream = self._tagged(name, number, etag)
        if thing.tags.keys() & set(keys):
            for key in keys:
                thing.tags.pop(key, None)
            thing.revision += 1
            self.happened(stream)
        return pb.RemoveTagsResponse(
            tags=thing.tags, etag=str(thing.revision), position=self.position
        )

    def set_alias(self, name: str, alias: str, number: int, etag: str) -> model_pb.Alias:
        """Point an alias to a version."""
        model = self.live_model(name)
        version = self.live_version(model, number)
        present = model.aliases.get(alias, Alias())
        if etag == "0":
            if present.version:
                raise Refused("REVISION_MISMATCH")
        else:
            expect(etag, present.revision)
        expect_not_stopped(model, version)
        if version.stage == "archived":
            raise Refused("VERSION_ARCHIVED")
        self._point(model, alias, number)
        return self.show_alias(model, alias)

    def _point(self, model: Model, alias: str, number: int) -> None:
        present = model.aliases.get(alias, Alias())
        if present.version == number:
            return
        if present.pinned:
            raise Refused("ALIAS_PINNED")
        had = present.had if present.had[-1:] == [number] else [*present.had, number]
        self._aliased(model, alias, version=number, previous=present.version, had=had)

    def _aliased(self, model: Model, alias: str, **changes: Any) -> None:
        present = model.aliases.get(alias, Alias())
        model.aliases[alias] = replace(present, revision=present.revision + 1, **changes)
        self.happened(f"models/{model.first}/aliases/{alias}")

    def remove_alias(self, name: str, alias: str, etag: str) -> model_pb.Alias:
        """Remove an alias."""
        model = self.live_model(name)
        shown = self.show_alias(model, alias)
        present = model.aliases[alias]
        if etag == "0":
            raise Refused("REVISION_MISMATCH")
        expect(etag, present.revision)
        if present.pinned:
            raise Refused("ALIAS_PINNED")
        self._aliased(model, alias, version=0, previous=present.version)
        shown.etag = str(present.revision + 1)
        return shown

    def raise_flag(
        self, name: str, number: int | None, flag: flag_pb.Flag, etag: str, reason: str
    ) -> flags_pb.RaiseFlagResponse:
        """Raise a flag on a model or a version."""
        thing, stream = self._tagged(name, number, etag)
        present = thing.flags.get(flag.id)
        if present is None:
            thing.flags[flag.id] = flag_pb.Flag(
                id=flag.id,
                severity=flag.severity,
                blocking=flag.blocking,
                reason=reason,
                raised_by=ACTOR,
                position=self.position + 1,
            )
            thing.revision += 1
            self.happened(stream)
        elif (present.severity, present.blocking) != (flag.severity, flag.blocking):
            raise Refused("FLAG_EXISTS")
        return flags_pb.RaiseFlagResponse(
            flag=thing.flags[flag.id], etag=str(thing.revision), position=self.position
        )

    def resolve_flag(
        self, name: str, number: int | None, flag: str, etag: str
    ) -> flags_pb.ResolveFlagResponse:
        """Resolve a flag."""
        thing, stream = self._tagged(name, number, etag)
        if flag not in thing.flags:
            raise Refused("FLAG_NOT_FOUND")
        del thing.flags[flag]
        thing.revision += 1
        self.happened(stream)
        return flags_pb.ResolveFlagResponse(
            flags=thing.flags.values(), etag=str(thing.revision), position=self.position
        )

    def revoke(
        self, name: str, number: int, category: str, etag: str, reason: str
    ) -> version_pb.Version:
        """Revoke a version, deleted or not."""
        model = self.model(name)
        version = self.version(model, number)
        expect(etag, version.revision)
        if version.revoked is None:
            version.revoked = flag_pb.Revocation(
                category=category, reason=reason, revoked_by=ACTOR, position=self.position + 1
            )
            return self._moved(model, version)
        if version.revoked.category != category:
            raise Refused("VERSION_REVOKED")
        return self.show_version(model, version)

    def protect_alias(
        self, name: str, alias: str, protected: bool | None, pinned: bool | None, etag: str
    ) -> model_pb.Alias:
        """Protect or pin an alias, or take that back."""
        model = self.live_model(name)
        present = model.aliases.get(alias)
        if present is None:
            raise Refused("ALIAS_NOT_FOUND")
        expect(etag, present.revision)
        wanted = (
            present.protected if protected is None else protected,
            present.pinned if pinned is None else pinned,
        )
        if wanted != (present.protected, present.pinned):
            self._aliased(model, alias, protected=wanted[0], pinned=wanted[1])
        return self.show_alias(model, alias, model.aliases[alias])

    def move_aliases(
        self, moves: Sequence[tuple[str, str, int, int | None]]
    ) -> pb.MoveAliasesResponse:
        """Point several aliases, all or none."""
        seen: set[tuple[str, str]] = set()
        for name, alias, number, expected in moves:
            try:
                model = self.live_model(name)
                version = self.live_version(model, number)
                expect_not_stopped(model, version)
            except Refused:
                raise Refused("MOVES_REFUSED") from None
            present = model.aliases.get(alias, Alias())
            if (
                (model.first, alias) in seen
                or version.stage == "archived"
                or (present.pinned and present.version != number)
                or expected not in (None, present.version)
            ):
                raise Refused("MOVES_REFUSED")
            seen.add((model.first, alias))
        for name, alias, number, _ in moves:
            self._point(self.live_model(name), alias, number)
        aliases = [self.show_alias(self.live_model(name), alias) for name, alias, *_ in moves]
        return pb.MoveAliasesResponse(aliases=aliases, position=self.position)

    def rollback_alias(
        self, name: str, alias: str, expected: int | None, to: int | None
    ) -> model_pb.Alias:
        """Point an alias back."""
        model = self.live_model(name)
        self.show_alias(model, alias)
        present = model.aliases[alias]
        if expected not in (None, present.version):
            raise Refused("HOLDER_MISMATCH")
        if present.pinned:
            raise Refused("ALIAS_PINNED")
        at = _back(present.had, to)
        number = present.had[at]
        _expect_there(model.versions[number])
        expect_not_stopped(model, model.versions[number])
        had = present.had[: at + 1]
        self._aliased(model, alias, version=number, previous=present.version, had=had)
        return self.show_alias(model, alias)

    def rollback_stage(
        self, name: str, stage: str, expected: int | None, to: int | None
    ) -> version_pb.Version:
        """Put the version that held a stage before back into it."""
        model = self.live_model(name)
        if stage not in {"development", "staging", "production"}:
            raise Refused("MOVE_NOT_ALLOWED")
        leaves = _holder(model, stage)
        if expected not in (None, leaves.number if leaves else 0):
            raise Refused("HOLDER_MISMATCH")
        if leaves is None:
            raise Refused("NOTHING_TO_ROLL_BACK")
        held = model.held[stage]
        at = _back([number for number, *_ in held], to)
        if not leaves.origin:
            raise Refused("NOTHING_TO_ROLL_BACK")
        order = list(MOVES)
        if leaves.origin != "archived" and order.index(leaves.origin) > order.index(stage):
            raise Refused("MOVE_NOT_ALLOWED")
        number, since, origin = held[at]
        back = model.versions[number]
        _expect_there(back, though_archived=back.displaced)
        expect_not_stopped(model, back)
        leaves.displaced = back.displaced = False
        leaves.stage, leaves.origin = leaves.origin, stage
        leaves.entered = leaves.since = self.position + 1
        leaves.revision += 1
        self.happened(f"models/{model.first}/versions/{leaves.number}", settled=stage)
        back.stage, back.since, back.origin = stage, since, origin
        back.entered = self.position + 1
        return self._moved(model, back)

    def happened(self, *streams: str, settled: str = "") -> None:
        """Take note of events, and of who holds the stages now.

        Args:
            streams: Theirs.
            settled: A stage that somebody else is about to enter.
        """
        for model in self.models.values():
            for stage in MOVES:
                if stage != settled:
                    _settle(model, stage)
        super().happened(*streams)

    # What the writes have in common.

    def _version(self, name: str, number: int, etag: str) -> tuple[Model, Version]:
        model = self.live_model(name)
        version = self.live_version(model, number)
        expect(etag, version.revision)
        return model, version

    def _tagged(self, name: str, number: int | None, etag: str) -> tuple[Model | Version, str]:
        model = self.live_model(name)
        if number is None:
            expect(etag, model.revision)
            return model, f"models/{model.first}"
        version = self.live_version(model, number)
        expect(etag, version.revision)
        return version, f"models/{model.first}/versions/{number}"

    def _expect_free(self, model: Model, semver: str) -> None:
        taken = {precedence(v.semver) for v in model.versions.values() if v.semver}
        if semver and precedence(semver) in taken:
            raise Refused("SEMVER_TAKEN")

    def _changed(self, model: Model) -> None:
        model.revision += 1
        self.happened(f"models/{model.first}")

    def _moved(self, model: Model, version: Version) -> version_pb.Version:
        version.revision += 1
        self.happened(f"models/{model.first}/versions/{version.number}")
        return self.show_version(model, version)


def expect(etag: str, revision: int) -> None:
    """Refuse what is not at the revision that the caller expects."""
    if etag and etag != str(revision):
        raise Refused("REVISION_MISMATCH")


def _back(had: Sequence[int], to: int | None) -> int:
    """Return the place of the version to go back to."""
    if to == had[-1]:
        raise Refused("NOTHING_TO_ROLL_BACK")
    for at in range(len(had) - 2, -1, -1):
        if to in (None, had[at]):
            return at
    raise Refused("NOTHING_TO_ROLL_BACK" if to is None or len(had) < 2 else "NEVER_HELD")


def _expect_there(version: Version, *, though_archived: bool = False) -> None:
    """Refuse to go back to what is gone; what flags stop has refusals of its own."""
    if version.deleted or (version.stage == "archived" and not though_archived):
        raise Refused("CANNOT_COME_BACK")


def _holder(model: Model, stage: str) -> Version | None:
    """Return the version in a stage that entered it last."""
    inside = [v for v in model.versions.values() if v.stage == stage and not v.deleted]
    return max(inside, key=lambda version: version.entered, default=None)


def _settle(model: Model, stage: str) -> None:
    """Bring the history of a stage's holders up to date."""
    holder = _holder(model, stage)
    if holder is None:
        return
    held = model.held.setdefault(stage, [])
    entry = (holder.number, holder.since, holder.origin)
    if entry in held:
        del held[held.index(entry) + 1 :]
    elif held and held[-1][0] == holder.number:
        held[-1] = entry
    else:
        held.append(entry)

"""What each write does to the oracle's namespace, or why it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import flags_service_pb2 as flags_pb
from regesta.v1 import model_pb2 as model_pb
from tests.support.oracle import (
    ACTOR,
    MOVES,
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
        self, name: str, number: int, stage: str, from_stage: str, etag: str
    ) -> version_pb.Version:
        """Move a version to another stage."""
        model, version = self._version(name, number, etag)
        if from_stage and from_stage != version.stage:
            raise Refused("STAGE_MISMATCH")
        if stage == version.stage:
            return self.show_version(model, version)
        if stage not in MOVES[version.stage]:
            raise Refused("MOVE_NOT_ALLOWED")
        if stage != "archived":
            expect_not_stopped(model, version)
        version.stage = stage
        version.entered = self.position + 1
        return self._moved(model, version)

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
        if present.version != number:
            model.aliases[alias] = Alias(number, present.version, present.revision + 1)
            self.happened(f"models/{model.first}/aliases/{alias}")
        return self.show_alias(model, alias)

    def remove_alias(self, name: str, alias: str, etag: str) -> model_pb.Alias:
        """Remove an alias."""
        model = self.live_model(name)
        shown = self.show_alias(model, alias)
        present = model.aliases[alias]
        if etag == "0":
            raise Refused("REVISION_MISMATCH")
        expect(etag, present.revision)
        model.aliases[alias] = Alias(0, present.version, present.revision + 1)
        self.happened(f"models/{model.first}/aliases/{alias}")
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

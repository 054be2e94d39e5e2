"""How events of tags and aliases change rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import model_pb2 as model_pb
from regesta_projections.evolve.stamps import put_time, stamp
from regesta_projections.rows import AliasKey, AliasRow, ModelRow, Rows, VersionRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta_projections.events import (
        AliasProtected,
        AliasRemoved,
        AliasSet,
        FreeText,
        TagsRemoved,
        TagsSet,
        VersionRolledBack,
    )
    from regesta_projections.records import Recorded

#: Free texts of tags are found under this and the key.
TAG_FIELD = "tags."


def put_tags(
    row: ModelRow | VersionRow, tags: Mapping[str, str], long_tags: Mapping[str, FreeText]
) -> None:
    """Set tags; a long value leaves only its digest in the row."""
    if not tags and not long_tags:
        return
    own = row.resource.tags
    for key, value in tags.items():
        own[key] = value
        if row.texts:
            row.texts.pop(TAG_FIELD + key, None)
    for key, text in long_tags.items():
        own.pop(key, None)
        row.texts[TAG_FIELD + key] = text.digests[0]


def tags_set(row: ModelRow | VersionRow, event: TagsSet) -> None:
    """Set tags of a model or a version."""
    put_tags(row, event.tags, event.long_tags)


def tags_removed(row: ModelRow | VersionRow, event: TagsRemoved) -> None:
    """Remove tags of a model or a version."""
    for key in event.keys:
        row.resource.tags.pop(key, None)
        row.texts.pop(TAG_FIELD + key, None)


def alias_set(rows: Rows, key: AliasKey, event: AliasSet, recorded: Recorded) -> None:
    """Point an alias to a version."""
    if recorded.revision == 1:
        rows.add(AliasRow(key.model, key.alias, model_pb.Alias()))
    row = rows.edit(key)
    row.resource.version = event.version
    row.resource.previous_version = event.previous_version
    stamp(row, recorded)


def alias_removed(rows: Rows, key: AliasKey, event: AliasRemoved, recorded: Recorded) -> None:
    """Remove an alias; its row stays, since its revision goes on."""
    row = rows.edit(key)
    row.resource.version = 0
    row.resource.previous_version = event.previous_version
    stamp(row, recorded)


def alias_rolled_back(
    rows: Rows, key: AliasKey, event: VersionRolledBack, recorded: Recorded
) -> None:
    """Point an alias to the version that it pointed to before."""
    row = rows.edit(key)
    row.resource.version = event.version
    row.resource.previous_version = event.previous_version
    stamp(row, recorded)


def alias_protected(rows: Rows, key: AliasKey, event: AliasProtected, recorded: Recorded) -> None:
    """Protect or pin an alias, or take that back; who pinned it stays until it is unpinned."""
    row = rows.edit(key)
    resource = row.resource
    resource.protected = event.protected
    if event.pinned != resource.pinned:
        resource.pinned = event.pinned
        if event.pinned:
            resource.pinned_by = recorded.actor
            put_time(resource.pin_time, recorded.recorded_at)
        else:
            resource.pinned_by = ""
            resource.ClearField("pin_time")
    stamp(row, recorded)

"""Setting and removing tags of models and versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.labels import TAG_FIELD
from regesta_projections.evolve.streams import stream_of
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.limits import MAX_TAGS
from regesta_service.domain.rejections import TooManyTags
from regesta_service.domain.texts import beside, free_text, free_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta.sealed import SealedText
    from regesta_projections.rows import ModelRow, Rows, VersionRow


@dataclass(frozen=True, slots=True)
class SetTags:
    """Set tags of a model or a version; those not named stay as they are.

    Only tags that differ go into the event, and when none does there is none. But a long
    value is always set anew: the log has its salted digest only, which does not tell
    whether it is the same.
    """

    model: str
    #: The version's number; None for the model's own tags.
    number: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    long_tags: Mapping[str, SealedText] = field(default_factory=dict)
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model or version."""
        return _wanted(self.model, self.number)

    def decide(self, rows: Rows) -> Decision:
        """Set them, or refuse with TOO_MANY_TAGS."""
        name, row = _tagged(rows, self.model, self.number)
        expect_revision(name, row.revision, self.expected_revision)
        present = row.resource.tags
        tags = {
            key: value
            for key, value in self.tags.items()
            # `in` first: looking a missing key up in a protobuf map would add it.
            if key not in present or present[key] != value
        }
        if not tags and not self.long_tags:
            return Decision((), row.key)
        count = len(_keys(row).union(tags, self.long_tags))
        if count > MAX_TAGS:
            raise TooManyTags(
                f"{name} would have {count} tags; the limit is {MAX_TAGS}, so remove some first",
                metadata={"count": str(count), "limit": str(MAX_TAGS)},
            )
        event = e.TagsSet(
            tags=tags, long_tags=free_texts(self.long_tags), reason=free_text(self.reason)
        )
        texts = beside(("reason", self.reason), long_tags=self.long_tags)
        return Decision((Fact(stream_of(row.key), event, texts),), row.key)


@dataclass(frozen=True, slots=True)
class RemoveTags:
    """Remove tags of a model or a version; a key that is not there changes nothing."""

    model: str
    #: The version's number; None for the model's own tags.
    number: int | None = None
    keys: tuple[str, ...] = ()
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model or version."""
        return _wanted(self.model, self.number)

    def decide(self, rows: Rows) -> Decision:
        """Remove those that are there."""
        name, row = _tagged(rows, self.model, self.number)
        expect_revision(name, row.revision, self.expected_revision)
        keys = _keys(row).intersection(self.keys)
        if not keys:
            return Decision((), row.key)
        event = e.TagsRemoved(keys=tuple(sorted(keys)), reason=free_text(self.reason))
        fact = Fact(stream_of(row.key), event, beside(("reason", self.reason)))
        return Decision((fact,), row.key)


def _wanted(model: str, number: int | None) -> tuple[Wanted, ...]:
    return (Wanted(model, versions=() if number is None else (number,)),)


def _tagged(rows: Rows, model: str, number: int | None) -> tuple[str, ModelRow | VersionRow]:
    """Return what has the tags, and its name for people."""
    found = live_model(rows, model)
    if number is None:
        return f"models/{found.name}", found
    return f"models/{found.name}/versions/{number}", live_version(rows, found, number)


def _keys(row: ModelRow | VersionRow) -> set[str]:
    """Return the keys of all tags, long ones included."""
    long = (name for name in row.texts if name.startswith(TAG_FIELD))
    return set(row.resource.tags).union(name.removeprefix(TAG_FIELD) for name in long)

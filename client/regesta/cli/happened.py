"""An event as the command line reads it: its record, with the free texts beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from regesta.sealed import digest_in
from regesta.v1 import event_pb2

_TYPE_PREFIX = "io.regesta.events.v1."

#: Stands for a text that has been erased, or that the caller may not read.
WITHHELD = "(withheld)"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event."""

    position: int
    #: The short name of its type, for example `AliasSet`.
    type: str
    stream: str
    revision: int
    actor: str
    recorded_at: datetime
    #: When it really happened, where an importer claimed another time.
    occurred_at: datetime | None
    #: Who really did it, as an importer claims; empty without a claim.
    occurred_by: str
    request_id: str
    #: The record's data; free texts are digests in it.
    data: dict[str, Any]
    #: Free texts by field, as far as they may be read.
    texts: dict[str, str]

    @property
    def reason(self) -> str:
        """Why it was done; empty when nobody said."""
        return self.text("reason") or ""

    def claim(self, written: Callable[[datetime], str]) -> str:
        """Return what an importer says of it, as such; empty when there is no claim.

        Args:
            written: Writes a time.
        """
        at = None if self.occurred_at is None else written(self.occurred_at)
        return claimed("happened", "done", at, self.occurred_by)

    @property
    def breaks_glass(self) -> bool:
        """Whether somebody took a role because it could not wait."""
        return self.type == "RoleGranted" and bool(self.data.get("breakGlass"))

    def text(self, field: str) -> str | None:
        """Return a free text of the event.

        Returns:
            None when the event says nothing about the field, an empty text when it
            cleared the field, `WITHHELD` when the text is not to be had.
        """
        sealed = self.data.get(field)
        if sealed is None:
            return None
        return self._opened(field, sealed)

    @property
    def tags(self) -> dict[str, str]:
        """The tags that the event set, long ones too."""
        tags: dict[str, str] = dict(self.data.get("tags", {}))
        for key, sealed in self.data.get("longTags", {}).items():
            tags[key] = self._opened(f"long_tags.{key}", sealed)
        return tags

    def _opened(self, field: str, sealed: object) -> str:
        if digest_in(sealed) is None:
            return ""
        return self.texts.get(field, WITHHELD)


def read(event: event_pb2.Event) -> Happened:
    """Return an event of the API as it is read here.

    Raises:
        ValueError: Its record is not JSON.
    """
    record = json.loads(event.record)
    occurred = event.HasField("occurred_time")
    return Happened(
        position=event.position,
        type=short_type(event.type),
        stream=event.stream,
        revision=event.revision,
        actor=event.actor,
        recorded_at=event.record_time.ToDatetime(UTC),
        occurred_at=event.occurred_time.ToDatetime(UTC) if occurred else None,
        occurred_by=event.occurred_by,
        request_id=event.request_id,
        data=record.get("data", {}),
        texts={disclosure.field: disclosure.text for disclosure in event.disclosures},
    )


def claimed(at_word: str, by_word: str, at: str | None, by: str) -> str:
    """Return when and by whom something really was done, said to be the importer's word.

    Args:
        at_word: What it was at the time, for example `happened`.
        by_word: What it was by somebody, for example `done`; the same word is not said twice.
        at: When; None when nobody claimed a time.
        by: Who; empty when nobody claimed it.

    Returns:
        Empty when nothing is claimed.
    """
    said = [] if at is None else [f"{at_word} {at}"]
    if by:
        said.append(f"by {by}" if said and at_word == by_word else f"{by_word} by {by}")
    return f"{', '.join(said)}, by the importer's word" if said else ""


def short_type(name: str) -> str:
    """Return an event type's name without its package."""
    return name.removeprefix(_TYPE_PREFIX)

"""Keeping small documents of other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from regesta_projections import events as e
from regesta_projections.resources import document_key
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision
from regesta_service.domain.rejections import DocumentNotFound
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import documents_service_pb2 as documents_pb
    from regesta_projections.rows import ResourceKey, ResourceRow, Rows


@dataclass(frozen=True, slots=True)
class PutDocument:
    """Write a document, anew or over what it said before.

    It always is a change: the salted digest of what it says does not tell whether the new
    content is the same.
    """

    collection: str
    document: str
    content: SealedText
    #: 0 means that it must not be there: never put, or removed.
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the document."""
        return (Wanted(keys=(self._key(),)),)

    def decide(self, rows: Rows) -> Decision:
        """Write it, or refuse with REVISION_MISMATCH."""
        key = self._key()
        row = rows.get(key)
        revision = 0 if row is None else row.revision
        absent = row is None or is_removed(row)
        if not (self.expected_revision == 0 and absent):
            expect_revision(key.stream, revision, self.expected_revision)
        event = e.DocumentPut(content=free_text(self.content), reason=free_text(self.reason))
        texts = beside(("content", self.content), ("reason", self.reason))
        return Decision((Fact(key.stream, event, texts),), key)

    def _key(self) -> ResourceKey:
        return document_key(self.collection, self.document)


@dataclass(frozen=True, slots=True)
class RemoveDocument:
    """Remove a document; what it said stays beside the log."""

    collection: str
    document: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the document."""
        return (Wanted(keys=(self._key(),)),)

    def decide(self, rows: Rows) -> Decision:
        """Remove it, or refuse with DOCUMENT_NOT_FOUND or REVISION_MISMATCH."""
        row = present(rows.get(self._key()), self._key())
        expect_revision(row.stream, row.revision, self.expected_revision)
        event = e.DocumentRemoved(reason=free_text(self.reason))
        return Decision((Fact(row.stream, event, beside(("reason", self.reason))),), row.key)

    def _key(self) -> ResourceKey:
        return document_key(self.collection, self.document)


def is_removed(row: ResourceRow) -> bool:
    """Say whether a document is removed."""
    return cast("documents_pb.Document", row.resource).HasField("delete_time")


def present(row: ResourceRow | None, key: ResourceKey) -> ResourceRow:
    """Return the row of a document that is there.

    Args:
        row: The document's row; None before it was put first.
        key: The document's key.

    Raises:
        DocumentNotFound: It was never put, or was removed.
    """
    metadata = {"document": key.stream}
    if row is None:
        raise DocumentNotFound(f"there is no {key.stream}", metadata=metadata)
    if is_removed(row):
        raise DocumentNotFound(
            f"{key.stream} was removed; put it again to have it back", metadata=metadata
        )
    return row

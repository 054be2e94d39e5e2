"""How a document's events change its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from regesta_projections.events import DocumentPut, DocumentRemoved
from regesta_projections.evolve.stamps import put_text, put_time

if TYPE_CHECKING:
    from regesta.v1 import documents_service_pb2 as pb
    from regesta_projections.records import Recorded
    from regesta_projections.rows import ResourceRow


def documented(row: ResourceRow, event: DocumentPut | DocumentRemoved, recorded: Recorded) -> None:
    """Take down that a document says something from now on, or is there no more."""
    document = cast("pb.Document", row.resource)
    match event:
        case DocumentPut():
            document.ClearField("delete_time")
            put_text(row.texts, "content", event.content)
        case DocumentRemoved():
            put_time(document.delete_time, recorded.recorded_at)
            row.texts.pop("content", None)

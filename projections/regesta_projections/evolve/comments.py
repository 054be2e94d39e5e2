"""How a comment's events change its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from regesta_projections.events import CommentAdded, CommentEdited
from regesta_projections.evolve.stamps import put_text

if TYPE_CHECKING:
    from regesta.v1 import comments_service_pb2 as pb
    from regesta_projections.rows import ResourceRow


def commented(row: ResourceRow, event: CommentAdded | CommentEdited) -> None:
    """Take down what was said, or is said from now on, but for the text."""
    comment = cast("pb.Comment", row.resource)
    match event:
        case CommentAdded():
            comment.reply_to = event.reply_to
        case CommentEdited():
            comment.edited = True
    comment.mentions[:] = event.mentions
    put_text(row.texts, "text", event.text)

"""How a comment's events change its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from regesta_projections.evolve.stamps import put_text

if TYPE_CHECKING:
    from regesta.v1 import comments_service_pb2 as pb
    from regesta_projections.events import CommentAdded, CommentEdited
    from regesta_projections.rows import ResourceRow


def comment_added(row: ResourceRow, event: CommentAdded) -> None:
    """Take down what was said, but for the text."""
    comment = cast("pb.Comment", row.resource)
    comment.reply_to = event.reply_to
    comment.mentions.extend(event.mentions)
    put_text(row.texts, "text", event.text)


def comment_edited(row: ResourceRow, event: CommentEdited) -> None:
    """Take down what it says from now on."""
    comment = cast("pb.Comment", row.resource)
    comment.edited = True
    comment.mentions[:] = event.mentions
    put_text(row.texts, "text", event.text)

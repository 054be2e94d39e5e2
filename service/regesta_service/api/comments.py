"""CommentsService: threads on models and versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from regesta.v1 import comments_service_pb2 as pb
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.api.reads.requests import freshness_of, moment_of
from regesta_service.api.writes.translate_comments import add_comment, commented, edit_comment
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.moments import Occurred
from regesta_service.reads.pages import MAX_PAGE_BYTES, page_size_of

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.deciding import Command
    from regesta_service.log.draft import Committed
    from regesta_service.reads.comments import CommentReads
    from regesta_service.reads.pages import PageTokens


class CommentCalls:
    """CommentsService's calls.

    Args:
        reads: Reads comments.
        tokens: Makes page tokens.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        reads: CommentReads,
        tokens: PageTokens,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._reads = reads
        self._tokens = tokens
        service = pb.DESCRIPTOR.services_by_name["CommentsService"]
        self._writing = Writing(service, sequencer, answers)

    async def add_comment(self, request: pb.AddCommentRequest, call: Call) -> pb.AddCommentResponse:
        """Comment on a model or a version."""
        translated = add_comment(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        comment = await self._shown(translated, committed)
        return pb.AddCommentResponse(comment=comment, position=committed.position)

    async def edit_comment(
        self, request: pb.EditCommentRequest, call: Call
    ) -> pb.EditCommentResponse:
        """Change a comment of the caller's own."""
        translated = edit_comment(request, now(), new_salt)
        command = replace(translated.command, author=call.principal.name)
        committed = await self._writing.submit(replace(translated, command=command), call)
        comment = await self._shown(translated, committed)
        return pb.EditCommentResponse(comment=comment, position=committed.position)

    async def list_comments(
        self, request: pb.ListCommentsRequest, call: Call
    ) -> pb.ListCommentsResponse:
        """Return a page of comments, oldest first."""
        del call
        parent = commented("parent", request.parent)
        limit = page_size_of(request.page_size)
        moment = moment_of(request.as_of)
        if isinstance(moment, Occurred):
            raise InvalidRequest.of("as_of.basis", "is RECORDED: comments are only recorded")
        freshness = freshness_of(request)
        place = self._tokens.read(request)
        after = 0 if place is None else int(place[0])
        # One more tells whether there is another page.
        page = await self._reads.page(parent, moment, after, limit + 1)
        check_reached(freshness, page.size)
        count = _fitting(page.comments[:limit])
        answer = pb.ListCommentsResponse(comments=page.comments[:count], position=page.position)
        if len(page.comments) > count:
            answer.next_page_token = self._tokens.make(request, [page.added[count - 1]])
        return answer

    async def _shown(self, translated: Translated[Command], committed: Committed) -> pb.Comment:
        """Return the comment that a write answers with, as of the write's position."""
        key, row = committed.shows, committed.row
        if not isinstance(key, ResourceKey):
            raise TypeError(f"{key} is no comment")
        return await self._reads.at(
            translated.namespace,
            key,
            committed.position,
            row if isinstance(row, ResourceRow) else None,
            translated.texts,
        )


def _fitting(comments: list[pb.Comment]) -> int:
    """Return how many comments fit into an answer, the first in any case."""
    size = 0
    for count, comment in enumerate(comments):
        size += comment.ByteSize()
        if count and size > MAX_PAGE_BYTES:
            return count
    return len(comments)

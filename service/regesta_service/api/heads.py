"""HeadsService: what a log says of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from regesta import names
from regesta.v1 import heads_service_pb2 as pb
from regesta_projections.records import Cause
from regesta_projections.rows import LogRow
from regesta_service.api.reads.requests import namespace_in
from regesta_service.api.writes.checks import Checks as Rules
from regesta_service.api.writes.translate_log import record_log_event
from regesta_service.api.writes.writing import Writing, new_salt
from regesta_service.domain import limits
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.sequencing.identity import identify

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.reads.heads import HeadsReads
    from regesta_service.verification.commitments import Commitments

_COMMIT = "/regesta.v1.HeadsService/CommitHeads"


class HeadsCalls:
    """HeadsService's calls.

    Args:
        commitments: Commits to heads.
        reads: Reads proofs and what the log says of itself.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        commitments: Commitments,
        reads: HeadsReads,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._commitments = commitments
        self._reads = reads
        service = pb.DESCRIPTOR.services_by_name["HeadsService"]
        self._writing = Writing(service, sequencer, answers)

    async def commit_heads(
        self, request: pb.CommitHeadsRequest, call: Call
    ) -> AsyncIterator[pb.CommitHeadsResponse]:
        """Commit to all heads, and say how far it is."""
        namespace = namespace_in(request.parent)
        rules = Rules(new_salt)
        rules.named("request_id", names.check_request_id, request.request_id)
        reason = rules.sealed("reason", request.reason, limits.MAX_REASON)
        rules.finish()
        principal = call.principal
        cause = Cause(principal.name, principal.kind, request.request_id, call.traceparent)
        identity = identify(cause.actor, cause.request_id, _COMMIT, request)
        async with aclosing(self._commitments.commit(namespace, cause, identity, reason)) as steps:
            async for step in steps:
                if isinstance(step, int):
                    yield pb.CommitHeadsResponse(streams_read=step)
                    continue
                row = step.row if isinstance(step.row, LogRow) else None
                status = await self._reads.status_at(namespace, step.position, row)
                yield pb.CommitHeadsResponse(
                    streams_read=status.heads.streams,
                    done=True,
                    heads=status.heads,
                    position=step.position,
                )

    async def prove_stream_head(
        self, request: pb.ProveStreamHeadRequest, call: Call
    ) -> pb.ProveStreamHeadResponse:
        """Prove a stream's head."""
        del call
        namespace = namespace_in(request.parent)
        if request.heads_position < 0:
            raise InvalidRequest.of("heads_position", "must not be negative")
        return await self._reads.prove(
            namespace,
            request.stream.removeprefix(f"namespaces/{namespace}/"),
            request.heads_position,
            children=request.include_children,
        )

    async def get_log_status(
        self, request: pb.GetLogStatusRequest, call: Call
    ) -> pb.GetLogStatusResponse:
        """Return what the log says of itself."""
        del call
        status, size = await self._reads.status(namespace_in(request.parent))
        return pb.GetLogStatusResponse(status=status, position=size)

    async def record_log_event(
        self, request: pb.RecordLogEventRequest, call: Call
    ) -> pb.RecordLogEventResponse:
        """Append an event about the log."""
        translated = record_log_event(request, new_salt)
        committed = await self._writing.submit(translated, call)
        row = committed.row if isinstance(committed.row, LogRow) else None
        status = await self._reads.status_at(translated.namespace, committed.position, row)
        return pb.RecordLogEventResponse(status=status, position=committed.position)

"""Writes of the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import lifecycle_service_pb2 as pb
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes.moving import Moving
from regesta_service.api.writes.translate_versions import transition_version
from regesta_service.api.writes.writing import Writing, new_salt

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.reads.holders import HolderReads
    from regesta_service.reads.requests import RequestReads

_MOVED = AnswerLayout(pb.TransitionVersionResponse, "version")


class LifecycleWrites:
    """LifecycleService's writes.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
        holders: Looks up who is in a stage.
        requests: Looks up open requests.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        answers: AnswerReader,
        holders: HolderReads,
        requests: RequestReads,
    ) -> None:
        lifecycle = pb.DESCRIPTOR.services_by_name["LifecycleService"]
        self._moving = Moving(Writing(lifecycle, sequencer, answers), holders, requests)

    async def transition_version(self, request: pb.TransitionVersionRequest, call: Call) -> bytes:
        """Move a version to another stage."""
        translated = transition_version(request, new_salt)
        return await self._moving.write(translated, _MOVED, call, request.request)

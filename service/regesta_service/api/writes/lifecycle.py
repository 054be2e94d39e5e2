"""Writes of the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import lifecycle_service_pb2 as pb
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes.moving import Moving
from regesta_service.api.writes.translate_versions import transition_version
from regesta_service.api.writes.writing import Writing, new_salt, now

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.moving import MoveReads
    from regesta_service.api.writes.ports import AnswerReader, Sequencer

_MOVED = AnswerLayout(pb.TransitionVersionResponse, "version")


class LifecycleWrites:
    """LifecycleService's writes.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
        moves: Where moves look things up.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader, moves: MoveReads) -> None:
        lifecycle = pb.DESCRIPTOR.services_by_name["LifecycleService"]
        self._moving = Moving(Writing(lifecycle, sequencer, answers), moves)

    async def transition_version(self, request: pb.TransitionVersionRequest, call: Call) -> bytes:
        """Move a version to another stage."""
        translated = transition_version(request, now(), new_salt)
        return await self._moving.write(translated, _MOVED, call, request.transition_request)

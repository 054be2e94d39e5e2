"""Writes of the lifecycle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from regesta.v1 import lifecycle_service_pb2 as pb
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes.translate_versions import transition_version
from regesta_service.api.writes.writing import Writing, new_salt
from regesta_service.domain.rejections import HoldersChanged

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.reads.holders import HolderReads

#: How often who is in a stage is looked up for one move, while others move too.
_LOOKS: Final = 20

_MOVED = AnswerLayout(pb.TransitionVersionResponse, "version")


class LifecycleWrites:
    """LifecycleService's writes.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
        holders: Looks up who is in a stage.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader, holders: HolderReads) -> None:
        self._holders = holders
        lifecycle = pb.DESCRIPTOR.services_by_name["LifecycleService"]
        self._writing = Writing(lifecycle, sequencer, answers)

    async def transition_version(self, request: pb.TransitionVersionRequest, call: Call) -> bytes:
        """Move a version to another stage."""
        translated = transition_version(request, new_salt)
        command = translated.command
        for _ in range(_LOOKS):
            try:
                return await self._writing.write(translated, _MOVED, call)
            except HoldersChanged:
                # Few stages are exclusive; the first attempt finds out whether this one is.
                holders = await self._holders.holders(
                    translated.namespace, command.model, command.stage
                )
                translated = replace(translated, command=replace(command, holders=holders))
        return await self._writing.write(translated, _MOVED, call)

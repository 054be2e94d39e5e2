"""PrivacyService: texts beside the log, erased and held; bodies of events, released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import privacy_service_pb2 as pb
from regesta_projections.rows import PrivacyRow
from regesta_service.api.reads.requests import namespace_in
from regesta_service.api.writes.translate_privacy import (
    Erasing,
    Releasing,
    define_retention,
    place_hold,
    release_hold,
)
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.privacy import check_holds
from regesta_service.domain.rejections import NothingToErase

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.log.draft import Committed
    from regesta_service.reads.privacy import PrivacyReads
    from regesta_service.reads.retention import RetentionReads


class PrivacyCalls:
    """PrivacyService's calls.

    Args:
        reads: Reads which texts there are, and what is so of them.
        retention: Reads what a release of bodies is decided on.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        reads: PrivacyReads,
        retention: RetentionReads,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._reads = reads
        self._retention = retention
        service = pb.DESCRIPTOR.services_by_name["PrivacyService"]
        self._writing = Writing(service, sequencer, answers)

    async def erase_texts(self, request: pb.EraseTextsRequest, call: Call) -> pb.EraseTextsResponse:
        """Erase texts, or say how many it would be."""
        erasing = Erasing(request, new_salt)
        chosen = await self._reads.choose(erasing.namespace, erasing.selection)
        if request.validate_only:
            status, _ = await self._reads.status(erasing.namespace)
            check_holds(status.holds, chosen.texts)
            if not chosen.texts:
                raise NothingToErase("there is no such text: there never was, or it was erased")
            erasure = pb.Erasure(
                person=erasing.selection.person,
                stream=chosen.stream,
                event_position=erasing.selection.event_position,
                legal_basis=request.legal_basis,
                texts=len(chosen.texts),
            )
            return pb.EraseTextsResponse(erasure=erasure, more=chosen.more, position=chosen.size)
        committed = await self._writing.submit(erasing.command(chosen), call)
        status = await self._status(erasing.namespace, committed)
        return pb.EraseTextsResponse(
            erasure=status.last_erasure, more=chosen.more, position=committed.position
        )

    async def place_hold(self, request: pb.PlaceHoldRequest, call: Call) -> pb.PlaceHoldResponse:
        """Place a hold."""
        translated = place_hold(request, new_salt)
        committed = await self._writing.submit(translated, call)
        status = await self._status(translated.namespace, committed)
        return pb.PlaceHoldResponse(hold=status.holds[-1], position=committed.position)

    async def release_hold(
        self, request: pb.ReleaseHoldRequest, call: Call
    ) -> pb.ReleaseHoldResponse:
        """End a hold."""
        translated = release_hold(request, new_salt)
        committed = await self._writing.submit(translated, call)
        status = await self._status(translated.namespace, committed)
        return pb.ReleaseHoldResponse(status=status, position=committed.position)

    async def define_retention(
        self, request: pb.DefineRetentionRequest, call: Call
    ) -> pb.DefineRetentionResponse:
        """Say from when on bodies may be archived."""
        translated = define_retention(request, new_salt)
        committed = await self._writing.submit(translated, call)
        status = await self._status(translated.namespace, committed)
        return pb.DefineRetentionResponse(retention=status.retention, position=committed.position)

    async def release_bodies(
        self, request: pb.ReleaseBodiesRequest, call: Call
    ) -> pb.ReleaseBodiesResponse:
        """Let the bodies up to a position be archived."""
        releasing = Releasing(request, new_salt)
        found = await self._retention.releasable(releasing.namespace, releasing.bound)
        command = releasing.command(found, call.principal.name, now())
        committed = await self._writing.submit(command, call)
        status = await self._status(releasing.namespace, committed)
        return pb.ReleaseBodiesResponse(release=status.release, position=committed.position)

    async def get_privacy_status(
        self, request: pb.GetPrivacyStatusRequest, call: Call
    ) -> pb.GetPrivacyStatusResponse:
        """Return holds, the last erasure, retention and release."""
        del call
        status, size = await self._reads.status(namespace_in(request.parent))
        return pb.GetPrivacyStatusResponse(status=status, position=size)

    async def _status(self, namespace: str, committed: Committed) -> pb.PrivacyStatus:
        row = committed.row if isinstance(committed.row, PrivacyRow) else None
        return await self._reads.status_at(namespace, committed.position, row)

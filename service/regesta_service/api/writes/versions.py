"""Writes of versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes import translate_versions as translate
from regesta_service.api.writes.translate_registration import register_version
from regesta_service.api.writes.writing import Writing, new_salt, now

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer

_REGISTERED = AnswerLayout(pb.RegisterVersionResponse, "version")
_UPDATED = AnswerLayout(pb.UpdateVersionResponse, "version")
_LABELLED = AnswerLayout(pb.LabelVersionResponse, "version")
_DELETED = AnswerLayout(pb.DeleteVersionResponse, "version")
_RESTORED = AnswerLayout(pb.RestoreVersionResponse, "version")


class VersionWrites:
    """CatalogService's writes of versions.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader) -> None:
        catalog = pb.DESCRIPTOR.services_by_name["CatalogService"]
        self._writing = Writing(catalog, sequencer, answers)

    async def register_version(self, request: pb.RegisterVersionRequest, call: Call) -> bytes:
        """Register a new immutable version."""
        translated = register_version(request, now(), new_salt)
        return await self._writing.write(translated, _REGISTERED, call)

    async def update_version(self, request: pb.UpdateVersionRequest, call: Call) -> bytes:
        """Change description or card."""
        translated = translate.update_version(request, now(), new_salt)
        return await self._writing.write(translated, _UPDATED, call)

    async def label_version(self, request: pb.LabelVersionRequest, call: Call) -> bytes:
        """Give a version its SemVer label."""
        translated = translate.label_version(request, now(), new_salt)
        return await self._writing.write(translated, _LABELLED, call)

    async def delete_version(self, request: pb.DeleteVersionRequest, call: Call) -> bytes:
        """Delete a version."""
        translated = translate.delete_version(request, now(), new_salt)
        return await self._writing.write(translated, _DELETED, call)

    async def restore_version(self, request: pb.RestoreVersionRequest, call: Call) -> bytes:
        """Bring a deleted version back."""
        translated = translate.restore_version(request, now(), new_salt)
        return await self._writing.write(translated, _RESTORED, call)

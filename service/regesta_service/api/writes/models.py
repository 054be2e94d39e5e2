"""Writes of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes import translate_models as translate
from regesta_service.api.writes.writing import Writing, new_salt, now

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer

_CREATED = AnswerLayout(pb.CreateModelResponse, "model")
_UPDATED = AnswerLayout(pb.UpdateModelResponse, "model")
_RENAMED = AnswerLayout(pb.RenameModelResponse, "model")
_DELETED = AnswerLayout(pb.DeleteModelResponse, "model")
_RESTORED = AnswerLayout(pb.RestoreModelResponse, "model")


class ModelWrites:
    """CatalogService's writes of models.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader) -> None:
        catalog = pb.DESCRIPTOR.services_by_name["CatalogService"]
        self._writing = Writing(catalog, sequencer, answers)

    async def create_model(self, request: pb.CreateModelRequest, call: Call) -> bytes:
        """Create a model."""
        translated = translate.create_model(request, now(), new_salt)
        return await self._writing.write(translated, _CREATED, call)

    async def update_model(self, request: pb.UpdateModelRequest, call: Call) -> bytes:
        """Change owner, description or card."""
        translated = translate.update_model(request, now(), new_salt)
        return await self._writing.write(translated, _UPDATED, call)

    async def rename_model(self, request: pb.RenameModelRequest, call: Call) -> bytes:
        """Give a model a new name."""
        translated = translate.rename_model(request, now(), new_salt)
        return await self._writing.write(translated, _RENAMED, call)

    async def delete_model(self, request: pb.DeleteModelRequest, call: Call) -> bytes:
        """Delete a model."""
        translated = translate.delete_model(request, now(), new_salt)
        return await self._writing.write(translated, _DELETED, call)

    async def restore_model(self, request: pb.RestoreModelRequest, call: Call) -> bytes:
        """Bring a deleted model back."""
        translated = translate.restore_model(request, now(), new_salt)
        return await self._writing.write(translated, _RESTORED, call)

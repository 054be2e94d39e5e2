"""Writes that put back what an alias or a stage had before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta_service.access.permissions import Permission
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes import translate_rollbacks as translate
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.rejections import HoldersChanged
from regesta_service.domain.rollbacks import RollbackAlias, RollbackStage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, HolderLookup, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.holding import Holders

C = TypeVar("C", RollbackAlias, RollbackStage)

_ALIAS_BACK = AnswerLayout(pb.RollbackAliasResponse, "alias")
_STAGE_BACK = AnswerLayout(lifecycle_pb.RollbackStageResponse, "version")

#: How often the history is read before a rollback is given up.
_ATTEMPTS: Final = 5


class RollbackWrites:
    """The rollbacks of CatalogService and of LifecycleService.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
        lookup: Reads who had an alias or a stage.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader, lookup: HolderLookup) -> None:
        catalog = pb.DESCRIPTOR.services_by_name["CatalogService"]
        lifecycle = lifecycle_pb.DESCRIPTOR.services_by_name["LifecycleService"]
        self._of_aliases = Writing(catalog, sequencer, answers)
        self._of_stages = Writing(lifecycle, sequencer, answers)
        self._lookup = lookup

    async def rollback_alias(self, request: pb.RollbackAliasRequest, call: Call) -> bytes:
        """Point an alias back to the version that it pointed to before."""
        translated = translate.rollback_alias(request, now(), new_salt)
        command, namespace = translated.command, translated.namespace
        may = call.may(Permission.CATALOG_PROTECT, namespace)
        translated = replace(translated, command=replace(command, may_move_protected=may))
        return await _looked_up(
            translated,
            lambda: self._lookup.of_alias(namespace, command.model, command.alias),
            lambda ready: self._of_aliases.write(ready, _ALIAS_BACK, call),
        )

    async def rollback_stage(self, request: lifecycle_pb.RollbackStageRequest, call: Call) -> bytes:
        """Put the version that held a stage before back into it."""
        translated = translate.rollback_stage(request, now(), new_salt)
        command, namespace = translated.command, translated.namespace
        return await _looked_up(
            translated,
            lambda: self._lookup.of_stage(namespace, command.model, command.stage),
            lambda ready: self._of_stages.write(ready, _STAGE_BACK, call),
        )


async def _looked_up(
    translated: Translated[C],
    look: Callable[[], Awaitable[Holders]],
    write: Callable[[Translated[C]], Awaitable[bytes]],
) -> bytes:
    """Write a rollback with what was looked up for it; look again when that has changed since.

    It is written whatever was found: only then a repeated request gets its first answer.

    Raises:
        HoldersChanged: It changed each time.
    """
    for attempt in range(_ATTEMPTS):
        command = replace(translated.command, holders=await look())
        try:
            return await write(replace(translated, command=command))
        except HoldersChanged:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")

"""Submitting moves: who moves, which request it carries out, and who is in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from regesta_service.api.writes.checks import parse_name
from regesta_service.api.writes.translate_requests import parse_request_name
from regesta_service.api.writes.writing import now
from regesta_service.domain.moving import Mover
from regesta_service.domain.rejections import HoldersChanged, InvalidRequest, PolicyNotMet
from regesta_service.domain.transitions import TransitionVersion

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.wire import AnswerLayout
    from regesta_service.api.writes.translating import Translated
    from regesta_service.api.writes.writing import Writing
    from regesta_service.domain.aliases import SetAlias
    from regesta_service.reads.holders import HolderReads
    from regesta_service.reads.requests import RequestReads

MoveCommand: TypeAlias = "TransitionVersion | SetAlias"

#: How often who is in a stage is looked up for one move, while others move too.
_LOOKS: Final = 20


class MoveReads(NamedTuple):
    """Where moves look things up."""

    #: Who is in a stage.
    holders: HolderReads
    #: Open requests.
    requests: RequestReads


class Moving:
    """Has moves carried out.

    What a move needs beyond itself is looked up only when deciding asks for it: few stages are
    exclusive, and few moves are governed.

    Args:
        writing: Submits commands.
        reads: Where it looks things up.
    """

    def __init__(self, writing: Writing, reads: MoveReads) -> None:
        self._writing = writing
        self._holders, self._requests = reads

    async def write(
        self,
        translated: Translated[MoveCommand],
        answer: AnswerLayout,
        call: Call,
        request: str,
    ) -> bytes:
        """Have a move carried out, and return the answer with what it shows.

        Args:
            translated: The move.
            answer: Shape of the answer.
            call: Who moves.
            request: Name of the request that it carries out; empty for the newest open one, if
                policies ask for approvals.

        Raises:
            Rejection: As `Writing.write` raises it.
        """
        given = request_in(request, translated.namespace)
        mover = Mover(call.principal.name, call.person, now(), given)
        looked = False
        for _ in range(_LOOKS):
            attempt = replace(translated, command=replace(translated.command, mover=mover))
            try:
                return await self._writing.write(attempt, answer, call)
            except HoldersChanged:
                translated = await self._with_holders(translated)
            except PolicyNotMet:
                if mover.request or looked:
                    raise
                looked = True
                mover = replace(mover, request=await self._open(translated))
                if not mover.request:
                    raise
        attempt = replace(translated, command=replace(translated.command, mover=mover))
        return await self._writing.write(attempt, answer, call)

    async def _with_holders(self, translated: Translated[MoveCommand]) -> Translated[MoveCommand]:
        command = translated.command
        if not isinstance(command, TransitionVersion):
            return translated
        holders = await self._holders.holders(translated.namespace, command.model, command.stage)
        return replace(translated, command=replace(command, holders=holders))

    async def _open(self, translated: Translated[MoveCommand]) -> str:
        command = translated.command
        stage, alias = (
            (command.stage, "") if isinstance(command, TransitionVersion) else ("", command.alias)
        )
        return await self._requests.newest_open(
            translated.namespace, command.model, command.number, stage=stage, alias=alias
        )


def request_in(text: str, namespace: str) -> str:
    """Return the id of a request of a namespace; empty for none.

    Raises:
        InvalidRequest: It is no name of one.
    """
    if not text:
        return ""
    found, request = parse_name("transition_request", parse_request_name, text)
    if found != namespace:
        raise InvalidRequest.of("transition_request", "is one of the same namespace")
    return request

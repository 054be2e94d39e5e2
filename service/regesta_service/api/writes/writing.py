"""Submitting commands, and answering with the resource as of the write's position."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from regesta.sealed import SALT_BYTES
from regesta_projections.records import Cause
from regesta_projections.rows import (
    AliasKey,
    AliasRow,
    ModelKey,
    ModelRow,
    VersionKey,
    VersionRow,
)
from regesta_service.sequencing.identity import identify

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor

    from regesta_service.api.calls import Call
    from regesta_service.api.wire import AnswerLayout
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.deciding import Command
    from regesta_service.log.draft import Committed


class Writing:
    """What the servicers of writes have in common.

    Args:
        service: The service whose methods are answered.
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
    """

    def __init__(
        self, service: ServiceDescriptor, sequencer: Sequencer, answers: AnswerReader
    ) -> None:
        # A request message belongs to one method (buf's RPC_REQUEST_STANDARD_NAME).
        self._methods = {
            method.input_type.full_name: f"/{service.full_name}/{method.name}"
            for method in service.methods
        }
        self._sequencer = sequencer
        self.answers = answers

    async def write(
        self, translated: Translated[Command], answer: AnswerLayout, call: Call
    ) -> bytes:
        """Have a command carried out, and return the answer with what it shows."""
        committed = await self.submit(translated, call)
        return answer.fill(await self.finished(translated, committed), committed.position)

    async def submit(self, translated: Translated[Command], call: Call) -> Committed:
        """Have a command carried out for a caller.

        Raises:
            Rejection: As `Sequencer.submit` raises it.
        """
        principal, request = call.principal, translated.request
        cause = Cause(
            actor=principal.name,
            actor_type=principal.kind,
            request_id=request.request_id,
            traceparent=call.traceparent,
            occurred_at=translated.claim.occurred_at,
            occurred_by=translated.claim.occurred_by,
        )
        identity = identify(
            principal.name,
            request.request_id,
            self._methods[request.DESCRIPTOR.full_name],
            request,
        )
        return await self._sequencer.submit(
            translated.namespace,
            translated.command,
            cause,
            identity,
            deadline=call.deadline,
        )

    async def finished(self, translated: Translated[Command], committed: Committed) -> bytes:
        """Return the resource that a write shows, serialized, as of the write's position.

        What the row and the command say is not read again; a repeated request's is.
        """
        position, row, name = committed.position, committed.row, committed.name
        namespace, known = translated.namespace, translated.texts
        match committed.shows:
            case ModelKey() as key:
                model = row if isinstance(row, ModelRow) else None
                return await self.answers.model_at(namespace, key, position, row=model, known=known)
            case VersionKey() as key:
                if isinstance(row, VersionRow):
                    return await self.answers.version_at(
                        namespace, key, position, row=row, name=name, known=known
                    )
                return await self.answers.version_at(namespace, key, position)
            case AliasKey() as key:
                if isinstance(row, AliasRow):
                    return await self.answers.alias_at(namespace, key, position, row=row, name=name)
                return await self.answers.alias_at(namespace, key, position)
            case key:
                raise TypeError(f"no answer shows {key}")


def new_salt() -> bytes:
    """Return a salt for one free text."""
    return secrets.token_bytes(SALT_BYTES)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)

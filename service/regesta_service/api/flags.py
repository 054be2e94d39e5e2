"""FlagService: flags and revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import flags_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.rows import ModelKey
from regesta_service.api.reads.requests import freshness_of, namespace_in
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes import translate_flags as translate
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.flags import FlagPlace
from regesta_service.reads.pages import page_size_of

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.flags import RaiseFlag, ResolveFlag
    from regesta_service.log.draft import Committed
    from regesta_service.reads.flags import FlagReads
    from regesta_service.reads.pages import PageTokens

_REVOKED = AnswerLayout(pb.RevokeVersionResponse, "version")


class FlagCalls:
    """FlagService's calls.

    Args:
        reads: Lists open flags.
        tokens: Makes and reads page tokens.
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
    """

    def __init__(
        self, reads: FlagReads, tokens: PageTokens, sequencer: Sequencer, answers: AnswerReader
    ) -> None:
        self._reads = reads
        self._tokens = tokens
        service = pb.DESCRIPTOR.services_by_name["FlagService"]
        self._writing = Writing(service, sequencer, answers)

    async def raise_flag(self, request: pb.RaiseFlagRequest, call: Call) -> pb.RaiseFlagResponse:
        """Raise a flag on a model or a version."""
        translated = translate.raise_flag(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        resource = await self._flagged(translated, committed)
        # An id that the server made is another one when the request is repeated.
        given = request.flag.id
        (flag,) = [
            flag
            for flag in resource.flags
            if (flag.id == given if given else flag.position == committed.position)
        ]
        return pb.RaiseFlagResponse(flag=flag, etag=resource.etag, position=committed.position)

    async def resolve_flag(
        self, request: pb.ResolveFlagRequest, call: Call
    ) -> pb.ResolveFlagResponse:
        """Resolve a flag; the answer shows those that are still open."""
        translated = translate.resolve_flag(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        resource = await self._flagged(translated, committed)
        return pb.ResolveFlagResponse(
            flags=resource.flags, etag=resource.etag, position=committed.position
        )

    async def revoke_version(self, request: pb.RevokeVersionRequest, call: Call) -> bytes:
        """Revoke a version."""
        translated = translate.revoke_version(request, now(), new_salt)
        return await self._writing.write(translated, _REVOKED, call)

    async def list_flags(self, request: pb.ListFlagsRequest, call: Call) -> pb.ListFlagsResponse:
        """Return a page of a namespace's open flags."""
        del call
        namespace = namespace_in(request.parent)
        limit = page_size_of(request.page_size)
        after = self._tokens.read(request)
        page = await self._reads.listed(
            namespace,
            FlagPlace.of(after) if after else None,
            limit,
            blocking_only=request.blocking_only,
        )
        # Read from the database during the call: as fresh as it can be.
        check_reached(freshness_of(request), page.size)
        token = self._tokens.make(request, page.end) if page.end else ""
        return pb.ListFlagsResponse(flags=page.flags, next_page_token=token, position=page.size)

    async def _flagged(
        self, translated: Translated[RaiseFlag | ResolveFlag], committed: Committed
    ) -> model_pb.Model | version_pb.Version:
        """Return the model or version as of the write's position."""
        resource = await self._writing.finished(translated, committed)
        if isinstance(committed.shows, ModelKey):
            return model_pb.Model.FromString(resource)
        return version_pb.Version.FromString(resource)

"""AuditService: reading the log itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final, TypeAlias

from regesta import names
from regesta.merkle import Frontier
from regesta.names import AliasName, CommentName, InvalidName, ModelName, VersionName
from regesta.v1 import audit_service_pb2 as pb
from regesta_projections.evolve.stamps import put_time
from regesta_projections.evolve.streams import stream_of
from regesta_projections.wire import part, varint
from regesta_service.access.permissions import Permission
from regesta_service.api import errors
from regesta_service.api.reads.requests import freshness_of, namespace_in, recorded_moment_of
from regesta_service.api.reads.selecting import selection_of
from regesta_service.domain.rejections import (
    CommentNotFound,
    Draining,
    InvalidRequest,
    MomentOutOfRange,
)
from regesta_service.reads import past
from regesta_service.reads.consistency import beyond_the_end, check_reached
from regesta_service.reads.differing import Span, change_of, touched_in
from regesta_service.reads.disclosures import fitting, read_texts
from regesta_service.reads.events import read_chunk
from regesta_service.reads.history import read_history
from regesta_service.reads.moments import position_at
from regesta_service.reads.pages import page_size_of
from regesta_service.reads.refusals import alias_not_found, model_not_found, version_not_found
from regesta_service.reads.wire import page_answer

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.domain.rejections import Rejection
    from regesta_service.reads.read_model import ReadModel

_Name: TypeAlias = ModelName | VersionName | AliasName | CommentName

_DEFAULT_PAGE: Final = 100
_MAX_POSITION: Final = (1 << 63) - 1

#: Most events of one answer of a stream, and most bytes unless one alone is longer.
CHUNK_EVENTS: Final = 500
CHUNK_BYTES: Final = 1 << 20


class AuditReads:
    """Reads of events, histories and heads."""

    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads

    async def read_events(self, request: pb.ReadEventsRequest, call: Call) -> bytes:  # noqa: ARG002
        """Return a page of events.

        A page ends early when 20,000 positions were looked through or 3 MiB were found.
        """
        namespace = namespace_in(request.parent)
        limit = page_size_of(request.page_size, _DEFAULT_PAGE)
        after = _after(request.after_position)
        place = self._reads.page_tokens.read(request)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        selection = await selection_of(request.filter, namespace, namespace_id, self._reads.pool)
        async with self._reads.pool.connection() as connection:
            chunk = await read_chunk(
                connection,
                namespace_id,
                after=after if place is None else int(place[0]),
                limit=limit,
                selection=selection,
            )
            check_reached(freshness_of(request), chunk.size)
            if after > chunk.size:
                raise beyond_the_end(after, chunk.size)
            texts = await read_texts(connection, namespace_id, chunk.events)
        messages = fitting(chunk.events, texts)
        reached = chunk.position
        if len(messages) < len(chunk.events):
            reached = chunk.events[len(messages) - 1].position
        token = ""
        if reached < chunk.size:
            token = self._reads.page_tokens.make(request, [reached])
        return page_answer(messages, token, reached)

    async def stream_events(
        self, request: pb.StreamEventsRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """Yield events in answers of up to 500 events or 1 MiB."""
        namespace = namespace_in(request.parent)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        selection = await selection_of(request.filter, namespace, namespace_id, self._reads.pool)
        after, until = _after(request.after_position), request.until_position
        size = await self._reads.lookups.size(namespace_id)
        if max(after, until) > size:
            raise beyond_the_end(max(after, until), size)
        if until < 0:
            raise InvalidRequest.of("until_position", "must not be negative")
        until = until or size
        while after < until:
            async with self._reads.pool.connection() as connection:
                chunk = await read_chunk(
                    connection,
                    namespace_id,
                    after=after,
                    until=until,
                    limit=CHUNK_EVENTS,
                    selection=selection,
                )
                texts = await read_texts(connection, namespace_id, chunk.events)
            messages = fitting(chunk.events, texts, CHUNK_BYTES)
            after = chunk.position
            if len(messages) < len(chunk.events):
                after = chunk.events[len(messages) - 1].position
            yield _chunk_answer(messages, after)
            if not call.still_allowed():
                raise errors.denied(Permission.AUDIT_READ, namespace)
            if call.draining.is_set():
                raise Draining(f"the server is about to stop; go on after position {after}")

    async def get_history(self, request: pb.GetHistoryRequest, call: Call) -> bytes:  # noqa: ARG002
        """Return a page of what happened to a resource, newest first."""
        name = _resource(request.name)
        limit = page_size_of(request.page_size, _DEFAULT_PAGE)
        moment = recorded_moment_of("as_of", request.as_of)
        place = self._reads.page_tokens.read(request)
        freshness = freshness_of(request)
        namespace_id = await self._reads.namespaces.namespace_id(name.namespace)
        async with self._reads.pool.connection() as connection:
            until = _MAX_POSITION - 1
            if moment is not None:
                until = (await position_at(connection, namespace_id, moment)).position
            before = until + 1 if place is None else int(place[0])
            history = await read_history(
                connection,
                namespace_id,
                stream_of(await past.key_named(connection, namespace_id, name)),
                children=request.include_children,
                before=before,
                # One more, to know whether another page follows.
                limit=limit + 1,
            )
            check_reached(freshness, history.size)
            if place is None and not history.events:
                raise _not_found(name)
            listed = history.events[:limit]
            texts = await read_texts(connection, namespace_id, listed)
        messages = fitting(listed, texts)
        token = ""
        if len(messages) < len(history.events):
            end = listed[len(messages) - 1].position
            token = self._reads.page_tokens.make(request, [end])
        return page_answer(messages, token, min(until, history.size))

    async def diff_state(self, request: pb.DiffStateRequest, call: Call) -> pb.DiffStateResponse:  # noqa: ARG002
        """Return a page of what changed between two moments."""
        namespace = namespace_in(request.parent)
        limit = page_size_of(request.page_size)
        first = recorded_moment_of("from_moment", request.from_moment)
        last = recorded_moment_of("to_moment", request.to_moment)
        if first is None:
            raise InvalidRequest.of("from_moment", "is required")
        place = self._reads.page_tokens.read(request)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        async with self._reads.pool.connection() as connection:
            before = await position_at(connection, namespace_id, first, may_precede=True)
            after = before.size
            if last is not None:
                end = await position_at(connection, namespace_id, last, may_precede=True)
                after = end.position
            check_reached(freshness_of(request), before.size)
            # The end that the first page was of is kept, though the log has grown.
            begun, after = (before.position, after) if place is None else map(int, place)
            if after < before.position:
                raise MomentOutOfRange("the later moment lies before the earlier one")
            span = Span(namespace, namespace_id, before.position, after)
            page = await touched_in(connection, span, begun, limit)
            answers = self._reads.answers
            changes = [await change_of(connection, answers, span, one) for one in page.touched]
        token = ""
        if page.position < after:
            token = self._reads.page_tokens.make(request, [page.position, after])
        return pb.DiffStateResponse(
            changes=[change for change in changes if change is not None],
            next_page_token=token,
            from_position=before.position,
            position=after,
        )

    async def get_head(self, request: pb.GetHeadRequest, call: Call) -> pb.GetHeadResponse:  # noqa: ARG002
        """Return the end of a log and the Merkle root over all of it."""
        namespace = namespace_in(request.parent)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        async with self._reads.pool.connection() as connection:
            cursor = await connection.execute(_HEAD, [namespace_id])
            ((size, frontier, recorded_at),) = await cursor.fetchall()
        head = pb.GetHeadResponse(
            position=size, root_hash=Frontier.decode(size, bytes(frontier)).root()
        )
        if recorded_at is not None:
            put_time(head.record_time, recorded_at)
        return head


def _after(position: int) -> int:
    if position < 0:
        raise InvalidRequest.of("after_position", "must not be negative")
    return position


def _chunk_answer(messages: list[bytes], position: int) -> bytes:
    parts = [part(1, message) for message in messages]
    return b"".join((*parts, b"\x10", varint(position)))


def _resource(text: str) -> _Name:
    try:
        name = CommentName.parse(text) if "/comments/" in text else names.parse(text)
    except InvalidName as error:
        raise InvalidRequest.of("name", error.message) from None
    if not isinstance(name, _Name):
        raise InvalidRequest.of("name", "names a model, a version or an alias")
    return name


def _not_found(name: _Name) -> Rejection:
    match name:
        case ModelName(model=model):
            return model_not_found(model)
        case VersionName(model=model, version=number):
            return version_not_found(model, number)
        case AliasName(model=model, alias=alias):
            return alias_not_found(model, alias)
        case CommentName():
            return CommentNotFound("there is no such comment, or was none then")


_HEAD = "SELECT size, frontier, recorded_at FROM regesta.logs WHERE namespace_id = %s"

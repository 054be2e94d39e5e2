"""LogService: checkpoints, and proofs out of the stored tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Final

from regesta.audit.cosignatures import parse_lines, read_cosignatures
from regesta.audit.notes import InvalidNote, Note, UnsignedNote, VerifierKey
from regesta.audit.proofs import TlogProof
from regesta.audit.tiles import MAX_LEVEL, TileRef, tile_width
from regesta.merkle import TILE_WIDTH, Frontier
from regesta.v1 import log_service_pb2 as pb
from regesta_projections.evolve.stamps import put_time
from regesta_service.access.permissions import Permission
from regesta_service.api import errors
from regesta_service.api.reads.requests import namespace_in
from regesta_service.audit import published
from regesta_service.domain.rejections import (
    CheckpointNotFound,
    Draining,
    InvalidRequest,
    OutsideTree,
    PublishingStopped,
    ReceiptNotReady,
    WitnessUnknown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta_service.api.calls import Call
    from regesta_service.audit.published import Published, Status
    from regesta_service.audit.tree import Trees
    from regesta_service.reads.read_model import ReadModel

#: Longest wait for a receipt, in seconds; the call's deadline may end it sooner.
MAX_WAIT: Final = 30.0

#: Seconds before the call's deadline at which a wait ends, so that the answer can say why.
_MARGIN: Final = 0.25

#: Seconds between two looks of a stream, and between two words while nothing is signed.
_POLL: Final = 0.25
_HEARTBEAT: Final = 15.0


class LogProofs:
    """Checkpoints and proofs.

    Args:
        reads: Where the pool is, and the namespaces.
        trees: Of this process.
        witnesses: Keys of witnesses whose cosignatures are taken.
    """

    def __init__(
        self, reads: ReadModel, trees: Trees, witnesses: Sequence[VerifierKey] = ()
    ) -> None:
        self._reads = reads
        self._trees = trees
        self._witnesses = tuple(witnesses)
        self._waiting = published.Waiting(reads.pool)

    async def get_checkpoint(
        self,
        request: pb.GetCheckpointRequest,
        call: Call,  # noqa: ARG002
    ) -> pb.GetCheckpointResponse:
        """Return a checkpoint, and how its publisher is doing."""
        namespace_id = await self._namespace_id(request.parent)
        size = _at_least("size", request.size, 1 if request.exact else 0)
        async with self._reads.pool.connection() as connection:
            if request.exact:
                found = await published.of_size(connection, namespace_id, size)
            else:
                found = await published.latest(connection, namespace_id)
            status = await published.publisher_status(connection, namespace_id)
        if found is None or found.size < size:
            _refuse_stopped(status)
            raise _no_checkpoint(found, size)
        answer = pb.GetCheckpointResponse(note=found.note, size=found.size)
        put_time(answer.publish_time, found.published_at)
        _put_status(answer.publisher, status)
        return answer

    async def watch_checkpoints(
        self, request: pb.WatchCheckpointsRequest, call: Call
    ) -> AsyncGenerator[pb.WatchCheckpointsResponse, None]:
        """Yield every checkpoint above a size, until the call ends."""
        namespace_id = await self._namespace_id(request.parent)
        size = _at_least("after_size", request.after_size, 0)
        time = asyncio.get_running_loop().time
        told = time() - _HEARTBEAT
        while True:
            async with self._reads.pool.connection() as connection:
                found = await published.after(connection, namespace_id, size)
                status = await published.publisher_status(connection, namespace_id)
            for one in found:
                size = one.size
                yield pb.WatchCheckpointsResponse(note=one.note, size=one.size)
            if found:
                told = time()
            elif time() >= told + _HEARTBEAT:
                told = time()
                beat = pb.WatchCheckpointsResponse(size=size)
                _put_status(beat.publisher, status)
                yield beat
            if call.draining.is_set():
                raise Draining(f"the server is about to stop; go on after size {size}")
            if not call.still_allowed():
                raise errors.denied(Permission.PROOFS_READ, namespace_in(request.parent))
            if len(found) < published.CHUNK:
                await asyncio.sleep(_POLL)

    async def prove_inclusion(
        self,
        request: pb.ProveInclusionRequest,
        call: Call,  # noqa: ARG002
    ) -> pb.ProveInclusionResponse:
        """Return the audit path of an event's leaf."""
        namespace_id = await self._namespace_id(request.parent)
        position = _at_least("position", request.position, 1)
        wanted = _at_least("size", request.size, 0)
        async with self._reads.pool.connection() as connection:
            place = await _place(connection, namespace_id, wanted, position)
            proof = await self._trees.inclusion(
                connection, namespace_id, position - 1, place.size, place.root
            )
        return pb.ProveInclusionResponse(
            size=place.size,
            leaf_hash=proof.leaf_hash,
            hashes=proof.hashes,
            root_hash=proof.root,
            checkpoint=place.note,
        )

    async def prove_consistency(
        self,
        request: pb.ProveConsistencyRequest,
        call: Call,  # noqa: ARG002
    ) -> pb.ProveConsistencyResponse:
        """Return the proof that the log extends what it was."""
        namespace_id = await self._namespace_id(request.parent)
        old_size = _at_least("old_size", request.old_size, 1)
        wanted = _at_least("size", request.size, 0)
        async with self._reads.pool.connection() as connection:
            place = await _place(connection, namespace_id, wanted, old_size)
            proof = await self._trees.consistency(
                connection, namespace_id, old_size, place.size, place.root
            )
        return pb.ProveConsistencyResponse(
            size=place.size,
            hashes=proof.hashes,
            old_root_hash=proof.old_root,
            root_hash=proof.root,
            checkpoint=place.note,
        )

    async def get_tile(
        self,
        request: pb.GetTileRequest,
        call: Call,  # noqa: ARG002
    ) -> pb.GetTileResponse:
        """Return the hashes of a tile."""
        namespace_id = await self._namespace_id(request.parent)
        level = _at_least("level", request.level, 0)
        index = _at_least("index", request.index, 0)
        width = _at_least("width", request.width, 0) or TILE_WIDTH
        if width > TILE_WIDTH:
            raise InvalidRequest.of("width", f"is at most {TILE_WIDTH}")
        async with self._reads.pool.connection() as connection:
            size, _ = await _head(connection, namespace_id)
            if level > MAX_LEVEL or tile_width(level, index, size) < width:
                raise OutsideTree(
                    f"a log of {size} events has no such tile", metadata={"size": str(size)}
                )
            ref = TileRef(level, index, width)
            return pb.GetTileResponse(hashes=await self._trees.tile(connection, namespace_id, ref))

    async def get_receipt(self, request: pb.GetReceiptRequest, call: Call) -> pb.GetReceiptResponse:
        """Return a receipt, once there can be one."""
        namespace_id = await self._namespace_id(request.parent)
        position = _at_least("position", request.position, 1)
        size = _at_least("size", request.size, 0)
        await self._wait(namespace_id, position, request, call)
        async with self._reads.pool.connection() as connection:
            if size:
                found = await published.of_size(connection, namespace_id, size)
            else:
                found = await published.covering(connection, namespace_id, position)
            if found is None:
                raise _no_checkpoint(None, size)
            if found.size < position:
                raise OutsideTree(
                    f"position {position} is not under the checkpoint of size {size}",
                    metadata={"size": str(size)},
                )
            proof = await self._trees.inclusion(
                connection, namespace_id, position - 1, found.size, found.root
            )
        receipt = TlogProof(position - 1, tuple(proof.hashes), Note.parse(found.note))
        return pb.GetReceiptResponse(
            receipt=receipt.encode().decode(), size=found.size, leaf_hash=proof.leaf_hash
        )

    async def add_cosignature(
        self,
        request: pb.AddCosignatureRequest,
        call: Call,  # noqa: ARG002
    ) -> pb.AddCosignatureResponse:
        """Add the cosignatures of known witnesses to a stored checkpoint."""
        namespace_id = await self._namespace_id(request.parent)
        size = _at_least("size", request.size, 1)
        try:
            parse_lines(request.signatures)
        except InvalidNote as error:
            raise InvalidRequest.of("signatures", str(error)) from None
        async with self._reads.pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(_NOTE, [namespace_id, size])
            row = await cursor.fetchone()
            if row is None:
                raise _no_checkpoint(None, size)
            note = Note.parse(row[0])
            try:
                added = read_cosignatures(note, request.signatures, self._witnesses)
            except UnsignedNote:
                raise WitnessUnknown(
                    "none of the signatures is by a witness that is configured here"
                ) from None
            except InvalidNote as error:
                raise InvalidRequest.of("signatures", str(error)) from None
            grown = published.cosigned(note, [one.signature for one in added])
            if grown != note:
                await connection.execute(_SIGN, [str(grown), namespace_id, size])
        return pb.AddCosignatureResponse(note=str(grown))

    async def _namespace_id(self, parent: str) -> int:
        return await self._reads.namespaces.namespace_id(namespace_in(parent))

    async def _wait(
        self, namespace_id: int, position: int, request: pb.GetReceiptRequest, call: Call
    ) -> None:
        """Return once a checkpoint covers a position, or refuse."""
        async with self._reads.pool.connection() as connection:
            size, _ = await _head(connection, namespace_id)
        if position > size:
            raise _beyond(position, size)
        seconds = min(_seconds(request), max(call.remaining() - _MARGIN, 0.0))
        reached, status = await self._waiting.reached(namespace_id, position, seconds)
        if reached >= position:
            return
        _refuse_stopped(status)
        raise ReceiptNotReady(
            f"no checkpoint covers position {position} yet; the latest is of size {reached}",
            metadata={"size": str(reached)},
            retry_after=1.0,
        )


class _Place:
    """A size of the tree to prove something in."""

    def __init__(self, size: int, root: bytes | None, note: str = "") -> None:
        self.size = size
        #: What the root must be; None when nobody has said.
        self.root = root
        self.note = note


async def _place(connection: Any, namespace_id: int, wanted: int, covering: int) -> _Place:
    """Return the size that a request means; 0 is the latest checkpoint's, or the log's.

    Raises:
        OutsideTree: It is beyond the log, or does not cover what it must.
    """
    size, frontier = await _head(connection, namespace_id)
    if max(wanted, covering) > size:
        raise _beyond(max(wanted, covering), size)
    if wanted:
        if wanted < covering:
            raise OutsideTree(f"{covering} is beyond the size {wanted}")
        found = await published.of_size(connection, namespace_id, wanted)
    else:
        found = await published.latest(connection, namespace_id)
    if found is not None and covering <= found.size <= size:
        return _Place(found.size, found.root, found.note)
    if wanted in {0, size}:
        return _Place(size, Frontier.decode(size, frontier).root())
    return _Place(wanted, None)


async def _head(connection: Any, namespace_id: int) -> tuple[int, bytes]:
    cursor = await connection.execute(_HEAD, [namespace_id])
    ((size, frontier),) = await cursor.fetchall()
    return int(size), bytes(frontier)


def _at_least(field: str, value: int, least: int) -> int:
    if value < least:
        raise InvalidRequest.of(field, f"is at least {least}")
    return value


def _seconds(request: pb.GetReceiptRequest) -> float:
    seconds = request.wait.seconds + request.wait.nanos / 1e9
    if seconds < 0:
        raise InvalidRequest.of("wait", "must not be negative")
    return min(seconds, MAX_WAIT)


def _beyond(position: int, size: int) -> OutsideTree:
    return OutsideTree(
        f"the log ends at position {size}; {position} lies beyond it",
        metadata={"size": str(size)},
    )


def _no_checkpoint(found: Published | None, size: int) -> CheckpointNotFound:
    if found is not None:
        return CheckpointNotFound(
            f"the latest checkpoint is of size {found.size}, below {size}",
            metadata={"size": str(found.size)},
        )
    what = f"there is no checkpoint of size {size}" if size else "nothing has been signed yet"
    return CheckpointNotFound(f"{what}; is a publisher running?")


def _refuse_stopped(status: Status) -> None:
    """Refuse when waiting would be in vain."""
    alarm = status.alarm
    if alarm is None:
        return
    raise PublishingStopped(
        f"publishing stopped with the alarm {alarm.kind} at position {alarm.position}",
        metadata={
            "alarm": alarm.kind,
            "position": str(alarm.position),
            "last_position": str(alarm.last_position),
        },
    )


def _put_status(answer: pb.PublisherStatus, status: Status) -> None:
    answer.verifier_keys.extend(status.verifier_keys)
    if status.seen_at is not None:
        put_time(answer.seen_time, status.seen_at)
    alarm = status.alarm
    if alarm is None:
        return
    answer.alarm.kind = alarm.kind
    answer.alarm.position = alarm.position
    answer.alarm.last_position = alarm.last_position
    answer.alarm.detail = alarm.detail
    if alarm.at is not None:
        put_time(answer.alarm.time, alarm.at)


_HEAD = "SELECT size, frontier FROM regesta.logs WHERE namespace_id = %s"
_NOTE = """
SELECT note FROM regesta.checkpoints WHERE namespace_id = %s AND size = %s FOR UPDATE
"""
_SIGN = "UPDATE regesta.checkpoints SET note = %s WHERE namespace_id = %s AND size = %s"

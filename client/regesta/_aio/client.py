"""The client: the verbs of a registry over the calls of its API."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from regesta._aio.calls import AsyncCalls
from regesta._aio.tracing import trace_address
from regesta._aio.transport import AsyncTransport
from regesta._shared import DEFAULT_TIMEOUT, Occurred, full_name
from regesta.audit.policies import Policy
from regesta.audit.traces import Trace
from regesta.errors import CheckpointInvalid, DeadlineExceeded, OutOfRange, Overloaded, Unavailable
from regesta.properties import PropertyLike, property_value
from regesta.trust import Receipt, SignedCheckpoint, Trust, received, signed
from regesta.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    event_pb2,
    flags_service_pb2,
    model_pb2,
    version_pb2,
)

#: Where a server started by `regesta-server up` listens.
DEFAULT_TARGET = "127.0.0.1:7421"

#: Pause between two looks for cosignatures, in seconds.
_COSIGN_PAUSE = 0.5

#: Longest pause between two attempts to go on with a broken stream, in seconds.
_MAX_PAUSE = 10.0


class AsyncClient(AsyncCalls):
    """A registry, seen through one namespace.

    Every call of the API is a method (see `AsyncCalls`); below are those that do more
    than one call. Names may be short: `churn`, `churn/3`, `churn@champion`.

    The client reads its own writes, from any server of one database: it keeps the
    highest position it has seen and asks for answers no older. Calls are retried by
    gRPC while no server answers, which is safe, since writes carry a request id.

    Args:
        target: `host:port` or `unix:` and a path.
        token: Bearer token; None for a server in development mode.
        namespace: Short names are relative to it.
        tls: False for the clear, True for TLS with the system's roots, or a PEM file
            of roots.
        channels: Connections; more than one reach more than one worker of a server.
        timeout: Seconds after which a call is given up that has no timeout of its own;
            streams go on without end.
        trust: Whose signatures make a checkpoint count: a trust policy, its text or the path
            of its file, or a `regesta.Trust`. Checkpoints and receipts are judged by it, and
            must extend the last checkpoint that any program of this user has seen. Needs the
            extra `regesta[audit]`.
        fresh: Every read waits for all that anybody was told is done before it began,
            and not only for what this client has seen. It costs a look at the database.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        token: str | None = None,
        namespace: str = "default",
        tls: str | Path | bool = False,
        channels: int = 2,
        timeout: float = DEFAULT_TIMEOUT,
        fresh: bool = False,
        trust: Trust | Policy | str | Path | None = None,
    ) -> None:
        transport = AsyncTransport(
            target, token=token, tls=tls, channels=channels, timeout=timeout, fresh=fresh
        )
        super().__init__(transport, namespace)
        self._trust = Trust.of(trust)

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        await self.close()

    @property
    def position(self) -> int:
        """The highest position of the namespace's log that an answer reflected; 0 before any.

        After a write, a read at or after it shows that write.
        """
        return self._transport.positions.seen(self._namespace)

    async def close(self) -> None:
        """Close every connection; calls under way are cancelled."""
        await self._transport.close()

    async def register(
        self,
        model: str,
        *,
        source: str = "",
        digest: str = "",
        size_bytes: int = 0,
        semver: str = "",
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, PropertyLike] | None = None,
        signature: version_pb2.Signature | None = None,
        lineage: version_pb2.Lineage | None = None,
        manifest: version_pb2.ManifestReference | None = None,
        description: str = "",
        card: str = "",
        create_model: bool = True,
        occurred_at: datetime | None = None,
        occurred_by: str = "",
        reason: str = "",
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Register a new version of a model and return it with its number.

        Args:
            model: The model, for example `churn`.
            source: Where the artifact is; opaque text.
            digest: `sha256:` and 64 hex digits; `regesta.digest_of` makes one of a file.
            size_bytes: Size of the artifact.
            semver: SemVer label, for example `1.2.0`.
            params: Hyperparameters.
            metrics: Training metrics; NaN and infinities are refused.
            tags: Labels.
            properties: Typed facts: str, int, float, bool, list or dict.
            signature: Inputs and outputs; `regesta.inspect` reads them from a file.
            lineage: Where it comes from.
            manifest: The list of files, by reference.
            description: Free text.
            card: The version's card.
            create_model: Create the model, of kind MODEL, if it does not exist.
            occurred_at: When it really happened, for importers.
            occurred_by: Who really did it, for importers; opaque text.
            reason: Why.
            request_id: The caller's own id of this write; None makes one.
            timeout: Seconds until the call is given up.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        version = version_pb2.Version(
            source=source,
            digest=digest,
            size_bytes=size_bytes,
            semver=semver,
            params=params,
            metrics=metrics,
            tags=tags,
            signature=signature,
            lineage=lineage,
            manifest=manifest,
            description=description,
            card=card,
            properties={name: property_value(value) for name, value in (properties or {}).items()},
        )
        return await self.register_version(
            model,
            version=version,
            allow_missing_model=create_model,
            occurred_time=occurred_at,
            occurred_by=occurred_by,
            request_id=request_id,
            reason=reason,
            timeout=timeout,
        )

    async def release(
        self,
        moves: Mapping[str, int] | Sequence[tuple[str, int]],
        *,
        reason: str = "",
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> list[model_pb2.Alias]:
        """Point aliases of several models at once, all of them or none, and return them.

        Args:
            moves: Versions by alias: `{"churn@champion": 3, "fraud@champion": 7}`.
            reason: Why.
            request_id: The caller's own id of this write; None makes one.
            timeout: Seconds until the call is given up.

        Raises:
            RegestaError: The call failed; see `regesta.errors`. `MOVES_REFUSED` tells every move
                that stands in the way.
        """
        pairs = moves.items() if isinstance(moves, Mapping) else moves
        answer = await self.move_aliases(
            [
                catalog_service_pb2.AliasMove(
                    name=full_name(alias, self._namespace, "alias"), version=version
                )
                for alias, version in pairs
            ],
            request_id=request_id,
            reason=reason,
            timeout=timeout,
        )
        return list(answer.aliases)

    async def resolve(
        self,
        address: str,
        *,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Return the version an address means.

        Args:
            address: `churn/3`, `churn@champion`, `churn#production`, `churn@^1.2`,
                `churn@latest` or `sha256:…`.
            as_of: What it meant at this time or position; see also `regesta.Occurred`.
            timeout: Seconds until the call is given up.

        Raises:
            NotFound: No version is meant by it.
            PreconditionFailed: The version it means is deleted, archived, revoked or stopped
                by a flag.
            RegestaError: The call failed otherwise.
        """
        return await self.resolve_version(address=address, as_of=as_of, timeout=timeout)

    async def trace(
        self,
        address: str,
        *,
        as_of: datetime | int | None = None,
        proofs: bool = True,
        timeout: float | None = None,
    ) -> Trace:
        """Return which version an address meant at a moment, and the events that decided it.

        Args:
            address: As for `resolve`. An alias is traced also to a version that is not
                resolved any more.
            as_of: The moment; None is now.
            proofs: Also prove each event to be in the log: by its receipt where a checkpoint
                covers it.
            timeout: Seconds until each call is given up.

        Raises:
            NotFound: No version was meant by it, and none ever by such an alias.
            PreconditionFailed: The version it means is deleted, archived, revoked or stopped
                by a flag.
            InvalidProof: An event is not shown to be in the log.
            RegestaError: A call failed otherwise.
        """
        return await trace_address(self, address, as_of=as_of, proofs=proofs, timeout=timeout)

    async def models(
        self,
        where: str = "",
        *,
        order_by: str = "",
        show_deleted: bool = False,
        as_of: datetime | int | Occurred | None = None,
    ) -> AsyncIterator[model_pb2.Model]:
        """Yield every model that matches a filter (docs/reference/filters.md), at any moment."""
        token = ""
        while True:
            page = await self.search_models(
                filter=where,
                order_by=order_by,
                page_size=200,
                page_token=token,
                show_deleted=show_deleted,
                as_of=as_of,
            )
            for model in page.models:
                yield model
            token = page.next_page_token
            if not token:
                return

    async def versions(
        self,
        model: str = "",
        where: str = "",
        *,
        order_by: str = "",
        show_deleted: bool = False,
        as_of: datetime | int | Occurred | None = None,
    ) -> AsyncIterator[version_pb2.Version]:
        """Yield every version that matches a filter, of one model or of all, at any moment."""
        token = ""
        while True:
            page = await self.search_versions(
                model,
                filter=where,
                order_by=order_by,
                page_size=200,
                page_token=token,
                show_deleted=show_deleted,
                as_of=as_of,
            )
            for version in page.versions:
                yield version
            token = page.next_page_token
            if not token:
                return

    async def flags(
        self, *, blocking_only: bool = False
    ) -> AsyncIterator[flags_service_pb2.RaisedFlag]:
        """Yield every open flag of the namespace, and what it is on."""
        token = ""
        while True:
            page = await self.list_flags(
                blocking_only=blocking_only, page_size=200, page_token=token
            )
            for raised in page.flags:
                yield raised
            token = page.next_page_token
            if not token:
                return

    async def changes(
        self, since: datetime | int, until: datetime | int | None = None
    ) -> AsyncIterator[audit_service_pb2.StateChange]:
        """Yield every model, version and alias that changed between two moments.

        Args:
            since: The earlier moment.
            until: The later one; None means now.
        """
        token = ""
        while True:
            page = await self.diff_state(from_moment=since, to_moment=until, page_token=token)
            for change in page.changes:
                yield change
            token = page.next_page_token
            if not token:
                return

    async def history(
        self, name: str, *, include_children: bool = False, as_of: datetime | int | None = None
    ) -> AsyncIterator[event_pb2.Event]:
        """Yield what happened to a model, version or alias, newest first."""
        token = ""
        while True:
            page = await self.get_history(
                name, include_children=include_children, as_of=as_of, page_token=token
            )
            for event in page.events:
                yield event
            token = page.next_page_token
            if not token:
                return

    async def events(
        self,
        *,
        after: int = 0,
        until: int = 0,
        types: Sequence[str] = (),
        resources: Sequence[str] = (),
        actors: Sequence[str] = (),
    ) -> AsyncIterator[event_pb2.Event]:
        """Yield the events of the log in order, up to its end when the call begins.

        Args:
            after: Begin after this position.
            until: End with this position; 0 means the end of the log.
            types: Event types, for example `AliasSet`; none means all.
            resources: For example `models/churn`; none means all.
            actors: Principals; none means all.
        """
        wanted = event_pb2.EventFilter(types=types, resources=resources, actors=actors)
        async for answer in self.stream_events(
            after_position=after, until_position=until, filter=wanted
        ):
            for event in answer.events:
                yield event

    async def watch(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] = (),
        resources: Sequence[str] = (),
        actors: Sequence[str] = (),
        heartbeat_interval: float = 15.0,
    ) -> AsyncIterator[event_pb2.Event]:
        """Yield events as they happen, for as long as the caller listens.

        It goes on by itself, without gap or repeat, when a server drains, stops, finds
        this client too slow, or gives no sign of life.

        Args:
            after: Begin after this position, 0 with the first event; None begins with
                the next new one.
            types: Event types, for example `AliasSet`; none means all.
            resources: For example `models/churn`; none means all.
            actors: Principals; none means all.
            heartbeat_interval: Seconds between the server's signs of life while nothing
                happens, 1 to 300; a stream is given up for another after three times that.

        Raises:
            RegestaError: Going on is not possible, for example without permission.
        """
        wanted = event_pb2.EventFilter(types=types, resources=resources, actors=actors)
        pause = 0.1
        while True:
            try:
                async for answer in self.subscribe(
                    after_position=after,
                    filter=wanted,
                    heartbeat_interval=heartbeat_interval,
                    # No server promises more often: a shorter one is for it to refuse.
                    silence=3 * max(heartbeat_interval, 1.0),
                ):
                    pause = 0.1
                    content = answer.WhichOneof("content")
                    if content == "event":
                        after = answer.event.position
                        yield answer.event
                    elif content == "heartbeat":
                        after = answer.heartbeat.position
                    elif content == "closing":
                        after = answer.closing.position
            except (Unavailable, Overloaded):
                # Jitter keeps the subscribers of one server from coming back at once.
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311
                pause = min(pause * 2, _MAX_PAUSE)

    async def checkpoint(self, *, timeout: float | None = None) -> SignedCheckpoint:
        """Return the latest signed checkpoint of the log.

        With `trust` it is judged by the policy, and compared with what was seen before.

        Args:
            timeout: Seconds until each call is given up.

        Raises:
            NotFound: Nothing has been signed yet.
            CheckpointInvalid: It is not signed as the policy demands.
            ForkDetected: It is not of the history that was seen before.
            RegestaError: A call failed.
        """
        answer = await self.get_checkpoint(timeout=timeout)
        if self._trust is None:
            return signed(answer.note)
        return await self._believed(self._trust, answer.note, timeout)

    async def receipt(
        self, position: int | None = None, *, wait: float = 10.0, timeout: float | None = None
    ) -> Receipt:
        """Return the receipt of an event, once there is one.

        With `trust` its checkpoint is judged by the policy and compared with what was seen
        before; it waits for the cosignatures that the policy wants.

        Args:
            position: The event's; None means the last position that this client has seen,
                which after a write is that of the write.
            wait: Seconds to wait for it.
            timeout: Seconds until each call is given up; by default longer than it waits.

        Raises:
            DeadlineExceeded: No checkpoint covers it yet; reason `RECEIPT_NOT_READY`.
            PreconditionFailed: The publisher has stopped; reason `PUBLISHING_STOPPED`.
            CheckpointInvalid: It is not signed as the policy demands.
            ForkDetected: It is not of the history that was seen before.
            ValueError: This client has seen no position yet.
            RegestaError: A call failed otherwise.
        """
        position = position or self.position
        if not position:
            raise ValueError("name the position: this client has seen none yet")
        end = monotonic() + wait
        while True:
            left = max(end - monotonic(), 0.0)
            try:
                answer = await self.get_receipt(
                    position, wait=left, timeout=timeout or left + DEFAULT_TIMEOUT
                )
            except DeadlineExceeded as error:
                # A server waits for half a minute at most.
                if error.reason != "RECEIPT_NOT_READY" or monotonic() >= end:
                    raise
                continue
            receipt = received(position, answer)
            if self._trust is None:
                return receipt
            try:
                await self._believed(self._trust, str(receipt.proof.checkpoint), timeout)
            except CheckpointInvalid as error:
                if not error.lacks_witnesses or monotonic() >= end:
                    raise
                await asyncio.sleep(_COSIGN_PAUSE)
            else:
                return replace(receipt, is_trusted=True)

    async def _believed(self, trust: Trust, note: str, timeout: float | None) -> SignedCheckpoint:
        """Return a checkpoint that the policy accepts and that extends what was seen before."""
        shown = trust.judged(note, self._namespace)
        while True:
            step = trust.compared(shown)
            if step is None:
                return shown
            try:
                answer = await self.prove_consistency(
                    old_size=step.smaller.size, size=step.larger.size, timeout=timeout
                )
            except OutOfRange as error:
                raise trust.fork(step, error.message) from None
            if trust.settled(step, answer.hashes):
                return shown

"""Committing to the heads of all streams: when somebody asks, and by itself.

The heads are read in a process of their own, and the commitment is appended as every other
write is. Of several servers on one database one reads at a time, and a commitment that is due
has the same request id for all of them, so it is made once.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import psycopg
import structlog

from regesta.v1.log_status_pb2 import LogStatus
from regesta_projections.heads.committing import Heads
from regesta_projections.records import Cause
from regesta_projections.request_keys import request_key
from regesta_service.access.principals import SYSTEM
from regesta_service.domain.log import CommitHeads
from regesta_service.domain.rejections import HeadsUnderWay, Rejection
from regesta_service.log.identity import RequestIdentity
from regesta_service.postgres.connecting import connected
from regesta_service.verification.checks import Checks, WorkerDied

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from regesta.sealed import SealedText
    from regesta_service.domain.deciding import Command
    from regesta_service.log.draft import Committed

_log = structlog.get_logger("heads")

#: Longest time between two looks whether a commitment is due, in seconds.
_LONGEST_PAUSE: Final = 300.0

#: What the requests of the server itself have in place of a fingerprint: which heads they are
#: is found out again each time, and must not tell one server's request from another's.
_NO_FINGERPRINT: Final = bytes(16)


class Sequencer(Protocol):
    """Carries commands out."""

    async def submit(
        self, namespace: str, command: Command, cause: Cause, request: RequestIdentity
    ) -> Committed:
        """Decide a command and append its facts."""
        ...


class Commitments:
    """Commits to heads.

    Args:
        checks: Reads them.
        sequencer: Appends the commitment.
    """

    def __init__(self, checks: Checks, sequencer: Sequencer) -> None:
        self._checks = checks
        self._sequencer = sequencer

    async def commit(
        self,
        namespace: str,
        cause: Cause,
        request: RequestIdentity,
        reason: SealedText | None = None,
    ) -> AsyncGenerator[int | Committed, None]:
        """Commit to a namespace's heads; yield how many are read so far, then the answer.

        Raises:
            Rejection: Nothing was appended, or as `Sequencer.submit` says.
        """
        heads: Heads | None = None
        async with aclosing(self._checks.heads(namespace)) as steps:
            async for step in steps:
                if isinstance(step, Heads):
                    heads = step
                else:
                    yield step
        if heads is None:
            raise AssertionError("a reading that does not end in heads has failed")
        if heads.disagreeing:
            _log.error("heads_disagree", namespace=namespace, streams=heads.disagreeing)
        command = CommitHeads(
            reason=reason, position=heads.position, streams=heads.streams, root=heads.root
        )
        yield await self._sequencer.submit(namespace, command, cause, request)


@dataclass(frozen=True, slots=True)
class Due:
    """A namespace whose heads are to be committed to."""

    namespace: str
    #: The same for all servers.
    request_id: str


class Schedule:
    """Commits to the heads of every namespace once in a while, if something was appended.

    Args:
        commitments: Makes the commitments.
        dsn: Connects as the service role.
        interval: Seconds between two commitments of a namespace.
    """

    def __init__(self, commitments: Commitments, dsn: str, interval: float) -> None:
        self._commitments = commitments
        self._dsn = dsn
        self._interval = interval

    async def run(self) -> None:
        """Commit whatever is due, for ever."""
        while True:
            # Jitter: servers that were started together do not look together.
            pause = min(self._interval / 4, _LONGEST_PAUSE) * (0.5 + random.random())  # noqa: S311
            await asyncio.sleep(pause)
            try:
                async for due in self._due():
                    await self._commit(due)
            except (psycopg.Error, OSError) as problem:
                _log.warning("heads_postponed", problem=type(problem).__name__)

    async def due(self) -> list[Due]:
        """Return what is to be committed to now."""
        return [due async for due in self._due()]

    async def _due(self) -> AsyncIterator[Due]:
        async with connected(self._dsn) as connection:
            rows = await (await connection.execute(_LOGS)).fetchall()
        now = time.time()
        for name, size, created, status in rows:
            said = LogStatus.FromString(status or b"")
            last = said.heads.commit_time.seconds or created
            # Nothing but the commitment itself was appended since.
            is_new = size > said.heads.event_position
            if is_new and now - last >= self._interval:
                # Servers that look at the same state ask for the same write.
                yield Due(name, f"heads-after-{said.heads.event_position}")

    async def _commit(self, due: Due) -> None:
        cause = Cause(SYSTEM.name, SYSTEM.kind, due.request_id)
        request = RequestIdentity(request_key(cause.actor, due.request_id), _NO_FINGERPRINT)
        try:
            async with aclosing(self._commitments.commit(due.namespace, cause, request)) as steps:
                async for _ in steps:
                    pass
        except HeadsUnderWay:
            _log.debug("heads_under_way", namespace=due.namespace)
        except Rejection as refusal:
            _log.warning("heads_postponed", namespace=due.namespace, reason=refusal.reason)
        except WorkerDied:
            _log.exception("heads_failed", namespace=due.namespace)


_LOGS: Final[Any] = """
SELECT l.name, l.size, extract(epoch FROM n.created_at)::float8, s.resource
FROM regesta.logs AS l
JOIN regesta.namespaces AS n
    ON n.namespace_id = l.namespace_id AND n.generation = l.generation
LEFT JOIN regesta.log_status AS s
    ON s.namespace_id = l.namespace_id AND s.generation = l.generation
ORDER BY l.namespace_id
"""

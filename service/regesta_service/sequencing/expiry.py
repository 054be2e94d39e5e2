"""Noting in the log that requests for moves have expired.

A request that has expired is refused by its time alone; the event tells those who watch, and
makes the list of open ones true. Servers that look at the same state ask for the same write.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

from regesta.v1.governance_pb2 import TransitionRequest
from regesta_projections.records import Cause
from regesta_projections.request_keys import request_key
from regesta_service.access.principals import SYSTEM
from regesta_service.domain.rejections import Rejection
from regesta_service.domain.requests import Expire
from regesta_service.log.identity import RequestIdentity

if TYPE_CHECKING:
    from regesta_service.sequencing.sequencer import Sequencer

_log = structlog.get_logger("requests")

#: Seconds between two looks, give or take a half: servers do not look together.
_PAUSE: Final = 60.0

#: Requests of the server itself have nothing in place of a fingerprint.
_NO_FINGERPRINT: Final = bytes(16)


class Expiry:
    """Ends requests whose time is over.

    Args:
        sequencer: Appends.
        dsn: Connects as the service role.
        pause: Seconds between two looks.
    """

    def __init__(self, sequencer: Sequencer, dsn: str, pause: float = _PAUSE) -> None:
        self._sequencer = sequencer
        self._dsn = dsn
        self._pause = pause

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(self._pause * (0.5 + random.random()))  # noqa: S311 - jitter
            try:
                await self.look(datetime.now(UTC))
            except (psycopg.Error, OSError, Rejection) as problem:
                _log.warning("expiry_postponed", problem=type(problem).__name__)

    async def look(self, now: datetime) -> int:
        """End what has expired by a time, and return how many that were."""
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            rows = await (await connection.execute(_OPEN)).fetchall()
        expired = 0
        for namespace, stream, resource in rows:
            request = TransitionRequest.FromString(resource)
            if request.expire_time.ToDatetime(tzinfo=UTC) > now:
                continue
            request_id = str(stream).rpartition("/")[2]
            cause = Cause(SYSTEM.name, SYSTEM.kind, f"expire-{request_id}")
            identity = RequestIdentity(request_key(cause.actor, cause.request_id), _NO_FINGERPRINT)
            await self._sequencer.submit(namespace, Expire(request_id, now), cause, identity)
            expired += 1
        return expired


_OPEN: Final[Any] = """
SELECT l.name, r.stream, r.resource FROM regesta.logs AS l
JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id
    AND r.generation = l.generation AND r.kind = 'request' AND r.state = 'open'
ORDER BY l.namespace_id, r.stream
LIMIT 10000
"""

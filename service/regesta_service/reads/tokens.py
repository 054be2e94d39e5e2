"""Tokens and principals of the server: who holds a token, lists of both, and last uses.

They stand in the log of the namespace `default`, whose tail says when a token is revoked: at
once in the process that wrote it, elsewhere as soon as the tail hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
import structlog

from regesta.v1 import access_pb2 as pb
from regesta_projections.records import TYPE_PREFIX
from regesta_projections.resources import principal_stream, token_stream
from regesta_service.access.permissions import ROLES
from regesta_service.access.principals import UNBOUNDED, Ceiling, Principal
from regesta_service.access.registering import HOME
from regesta_service.access.tokens import ID_DIGITS
from regesta_service.reads import past

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_projections.rows import ResourceKey
    from regesta_service.access.configured import ConfiguredRoles
    from regesta_service.log.stored import StoredEvent
    from regesta_service.reads.tail import Tail
    from regesta_service.reads.tails import Tails

_log = structlog.get_logger("access")

_REVOKED: Final = TYPE_PREFIX + "TokenRevoked"
_REGISTERED: Final = TYPE_PREFIX + "PrincipalRegistered"
_TOKENS: Final = token_stream("")

#: Seconds within which a second use of a token is not noted, and between two notes.
_USE: Final = 60.0
_NOTE: Final = 1.0


class TokenReads:
    """Knows the tokens that servers of this database issued.

    Args:
        tails: Follows the log.
        pool: To read and to note uses.
        configured: What the configuration gives to principals.
    """

    def __init__(
        self, tails: Tails, pool: AsyncConnectionPool, configured: ConfiguredRoles
    ) -> None:
        self._tails = tails
        self._pool = pool
        self._configured = configured
        self._tail: Tail | None = None
        #: Ids of tokens that were found, of those that were revoked, and of those of which
        #: nobody would have told.
        self._found: set[str] = set()
        self._revoked: set[str] = set()
        self._doubtful: set[str] = set()
        #: Other principals of the same person, by principal; None when that is to be read.
        self._persons: dict[str, str] | None = None
        self._persons_tail: Tail | None = None
        self._registrations = 0
        self._noted: dict[str, float] = {}
        self._to_note: set[str] = set()
        self._some = asyncio.Event()
        tails.listen_to_all(lambda _: self)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Note uses until the block ends."""
        task = asyncio.create_task(self._note_uses())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def find(self, digest: str) -> Principal | None:
        """Return whose token has a SHA-256, in hex; None when there is none that holds."""
        token = digest[:ID_DIGITS]
        # It is followed before it is read, so no revocation falls in between.
        self._tail = await self._tails.tail(HOME)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_FIND, [token_stream(token), self._tail.namespace_id])
            rows = await cursor.fetchall()
        if not rows or token in self._revoked:
            return None
        found, kind = pb.Token.FromString(rows[0][0]), pb.Principal.FromString(rows[0][1]).kind
        # The digest was found by its beginning; all of it counts, compared in constant time.
        if not hmac.compare_digest(found.digest, digest) or found.HasField("revoke_time"):
            return None
        self._found.add(token)
        self._doubtful.discard(token)
        return self._configured.principal(
            found.principal,
            kind,
            ceiling=_ceiling(found),
            until=found.expire_time.ToNanoseconds() / 1e9
            if found.HasField("expire_time")
            else None,
            token=token,
        )

    def holds(self, token: str) -> bool:
        """Say whether a token that was found has not been revoked since, by its id."""
        if token in self._revoked or token in self._doubtful or self._tail is None:
            return False
        # The tail is in use, so it is not stopped.
        self._tail.touched = True
        return True

    async def person_of(self, principal: str) -> str:
        """Return the person that a principal is: by the name that it had first."""
        persons = self._persons
        if persons is None:
            persons = await self._read_persons()
        elif self._persons_tail is not None:
            self._persons_tail.touched = True
        seen = {principal}
        while (other := persons.get(principal)) and other not in seen:
            seen.add(other)
            principal = other
        return principal

    async def _read_persons(self) -> dict[str, str]:
        self._persons_tail = await self._tails.tail(HOME)
        before = self._registrations
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_ALL_PRINCIPALS, [self._persons_tail.namespace_id])
            rows = await cursor.fetchall()
        persons = {
            stream.partition("/")[2]: other
            for stream, resource in rows
            if (other := pb.Principal.FromString(resource).same_person_as)
        }
        if before == self._registrations:
            self._persons = persons
        return persons

    def used(self, token: str) -> None:
        """Note that a token was used just now."""
        now = monotonic()
        if now - self._noted.get(token, -_USE) < _USE:
            return
        self._noted[token] = now
        self._to_note.add(token)
        self._some.set()

    async def principals(self, after: str, limit: int) -> tuple[list[pb.Principal], str]:
        """Return principals by name, and the name to go on after, empty at the end."""
        rows = await self._rows(_PRINCIPALS, after, limit)
        page = []
        for stream, resource, _, display in rows[:limit]:
            principal = pb.Principal.FromString(resource)
            principal.name, principal.display = stream, display or ""
            page.append(principal)
        return page, page[-1].name.partition("/")[2] if len(rows) > limit else ""

    async def tokens(self, principal: str, after: str, limit: int) -> tuple[list[pb.Token], str]:
        """Return a principal's tokens by id, and the id to go on after, empty at the end."""
        rows = await self._rows(_LIST, after, limit, principal_stream(principal))
        page = []
        for stream, resource, used_at, _ in rows[:limit]:
            token = pb.Token.FromString(resource)
            token.name = stream
            if used_at is not None:
                token.last_use_time.FromDatetime(used_at)
            page.append(token)
        return page, page[-1].name.partition("/")[2] if len(rows) > limit else ""

    async def at(self, key: ResourceKey, position: int) -> tuple[Any, str]:
        """Return a principal or token as it was right after a position, and its `display`."""
        tail = await self._tails.tail(HOME)
        async with self._pool.connection() as connection:
            row = await past.resource_at(connection, tail.namespace_id, key, position)
            if row is None:
                raise LookupError(f"nothing had happened to {key} by {position}")
            display = ""
            if digest := row.texts.get("display"):
                display = await past.text_of(connection, tail.namespace_id, digest) or ""
        resource: Any = row.resource
        resource.name = key.stream
        return resource, display

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:
        """Hear of events: a token that is revoked holds no longer."""
        if tail.namespace != HOME:
            return
        for event in events:
            if event.type == _REVOKED:
                self._revoked.add(event.stream.removeprefix(_TOKENS))
            elif event.type == _REGISTERED:
                self._persons = None
                self._registrations += 1

    def rebuilt(self, tail: Tail) -> None:
        """Hear that projections were rebuilt; tokens hold as they did."""

    def ended(self, tail: Tail) -> None:
        """Hear that a tail tells no more: what was found is to be found again."""
        if tail.namespace == HOME:
            self._tail = self._persons = None
            self._registrations += 1
            self._doubtful |= self._found

    async def _rows(
        self, query: LiteralString, after: str, limit: int, parent: str = ""
    ) -> list[Any]:
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(
                query,
                {"home": HOME, "after": after, "parent": parent, "limit": limit + 1},
            )
            return await cursor.fetchall()

    async def _note_uses(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(_NOTE)
            self._some.clear()
            tokens, self._to_note = sorted(self._to_note), set()
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(_USED, [tokens])
            except (psycopg.Error, TimeoutError) as error:
                # It is told to people who tidy up; the next use will be noted.
                _log.info("token_uses_not_noted", error=type(error).__name__)
                for token in tokens:
                    self._noted.pop(token, None)


def _ceiling(token: pb.Token) -> Ceiling:
    if not token.role and not token.namespaces:
        return UNBOUNDED
    return Ceiling(
        # A role that this build does not know bounds to nothing.
        ROLES.get(token.role, frozenset()) if token.role else None,
        frozenset(token.namespaces) if token.namespaces else None,
    )


_FIND = """
SELECT t.resource, p.resource FROM regesta.logs AS l
JOIN regesta.resources AS t
    ON t.namespace_id = l.namespace_id AND t.generation = l.generation AND t.stream = %s
JOIN regesta.resources AS p
    ON p.namespace_id = t.namespace_id AND p.generation = t.generation AND p.stream = t.parent
WHERE l.namespace_id = %s
"""

_ALL_PRINCIPALS = """
SELECT r.stream, r.resource FROM regesta.logs AS l
JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
    AND r.kind = 'principal' AND r.state = ''
WHERE l.namespace_id = %s
"""

_LIST = """
SELECT r.stream, r.resource, u.used_at, NULL FROM regesta.logs AS l
JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
    AND r.parent = %(parent)s AND r.kind = 'token' AND r.stream > 'tokens/' || %(after)s
LEFT JOIN regesta.token_uses AS u ON 'tokens/' || u.token = r.stream
WHERE l.name = %(home)s
ORDER BY r.stream
LIMIT %(limit)s
"""

_PRINCIPALS = """
SELECT r.stream, r.resource, NULL, d.text FROM regesta.logs AS l
JOIN regesta.resources AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
    AND r.kind = 'principal' AND r.state = '' AND r.stream > 'principals/' || %(after)s
LEFT JOIN regesta.disclosures AS d
    ON d.namespace_id = r.namespace_id AND d.digest = r.text_digests[1]
WHERE l.name = %(home)s AND %(parent)s = ''
ORDER BY r.stream
LIMIT %(limit)s
"""

_USED = """
INSERT INTO regesta.token_uses (token, used_at) SELECT t, now() FROM unnest(%s::text[]) AS t
ON CONFLICT (token) DO UPDATE SET used_at = EXCLUDED.used_at
"""

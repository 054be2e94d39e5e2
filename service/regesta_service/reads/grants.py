"""The grants of namespaces, in memory and exact: each follows its log's tail.

A grant that this process writes, or hears of, is in force with the next call. Elsewhere it
is so once the tail has heard of it: by notice at once, by polling within a second. While the
database does not answer, what was in force stays in force.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from regesta.v1 import access_pb2 as access_pb
from regesta_projections.evolve import evolve
from regesta_projections.records import read_record
from regesta_projections.resources import ACCESS_STREAM
from regesta_projections.row_values import resource_row
from regesta_projections.rows import Rows
from regesta_service.access.granting import ACCESS
from regesta_service.access.grants import NOBODY, Policy
from regesta_service.domain.rejections import NamespaceNotFound
from regesta_service.reads import past

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_projections.rows import ResourceRow
    from regesta_service.access.permissions import Permission
    from regesta_service.access.principals import Principal
    from regesta_service.log.stored import StoredEvent
    from regesta_service.reads.tail import Tail
    from regesta_service.reads.tails import Tails

_log = structlog.get_logger("access")

#: Names of models that are kept; a name never comes to mean another model.
_NAMES: Final = 10_000


@dataclass(slots=True)
class _Held:
    """The grants of one namespace as of a position."""

    tail: Tail
    row: ResourceRow | None
    position: int
    policy: Policy
    #: Whether the projections were rebuilt since, so that it is to be read again.
    stale: bool = False


class GrantReads:
    """Knows the grants of namespaces; see `regesta_service.api.authorizing.Policies`.

    Args:
        tails: Follows the logs.
        pool: To read what is not in memory.
    """

    def __init__(self, tails: Tails, pool: AsyncConnectionPool) -> None:
        self._tails = tails
        self._pool = pool
        self._held: dict[str, _Held] = {}
        self._heard: dict[str, int] = {}
        self._loading: dict[str, asyncio.Lock] = {}
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()
        tails.listen_to_all(lambda _: self)

    def known(self, namespace: str) -> Policy | None:
        """Return a namespace's grants if they are in memory and as its log has them."""
        held = self._held.get(namespace)
        if held is None or held.stale:
            return None
        # The tail is in use, so it is not stopped.
        held.tail.touched = True
        return held.policy

    def present(self, namespace: str) -> Policy | None:
        """Return a namespace's grants as this process heard of them last."""
        held = self._held.get(namespace)
        if held is None:
            return None
        held.tail.touched = True
        return held.policy

    async def policy(self, namespace: str) -> Policy:
        """Return a namespace's grants; those of one that does not exist are none."""
        try:
            async with self._loading.setdefault(namespace, asyncio.Lock()):
                return self.known(namespace) or await self._load(namespace)
        except NamespaceNotFound:
            return NOBODY
        finally:
            self._loading.pop(namespace, None)

    async def access(self, namespace: str) -> tuple[access_pb.Access, int]:
        """Return a namespace's grants as its log has them now, and the log's size.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        tail = await self._tails.tail(namespace)
        row, size = await self._read(tail)
        return _access(row), size

    async def access_at(self, namespace: str, position: int) -> access_pb.Access:
        """Return a namespace's grants as they were right after a position."""
        tail = await self._tails.tail(namespace)
        async with self._pool.connection() as connection:
            row = await past.resource_at(connection, tail.namespace_id, ACCESS, position)
        return _access(row)

    async def first_name(self, namespace: str, model: str) -> tuple[str, bool]:
        """Return the name that a model was created with, and True.

        Of one that does not exist it is the name that was given, and False.
        """
        key = namespace, model.lower()
        known = self._names.get(key)
        if known is not None:
            return known, True
        tail = await self._tails.tail(namespace)
        async with self._pool.connection() as connection:
            found = await past.model_named(connection, tail.namespace_id, model)
        if found is None:
            return model, False
        self._names[key] = found
        if len(self._names) > _NAMES:
            self._names.popitem(last=False)
        return found, True

    async def namespaces_of(self, principal: Principal, permission: Permission) -> frozenset[str]:
        """Return the namespaces in which grants give a permission without a condition."""
        subjects = [principal.name, *principal.groups]
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_MENTIONING, [[subject.encode() for subject in subjects]])
            found = await cursor.fetchall()
        return frozenset(
            name
            for name, resource in found
            if principal.ceiling.allows(permission, name)
            and permission
            in Policy(access_pb.Access.FromString(resource).grants).rights(principal).whole
        )

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:
        """Hear of events: those of grants are folded, as they were when they were written."""
        for event in events:
            if event.stream == ACCESS_STREAM:
                self._heard[tail.namespace] = event.position
                self._fold(tail, event)

    def rebuilt(self, tail: Tail) -> None:
        """Hear that projections were rebuilt: what was read of them is read again."""
        held = self._held.get(tail.namespace)
        if held is not None:
            held.stale = True

    def ended(self, tail: Tail) -> None:
        """Hear that a tail tells no more: nothing of its namespace is kept."""
        self._held.pop(tail.namespace, None)
        self._heard.pop(tail.namespace, None)
        for key in [key for key in self._names if key[0] == tail.namespace]:
            del self._names[key]

    def _fold(self, tail: Tail, event: StoredEvent) -> None:
        held = self._held.get(tail.namespace)
        if held is None or event.position <= held.position:
            return
        try:
            rows = Rows({ACCESS: held.row})
            evolve(rows, read_record(event.record, event.position, event.leaf_hash))
            held.row = rows.get(ACCESS)
        except Exception:  # noqa: BLE001 - logged with its trace
            # The tail must go on, and nothing that is doubtful may allow anything.
            _log.exception("grants_not_folded", namespace=tail.namespace, position=event.position)
            del self._held[tail.namespace]
            return
        held.position = event.position
        held.policy = _policy(held.row)

    async def _load(self, namespace: str) -> Policy:
        while True:
            tail = await self._tails.tail(namespace)
            row, size = await self._read(tail)
            # What was appended while it was read was told, and is not in it.
            if self._tails.get(namespace) is tail and self._heard.get(namespace, 0) <= size:
                self._held[namespace] = _Held(tail, row, size, _policy(row))
                return self._held[namespace].policy

    async def _read(self, tail: Tail) -> tuple[ResourceRow | None, int]:
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_ROW, [ACCESS_STREAM, tail.namespace_id])
            ((size, *record),) = await cursor.fetchall()
        return (None if record[0] is None else resource_row(record)), size


def _policy(row: ResourceRow | None) -> Policy:
    return NOBODY if row is None else Policy(_access(row).grants)


def _access(row: ResourceRow | None) -> access_pb.Access:
    resource: Any = access_pb.Access() if row is None else row.resource
    assert isinstance(resource, access_pb.Access)  # noqa: S101 - the kind of this stream
    return resource


_ROW = """
SELECT l.size, r.stream, r.revision, r.leaf_hash, r.text_fields, r.text_digests, r.resource
FROM regesta.logs AS l
LEFT JOIN regesta.resources AS r
    ON r.namespace_id = l.namespace_id AND r.generation = l.generation AND r.stream = %s
WHERE l.namespace_id = %s
"""

# Names stand in a resource as they are, so most namespaces need not be read.
_MENTIONING = """
SELECT l.name, r.resource FROM regesta.logs AS l
JOIN regesta.resources AS r
    ON r.namespace_id = l.namespace_id AND r.generation = l.generation AND r.stream = 'access'
WHERE EXISTS (SELECT FROM unnest(%s::bytea[]) AS s (name) WHERE position(s.name IN r.resource) > 0)
"""

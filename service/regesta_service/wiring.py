"""The parts of a server put together: every object is made here and handed on.

Order of the flow: guard, servicers, sequencer and read model, PostgreSQL. Nothing
below finds its collaborators by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool

from regesta.v1 import (
    access_service_pb2,
    admin_service_pb2,
    audit_service_pb2,
    catalog_service_pb2,
    comments_service_pb2,
    documents_service_pb2,
    flags_service_pb2,
    governance_service_pb2,
    heads_service_pb2,
    lifecycle_service_pb2,
    log_service_pb2,
    privacy_service_pb2,
    watch_service_pb2,
)
from regesta_projections.records import Cause
from regesta_service.access.chain import Chain
from regesta_service.access.configured import ConfiguredRoles
from regesta_service.access.principals import SYSTEM
from regesta_service.access.tokens import StaticTokens
from regesta_service.api.access import GrantCalls
from regesta_service.api.admin import AdminCalls
from regesta_service.api.authorizing import Authorizer
from regesta_service.api.comments import CommentCalls
from regesta_service.api.documents import DocumentCalls
from regesta_service.api.flags import FlagCalls
from regesta_service.api.governance import GovernanceCalls
from regesta_service.api.guard import Guard
from regesta_service.api.heads import HeadsCalls
from regesta_service.api.methods import methods_of, permissions_of
from regesta_service.api.principals import PrincipalCalls
from regesta_service.api.privacy import PrivacyCalls
from regesta_service.api.reads.audit import AuditReads
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.api.reads.lists import CatalogLists
from regesta_service.api.reads.log import LogProofs
from regesta_service.api.reads.watch import WatchStreams
from regesta_service.api.requests import RequestCalls, Sources
from regesta_service.api.writes.labels import LabelWrites
from regesta_service.api.writes.lifecycle import LifecycleWrites
from regesta_service.api.writes.models import ModelWrites
from regesta_service.api.writes.moving import MoveReads
from regesta_service.api.writes.rollbacks import RollbackWrites
from regesta_service.api.writes.versions import VersionWrites
from regesta_service.audit.tree import Trees
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.logs import AccessLog, SecurityLog
from regesta_service.reads.backtesting import BacktestReads
from regesta_service.reads.comments import CommentReads
from regesta_service.reads.documents import DocumentReads
from regesta_service.reads.flags import FlagReads
from regesta_service.reads.grants import GrantReads
from regesta_service.reads.heads import HeadsReads
from regesta_service.reads.holders import HolderReads
from regesta_service.reads.namespaces import NamespaceReads
from regesta_service.reads.privacy import PrivacyReads
from regesta_service.reads.read_model import ReadModel
from regesta_service.reads.requests import RequestReads
from regesta_service.reads.resources import ResourceReads
from regesta_service.reads.retention import RetentionReads
from regesta_service.reads.succession import Succession
from regesta_service.reads.tokens import TokenReads
from regesta_service.sequencing.dry_run import DryRun
from regesta_service.sequencing.expiry import Expiry
from regesta_service.sequencing.sequencer import Sequencer
from regesta_service.verification.checks import Checks
from regesta_service.verification.commitments import Commitments, Schedule
from regesta_service.watch.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from regesta_service.access.principals import Authenticator
    from regesta_service.api.guard import Context
    from regesta_service.config import Settings

#: The proto files whose services are served; each of their methods must be answered.
FILES: Final = (
    access_service_pb2.DESCRIPTOR,
    admin_service_pb2.DESCRIPTOR,
    audit_service_pb2.DESCRIPTOR,
    catalog_service_pb2.DESCRIPTOR,
    comments_service_pb2.DESCRIPTOR,
    documents_service_pb2.DESCRIPTOR,
    governance_service_pb2.DESCRIPTOR,
    flags_service_pb2.DESCRIPTOR,
    heads_service_pb2.DESCRIPTOR,
    privacy_service_pb2.DESCRIPTOR,
    lifecycle_service_pb2.DESCRIPTOR,
    log_service_pb2.DESCRIPTOR,
    watch_service_pb2.DESCRIPTOR,
)

#: The namespace that exists from the start.
DEFAULT_NAMESPACE: Final = "default"

#: Longest time for one statement of a read, in seconds; no call waits longer anyway.
_STATEMENT_TIMEOUT_MS: Final = 30_000


#: What a page costs a read, wherever it lies, where looking at a row costs 0.01. PostgreSQL's own
#: 1, and 4 out of order, are for disks: they make it walk 10,000 versions that lie together, or
#: compare what it found with every model, rather than look up the 1,000 that have a tag. A catalog
#: is mostly in memory. Source: PostgreSQL's manual, "Planner Cost Constants", on cached databases.
_PAGE_COST: Final = 0.1

#: Longest wait for a connection to read with, in seconds: that there is none is told, not
#: waited out to the caller's deadline.
_POOL_TIMEOUT: Final = 5.0

#: How long the pool tries by itself to replace a lost connection, in seconds; the next read
#: tries again. Its pauses double, so by itself it would come back up to as long again after
#: an outage as that lasted.
_RECONNECT_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What serving needs."""

    guard: Guard
    #: Full names of the services.
    services: tuple[str, ...]
    sequencer: Sequencer

    async def drain(self, grace: float) -> None:
        """Finish the writes that wait.

        Args:
            grace: Seconds they get.
        """
        await self.sequencer.drain(grace)


@contextlib.asynccontextmanager
async def wired(
    settings: Settings,
    service_dsn: str,
    authenticator: Authenticator,
    certificate_of: Callable[[Context], tuple[str, ...]] | None = None,
) -> AsyncIterator[Parts]:
    """Yield the parts of a server over a database at this build's schema.

    Args:
        settings: What the server was told.
        service_dsn: The database.
        authenticator: Judges credentials of the configuration; others come with the database.
        certificate_of: Returns the names in a client's certificate, where those count.

    Raises:
        psycopg.OperationalError: The database does not answer.
        IncompleteApi: A method has no permission or no function.
    """
    session = _session(settings)
    async with contextlib.AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            AsyncConnectionPool(
                service_dsn,
                min_size=2,
                max_size=settings.pool_size,
                kwargs=dict(session),
                timeout=_POOL_TIMEOUT,
                reconnect_timeout=_RECONNECT_TIMEOUT,
                name="reads",
            )
        )
        connections = Connections(service_dsn, prepared=settings.prepared_statements)
        stack.push_async_callback(connections.close)
        registry = NamespaceRegistry(connections)

        async def connect() -> psycopg.AsyncConnection[Any]:
            return await psycopg.AsyncConnection.connect(service_dsn, **session)

        reads = ReadModel(
            registry,
            pool,
            connect,
            page_token_secret=await _secret(pool, "page_tokens"),
            cache_bytes=settings.kept_answers_mib << 20,
            page_bytes=settings.kept_pages_mib << 20,
        )
        await stack.enter_async_context(reads.running())
        sequencer = Sequencer(
            connections,
            registry,
            on_appended=reads.tails.offer,
            max_waiting=settings.max_waiting_writes,
        )
        await stack.enter_async_context(sequencer.running())
        await registry.ensure(
            DEFAULT_NAMESPACE, Cause(SYSTEM.name, SYSTEM.kind, "create-default-namespace")
        )
        roles = (
            authenticator.roles if isinstance(authenticator, StaticTokens) else ConfiguredRoles()
        )
        grants = GrantReads(reads.tails, pool)
        tokens = TokenReads(reads.tails, pool, roles)
        await stack.enter_async_context(tokens.running())
        if isinstance(authenticator, StaticTokens):
            authenticator = Chain(
                authenticator, tokens, settings.issuers(), settings.certificate_names()
            )
        security = SecurityLog()
        checks = Checks(service_dsn)
        commitments = Commitments(checks, sequencer)
        if settings.heads_interval:
            schedule = Schedule(commitments, service_dsn, settings.heads_interval)
            stack.push_async_callback(_ended, asyncio.create_task(schedule.run()))
        retention = RetentionReads(registry, pool)
        resources = ResourceReads(registry, pool)
        moves = MoveReads(HolderReads(registry, pool), RequestReads(registry, pool, resources))
        expiry = asyncio.create_task(Expiry(sequencer, service_dsn).run())
        stack.push_async_callback(_ended, expiry)
        servicers = (
            ModelWrites(sequencer, reads.answers),
            VersionWrites(sequencer, reads.answers),
            LabelWrites(sequencer, reads.answers, moves),
            LifecycleWrites(sequencer, reads.answers, moves),
            GovernanceCalls(resources, reads, pool, sequencer, reads.answers),
            RequestCalls(
                Sources(
                    resources,
                    moves,
                    DryRun(connections, registry),
                    BacktestReads(registry, pool),
                    reads.page_tokens,
                ),
                sequencer,
                reads.answers,
            ),
            CommentCalls(CommentReads(registry, pool), reads.page_tokens, sequencer, reads.answers),
            DocumentCalls(
                DocumentReads(registry, pool, resources),
                reads.page_tokens,
                sequencer,
                reads.answers,
            ),
            RollbackWrites(sequencer, reads.answers, Succession(registry, pool)),
            CatalogReads(reads),
            CatalogLists(reads),
            AuditReads(reads),
            LogProofs(reads, Trees(), settings.witness_keys()),
            WatchStreams(
                reads,
                Subscriptions(
                    reads.tails, reads.lookups, pool, max_events=settings.max_subscriber_lag
                ),
            ),
            HeadsCalls(commitments, HeadsReads(registry, pool), sequencer, reads.answers),
            PrivacyCalls(PrivacyReads(registry, pool), retention, sequencer, reads.answers),
            FlagCalls(FlagReads(registry, pool), reads.page_tokens, sequencer, reads.answers),
            AdminCalls(registry, NamespaceReads(pool), reads.page_tokens, checks, grants),
            GrantCalls(
                grants,
                sequencer,
                reads.answers,
                configured=roles,
                security=security,
                needed=permissions_of(FILES),
            ),
            PrincipalCalls(tokens, reads.page_tokens, sequencer, reads.answers),
        )
        guard = Guard(
            methods_of(FILES, servicers),
            authenticator,
            AccessLog(settings.log_level),
            max_calls=settings.max_calls,
            explain=retention.explained,
            authorizer=Authorizer(authenticator, grants, tokens),
            security=security,
            certificate_of=certificate_of,
        )
        services = tuple(
            service.full_name for file in FILES for service in file.services_by_name.values()
        )
        yield Parts(guard, services, sequencer)


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that works beside the calls."""
    task.cancel()
    await asyncio.wait([task])


def _session(settings: Settings) -> Mapping[str, Any]:
    """Return how connections for reading are opened."""
    session: dict[str, Any] = {
        "autocommit": True,
        "application_name": "regesta",
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "prepare_threshold": 5 if settings.prepared_statements else None,
    }
    if settings.prepared_statements:
        # A pooler in transaction mode refuses start-up options; there the role has the timeout.
        costs = f"-c seq_page_cost={_PAGE_COST} -c random_page_cost={_PAGE_COST}"
        session["options"] = f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} {costs}"
    return session


_SHARED: Final = "SELECT secret FROM regesta.secrets WHERE name = %s"


async def _secret(pool: AsyncConnectionPool[Any], name: str) -> bytes:
    """Return what all servers of a database share."""
    async with pool.connection() as connection:
        row = await (await connection.execute(_SHARED, [name])).fetchone()
    if row is None:
        raise LookupError(f"regesta.secrets has no {name}")
    return bytes(row[0])

"""Single reads of what had happened by a time, as far as is known now.

What an importer said of the past counts from the time that it claimed. The history knows for
each state when it became so, so these are lists of one, by the same statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.sql import SQL

from regesta.addresses import Alias, Digest, Latest, Number, Stage
from regesta.semver import Range
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    Clause,
    Order,
    parse_order,
)
from regesta_projections.resolving import blocking_flag
from regesta_projections.wire import part
from regesta_service.reads import past
from regesta_service.reads.as_of import chosen
from regesta_service.reads.candidates import candidates
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.list_statements import Listing
from regesta_service.reads.moments import position_at
from regesta_service.reads.past import VersionState
from regesta_service.reads.refusals import (
    alias_not_found,
    model_deleted_already,
    model_not_found,
    nothing_means,
    unresolvable,
    version_not_found,
)
from regesta_service.reads.then import AsOf
from regesta_service.reads.version_lookup import Form
from regesta_service.reads.wire import single_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg_pool import AsyncConnectionPool

    from regesta.addresses import Address
    from regesta.names import AliasName, ModelName, VersionName
    from regesta.v1 import flag_pb2 as flag_pb
    from regesta_service.reads.consistency import Freshness
    from regesta_service.reads.history_runner import HistoryRunner
    from regesta_service.reads.lists import Lists
    from regesta_service.reads.moments import Occurred
    from regesta_service.reads.tails import Namespaces

# Any order but that by name, in which one model would be looked for among all names.
_BY_TIME = parse_order("create_time", MODEL_ORDER)
_BY_NUMBER = parse_order("version", VERSION_ORDER)


class Asked(NamedTuple):
    """Of when a read is, how fresh, and how long it may take."""

    moment: Occurred
    freshness: Freshness
    remaining: Callable[[], float]


class _Look(NamedTuple):
    """A look at one namespace's past."""

    namespace: str
    namespace_id: int
    as_of: AsOf


class OccurredReads:
    """Gets and resolves what had happened by a time."""

    def __init__(
        self,
        namespaces: Namespaces,
        pool: AsyncConnectionPool,
        lists: Lists,
        history: HistoryRunner,
    ) -> None:
        self._namespaces = namespaces
        self._pool = pool
        self._lists = lists
        self._history = history

    async def model(self, name: ModelName, asked: Asked) -> bytes:
        """Return a GetModelResponse.

        Raises:
            ModelNotFound: It did not exist by then.
            MomentOutOfRange: The time lies in the future.
        """
        look = await self._look(name.namespace, asked)
        _, resource = await self._model(look, name.model)
        return single_answer(part(1, resource), look.as_of.position)

    async def version(self, name: VersionName, asked: Asked) -> bytes:
        """Return a GetVersionResponse.

        Raises:
            ModelNotFound: The model did not exist by then.
            VersionNotFound: The version did not.
            MomentOutOfRange: The time lies in the future.
        """
        look = await self._look(name.namespace, asked)
        await self._model(look, name.model)
        resource = await self._version(look, name.model, name.version)
        if resource is None:
            raise version_not_found(name.model, name.version)
        return single_answer(part(1, resource), look.as_of.position)

    async def alias(self, name: AliasName, asked: Asked) -> bytes:
        """Return a GetAliasResponse.

        Raises:
            ModelNotFound: The model did not exist by then.
            AliasNotFound: The alias did not point anywhere.
            MomentOutOfRange: The time lies in the future.
        """
        look = await self._look(name.namespace, asked)
        resource = await self._alias(look, name.model, name.alias)
        return single_answer(part(1, resource), look.as_of.position)

    async def resolve(self, namespace: str, address: Address, asked: Asked) -> bytes:
        """Return a ResolveVersionResponse.

        Raises:
            Rejection: Nothing was meant by it, or only what must not be resolved.
            MomentOutOfRange: The time lies in the future.
        """
        look = await self._look(namespace, asked)
        if isinstance(address.selector, Digest):
            return await self._with_digest(look, address.selector.digest)
        name = address.model or ""
        key, data = await self._model(look, name)
        model = model_pb.Model.FromString(data)
        if model.HasField("delete_time"):
            raise model_deleted_already(name)
        match address.selector:
            case Number(number):
                form = Form.NUMBER
            case Alias(alias):
                form = Form.ALIAS
                found = model_pb.Alias.FromString(await self._alias(look, name, alias))
                number = found.version
            case Stage() | Latest() | Range() as selector:
                form, argument, best = chosen(await self._states(look, key, selector), selector)
                if best is None:
                    raise nothing_means(form, name, 0, argument)
                number = best.number
        resource = await self._version(look, name, number)
        if resource is None:
            raise version_not_found(name, number)
        return self._resolved(look, form, name, resource, blocking_flag(model))

    def _resolved(
        self,
        look: _Look,
        form: Form,
        name: str,
        resource: bytes,
        model_flag: flag_pb.Flag | None = None,
    ) -> bytes:
        version = version_pb.Version.FromString(resource)
        refusal = unresolvable(form, name, version, model_deleted=False, model_flag=model_flag)
        if refusal is not None:
            raise refusal
        return single_answer(part(1, resource), look.as_of.position)

    async def _with_digest(self, look: _Look, digest: str) -> bytes:
        async with self._pool.connection() as connection:
            keys = await past.versions_with_digest(connection, look.namespace_id, digest)
        for key in keys:
            resource = await self._version(look, key.model, key.number)
            if resource is not None:
                version = version_pb.Version.FromString(resource)
                if not version.HasField("delete_time"):
                    return self._resolved(look, Form.DIGEST, key.model, resource)
        raise nothing_means(Form.DIGEST, "", 0, digest)

    async def _look(self, namespace: str, asked: Asked) -> _Look:
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            place = await position_at(connection, namespace_id, asked.moment)
        check_reached(asked.freshness, place.size)
        if place.history < place.position:
            await self._history.reach(namespace_id, place.position, asked.remaining)
        return _Look(namespace, namespace_id, AsOf(place.position, asked.moment.time))

    async def _model(self, look: _Look, name: str) -> tuple[str, bytes]:
        """Return a model's first name and the model; deleted ones too."""
        async with self._pool.connection() as connection:
            key = await past.model_named(connection, look.namespace_id, name)
        if key is None:
            raise model_not_found(name)
        where = Clause(SQL("m.model = %(only)s"), {"only": key})
        page = await self._lists.models(_only(look, _BY_TIME, where))
        if not page.resources:
            raise model_not_found(name)
        return key, page.resources[0]

    async def _version(self, look: _Look, model: str, number: int) -> bytes | None:
        """Return a version, deleted ones too; None before it was registered."""
        where = Clause(SQL("v.number = %(only)s"), {"only": number})
        page = await self._lists.versions(_only(look, _BY_NUMBER, where), model)
        return page.resources[0] if page.resources else None

    async def _alias(self, look: _Look, model: str, alias: str) -> bytes:
        resource = await self._lists.alias(
            look.namespace, look.namespace_id, model, alias, look.as_of
        )
        if resource is None:
            raise alias_not_found(model, alias)
        return resource

    async def _states(
        self, look: _Look, model: str, selector: Stage | Latest | Range
    ) -> list[VersionState]:
        async with self._pool.connection() as connection:
            return await candidates(connection, look.namespace_id, model, selector, look.as_of)


def _only(look: _Look, order: Order, where: Clause) -> Listing:
    """Return a list of the one resource that a condition leaves, deleted or not."""
    return Listing(
        look.namespace, look.namespace_id, order, 1, where, show_deleted=True, as_of=look.as_of
    )

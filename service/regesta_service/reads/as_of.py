"""Single reads as of a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from regesta.addresses import Alias, Digest, Latest, Number, Stage
from regesta.semver import Range, Version, sort_key
from regesta_projections.archived import BodyArchived
from regesta_projections.resolving import blocking_flag
from regesta_projections.rows import AliasKey, ModelKey, VersionKey
from regesta_projections.wire import part
from regesta_service.domain.rejections import NotFreshYet
from regesta_service.reads import past
from regesta_service.reads.candidates import candidates
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.moments import position_at
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
    from collections.abc import Callable, Sequence

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta.addresses import Address
    from regesta.names import AliasName, ModelName, VersionName
    from regesta_projections.rows import ModelRow
    from regesta_service.reads.answers import AnswerReader
    from regesta_service.reads.consistency import Freshness
    from regesta_service.reads.moments import Moment
    from regesta_service.reads.past import VersionState
    from regesta_service.reads.tails import Namespaces


class _Look(NamedTuple):
    """A look at one namespace's past."""

    connection: psycopg.AsyncConnection[Any]
    namespace_id: int
    position: int
    #: Whether the history reaches the position.
    in_history: bool


class PastReads:
    """Gets and resolves what was so at a moment."""

    def __init__(
        self, namespaces: Namespaces, pool: AsyncConnectionPool, answers: AnswerReader
    ) -> None:
        self._namespaces = namespaces
        self._pool = pool
        self._answers = answers

    async def model(self, name: ModelName, moment: Moment, freshness: Freshness) -> bytes:
        """Return a GetModelResponse as of a moment.

        Raises:
            ModelNotFound: It did not exist then.
            MomentOutOfRange: There is no such moment in the log.
        """
        async with self._look(name.namespace, moment, freshness) as look:
            row = await _model(look, name.model)
        key = ModelKey(row.model)
        resource = await self._answers.model_at(name.namespace, key, look.position, row=row)
        return single_answer(part(1, resource), look.position)

    async def version(self, name: VersionName, moment: Moment, freshness: Freshness) -> bytes:
        """Return a GetVersionResponse as of a moment.

        Raises:
            ModelNotFound: The model did not exist then.
            VersionNotFound: The version did not.
            MomentOutOfRange: There is no such moment in the log.
        """
        async with self._look(name.namespace, moment, freshness) as look:
            model = await _model(look, name.model)
            key = VersionKey(model.model, name.version)
            row = await past.version_at(look.connection, look.namespace_id, key, look.position)
        if row is None:
            raise version_not_found(model.name, name.version)
        resource = await self._answers.version_at(
            name.namespace, key, look.position, row=row, name=model.name
        )
        return single_answer(part(1, resource), look.position)

    async def alias(self, name: AliasName, moment: Moment, freshness: Freshness) -> bytes:
        """Return a GetAliasResponse as of a moment.

        Raises:
            ModelNotFound: The model did not exist then.
            AliasNotFound: The alias did not point anywhere.
            MomentOutOfRange: There is no such moment in the log.
        """
        async with self._look(name.namespace, moment, freshness) as look:
            model = await _model(look, name.model)
            key = AliasKey(model.model, name.alias)
            row = await past.alias_at(look.connection, look.namespace_id, key, look.position)
        if row is None or row.number is None:
            raise alias_not_found(model.name, name.alias)
        resource = await self._answers.alias_at(
            name.namespace, key, look.position, row=row, name=model.name
        )
        return single_answer(part(1, resource), look.position)

    async def resolve(
        self, namespace: str, address: Address, moment: Moment, freshness: Freshness
    ) -> bytes:
        """Return a ResolveVersionResponse as of a moment.

        Raises:
            Rejection: Nothing was meant by it, or only what must not be resolved.
            MomentOutOfRange: There is no such moment in the log.
        """
        async with self._look(namespace, moment, freshness) as look:
            model, key, form = await _meant(look, address)
            row = await past.version_at(look.connection, look.namespace_id, key, look.position)
        if row is None:
            raise version_not_found(model.name, key.number)
        refusal = unresolvable(
            form,
            model.name,
            row.resource,
            model_deleted=model.deleted,
            model_flag=blocking_flag(model.resource),
        )
        if refusal is not None:
            raise refusal
        resource = await self._answers.version_at(
            namespace, key, look.position, row=row, name=model.name
        )
        return single_answer(part(1, resource), look.position)

    @asynccontextmanager
    async def _look(
        self, namespace: str, moment: Moment, freshness: Freshness
    ) -> AsyncIterator[_Look]:
        namespace_id = await self._namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            place = await position_at(connection, namespace_id, moment)
            check_reached(freshness, place.size)
            in_history = place.history >= place.position
            yield _Look(connection, namespace_id, place.position, in_history)


async def _model(look: _Look, name: str) -> ModelRow:
    model = await past.model_named(look.connection, look.namespace_id, name)
    row = None
    if model is not None:
        row = await past.model_at(
            look.connection, look.namespace_id, ModelKey(model), look.position
        )
    if row is None:
        raise model_not_found(name)
    return row


async def _meant(look: _Look, address: Address) -> tuple[ModelRow, VersionKey, Form]:
    """Return the version that an address meant; it may be one that is not resolved."""
    if isinstance(address.selector, Digest):
        return await _with_digest(look, address.selector.digest)
    model = await _model(look, address.model or "")
    if model.deleted:
        raise model_deleted_already(model.name)
    match address.selector:
        case Number(number):
            return model, VersionKey(model.model, number), Form.NUMBER
        case Alias(alias):
            key = AliasKey(model.model, alias)
            row = await past.alias_at(look.connection, look.namespace_id, key, look.position)
            if row is None or row.number is None:
                raise alias_not_found(model.name, alias)
            return model, VersionKey(model.model, row.number), Form.ALIAS
        case Stage() | Latest() | Range() as selector:
            return await _chosen(look, model, selector)


async def _chosen(
    look: _Look, model: ModelRow, selector: Stage | Latest | Range
) -> tuple[ModelRow, VersionKey, Form]:
    form, argument, best = chosen(await _states(look, model.model, selector), selector)
    if best is None:
        raise nothing_means(form, model.name, 0, argument)
    return model, VersionKey(model.model, best.number), form


async def _states(look: _Look, model: str, selector: Stage | Latest | Range) -> list[VersionState]:
    """Return the states to choose from: from the history, or else all of them, folded."""
    place = look.connection, look.namespace_id, model
    if look.in_history:
        return await candidates(*place, selector, AsOf(look.position))
    try:
        return await past.states_at(*place, look.position)
    except BodyArchived:
        # The history has them, and is about to reach the moment.
        raise NotFreshYet(
            f"the history has not been folded up to position {look.position} yet; try again",
            metadata={"position": str(look.position)},
            retry_after=0.5,
        ) from None


def chosen(
    states: Sequence[VersionState], selector: Stage | Latest | Range
) -> tuple[Form, str, VersionState | None]:
    """Return the version that a selector means among a model's, None for none.

    Before it stand the form of the address and what it asks for.
    """
    match selector:
        case Stage(stage):
            form, argument = Form.STAGE, stage
            best = _best(
                [state for state in states if state.stage == stage],
                lambda state: state.stage_position,
                stopped_too=True,
            )
        case Latest():
            form, argument = Form.LATEST, ""
            best = _best(states, lambda state: state.number)
        case Range():
            form, argument = Form.RANGE, ""
            matching = [
                state
                for state in states
                if state.semver and selector.matches(Version.parse(state.semver))
            ]
            best = _best(matching, lambda state: sort_key(state.semver))
    return form, argument, best


def _best(
    states: Sequence[VersionState],
    rank: Callable[[VersionState], int | str],
    *,
    stopped_too: bool = False,
) -> VersionState | None:
    """Return the highest of those that may be meant, else the highest of all.

    Args:
        states: Those to choose from.
        rank: What is compared.
        stopped_too: Whether one that is not resolved may be meant, if it is not deleted.
    """
    live = [state for state in states if not state.deleted and (stopped_too or state.resolvable)]
    return max(live or states, key=rank, default=None)


async def _with_digest(look: _Look, digest: str) -> tuple[ModelRow, VersionKey, Form]:
    """Return the newest version that may be resolved, else the newest."""
    newest: tuple[ModelRow, VersionKey, Form] | None = None
    for key in await past.versions_with_digest(look.connection, look.namespace_id, digest):
        row = await past.version_at(look.connection, look.namespace_id, key, look.position)
        if row is None:
            continue
        model = await past.model_at(
            look.connection, look.namespace_id, ModelKey(key.model), look.position
        )
        if model is None:
            continue
        newest = newest or (model, key, Form.DIGEST)
        if not row.deleted and not model.deleted:
            return model, key, Form.DIGEST
    if newest is None:
        raise nothing_means(Form.DIGEST, "", 0, digest)
    return newest

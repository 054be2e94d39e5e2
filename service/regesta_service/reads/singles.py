"""Single reads of the present: the hot path.

An answer that is cached costs a look-up and a concatenation. One that is not becomes
part of a set query, and is cached if nothing happened to its model meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regesta import addresses
from regesta.addresses import Alias, Digest, Latest, Number, Stage
from regesta.semver import Range
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_projections.resolving import blocking_flag
from regesta_projections.wire import part
from regesta_service.reads.cache import ANY_MODEL
from regesta_service.reads.kept import Fresh, KeptAnswers
from regesta_service.reads.lookups import AliasQuestion, ModelQuestion
from regesta_service.reads.refusals import (
    alias_not_found,
    model_deleted_already,
    model_not_found,
    nothing_means,
    unresolvable,
    version_not_found,
)
from regesta_service.reads.version_lookup import Form, VersionQuestion
from regesta_service.reads.wire import single_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta.addresses import Selector
    from regesta.names import AliasName, ModelName, VersionName
    from regesta_service.reads.cache import AnswerCache, CacheKey
    from regesta_service.reads.consistency import Freshness
    from regesta_service.reads.lookups import FoundAlias, FoundModel, Lookups
    from regesta_service.reads.tails import Tails
    from regesta_service.reads.version_lookup import FoundVersion

GET_MODEL: Final = "get_model"
GET_VERSION: Final = "get_version"
GET_ALIAS: Final = "get_alias"
RESOLVE: Final = "resolve"


class SingleReads:
    """Gets and resolves what is so now."""

    def __init__(self, tails: Tails, lookups: Lookups, cache: AnswerCache) -> None:
        self._lookups = lookups
        self._kept = KeptAnswers(tails, lookups, cache, single_answer)
        #: Returns a finished answer from memory; of a key that begins with a constant of this
        #: module and holds the caller's own words, the resource name, or `parent` and `address`.
        self.cached = self._kept.cached

    async def model(
        self, name: ModelName, freshness: Freshness, remaining: Callable[[], float]
    ) -> bytes:
        """Return a GetModelResponse.

        Raises:
            ModelNotFound: No model has or had this name.
        """

        async def read(namespace_id: int) -> Fresh:
            question = ModelQuestion(namespace_id, name.model.lower())
            return _model(name, await self._lookups.model(question))

        return await self._kept.answer(
            (GET_MODEL, str(name)), name.namespace, freshness, remaining, read
        )

    async def version(
        self, name: VersionName, freshness: Freshness, remaining: Callable[[], float]
    ) -> bytes:
        """Return a GetVersionResponse; also of a version that is deleted or archived.

        Raises:
            ModelNotFound: No model has or had this name.
            VersionNotFound: The number was not given out.
        """

        async def read(namespace_id: int) -> Fresh:
            question = VersionQuestion(
                namespace_id, Form.NUMBER, name.model.lower(), number=name.version
            )
            found = await self._lookups.version(question)
            if found.named is None:
                raise model_not_found(name.model)
            if found.number is None:
                raise version_not_found(found.name or name.model, name.version)
            return _version(name.namespace, found)

        key = (GET_VERSION, str(name))
        return await self._kept.answer(key, name.namespace, freshness, remaining, read)

    async def alias(
        self, name: AliasName, freshness: Freshness, remaining: Callable[[], float]
    ) -> bytes:
        """Return a GetAliasResponse.

        Raises:
            ModelNotFound: No model has or had this name.
            AliasNotFound: It has no such alias, or it was removed.
        """

        async def read(namespace_id: int) -> Fresh:
            question = AliasQuestion(namespace_id, name.model.lower(), name.alias)
            return _alias(name, await self._lookups.alias(question))

        return await self._kept.answer(
            (GET_ALIAS, str(name)), name.namespace, freshness, remaining, read
        )

    async def resolve(
        self,
        namespace: str,
        address: addresses.Address,
        key: CacheKey,
        freshness: Freshness,
        remaining: Callable[[], float],
    ) -> bytes:
        """Return a ResolveVersionResponse.

        `latest` is the highest number that is neither deleted, archived, revoked nor stopped
        by a blocking flag; a range too passes those over. Of a stage the version is meant that
        entered it last and is not deleted: if that is stopped, no other takes its place.

        Args:
            namespace: Where to look; `address.namespace` is ignored.
            address: What to resolve, without a moment.
            key: Under which the answer is cached.
            freshness: How fresh it must be.
            remaining: Returns the seconds that the call has left.

        Raises:
            Rejection: Nothing is meant by it, or only what must not be resolved.
        """

        async def read(namespace_id: int) -> Fresh:
            question = question_of(namespace_id, address)
            found = await self._lookups.version(question)
            _check_resolvable(question, address.model or "", found)
            fresh = _version(namespace, found)
            if question.form is Form.DIGEST:
                return fresh._replace(groups=(*fresh.groups, ANY_MODEL))
            return fresh

        return await self._kept.answer(key, namespace, freshness, remaining, read)


def question_of(namespace_id: int, address: addresses.Address) -> VersionQuestion:
    """Return what to look up for an address."""
    name_key = (address.model or "").lower()
    selector: Selector = address.selector
    match selector:
        case Number(version):
            return VersionQuestion(namespace_id, Form.NUMBER, name_key, number=version)
        case Alias(alias):
            return VersionQuestion(namespace_id, Form.ALIAS, name_key, argument=alias)
        case Stage(stage):
            return VersionQuestion(namespace_id, Form.STAGE, name_key, argument=stage)
        case Latest():
            return VersionQuestion(namespace_id, Form.LATEST, name_key)
        case Digest(digest):
            return VersionQuestion(namespace_id, Form.DIGEST, argument=digest)
        case Range():
            return VersionQuestion(
                namespace_id,
                Form.RANGE,
                name_key,
                releases=tuple(selector.bounds()),
                prereleases=tuple(selector.prerelease_bounds()),
            )


def texts_by_field(fields: Sequence[str] | None, texts: Sequence[str | None]) -> dict[str, str]:
    """Return the texts that have not been erased, by field."""
    if not fields:
        return {}
    return {field: text for field, text in zip(fields, texts, strict=True) if text is not None}


def _check_resolvable(question: VersionQuestion, given_name: str, found: FoundVersion) -> None:
    name = found.name or given_name
    if question.form is not Form.DIGEST:
        if found.named is None:
            raise model_not_found(given_name)
        if found.model_deleted:
            raise model_deleted_already(name)
    if found.number is None or found.resource is None:
        raise nothing_means(question.form, name, question.number, question.argument)
    blocked = found.blocked_model
    if found.resolvable and not found.deleted and not found.model_deleted and blocked is None:
        return
    model = model_pb.Model() if blocked is None else model_pb.Model.FromString(blocked)
    refusal = unresolvable(
        question.form,
        name,
        version_pb.Version.FromString(found.resource),
        model_deleted=bool(found.model_deleted),
        model_flag=blocking_flag(model),
    )
    if refusal is not None:
        raise refusal


def _version(namespace: str, found: FoundVersion) -> Fresh:
    resource = finish_version(
        found.resource or b"",
        name=f"namespaces/{namespace}/models/{found.name}/versions/{found.number}",
        aliases=found.aliases,
        texts=texts_by_field(found.text_fields, found.texts),
    )
    return Fresh(part(1, resource), found.size, found.generation, (found.model or "",))


def _model(name: ModelName, found: FoundModel) -> Fresh:
    if found.model is None or found.resource is None:
        raise model_not_found(name.model)
    resource = finish_model(
        found.resource,
        name=f"namespaces/{name.namespace}/models/{found.name}",
        latest_version=found.last_version or 0,
        aliases=dict(zip(found.aliases, found.numbers, strict=True)),
        texts=texts_by_field(found.text_fields, found.texts),
    )
    return Fresh(part(1, resource), found.size, found.generation, (found.model,))


def _alias(name: AliasName, found: FoundAlias) -> Fresh:
    if found.model is None:
        raise model_not_found(name.model)
    if found.resource is None:
        raise alias_not_found(found.name or name.model, name.alias)
    resource = finish_alias(
        found.resource,
        name=f"namespaces/{name.namespace}/models/{found.name}/aliases/{name.alias}",
    )
    return Fresh(part(1, resource), found.size, found.generation, (found.model,))

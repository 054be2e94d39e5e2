"""Writes of tags and aliases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from regesta.names import AliasName
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.evolve.labels import TAG_FIELD
from regesta_projections.rows import AliasKey, ModelKey, ModelRow, VersionRow
from regesta_service.access.permissions import Permission
from regesta_service.api.wire import AnswerLayout
from regesta_service.api.writes import translate_labels as translate
from regesta_service.api.writes.moving import Moving
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.aliases import RemoveAlias, SetAlias
from regesta_service.domain.moving import Mover
from regesta_service.domain.releases import MoveAliases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta_projections.rows import Row
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.moving import MoveReads
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.labels import RemoveTags, SetTags
    from regesta_service.log.draft import Committed

_ALIAS_SET = AnswerLayout(pb.SetAliasResponse, "alias")
_ALIAS_PROTECTED = AnswerLayout(pb.ProtectAliasResponse, "alias")
_ALIAS_REMOVED = AnswerLayout(pb.RemoveAliasResponse, "alias")

C = TypeVar("C", SetAlias, RemoveAlias, MoveAliases)


class _Tagged(NamedTuple):
    """What an answer about tags says of a resource."""

    tags: Mapping[str, str]
    etag: str


class LabelWrites:
    """CatalogService's writes of tags and aliases.

    Args:
        sequencer: Carries commands out.
        answers: Finishes resources as of a position.
        moves: Where moves look things up.
    """

    def __init__(self, sequencer: Sequencer, answers: AnswerReader, moves: MoveReads) -> None:
        catalog = pb.DESCRIPTOR.services_by_name["CatalogService"]
        self._writing = Writing(catalog, sequencer, answers)
        self._moving = Moving(self._writing, moves)

    async def set_tags(self, request: pb.SetTagsRequest, call: Call) -> pb.SetTagsResponse:
        """Set tags of a model or a version."""
        translated = translate.set_tags(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        tags, etag = await self._tagged(translated, committed)
        return pb.SetTagsResponse(tags=tags, etag=etag, position=committed.position)

    async def remove_tags(self, request: pb.RemoveTagsRequest, call: Call) -> pb.RemoveTagsResponse:
        """Remove tags of a model or a version."""
        translated = translate.remove_tags(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        tags, etag = await self._tagged(translated, committed)
        return pb.RemoveTagsResponse(tags=tags, etag=etag, position=committed.position)

    async def set_alias(self, request: pb.SetAliasRequest, call: Call) -> bytes:
        """Point an alias to a version."""
        translated = _permitted(translate.set_alias(request, now(), new_salt), call)
        return await self._moving.write(translated, _ALIAS_SET, call, request.transition_request)

    async def remove_alias(self, request: pb.RemoveAliasRequest, call: Call) -> bytes:
        """Remove an alias; the answer shows it as it was before, with its new revision."""
        translated = _permitted(translate.remove_alias(request, now(), new_salt), call)
        committed = await self._writing.submit(translated, call)
        key = committed.shows
        if not isinstance(key, AliasKey):
            raise TypeError(f"{key} is no alias")
        # Removing always appends one event, so the position before has the alias.
        before = await self._writing.answers.alias_at(
            translated.namespace, key, committed.position - 1
        )
        alias = model_pb.Alias.FromString(before)
        alias.etag = str(int(alias.etag) + 1)
        return _ALIAS_REMOVED.fill(alias.SerializeToString(), committed.position)

    async def protect_alias(self, request: pb.ProtectAliasRequest, call: Call) -> bytes:
        """Protect or pin an alias, or take that back."""
        translated = translate.protect_alias(request, now(), new_salt)
        return await self._writing.write(translated, _ALIAS_PROTECTED, call)

    async def move_aliases(
        self, request: pb.MoveAliasesRequest, call: Call
    ) -> pb.MoveAliasesResponse:
        """Point aliases of several models at once."""
        translated = _permitted(translate.move_aliases(request, now(), new_salt), call)
        mover = Mover(call.principal.name, call.person, now())
        translated = replace(translated, command=replace(translated.command, mover=mover))
        committed = await self._writing.submit(translated, call)
        aliases = await self._writing.answers.aliases_at(
            translated.namespace,
            [AliasName.parse(move.name) for move in request.moves],
            committed.position,
        )
        return pb.MoveAliasesResponse(
            aliases=map(model_pb.Alias.FromString, aliases), position=committed.position
        )

    async def _tagged(
        self, translated: Translated[SetTags | RemoveTags], committed: Committed
    ) -> _Tagged:
        """Return all tags and the revision, from the row alone where that has them."""
        found = _tags_in(committed.row, translated.texts)
        if found is not None:
            return found
        resource = await self._writing.finished(translated, committed)
        kind = model_pb.Model if isinstance(committed.shows, ModelKey) else version_pb.Version
        parsed = kind.FromString(resource)
        return _Tagged(parsed.tags, parsed.etag)


def _permitted(translated: Translated[C], call: Call) -> Translated[C]:
    """Return a command that knows whether its caller may move protected aliases."""
    may = call.may(Permission.CATALOG_PROTECT, translated.namespace)
    return replace(translated, command=replace(translated.command, may_move_protected=may))


def _tags_in(row: Row | None, known: Mapping[str, str]) -> _Tagged | None:
    """Return a row's tags; None when a long one's text is not known, or there is no row.

    Args:
        row: A model's or version's.
        known: Texts by digest.
    """
    if not isinstance(row, ModelRow | VersionRow):
        return None
    tags = dict(row.resource.tags)
    for field, digest in row.texts.items():
        if field.startswith(TAG_FIELD):
            if digest not in known:
                return None
            tags[field.removeprefix(TAG_FIELD)] = known[digest]
    return _Tagged(tags, row.resource.etag)

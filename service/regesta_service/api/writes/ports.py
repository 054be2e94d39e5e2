"""What the servicers of writes need from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regesta.names import AliasName
    from regesta_projections.records import Cause
    from regesta_projections.rows import (
        AliasKey,
        AliasRow,
        ModelKey,
        ModelRow,
        VersionKey,
        VersionRow,
    )
    from regesta_service.domain.deciding import Command
    from regesta_service.domain.holding import Holders
    from regesta_service.log.draft import Committed
    from regesta_service.log.identity import RequestIdentity


class Sequencer(Protocol):
    """Carries commands out, one after another in each namespace."""

    async def submit(
        self,
        namespace: str,
        command: Command,
        cause: Cause,
        request: RequestIdentity,
        *,
        deadline: float | None = None,
    ) -> Committed:
        """Decide a command and append its facts; a command is not begun after its deadline.

        Raises:
            Rejection: Nothing was appended, but for `DatabaseUnavailable`, after which that
                is unknown until the request is repeated.
        """
        ...


class AnswerReader(Protocol):
    """Finishes resources as they were right after a position of the log.

    `row` and `name` are the row and its model's name as of that position, and `known`
    texts by their digests; what is missing is read.
    """

    async def model_at(
        self,
        namespace: str,
        key: ModelKey,
        position: int,
        *,
        row: ModelRow | None = None,
        known: Mapping[str, str] = ...,
    ) -> bytes:
        """Return a serialized `Model`."""
        ...

    async def version_at(
        self,
        namespace: str,
        key: VersionKey,
        position: int,
        *,
        row: VersionRow | None = None,
        name: str = "",
        known: Mapping[str, str] = ...,
    ) -> bytes:
        """Return a serialized `Version`."""
        ...

    async def alias_at(
        self,
        namespace: str,
        key: AliasKey,
        position: int,
        *,
        row: AliasRow | None = None,
        name: str = "",
    ) -> bytes:
        """Return a serialized `Alias`; one that was removed has the version 0."""
        ...

    async def aliases_at(
        self, namespace: str, names: Sequence[AliasName], position: int
    ) -> list[bytes]:
        """Return serialized `Alias`es, by present or former names of their models."""
        ...


class HolderLookup(Protocol):
    """Looks up which versions an alias or a stage had, one after the other."""

    async def of_alias(self, namespace: str, model: str, alias: str) -> Holders:
        """Return those of an alias of a model, which has or had a name."""
        ...

    async def of_stage(self, namespace: str, model: str, stage: str) -> Holders:
        """Return those of a stage, likewise."""
        ...

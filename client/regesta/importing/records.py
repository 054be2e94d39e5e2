"""What an MLflow registry holds, as its readers give it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from regesta.importing.steps import Finding

#: What MLflow calls the stage of a version that was deleted.
DELETED: Final = "Deleted_Internal"

#: The stage of a version that was never moved.
NO_STAGE: Final = "None"

#: A model with this tag is a prompt.
PROMPT_TAG: Final = "mlflow.prompt.is_prompt"

#: What the status of a version is once it can be used.
READY: Final = "READY"


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model, or a prompt; times are None where the source has none."""

    name: str
    created: datetime | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_prompt(self) -> bool:
        """Whether it is a prompt."""
        return self.tags.get(PROMPT_TAG, "").lower() == "true"


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version of a model; texts are empty where the source has none."""

    model: str
    number: int
    created: datetime | None = None
    updated: datetime | None = None
    description: str = ""
    user: str = ""
    stage: str = NO_STAGE
    source: str = ""
    storage_location: str = ""
    run_id: str = ""
    run_link: str = ""
    status: str = READY
    status_message: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted; MLflow keeps its number and forgets where it was."""
        return self.stage == DELETED


class Target(StrEnum):
    """What an alias of the source points to."""

    LIVE = "live"
    DELETED = "deleted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """An alias; MLflow keeps no time for it."""

    model: str
    alias: str
    number: int
    target: Target = Target.LIVE


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """A webhook.

    Attributes:
        id: Its id, a UUID.
        name: Its name.
        url: Whom it tells.
        events: What it tells: entities and actions.
        status: `ACTIVE` or `DISABLED`.
        description: What it is for.
        secret: Its secret, encrypted with a key that only MLflow has; empty without one.
        is_secret_shown: Whether the source shows secrets: a server does not.
        created: When it was created.
    """

    id: str
    name: str
    url: str
    events: Sequence[tuple[str, str]]
    status: str
    description: str = ""
    secret: str = ""
    is_secret_shown: bool = True
    created: datetime | None = None


class Happening(StrEnum):
    """What a record is told for."""

    CREATED = "created"
    REGISTERED = "registered"
    #: The version was deleted, or moved to the stage that it is in.
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in the source."""

    happening: Happening
    record: ModelRecord | VersionRecord


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    models: int
    versions: int


class MlflowSource(Protocol):
    """A registry to read from."""

    @property
    def identity(self) -> str:
        """What the source is called; the same in every run."""
        ...

    def size(self) -> Size:
        """Return how many models and versions there are, deleted versions included."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield what happened, oldest first, the versions of a model in the order of numbers."""
        ...

    def aliases(self, model: str) -> Sequence[AliasRecord]:
        """Return the aliases of a model by name."""
        ...

    def numbers(self, model: str) -> Collection[int]:
        """Return the numbers that a model's versions have, deleted ones included."""
        ...

    def webhooks(self) -> Sequence[WebhookRecord]:
        """Return the webhooks by id."""
        ...

    def left_out(self) -> Iterator[Finding]:
        """Yield what the source has and no import carries."""
        ...


def time_of(milliseconds: int | None) -> datetime | None:
    """Return the time of MLflow's milliseconds since 1970; None for none."""
    if not milliseconds:
        return None
    # Not by way of a float, which is off by a microsecond now and then.
    seconds, rest = divmod(int(milliseconds), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)

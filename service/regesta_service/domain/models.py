"""Creating, changing, renaming, deleting and restoring models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_projections.rows import ModelKey
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import any_model, expect_revision, find_named, live_model
from regesta_service.domain.rejections import ModelExists, NotDeleted
from regesta_service.domain.texts import beside, free_text, free_texts, needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta.sealed import SealedText
    from regesta_projections.rows import ModelRow, Rows
    from regesta_service.domain.texts import TextChange


@dataclass(frozen=True, slots=True)
class CreateModel:
    """Create a model under a name that none has or ever had, in any case."""

    name: str
    #: A regesta.v1.ModelKind without its prefix.
    kind: str = "MODEL"
    owner: str = ""
    description: SealedText | None = None
    card: SealedText | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    long_tags: Mapping[str, SealedText] = field(default_factory=dict)
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return who has the name."""
        return (Wanted(self.name),)

    def created(self) -> e.ModelCreated:
        """Return the event that creates the model; it does not depend on any row."""
        return e.ModelCreated(
            name=self.name,
            kind=self.kind,
            owner=self.owner,
            description=free_text(self.description),
            card=free_text(self.card),
            tags=dict(self.tags),
            long_tags=free_texts(self.long_tags),
            reason=free_text(self.reason),
        )

    def decide(self, rows: Rows) -> Decision:
        """Create it, or refuse with MODEL_EXISTS."""
        holder = find_named(rows, self.name)
        if holder is not None:
            raise _taken(self.name, holder)
        texts = beside(
            ("description", self.description),
            ("card", self.card),
            ("reason", self.reason),
            long_tags=self.long_tags,
        )
        key = ModelKey(self.name)
        return Decision((Fact(stream_of(key), self.created(), texts),), key)


@dataclass(frozen=True, slots=True)
class UpdateModel:
    """Change a model's owner, description or card; None leaves each as it is.

    An owner that is the same, or clearing a text that is not there, changes nothing. A
    text is always set anew, since digests do not tell whether it is the same.
    """

    model: str
    owner: str | None = None
    description: TextChange | None = None
    card: TextChange | None = None
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model."""
        return (Wanted(self.model),)

    def decide(self, rows: Rows) -> Decision:
        """Change what differs."""
        model = live_model(rows, self.model)
        _expect(model, self.expected_revision)
        owner = None if self.owner == model.resource.owner else self.owner
        description = needed(self.description, "description", model.texts)
        card = needed(self.card, "card", model.texts)
        if owner is None and description is None and card is None:
            return _unchanged(model)
        event = e.ModelUpdated(
            owner=owner,
            description=free_text(description),
            card=free_text(card),
            reason=free_text(self.reason),
        )
        texts = beside(("description", description), ("card", card), ("reason", self.reason))
        return Decision((Fact(stream_of(model.key), event, texts),), model.key)


@dataclass(frozen=True, slots=True)
class RenameModel:
    """Give a model a name that is free or was its own; its present name changes nothing.

    Changing only the case of letters is a rename too.
    """

    model: str
    new_name: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model, and who has the new name."""
        return (Wanted(self.model), Wanted(self.new_name))

    def decide(self, rows: Rows) -> Decision:
        """Rename it, or refuse with MODEL_EXISTS."""
        model = live_model(rows, self.model)
        _expect(model, self.expected_revision)
        if self.new_name == model.name:
            return _unchanged(model)
        holder = find_named(rows, self.new_name)
        if holder is not None and holder.model != model.model:
            raise _taken(self.new_name, holder)
        event = e.ModelRenamed(
            from_name=model.name, to_name=self.new_name, reason=free_text(self.reason)
        )
        fact = Fact(stream_of(model.key), event, beside(("reason", self.reason)))
        return Decision((fact,), model.key)


@dataclass(frozen=True, slots=True)
class DeleteModel:
    """Hide a model and its versions; deleting what is deleted changes nothing."""

    model: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model."""
        return (Wanted(self.model),)

    def decide(self, rows: Rows) -> Decision:
        """Delete it."""
        model = any_model(rows, self.model)
        _expect(model, self.expected_revision)
        if model.deleted:
            return _unchanged(model)
        event = e.ModelDeleted(reason=free_text(self.reason))
        fact = Fact(stream_of(model.key), event, beside(("reason", self.reason)))
        return Decision((fact,), model.key)


@dataclass(frozen=True, slots=True)
class RestoreModel:
    """Bring a deleted model back."""

    model: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model."""
        return (Wanted(self.model),)

    def decide(self, rows: Rows) -> Decision:
        """Restore it, or refuse with NOT_DELETED."""
        model = any_model(rows, self.model)
        _expect(model, self.expected_revision)
        if not model.deleted:
            raise NotDeleted(
                f"models/{model.name} is not deleted, so there is nothing to restore",
                metadata={"model": model.name},
            )
        event = e.ModelRestored(reason=free_text(self.reason))
        fact = Fact(stream_of(model.key), event, beside(("reason", self.reason)))
        return Decision((fact,), model.key)


def _expect(model: ModelRow, expected: int | None) -> None:
    expect_revision(f"models/{model.name}", model.revision, expected)


def _unchanged(model: ModelRow) -> Decision:
    return Decision((), model.key)


def _taken(name: str, holder: ModelRow) -> ModelExists:
    """Return the refusal of a name that another model has or had."""
    if holder.name.lower() != name.lower():
        message = f"the name {name} once was that of models/{holder.name}, and stays its own"
    elif holder.deleted:
        message = f"models/{holder.name} exists, but is deleted; restore it, or take another name"
    else:
        message = f"models/{holder.name} exists; take another name"
    return ModelExists(message, metadata={"model": holder.name})

"""Where a model of MLflow's is here, or is to be. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from regesta.importing.records import ModelRecord
from regesta.importing.steps import Finding, Outcome, Plan, Scribe
from regesta.importing.touched import Touched
from regesta.mlflow import naming
from regesta.v1 import model_pb2


@dataclass(frozen=True, slots=True)
class Rules:
    """How far an import goes.

    Attributes:
        overwrite: Whether the source's word counts for what people changed here.
        delete: Whether what was deleted in the source is deleted here.
    """

    overwrite: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A model here, found by its id or a former one, and its history."""

    model: model_pb2.Model
    touched: Touched

    @property
    def id(self) -> str:
        """Its id."""
        return short(self.model.name)

    @property
    def is_deleted(self) -> bool:
        """Whether it is deleted here."""
        return self.model.HasField("delete_time")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model of the source is here.

    Attributes:
        id: Its id; empty when it has no place.
        found: The model, None when it is to be created.
        plan: What must be done to make the place free, and what speaks against it.
    """

    id: str
    found: Found | None = None
    plan: Plan = field(default_factory=Plan)


def place_of(
    record: ModelRecord, look: Callable[[str], Found | None], scribe: Scribe, rules: Rules
) -> Place:
    """Return where a model is here, or is to be.

    It is the first id of its row (`naming.model_ids`) that is its own or free. Its own is one
    that an import made of a model created at the same time; so a model that was deleted in
    MLflow and made anew is another one, as it is there.

    Args:
        record: The model.
        look: Gives what is known of an id, or of a former one; None for one that is free.
        scribe: Makes the steps.
        rules: How far to go.
    """
    plan = Plan()
    for candidate in naming.model_ids(record.name):
        found = look(candidate)
        if found is None:
            return Place(candidate, None, plan)
        if _is_own(record, candidate, found, scribe):
            return Place(found.id, found, plan)
        if found.is_deleted or not _is_called(record.name, candidate, found):
            continue
        if not scribe.wrote(found.touched.born_by):
            why = "another model has its name here; import it into another namespace"
            return _nowhere(Outcome.NOT_CARRIED, record.name, why)
        if not rules.delete:
            why = "it was deleted and made anew; --delete deletes the old one here"
            return _nowhere(Outcome.DELETED, record.name, why)
        plan += Plan(
            (
                scribe.step(
                    "delete_model",
                    "models deleted",
                    record.name,
                    {"name": found.model.name, "etag": found.model.etag},
                ),
            )
        )
    raise AssertionError("a row of ids has no end")


def short(name: str) -> str:
    """Return the last part of a resource name."""
    return name.rpartition("/")[2]


def _is_own(record: ModelRecord, candidate: str, found: Found, scribe: Scribe) -> bool:
    """Say whether a model here was made of this one by an import; it may have been renamed."""
    if not (found.id == candidate or candidate in map(short, found.model.former_names)):
        return False
    if candidate != record.name and found.model.tags.get(naming.NAME_TAG) != record.name:
        return False
    touched = found.touched
    if touched.born_at is None:
        return scribe.wrote(touched.born_by)
    return touched.is_imported and touched.born_at == record.created


def _is_called(name: str, candidate: str, found: Found) -> bool:
    """Say whether a model here has the name that the candidate stands for."""
    return found.id == candidate and naming.name_of(found.id, dict(found.model.tags)) == name


def _nowhere(outcome: Outcome, name: str, why: str) -> Place:
    return Place("", None, Plan((), (Finding(outcome, name, "model", why),)))

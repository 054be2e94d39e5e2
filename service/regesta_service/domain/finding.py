"""Finding what a command is about, and refusing what is missing, deleted or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta_projections.rows import ModelKey, NameKey, VersionKey
from regesta_service.domain.rejections import (
    ModelDeletedAlready,
    ModelNotFound,
    RevisionMismatch,
    VersionDeletedAlready,
    VersionNotFound,
)

if TYPE_CHECKING:
    from regesta_projections.rows import ModelRow, Rows, VersionRow


def find_named(rows: Rows, name: str) -> ModelRow | None:
    """Return the model that has, or once had, a name in any case."""
    named = rows.get(NameKey(name.lower()))
    return None if named is None else rows.get(ModelKey(named.model))


def any_model(rows: Rows, name: str) -> ModelRow:
    """Return the model of a name, deleted or not.

    Raises:
        ModelNotFound: No model has or had the name.
    """
    model = find_named(rows, name)
    if model is None:
        raise ModelNotFound(
            f"there is no models/{name}; check the name, or create it first",
            metadata={"model": name},
        )
    return model


def live_model(rows: Rows, name: str) -> ModelRow:
    """Return the model of a name.

    Raises:
        ModelNotFound: No model has or had the name.
        ModelDeletedAlready: It is deleted.
    """
    model = any_model(rows, name)
    if model.deleted:
        raise ModelDeletedAlready(
            f"models/{model.name} is deleted; restore it first", metadata={"model": model.name}
        )
    return model


def any_version(rows: Rows, model: ModelRow, number: int) -> VersionRow:
    """Return a version of a model, deleted or not.

    Raises:
        VersionNotFound: The model never had one of this number.
    """
    version = rows.get(VersionKey(model.model, number))
    if version is None:
        latest = model.last_version
        raise VersionNotFound(
            f"models/{model.name} has no version {number}; "
            + (f"the latest is {latest}" if latest else "none has been registered yet"),
            metadata={"model": model.name, "version": str(number), "latest": str(latest)},
        )
    return version


def live_version(rows: Rows, model: ModelRow, number: int) -> VersionRow:
    """Return a version of a model.

    Raises:
        VersionNotFound: The model never had one of this number.
        VersionDeletedAlready: It is deleted.
    """
    version = any_version(rows, model, number)
    if version.deleted:
        raise VersionDeletedAlready(
            f"models/{model.name}/versions/{number} is deleted; restore it first",
            metadata={"model": model.name, "version": str(number)},
        )
    return version


def expect_revision(thing: str, actual: int, expected: int | None) -> None:
    """Refuse unless a resource is at the revision that the caller expects, if any.

    Raises:
        RevisionMismatch: It is at another one.
    """
    if expected is not None and actual != expected:
        raise RevisionMismatch(
            f"{thing} is at revision {actual}, not {expected}; read it again and decide anew",
            metadata={"expected": str(expected), "actual": str(actual)},
        )

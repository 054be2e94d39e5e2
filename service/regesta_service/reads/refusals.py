"""The refusals of reads, in one place so that the past and the present say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta_projections.resolving import stage_closed
from regesta_service.domain.rejections import (
    AliasNotFound,
    ModelDeletedAlready,
    ModelNotFound,
    NotFreshYet,
    NoVersionMatches,
    VersionArchived,
    VersionDeletedAlready,
    VersionNotFound,
)
from regesta_service.domain.stopping import revoked, stopped
from regesta_service.reads.version_lookup import Form

if TYPE_CHECKING:
    from regesta.v1 import flag_pb2 as flag_pb
    from regesta.v1 import version_pb2 as version_pb
    from regesta_service.domain.rejections import Rejection

#: Forms that name one version for ever: what is looked at rather than trusted to be good.
_BY_ITSELF = frozenset({Form.NUMBER, Form.DIGEST})


def model_not_found(name: str) -> ModelNotFound:
    """Return the refusal of a name that no model has or had."""
    return ModelNotFound(f"there is no model {name}", metadata={"model": name})


def history_behind(reached: int, position: int) -> NotFreshYet:
    """Return the refusal of a moment that the history has not been folded up to yet."""
    return NotFreshYet(
        f"the history has been folded up to position {reached}, not yet up to {position}; try again",
        metadata={"position": str(reached)},
        retry_after=0.5,
    )


def version_not_found(model: str, number: int) -> VersionNotFound:
    """Return the refusal of a number that was not given out."""
    return VersionNotFound(
        f"{model} has no version {number}", metadata={"model": model, "version": str(number)}
    )


def alias_not_found(model: str, alias: str) -> AliasNotFound:
    """Return the refusal of an alias that does not point anywhere."""
    return AliasNotFound(f"{model} has no alias {alias}", metadata={"model": model, "alias": alias})


def nothing_means(form: Form, model: str, number: int, argument: str) -> Rejection:
    """Return the refusal of an address that no version answers to.

    Args:
        form: Its form.
        model: The model's present name; empty with a digest.
        number: The number asked for.
        argument: The alias, stage, range or digest asked for.
    """
    match form:
        case Form.NUMBER:
            return version_not_found(model, number)
        case Form.ALIAS:
            return alias_not_found(model, argument)
        case Form.LATEST:
            message = f"{model} has no versions"
        case Form.DIGEST:
            message = f"no version has the digest {argument}"
        case Form.STAGE:
            message = f"{model} has no version in the stage {argument}"
        case Form.RANGE:
            message = f"{model} has no version whose SemVer label is in the range"
    return NoVersionMatches(message, metadata={"model": model} if model else {})


def unresolvable(
    form: Form,
    model: str,
    version: version_pb.Version,
    *,
    model_deleted: bool,
    model_flag: flag_pb.Flag | None,
) -> Rejection | None:
    """Return why a version that an address means is not resolved; None when it is.

    Deleted and revoked ones never are; archived and flagged ones only by number and digest.

    Args:
        form: How it was asked for.
        model: The model's present name.
        version: The version.
        model_deleted: Whether its model is a tombstone.
        model_flag: The blocking flag on its model, if there is one.
    """
    metadata = {"model": model, "version": str(version.version)}
    if model_deleted:
        return model_deleted_already(model)
    if version.HasField("delete_time"):
        return VersionDeletedAlready(
            f"version {version.version} of {model} is deleted; restore it, or resolve another",
            metadata=metadata,
        )
    if form in _BY_ITSELF:
        return revoked(model, version) if version.HasField("revoked") else None
    refusal = stopped(model, model_flag, version)
    if refusal is None and stage_closed(version):
        refusal = VersionArchived(
            f"version {version.version} of {model} is {version.stage}; it is resolved by its"
            " number and its digest only",
            metadata=metadata,
        )
    return refusal


def model_deleted_already(model: str) -> ModelDeletedAlready:
    """Return the refusal of a model that is deleted."""
    return ModelDeletedAlready(
        f"{model} is deleted, and none of its versions is resolved until it is restored",
        metadata={"model": model},
    )

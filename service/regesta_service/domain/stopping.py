"""Why a version may not be used: what flags and revocation refuse, in one place for all callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import flag_pb2 as flag_pb
from regesta_projections.resolving import blocking_flag
from regesta_service.domain.rejections import ModelFlagged, VersionFlagged, VersionRevoked

if TYPE_CHECKING:
    from regesta.v1 import version_pb2 as version_pb
    from regesta_projections.rows import ModelRow, VersionRow
    from regesta_service.domain.rejections import Rejection

_PREFIX = len("FLAG_SEVERITY_")


def severity_of(flag: flag_pb.Flag) -> str:
    """Return a flag's severity as events and messages have it."""
    return flag_pb.FlagSeverity.Name(flag.severity)[_PREFIX:]


def revoked(model: str, version: version_pb.Version) -> VersionRevoked:
    """Return the refusal of a version that was revoked.

    Args:
        model: The model's present name.
        version: The version.
    """
    revocation = version.revoked
    return VersionRevoked(
        f"version {version.version} of {model} was revoked by {revocation.revoked_by}"
        f" ({revocation.category}) at position {revocation.position}, for good; use another",
        metadata={
            "model": model,
            "version": str(version.version),
            "category": revocation.category,
            "position": str(revocation.position),
        },
    )


def stopped(
    model: str, model_flag: flag_pb.Flag | None, version: version_pb.Version
) -> Rejection | None:
    """Return why flags or revocation stop a version; None when they do not.

    Args:
        model: The model's present name.
        model_flag: The blocking flag on the model, if there is one.
        version: The version.
    """
    if version.HasField("revoked"):
        return revoked(model, version)
    metadata = {"model": model, "version": str(version.version)}
    if model_flag is not None:
        return ModelFlagged(
            f"{model} has {_told(model_flag)}; it stops all versions of the model",
            metadata=metadata | _facts(model_flag),
        )
    flag = blocking_flag(version)
    if flag is not None:
        return VersionFlagged(
            f"version {version.version} of {model} has {_told(flag)}",
            metadata=metadata | _facts(flag),
        )
    return None


def expect_not_stopped(model: ModelRow, version: VersionRow) -> None:
    """Refuse a version that flags or revocation stop.

    Raises:
        VersionRevoked: It was revoked.
        ModelFlagged: Its model has a blocking flag.
        VersionFlagged: It has one.
    """
    refusal = stopped(model.name, blocking_flag(model.resource), version.resource)
    if refusal is not None:
        raise refusal


def _told(flag: flag_pb.Flag) -> str:
    return (
        f"the blocking flag {flag.id} ({severity_of(flag)}), raised by {flag.raised_by} at"
        f" position {flag.position}; whoever has flags.resolve may resolve it"
    )


def _facts(flag: flag_pb.Flag) -> dict[str, str]:
    return {
        "flag": flag.id,
        "severity": severity_of(flag),
        "position": str(flag.position),
        "permission": "flags.resolve",
    }

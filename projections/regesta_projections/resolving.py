"""What may be resolved: the one place that says so, for rows, tables, commands and reads.

A version is resolved by alias, stage, range and `latest` while its stage is not closed, no
blocking flag is open on it, and it was not revoked. Its model's blocking flags are the model's:
a row is folded from its own stream alone, so whoever resolves looks at both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from regesta.v1 import flag_pb2 as flag_pb
    from regesta.v1 import model_pb2 as model_pb
    from regesta.v1 import version_pb2 as version_pb

#: The closed stage of the default lifecycle.
_CLOSED: Final = "archived"


def stage_closed(version: version_pb.Version) -> bool:
    """Say whether a version's stage keeps it from being resolved.

    A lifecycle that was defined said so when the version came into the stage; the default one
    says nothing.
    """
    resolution = version.stage_resolution
    return resolution == "closed" if resolution else version.stage == _CLOSED


def blocking_flag(resource: model_pb.Model | version_pb.Version) -> flag_pb.Flag | None:
    """Return the oldest open flag that stops a model or version; None when none does."""
    # Most have no flags, and asking for the field costs less than a loop over nothing.
    flags = resource.flags
    if not flags:
        return None
    return next((flag for flag in flags if flag.blocking), None)


def resolvable(version: version_pb.Version) -> bool:
    """Say whether a version is resolved by more than number and digest, as far as it says."""
    return (
        not stage_closed(version)
        and blocking_flag(version) is None
        and not version.HasField("revoked")
    )

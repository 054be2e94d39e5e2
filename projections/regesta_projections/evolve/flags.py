"""How flags and revocation change the rows of models and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regesta.v1 import flag_pb2 as flag_pb
from regesta_projections.evolve.stamps import put_text, put_time

if TYPE_CHECKING:
    from regesta_projections.events import FlagRaised, FlagResolved, VersionRevoked
    from regesta_projections.records import Recorded
    from regesta_projections.rows import ModelRow, VersionRow

#: Reasons of flags are found under this and the flag's id.
FLAG_FIELD: Final = "flags."
#: And that of a revocation under this.
REVOCATION_FIELD: Final = "revocation"


def flag_raised(row: ModelRow | VersionRow, event: FlagRaised, recorded: Recorded) -> None:
    """Open a flag."""
    flag = row.resource.flags.add(
        id=event.flag,
        severity=flag_pb.FlagSeverity.Value(f"FLAG_SEVERITY_{event.severity}"),
        blocking=event.blocking,
        raised_by=recorded.actor,
        position=recorded.position,
    )
    put_time(flag.raise_time, recorded.recorded_at)
    put_text(row.texts, FLAG_FIELD + event.flag, event.reason)


def flag_resolved(row: ModelRow | VersionRow, event: FlagResolved) -> None:
    """Close a flag; nothing of it stays on the row."""
    kept = [flag for flag in row.resource.flags if flag.id != event.flag]
    del row.resource.flags[:]
    row.resource.flags.extend(kept)
    row.texts.pop(FLAG_FIELD + event.flag, None)


def version_revoked(row: VersionRow, event: VersionRevoked, recorded: Recorded) -> None:
    """Revoke a version, for good."""
    revoked = row.resource.revoked
    revoked.category = event.category
    revoked.revoked_by = recorded.actor
    revoked.position = recorded.position
    put_time(revoked.revoke_time, recorded.recorded_at)
    put_text(row.texts, REVOCATION_FIELD, event.reason)

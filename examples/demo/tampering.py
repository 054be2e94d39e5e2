"""An insider: edits the log as the database's superuser, past everything that refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import make_conninfo

from regesta_service.database import DATABASE
from regesta_service.postgres.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from pathlib import Path

#: Says that somebody else did it, in the record itself and in the column that copies it.
_EDIT: Final = """
    UPDATE regesta.events AS e
    SET actor = %(to)s,
        record = convert_to(
            replace(convert_from(e.record, 'UTF8'),
                    format('"authid":"%%s"', e.actor),
                    format('"authid":"%%s"', %(to)s::text)),
            'UTF8')
    FROM regesta.logs AS l
    WHERE l.namespace_id = e.namespace_id AND l.name = 'default' AND e.position = %(position)s
"""

_TRIGGERS_OFF: Final = "ALTER TABLE regesta.events DISABLE TRIGGER only_archive"
_TRIGGERS_ON: Final = "ALTER TABLE regesta.events ENABLE ALWAYS TRIGGER only_archive"


def blame_somebody_else(home: Path, position: int, actor: str) -> str:
    """Change who caused an event.

    Args:
        home: The data directory of the server.
        position: The event's.
        actor: The name to put there.

    Returns:
        What PostgreSQL answered before the triggers were switched off.

    Raises:
        RuntimeError: The record was not changed, or was not even refused at first.
    """
    values = {"to": actor, "position": position}
    with (
        EmbeddedPostgres(home / "postgres") as server,  # joins the one that runs
        psycopg.connect(make_conninfo(server.dsn, dbname=DATABASE), autocommit=True) as connection,
    ):
        try:
            connection.execute(_EDIT, values)
        except psycopg.errors.RestrictViolation as refusal:
            answer = str(refusal.diag.message_primary)
        else:
            raise RuntimeError("the log let itself be changed with its triggers on")
        connection.execute(_TRIGGERS_OFF)
        changed = connection.execute(_EDIT, values).rowcount
        connection.execute(_TRIGGERS_ON)
    if changed != 1:
        raise RuntimeError(f"{changed} records were changed instead of one")
    return answer

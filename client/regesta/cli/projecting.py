"""Commands about projections: the tables that are made of the log."""

from __future__ import annotations

import click

from regesta.cli.documents import document
from regesta.cli.output import counted
from regesta.cli.session import Session, pass_session
from regesta.cli.verifying import verify_log


@click.group()
def projections() -> None:
    """See how the projections stand, check them, or make them anew from the log."""


@projections.command("status")
@pass_session
def projections_status(session: Session) -> None:
    """Say up to which position each projection is folded, and how many rows it has."""
    status = session.client().get_projection_status()
    if session.output.json:
        session.output.document(document(status))
        return
    session.output.table(
        ("PROJECTION", "CURSOR", "TABLE", "ROWS"),
        (
            (projection.name, str(projection.cursor), table, f"{rows:,}")
            for projection in status.projections
            for table, rows in sorted(projection.rows.items())
        ),
    )


@projections.command("rebuild")
@pass_session
def projections_rebuild(session: Session) -> None:
    """Fold the whole log into fresh rows and put them in use; reads and writes go on."""
    folded = written = 0
    for answer in session.client().rebuild_projections():
        folded, written = answer.events_folded, answer.rows_written
    if session.output.json:
        session.output.document({"eventsFolded": folded, "rowsWritten": written})
    else:
        rows = counted(written, "row")
        session.output.line(f"{counted(folded, 'event')} folded into {rows}, which are in use")


@projections.command("verify")
@pass_session
def projections_verify(session: Session) -> None:
    """Check the whole log of the namespace and its projections, as `regesta verify` does."""
    verify_log(session)

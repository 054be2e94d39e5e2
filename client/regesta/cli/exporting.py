"""The command that mirrors a log as static files."""

from __future__ import annotations

from pathlib import Path

import click

import regesta
from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import InvalidNote, Note
from regesta.cli.offline import FILE, load_policy, told
from regesta.cli.output import counted
from regesta.cli.session import Session, pass_session
from regesta.errors import NotFound
from regesta.exporting.tiling import Description, FolderBusy, InvalidTiles, TileFolder, describe


@click.command("export-tiles")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--policy",
    type=FILE,
    metavar="FILE",
    help="Take only a checkpoint that is signed as this policy wants.",
)
@pass_session
def export_tiles(session: Session, folder: Path, policy: Path | None) -> None:
    """Mirror the log as static files (C2SP tlog-tiles), up to its latest checkpoint.

    What FOLDER has already is kept, and only what is new is read and written. The records must
    give the root that was signed; else the folder stays as it was, exit code 1. Free texts are
    not in it. `regesta verify FOLDER` checks it all.
    """
    client = session.client()
    wanted, note = _wanted(client)
    if policy is not None:
        with told():
            verdict = load_policy(policy).judge(Note.parse(note or b""))
        if verdict.problems:
            raise click.ClickException("not trusted: " + "; ".join(verdict.problems))
    try:
        old, written = _extend(client, folder, wanted, note)
    except (FolderBusy, InvalidTiles) as error:
        raise click.ClickException(str(error)) from None
    if session.output.json:
        session.output.document(
            {
                "namespace": wanted.namespace,
                "origin": wanted.origin,
                "size": wanted.size,
                "root_hash": wanted.root,
                "signed": note is not None,
                "events_added": wanted.size - old,
                "files_written": written,
            }
        )
        return
    signed = "" if note is not None else "; nobody has signed it yet"
    session.output.line(
        f"{counted(wanted.size - old, 'event')} added, {counted(written, 'file')} written:"
        f" {counted(wanted.size, 'event')} in {folder}{signed}"
    )


def _extend(
    client: regesta.Client, folder: Path, wanted: Description, note: bytes | None
) -> tuple[int, int]:
    """Bring a folder up to date; return its size before, and how many files were written."""
    with TileFolder(folder) as tiles:
        had = describe(folder)
        old = had.size if had else 0
        if wanted.size < old:
            raise InvalidTiles(
                f"{folder} has {old} events, and the server shows {wanted.size}:"
                " it lost some, or has not signed so many"
            )
        # The API takes 0 for no end, and there may be nothing new.
        events = client.events(after=old, until=wanted.size) if wanted.size > old else iter(())
        return old, tiles.extend(wanted, (event.record for event in events), note)


def _wanted(client: regesta.Client) -> tuple[Description, bytes | None]:
    """Return the log as it was signed last, or as it is while nobody has signed it."""
    try:
        note = client.get_checkpoint().note.encode()
    except NotFound as error:
        if error.reason != "CHECKPOINT_NOT_FOUND":
            raise
        head = client.get_head()
        return Description(client.namespace, "", head.position, head.root_hash.hex()), None
    try:
        checkpoint = Checkpoint.parse(Note.parse(note).text)
    except InvalidNote as error:
        raise click.ClickException(f"the server's checkpoint is none: {error}") from None
    return (
        Description(client.namespace, checkpoint.origin, checkpoint.size, checkpoint.root.hex()),
        note,
    )

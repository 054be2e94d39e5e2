"""Commands that bring what another registry holds: import mlflow, huggingface, log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from regesta.cli.output import Cell
from regesta.cli.session import Session, pass_session
from regesta.importing.applying import WrongNumber
from regesta.importing.extras import MissingExtra, NoRegistry
from regesta.importing.log_records import InvalidLog, open_export
from regesta.importing.logs import import_log
from regesta.importing.mlflow import Progress, import_mlflow
from regesta.importing.mlflow_database import MlflowDatabase, told
from regesta.importing.mlflow_places import Rules
from regesta.importing.mlflow_server import mlflow_server
from regesta.importing.records import MlflowSource
from regesta.importing.reports import Report
from regesta.importing.repositories import import_repositories
from regesta.importing.steps import Outcome

Function = TypeVar("Function", bound=Callable[..., Any])

#: Seconds between two lines about how far it is.
_PAUSE: Final = 2.0

_SINGULAR: Final = {
    "models": "model",
    "versions": "version",
    "events": "event",
    "repositories": "repository",
}

_STYLES: Final = {
    Outcome.NOT_CARRIED: "red",
    Outcome.CONFLICT: "red",
    Outcome.DELETED: "yellow",
    Outcome.KEPT: "dim",
    Outcome.CHANGED: "dim",
}


@click.group("import")
def import_() -> None:
    """Bring what another registry holds, once and without loss; docs/importing.md."""


def imports(function: Function) -> Function:
    """Add the options of every import."""
    return click.option(
        "--dry-run", is_flag=True, help="Write nothing; say what would be done, and what cannot be."
    )(function)


@import_.command("mlflow")
@click.argument("source")
@imports
@click.option(
    "--overwrite",
    is_flag=True,
    help="Take the source's word also for what people have changed here since.",
)
@click.option(
    "--delete",
    is_flag=True,
    help="Delete here what was deleted in the source since it was imported.",
)
@click.option(
    "--workspace",
    default="default",
    show_default=True,
    metavar="NAME",
    help="Take the models of this workspace of the database.",
)
@click.option(
    "--as",
    "identity",
    default="",
    metavar="NAME",
    help="What the source is called, if its address changes between two runs.",
)
@pass_session
def mlflow(
    session: Session,
    source: str,
    *,
    dry_run: bool,
    overwrite: bool,
    delete: bool,
    workspace: str,
    identity: str,
) -> None:
    """Bring the models, prompts, versions, tags, aliases and stages of an MLflow registry.

    SOURCE is its database as SQLAlchemy writes it (sqlite:///mlflow.db, postgresql://…), or its
    server (http://…). It is only read. Numbers stay as they are, and times and people of the
    source stand beside those of the import. Run again, it brings what has changed, and goes on
    where a run was broken off. What people changed here meanwhile is left, and told. Exit code 1
    when something could not be carried.
    """
    rules = Rules(overwrite=overwrite, delete=delete)
    with _reading(source, workspace, identity) as registry, _progress() as progress:
        report = import_mlflow(
            session.client(),
            registry,
            now=datetime.now(UTC),
            rules=rules,
            dry_run=dry_run,
            progress=progress,
        )
    show(session, report)


@import_.command("huggingface")
@click.argument(
    "folders",
    metavar="DIRECTORY...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@imports
@pass_session
def huggingface(session: Session, folders: tuple[Path, ...], *, dry_run: bool) -> None:
    """Register Hugging Face repositories that lie on disk: clones, downloads, caches.

    The version has the card, the facts at its head as tags, what it was made from, the results
    it tells as evaluations, and the SHA-256 of every file. The files stay where they are, and
    nothing in them is run. A repository whose content is here already is left alone, a changed
    one becomes the next version.
    """
    try:
        with _progress() as progress:
            report = import_repositories(
                session.client(),
                folders,
                now=datetime.now(UTC),
                dry_run=dry_run,
                progress=progress,
            )
    except (MissingExtra, WrongNumber) as error:
        raise click.ClickException(str(error)) from None
    show(session, report)


@import_.command("log")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@imports
@pass_session
def log(session: Session, source: Path, *, dry_run: bool) -> None:
    """Bring the log of another regesta, event by event.

    SOURCE is its log as JSON lines (`regesta replay --out FILE`), or a pack of the whole log, a
    mirror or a backup; free texts are only in the last three. Models, versions, labels,
    comments, flags, evaluations, lifecycles and policies happen here again, each with its time
    and its actor as claimed. Approvals, grants, tokens, holds and erasures do not. Run again, it
    goes on where it was broken off, and a later export brings what is new. Exit code 1 when
    something could not be carried.
    """
    try:
        with open_export(source) as export, _progress() as progress:
            report = import_log(
                session.client(),
                export,
                now=datetime.now(UTC),
                dry_run=dry_run,
                progress=progress,
            )
    except InvalidLog as error:
        raise click.UsageError(str(error)) from None
    except WrongNumber as error:
        raise click.ClickException(str(error)) from None
    show(session, report)


@contextmanager
def _reading(source: str, workspace: str, identity: str) -> Iterator[MlflowSource]:
    """Open a source; what cannot be read ends the command."""
    try:
        if source.startswith(("http://", "https://")):
            with mlflow_server(source, identity=identity) as server:
                yield server
            return
        database = MlflowDatabase(source, workspace=workspace, identity=identity)
        with database, told():
            yield database
    except NoRegistry as error:
        raise click.UsageError(str(error)) from None
    except (MissingExtra, WrongNumber) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _progress() -> Iterator[Progress]:
    """Give a function that says on stderr how far it is, now and then."""
    said = time.monotonic()
    is_terminal = sys.stderr.isatty()

    def say(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < _PAUSE:
            return
        said = now
        line = f"{done:,} of {total:,}"
        click.echo(f"\r{line}" if is_terminal else line, err=True, nl=not is_terminal)

    yield say


def show(session: Session, report: Report) -> None:
    """Write a report, and end the command with 1 when something could not be carried."""
    if session.output.json:
        session.output.document(report.document())
    else:
        _for_people(session, report)
    if not report.is_complete:
        click.get_current_context().exit(1)


def _for_people(session: Session, report: Report) -> None:
    output = session.output
    would = ", nothing written" if report.dry_run else ""
    sizes = [
        f"{value:,} {_SINGULAR[name] if value == 1 else name}"
        for name, value in report.facts.items()
        if isinstance(value, int)
    ]
    output.line((report.source, "bold"), ": " if sizes else "", ", ".join(sizes), would)
    if report.counts:
        output.table(
            ("WOULD BE DONE" if report.dry_run else "DONE", "HOW OFTEN#"),
            ((what, f"{number:,}") for what, number in sorted(report.counts.items())),
        )
    else:
        output.line("nothing to be done")
    if report.findings:
        rows: list[tuple[Cell, ...]] = [
            ((str(one.outcome), _STYLES[one.outcome]), one.resource, one.what, one.why)
            for one in report.findings
        ]
        output.table(("", "RESOURCE", "WHAT", "WHY"), rows)

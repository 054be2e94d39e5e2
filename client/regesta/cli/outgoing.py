"""Commands that write models for other registries: export mlflow, huggingface."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Final

import click

from regesta.cli.importing import show
from regesta.cli.session import Session, pass_session
from regesta.exporting.huggingface import HISTORY, card_of, write_repository
from regesta.exporting.mlflow import export_mlflow
from regesta.importing.extras import MissingExtra, NoRegistry
from regesta.importing.huggingface import CARD, NoRepository
from regesta.names import ModelName
from regesta.v1 import event_pb2

#: Seconds between two lines about how far it is.
_PAUSE: Final = 2.0


@click.group()
def export() -> None:
    """Write models for other registries; the log itself is written by `replay`."""


@export.command("mlflow")
@click.argument("registry", metavar="FOLDER-OR-URI")
@pass_session
def mlflow(session: Session, registry: str) -> None:
    """Write models, prompts, versions, tags, aliases and stages into an MLflow registry.

    FOLDER-OR-URI is a folder, which gets a database mlflow.db, or a database (sqlite:///…,
    postgresql://…) or a server (http://…). Numbers agree; what is there already is brought up to
    date. What MLflow has no place for is named; exit code 1 when something could not be carried.
    """
    said = time.monotonic()

    def progress(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _PAUSE:
            said = time.monotonic()
            click.echo(f"{done:,} models", err=True)

    try:
        report = export_mlflow(session.client(), registry, progress=progress)
    except NoRegistry as error:
        raise click.UsageError(str(error)) from None
    except MissingExtra as error:
        raise click.ClickException(str(error)) from None
    show(session, report)


@export.command("huggingface")
@click.argument("version", metavar="MODEL[/VERSION]")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@pass_session
def huggingface(session: Session, version: str, directory: Path) -> None:
    """Write a version's card and history as a Hugging Face repository has them.

    DIRECTORY gets a README.md: the card, below a front matter made of tags, lineage, evaluations
    and metrics; and a regesta.json with the version and every event of it and its model. Without
    VERSION it is the latest that may be used. A version may be named in any way, as in
    churn@champion.
    """
    target = session.parse(version)
    found = session.resolve(target) if isinstance(target.subject, ModelName) else None
    name = str(session.version(version)) if found is None else found.name
    client = session.client(target.namespace)
    here = client.get_version(name)
    model = client.get_model(name.partition("/versions/")[0])
    history = itertools.chain(client.history(model.name), client.history(name))
    evaluations = client.get_evaluations(name).evaluations
    try:
        card = card_of(model, here, evaluations)
    except (MissingExtra, NoRepository) as error:
        raise click.ClickException(str(error)) from None
    write_repository(directory, card, model, here, sorted(history, key=_position))
    if session.output.json:
        session.output.document({"version": here.name, "files": [CARD, HISTORY]})
    else:
        session.output.line((version, "bold"), f" is written to {directory}: {CARD}, {HISTORY}")


def _position(event: event_pb2.Event) -> int:
    return event.position

"""Commands that move, rename, delete and restore."""

from __future__ import annotations

import click

from regesta.cli.documents import document
from regesta.cli.options import Write, ways, writes
from regesta.cli.registering import answer_model, answer_version
from regesta.cli.session import Session, pass_session
from regesta.names import ModelName, VersionName
from regesta.v1.lifecycle_service_pb2 import Stage


@click.command()
@click.argument("version")
@click.argument("stage")
@click.option("--from", "from_stage", default="", help="Refuse unless it is in this stage now.")
@ways
@writes()
@pass_session
def promote(
    session: Session,
    version: str,
    *,
    stage: str,
    from_stage: str,
    through: bool,
    displace_to: str,
    write: Write,
) -> None:
    """Move a version to another stage, up or down.

    `stages` says which moves there are; VERSION may also be churn@champion, churn@latest …
    """
    name = session.version(version)
    client = session.client(name.namespace)
    moved = client.transition_version(
        str(name),
        stage=stage,
        from_stage=from_stage,
        through=through,
        displace_to=displace_to,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    answer_version(session, client, moved, f"moved to {moved.stage}")


@click.command()
@click.argument("model", default="")
@pass_session
def stages(session: Session, model: str) -> None:
    """List the stages of the namespace, or of MODEL, and the moves between them."""
    name = session.model(model) if model else None
    client = session.client(name.namespace) if name else session.client()
    lifecycle = client.get_lifecycle(model=str(name) if name else "")
    if session.output.json:
        session.output.document(document(lifecycle))
        return
    session.output.table(
        ("STAGE", "MOVES TO", "RESOLVED", "VERSIONS"),
        (
            (
                stage.name,
                ", ".join(stage.moves_to),
                "yes" if stage.resolvable else "no",
                _room(stage),
            )
            for stage in lifecycle.stages
        ),
    )


def _room(stage: Stage) -> str:
    if not stage.exclusive:
        return "any"
    return f"one, else to {stage.displaced_to}" if stage.displaced_to else "one"


@click.command()
@click.argument("model")
@click.argument("new_name")
@writes()
@pass_session
def rename(session: Session, model: str, *, new_name: str, write: Write) -> None:
    """Give a model another name; the old one keeps leading to it."""
    name = session.model(model)
    client = session.client(name.namespace)
    renamed = client.rename_model(
        str(name),
        new_model_id=new_name,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    answer_model(session, client, renamed, f"renamed from {name.model}")


@click.command()
@click.argument("resource")
@writes()
@pass_session
def delete(session: Session, resource: str, *, write: Write) -> None:
    """Hide a model or a version until it is restored."""
    name = _model_or_version(session, resource)
    client = session.client(name.namespace)
    if isinstance(name, ModelName):
        model = client.delete_model(
            str(name), etag=write.etag, request_id=write.request_id, reason=write.reason
        )
        answer_model(session, client, model, "deleted")
    else:
        version = client.delete_version(
            str(name), etag=write.etag, request_id=write.request_id, reason=write.reason
        )
        answer_version(session, client, version, "deleted")


@click.command()
@click.argument("resource")
@writes()
@pass_session
def restore(session: Session, resource: str, *, write: Write) -> None:
    """Bring a deleted model or version back as it was."""
    name = _model_or_version(session, resource)
    client = session.client(name.namespace)
    if isinstance(name, ModelName):
        model = client.restore_model(
            str(name), etag=write.etag, request_id=write.request_id, reason=write.reason
        )
        answer_model(session, client, model, "restored")
    else:
        version = client.restore_version(
            str(name), etag=write.etag, request_id=write.request_id, reason=write.reason
        )
        answer_version(session, client, version, "restored")


def _model_or_version(session: Session, text: str) -> ModelName | VersionName:
    subject = session.parse(text).subject
    match subject:
        case ModelName() | VersionName():
            return subject
        case _:
            # What an alias or a range means may change between two looks.
            raise click.UsageError("name a model, or a version by its number")

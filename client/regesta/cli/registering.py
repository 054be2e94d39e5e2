"""Commands that bring something in: create, register, update."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import click

import regesta
from regesta.cli.documents import document
from regesta.cli.options import Parsed, Write, writes
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short_of
from regesta.cli.times import parse_time
from regesta.cli.unchanged import answer_unchanged, unchanged_since, with_unchanged
from regesta.cli.values import parse_dataset, parse_metric, parse_pair, parse_property
from regesta.names import ModelName, VersionName
from regesta.v1 import model_pb2, version_pb2

Resource = TypeVar("Resource", model_pb2.Model, version_pb2.Version)

_PAIR = Parsed("key=value", parse_pair)
_KINDS = [name.removeprefix("MODEL_KIND_").lower() for name in model_pb2.ModelKind.keys()[1:]]
_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

#: Formats whose files say what they take and give.
_SELF_DESCRIBING = {".onnx", ".safetensors"}


def _text_of(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8 text") from None


@click.command()
@click.argument("model")
@click.option("--kind", type=click.Choice(_KINDS), default="model", show_default=True)
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--description", default="", help="Free text.")
@click.option("--card", type=_FILE, help="The model card, a text file.")
@click.option("--tag", "tags", type=_PAIR, multiple=True, help="A label.")
@writes(etag=False)
@pass_session
def create(
    session: Session,
    model: str,
    *,
    kind: str,
    owner: str,
    description: str,
    card: Path | None,
    tags: tuple[tuple[str, str], ...],
    write: Write,
) -> None:
    """Create a model. `register` does it by itself; this is for kinds and owners."""
    name = session.model(model)
    client = session.client(name.namespace)
    made = client.create_model(
        name.model,
        model=model_pb2.Model(
            kind=model_pb2.ModelKind.Value(f"MODEL_KIND_{kind.upper()}"),
            owner=owner,
            description=description,
            card=_text_of(card),
            tags=dict(tags),
        ),
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, client, made, "created")


@click.command()
@click.argument("model")
@click.option("--file", type=_FILE, help="The artifact: gives digest, size and signature.")
@click.option("--source", default="", help="Where the artifact is; never opened.")
@click.option("--digest", default="", help="sha256:… of the artifact, when there is no --file.")
@click.option("--semver", default="", help="A SemVer label such as 1.2.0.")
@click.option("--param", "params", type=_PAIR, multiple=True, help="A hyperparameter.")
@click.option(
    "--metric",
    "metrics",
    type=Parsed("key=number", parse_metric),
    multiple=True,
    help="A training metric.",
)
@click.option("--tag", "tags", type=_PAIR, multiple=True, help="A label.")
@click.option(
    "--property",
    "properties",
    type=Parsed("key=value", parse_property),
    multiple=True,
    help="A typed fact: k=3, k=0.5, k=true, k=text, or k:=json.",
)
@click.option("--run", default="", help="The training run.")
@click.option("--repository", default="", help="Repository of the source code.")
@click.option("--commit", default="", help="Commit of the source code.")
@click.option("--parent", "parents", multiple=True, help="A version it was made from.")
@click.option(
    "--dataset",
    "datasets",
    type=Parsed("dataset", parse_dataset),
    metavar="NAME[,role=…]",
    multiple=True,
    help="A data set that went in; ,digest=… may follow too.",
)
@click.option("--description", default="", help="Free text.")
@click.option("--card", type=_FILE, help="The version's card, a text file.")
@click.option(
    "--occurred-at",
    type=Parsed("time", parse_time),
    help="When it really happened, for imports; the time of recording is kept too.",
)
@click.option(
    "--occurred-by",
    default="",
    metavar="TEXT",
    help="Who really did it, for imports; who brings it in is kept too.",
)
@click.option("--existing", is_flag=True, help="Refuse when there is no such model yet.")
@writes(etag=False)
@pass_session
def register(
    session: Session,
    /,
    model: str,
    *,
    file: Path | None,
    params: tuple[tuple[str, str], ...],
    metrics: tuple[tuple[str, float], ...],
    tags: tuple[tuple[str, str], ...],
    properties: tuple[tuple[str, Any], ...],
    card: Path | None,
    existing: bool,
    write: Write,
    **facts: Any,
) -> None:
    """Register a new version of a model, which is created if need be."""
    name = session.model(model)
    lineage = _lineage(facts)
    if file is not None:
        facts |= _facts_of(file, facts["digest"])
    client = session.client(name.namespace)
    version = client.register(
        str(name),
        params=dict(params),
        metrics=dict(metrics),
        tags=dict(tags),
        properties=dict(properties),
        lineage=lineage,
        card=_text_of(card),
        create_model=not existing,
        request_id=write.request_id,
        reason=write.reason,
        **facts,
    )
    _answer(session, client, version, "registered")


@click.command()
@click.argument("resource")
@click.option("--owner", help="Who answers for the model.")
@click.option("--description", help="The new description; empty clears it.")
@click.option("--card", type=_FILE, help="The new card, a text file.")
@writes()
@pass_session
def update(
    session: Session,
    resource: str,
    *,
    owner: str | None,
    description: str | None,
    card: Path | None,
    write: Write,
) -> None:
    """Change owner, description or card of a model or a version."""
    subject = session.parse(resource).subject
    given = {"owner": owner, "description": description}
    changes = {field: value for field, value in given.items() if value is not None}
    if card is not None:
        changes["card"] = _text_of(card)
    if not changes:
        raise click.UsageError("give --owner, --description or --card")
    match subject:
        case ModelName():
            client = session.client(subject.namespace)
            model = client.update_model(
                _changed(model_pb2.Model(name=str(subject)), changes),
                update_mask=list(changes),
                etag=write.etag,
                request_id=write.request_id,
                reason=write.reason,
            )
            answer_model(session, client, model, "updated")
        case VersionName():
            if "owner" in changes:
                raise click.UsageError("a version has no owner; its model has")
            client = session.client(subject.namespace)
            version = client.update_version(
                _changed(version_pb2.Version(name=str(subject)), changes),
                update_mask=list(changes),
                etag=write.etag,
                request_id=write.request_id,
                reason=write.reason,
            )
            answer_version(session, client, version, "updated")
        case _:
            raise click.UsageError("name a model, or a version by its number")


def answer_model(
    session: Session, client: regesta.Client, model: model_pb2.Model, done: str
) -> None:
    """Write the answer of a write to a model, or that it found nothing to do."""
    since = unchanged_since(client, model.name, model.etag, session.request_id)
    _answer(session, client, model, done, since)


def answer_version(
    session: Session, client: regesta.Client, version: version_pb2.Version, done: str
) -> None:
    """Write the answer of a write to a version, or that it found nothing to do."""
    since = unchanged_since(client, version.name, version.etag, session.request_id)
    _answer(session, client, version, done, since)


def _answer(
    session: Session,
    client: regesta.Client,
    resource: Resource,
    done: str,
    since: int | None = None,
) -> None:
    if session.output.json:
        kind = type(resource).__name__.lower()
        answer = {kind: document(resource), "position": client.position}
        session.output.document(with_unchanged(answer, since))
    elif since is not None:
        answer_unchanged(session, short_of(resource.name), since)
    else:
        session.output.line(
            (short_of(resource.name), "bold"), f" {done} at position {client.position}"
        )


def _changed(resource: Resource, changes: dict[str, str]) -> Resource:
    for field, value in changes.items():
        setattr(resource, field, value)
    return resource


def _lineage(facts: dict[str, Any]) -> version_pb2.Lineage | None:
    """Take the facts of the lineage out, and return them as one; None when there are none."""
    names = ("run", "repository", "commit", "parents", "datasets")
    given = {name: facts.pop(name) for name in names}
    return version_pb2.Lineage(**given) if any(given.values()) else None


def _facts_of(file: Path, digest: str) -> dict[str, Any]:
    """Return what a file says of itself.

    Raises:
        click.UsageError: Its digest is another than the one that was given.
    """
    found = regesta.digest_of(file)
    if digest not in ("", found):
        raise click.UsageError(f"{file} has the digest {found}, not the one of --digest")
    facts: dict[str, Any] = {"digest": found, "size_bytes": file.stat().st_size}
    if file.suffix.lower() in _SELF_DESCRIBING:
        try:
            facts["signature"] = regesta.inspect(file)
        except regesta.UnreadableModelFile as error:
            click.echo(f"note: registered without a signature: {error}", err=True)
    return facts

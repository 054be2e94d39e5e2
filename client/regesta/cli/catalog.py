"""Commands that look into the catalog: list, search, show, resolve."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import click

from regesta.addresses import Address
from regesta.cli import rendering
from regesta.cli.documents import document
from regesta.cli.options import as_of, known_now, occurred
from regesta.cli.session import Moment, Session, moment_of, pass_session
from regesta.cli.targets import Target
from regesta.names import AliasName, ModelName, VersionName
from regesta.v1 import model_pb2, version_pb2

T = TypeVar("T")
Resource = model_pb2.Model | version_pb2.Version | model_pb2.Alias

#: What `resolve --field` prints.
_FIELDS = ("name", "version", "source", "digest", "semver", "stage")


def _limited(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every list has."""
    limit = click.option(
        "-n",
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="At most this many; all by default.",
    )
    deleted = click.option("--deleted", is_flag=True, help="Also what is deleted.")
    return limit(deleted(function))


@click.command("list")
@click.argument("model", required=False)
@_limited
@as_of
@known_now
@pass_session
def list_(
    session: Session,
    model: str | None,
    *,
    deleted: bool,
    limit: int | None,
    as_of: datetime | int | None,
    known_now: bool,
) -> None:
    """List the models of the namespace, or the versions of a model, newest first."""
    moment = occurred(as_of, known_now=known_now)
    if model is None:
        models = session.client().models(show_deleted=deleted, as_of=moment)
        _show_models(session, models, limit)
        return
    name = session.model(model)
    client = session.client(name.namespace)
    # Asked by name, a model that is not there is an error and no empty list.
    client.get_model(str(name), as_of=moment)
    versions = client.versions(
        str(name), order_by="version desc", show_deleted=deleted, as_of=moment
    )
    _show_versions(session, versions, limit)


@click.command()
@click.argument("what", type=click.Choice(["models", "versions"]))
@click.argument("filter", default="")
@click.option("--model", help="Only versions of this model.")
@click.option("--order-by", default="", help="For example 'create_time desc'.")
@_limited
@as_of
@known_now
@pass_session
def search(
    session: Session,
    what: str,
    *,
    filter: str,
    model: str | None,
    order_by: str,
    deleted: bool,
    limit: int | None,
    as_of: datetime | int | None,
    known_now: bool,
) -> None:
    """Search models or versions with a filter.

    The language is described in docs/reference/filters.md, for example
    'stage = production AND metrics.auc > 0.9'.
    """
    moment = occurred(as_of, known_now=known_now)
    if what == "models":
        if model is not None:
            raise click.UsageError("--model is for versions; say model = … in the filter")
        found = session.client().models(
            filter, order_by=order_by, show_deleted=deleted, as_of=moment
        )
        _show_models(session, found, limit)
        return
    name = None if model is None else session.model(model)
    client = session.client(None if name is None else name.namespace)
    parent = "" if name is None else str(name)
    versions = client.versions(
        parent, filter, order_by=order_by, show_deleted=deleted, as_of=moment
    )
    _show_versions(session, versions, limit)


@click.command()
@click.argument("resource")
@click.option("--card", is_flag=True, help="Print the card and nothing else.")
@as_of
@known_now
@pass_session
def show(
    session: Session, resource: str, *, card: bool, as_of: datetime | int | None, known_now: bool
) -> None:
    """Show all that is known of a model, a version or an alias.

    A stage, a range, `latest` or a digest shows the version that it means.
    """
    target = session.parse(resource)
    found = fetch(session, target, occurred(as_of, known_now=known_now))
    if card:
        if isinstance(found, model_pb2.Alias):
            raise click.UsageError("an alias has no card; its version has")
        session.output.text(found.card)
    elif session.output.json:
        position = session.client(target.namespace).position
        kind = type(found).__name__.lower()
        session.output.document({kind: document(found), "position": position})
    else:
        _show(session, found)


@click.command()
@click.argument("address")
@click.option("--field", type=click.Choice(_FIELDS), help="Print this field and nothing else.")
@as_of
@known_now
@pass_session
def resolve(
    session: Session,
    address: str,
    *,
    field: str | None,
    as_of: datetime | int | None,
    known_now: bool,
) -> None:
    """Say which version an address means.

    An address is churn/3, churn@champion, churn#production, churn@^1.2, churn@latest or
    sha256:…; a deleted, archived, revoked or flagged version is refused.
    """
    target = session.parse(address)
    if isinstance(target.subject, ModelName):
        raise click.UsageError("say which version: churn/3, churn@champion, churn@latest …")
    version = session.resolve(target, occurred(as_of, known_now=known_now))
    if field is not None:
        session.output.text(str(getattr(version, field)))
    elif session.output.json:
        position = session.client(target.namespace).position
        session.output.document({"version": document(version), "position": position})
    else:
        rendering.versions_table(session.output, [version])


def fetch(session: Session, target: Target, as_of: Moment | None) -> Resource:
    """Return the resource that a target names, as of a moment.

    Raises:
        RegestaError: There is none, or the call failed.
    """
    client = session.client(target.namespace)
    moment = moment_of(target, as_of)
    match target.subject:
        case ModelName():
            return client.get_model(str(target.subject), as_of=moment)
        case VersionName():
            return client.get_version(str(target.subject), as_of=moment)
        case AliasName():
            return client.get_alias(str(target.subject), as_of=moment)
        case Address():
            return session.resolve(target, as_of)


def _show(session: Session, found: Resource) -> None:
    match found:
        case model_pb2.Model():
            rendering.model_facts(session.output, found)
        case version_pb2.Version():
            rendering.version_facts(session.output, found)
        case model_pb2.Alias():
            rendering.alias_facts(session.output, found)


def _show_models(session: Session, models: Iterable[model_pb2.Model], limit: int | None) -> None:
    _show_all(session, "models", models, limit, rendering.models_table)


def _show_versions(
    session: Session, versions: Iterable[version_pb2.Version], limit: int | None
) -> None:
    _show_all(session, "versions", versions, limit, rendering.versions_table)


def _show_all(
    session: Session,
    kind: str,
    found: Iterable[Any],
    limit: int | None,
    table: Callable[..., None],
) -> None:
    taken = list(itertools.islice(found, limit))
    if session.output.json:
        session.output.document({kind: [document(one) for one in taken]})
    elif taken:
        table(session.output, taken)
    else:
        click.echo(f"no {kind}", err=True)

"""Commands that label: tag, label."""

from __future__ import annotations

from dataclasses import replace

import click

from regesta.cli.options import Parsed, Write, writes
from regesta.cli.registering import answer_version
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short
from regesta.cli.unchanged import answer_unchanged, unchanged_since, with_unchanged
from regesta.cli.values import parse_pair
from regesta.names import ModelName, VersionName

_PAIR = Parsed("key=value", parse_pair)


@click.command()
@click.argument("resource")
@click.argument("tags", nargs=-1, type=_PAIR)
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Remove this tag.")
@writes()
@pass_session
def tag(
    session: Session,
    resource: str,
    *,
    tags: tuple[tuple[str, str], ...],
    removed: tuple[str, ...],
    write: Write,
) -> None:
    """Set and remove tags of a model or a version.

    As in: tag churn/3 team=risk --remove old. Tags not named stay. Setting and removing at once are two writes, in this order.
    """
    if not tags and not removed:
        raise click.UsageError("give key=value to set, or --remove KEY")
    target = session.parse(resource)
    name = target.subject if isinstance(target.subject, ModelName) else session.version(resource)
    client = session.client(target.namespace)
    first, second = _two_writes(write) if tags and removed else (write, write)
    etag, left, revision = write.etag, {}, ""
    if tags:
        session.request_id = first.request_id
        answer = client.set_tags(
            str(name),
            tags=dict(tags),
            etag=etag,
            request_id=first.request_id,
            reason=write.reason,
        )
        # The revision that was demanded is history by now; what followed it is known.
        etag, left, revision = answer.etag if etag else "", dict(answer.tags), answer.etag
    if removed:
        session.request_id = second.request_id
        after = client.remove_tags(
            str(name),
            keys=removed,
            etag=etag,
            request_id=second.request_id,
            reason=write.reason,
        )
        left, revision = dict(after.tags), after.etag
    since = unchanged_since(client, str(name), revision, first.request_id, second.request_id)
    _answer_tags(session, name, left, since)


def _two_writes(write: Write) -> tuple[Write, Write]:
    """Return a write as two, each with an id that a repeat makes again."""
    return (
        replace(write, request_id=f"{write.request_id}.set"),
        replace(write, request_id=f"{write.request_id}.remove"),
    )


def _answer_tags(
    session: Session, name: ModelName | VersionName, tags: dict[str, str], since: int | None
) -> None:
    position = session.client(name.namespace).position
    if session.output.json:
        session.output.document(with_unchanged({"tags": tags, "position": position}, since))
        return
    if since is None:
        session.output.line((short(name), "bold"), f" tagged at position {position}")
    else:
        answer_unchanged(session, short(name), since)
    for key, value in sorted(tags.items()):
        session.output.line(f"  {key} = {value}")


@click.command()
@click.argument("version")
@click.argument("semver")
@writes()
@pass_session
def label(session: Session, version: str, *, semver: str, write: Write) -> None:
    """Give a version its SemVer label, as in 1.2.0; it stays."""
    name = session.version(version)
    client = session.client(name.namespace)
    labelled = client.label_version(
        str(name),
        semver=semver,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    answer_version(session, client, labelled, f"labelled {labelled.semver}")

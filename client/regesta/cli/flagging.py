"""Commands about flags and revocation: flag raise, flag resolve, flag list, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

import click

from regesta.cli.documents import document, enum_text
from regesta.cli.options import Write, writes
from regesta.cli.registering import answer_version
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short, short_of
from regesta.cli.times import local
from regesta.names import ModelName, VersionName
from regesta.v1 import flag_pb2

if TYPE_CHECKING:
    from regesta.cli.output import Cell

_SEVERITY = flag_pb2.FlagSeverity.DESCRIPTOR
_SEVERITIES = tuple(
    enum_text(_SEVERITY, value.number).lower() for value in _SEVERITY.values if value.number
)
_STYLES = {flag_pb2.FLAG_SEVERITY_WARNING: "yellow", flag_pb2.FLAG_SEVERITY_CRITICAL: "red"}


@click.group()
def flag() -> None:
    """Warn of a model or version, and stop it: raise, resolve and list flags."""


@flag.command("raise")
@click.argument("resource")
@click.argument("flag_id", required=False, default="")
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES),
    default="warning",
    show_default=True,
    help="How grave it is.",
)
@click.option(
    "--blocking", is_flag=True, help="Stop resolution and promotion until it is resolved."
)
@writes()
@pass_session
def raise_(
    session: Session, resource: str, flag_id: str, *, severity: str, blocking: bool, write: Write
) -> None:
    """Raise a flag, as in: flag raise churn/3 drift --severity critical --blocking.

    On a model it is about all its versions. Without FLAG_ID the server makes one.
    """
    name = _flagged(session, resource)
    answer = session.client(name.namespace).raise_flag(
        str(name),
        flag=flag_pb2.Flag(
            id=flag_id,
            severity=flag_pb2.FlagSeverity.Value(f"FLAG_SEVERITY_{severity.upper()}"),
            blocking=blocking,
        ),
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(answer))
        return
    effect = "blocking flag" if answer.flag.blocking else "flag"
    session.output.line(
        (short(name), "bold"),
        f" has the {effect} {answer.flag.id} ",
        severity_cell(answer.flag),
        f" at position {answer.position}",
    )


@flag.command()
@click.argument("resource")
@click.argument("flag_id")
@writes()
@pass_session
def resolve(session: Session, resource: str, flag_id: str, *, write: Write) -> None:
    """Resolve a flag, as in: flag resolve churn/3 drift --reason "retrained"."""
    name = _flagged(session, resource)
    answer = session.client(name.namespace).resolve_flag(
        str(name),
        flag_id=flag_id,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(answer))
        return
    session.output.line(
        (short(name), "bold"),
        f" resolved {flag_id} at position {answer.position};"
        f" {_count(answer.flags)} still open on it",
    )


@flag.command("list")
@click.option("--blocking", is_flag=True, help="Only those that stop something.")
@pass_session
def list_(session: Session, *, blocking: bool) -> None:
    """List the open flags of the namespace."""
    flags = session.client().flags(blocking_only=blocking)
    if session.output.json:
        session.output.document({"flags": [document(one) for one in flags]})
        return
    session.output.table(
        ("RESOURCE", "FLAG", "SEVERITY", "BLOCKS", "RAISED BY", "SINCE", "REASON"),
        (
            (
                short_of(one.resource),
                one.flag.id,
                severity_cell(one.flag),
                "yes" if one.flag.blocking else "no",
                one.flag.raised_by,
                local(one.flag.raise_time.ToDatetime(UTC)),
                " ".join(one.flag.reason.split()),
            )
            for one in flags
        ),
    )


@click.command()
@click.argument("version")
@click.option(
    "--category",
    required=True,
    metavar="WORD",
    help="What kind of cause it is, as in licence; no person's name.",
)
@writes()
@pass_session
def revoke(session: Session, version: str, *, category: str, write: Write) -> None:
    """Revoke a version for good: it is never resolved or promoted again.

    VERSION is a number, as in churn/3: it may be deleted, and nothing else must be meant.
    """
    name = session.parse(version).subject
    if not isinstance(name, VersionName):
        raise click.UsageError("name a version by its number, as in churn/3: this is final")
    client = session.client(name.namespace)
    revoked = client.revoke_version(
        str(name),
        category=category,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    answer_version(session, client, revoked, "revoked for good")


def severity_cell(one: flag_pb2.Flag) -> Cell:
    """Return a flag's severity in its colour."""
    return enum_text(_SEVERITY, one.severity), _STYLES.get(one.severity, "")


def _flagged(session: Session, text: str) -> ModelName | VersionName:
    """Return what a flag is on; a version by its number, since it may not be resolved."""
    subject = session.parse(text).subject
    if not isinstance(subject, ModelName | VersionName):
        raise click.UsageError("name a model, or a version by its number, as in churn/3")
    return subject


def _count(flags: Sequence[flag_pb2.Flag]) -> str:
    return "1 flag is" if len(flags) == 1 else f"{len(flags)} flags are"

"""Commands about who may do what: access."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import click

from regesta.cli.documents import document
from regesta.cli.options import Write, writes
from regesta.cli.output import Cell
from regesta.cli.session import Session, pass_session
from regesta.cli.times import local
from regesta.names import GrantName
from regesta.v1 import access_pb2, access_service_pb2

_SECONDS_A_DAY = 86_400


@click.group()
def access() -> None:
    """Say who may do what: grant roles, revoke them, and ask."""


@access.command()
@click.argument("role")
@click.option("--to", "principal", default="", metavar="PRINCIPAL", help="The principal.")
@click.option("--to-group", "group", default="", metavar="GROUP", help="The group.")
@click.option(
    "--model", "models", multiple=True, metavar="NAME", help="Only this model; `churn*` also."
)
@click.option("--if", "condition", default="", metavar="CEL", help="Only on this condition.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), metavar="N", help="For so long."
)
@writes(etag=False)
@pass_session
def grant(
    session: Session,
    role: str,
    *,
    principal: str,
    group: str,
    models: tuple[str, ...],
    condition: str,
    days: float | None,
    write: Write,
) -> None:
    """Grant ROLE in the namespace to a principal or a group.

    As in: access grant maintainer --to rosa --model "churn*" --if 'alias != "champion"'.
    Nobody grants more than he has.
    """
    if bool(principal) == bool(group):
        raise click.UsageError("give one of --to and --to-group")
    ends = None if days is None else datetime.now(UTC) + timedelta(seconds=days * _SECONDS_A_DAY)
    made = session.client().grant_role(
        principal=principal,
        group=group,
        role=role,
        models=models,
        condition=condition,
        expire_time=ends,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(made))
        return
    session.output.line(("granted", "bold"), f" {made.role} to {_whom(made)}: {_id(made.name)}")


@access.command()
@click.argument("grant_id", metavar="GRANT")
@writes(etag=False)
@pass_session
def revoke(session: Session, grant_id: str, *, write: Write) -> None:
    """End a grant, by its id."""
    left = session.client().revoke_role(grant_id, request_id=write.request_id, reason=write.reason)
    if session.output.json:
        session.output.document(document(left))
        return
    session.output.line(f"revoked; {len(left.grants):,} grants are left")


@access.command()
@pass_session
def grants(session: Session) -> None:
    """List the grants of the namespace."""
    found = session.client().list_grants()
    if session.output.json:
        session.output.document(document(found))
        return
    session.output.table(
        ("GRANT", "ROLE", "TO", "BOUNDS", "BY"),
        (
            (_id(one.name), one.role, _whom(one), _bounds(one), one.created_by)
            for one in found.grants
        ),
    )


@access.command("who-can")
@click.argument("what")
@click.option("--model", default="", metavar="MODEL", help="To this model.")
@pass_session
def who_can(session: Session, what: str, *, model: str) -> None:
    """List who may call a method, or has a permission.

    As in: access who-can SetAlias --model churn, or: access who-can catalog.alias.
    """
    permission, method = (what, "") if "." in what else ("", what)
    answer = session.client().who_can(permission=permission, method=method, model=model)
    if session.output.json:
        session.output.document(document(answer))
        return
    _sources(session, answer.sources)


@access.command("what-may")
@click.argument("principal", required=False, default="")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="In this group.")
@pass_session
def what_may(session: Session, principal: str, *, groups: tuple[str, ...]) -> None:
    """Say what you, or PRINCIPAL, may do in the namespace."""
    answer = session.client().what_may(
        principal=principal, namespace=session.namespace, groups=groups
    )
    if session.output.json:
        session.output.document(document(answer))
        return
    session.output.line((answer.principal, "bold"), f" may: {', '.join(answer.permissions)}")
    _sources(session, answer.sources)


@access.command("break-glass")
@click.argument("role")
@click.option(
    "--minutes", type=click.IntRange(1, 60), default=15, show_default=True, help="For so long."
)
@writes(etag=False)
@pass_session
def break_glass(session: Session, role: str, *, minutes: int, write: Write) -> None:
    """Take ROLE for a short time, because it cannot wait; --reason says why.

    It is an event, shown in red, and a warning in the server's security log.
    """
    if not write.reason.strip():
        raise click.UsageError("give --reason: say why it cannot wait")
    made = session.client().break_glass(
        role=role, minutes=minutes, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document(document(made))
        return
    ends = local(made.expire_time.ToDatetime(UTC))
    session.output.line(
        ("the glass is broken", "bold red"), f": you have {role} until {ends} ({_id(made.name)})"
    )


def _sources(session: Session, sources: Iterable[access_service_pb2.Source]) -> None:
    session.output.table(
        ("WHO", "ROLE", "BY", "BOUNDS"),
        (
            (
                _whom(one),
                one.role,
                _id(one.grant) if one.grant else "the configuration",
                _bounds(one),
            )
            for one in sources
        ),
    )


def _whom(one: access_pb2.Grant | access_service_pb2.Source) -> str:
    return one.principal or f"group {one.group}"


def _bounds(one: access_pb2.Grant | access_service_pb2.Source) -> Cell:
    facts = []
    if one.models:
        facts.append(", ".join(one.models))
    if one.condition:
        facts.append(f"if {one.condition}")
    if one.HasField("expire_time"):
        facts.append(f"until {local(one.expire_time.ToDatetime(UTC))}")
    if one.break_glass:
        return "; ".join(["BROKEN GLASS", *facts]), "red"
    return "; ".join(facts)


def _id(name: str) -> str:
    return GrantName.parse(name).grant

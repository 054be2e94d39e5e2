"""Commands about principals and the tokens that the server issues: principal, token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from regesta.cli.documents import document
from regesta.cli.options import Write, writes
from regesta.cli.output import Cell
from regesta.cli.session import Session, pass_session
from regesta.cli.times import local
from regesta.v1 import access_pb2

_PAGE = 1_000
_KINDS = click.Choice(["user", "service_account"])


@click.group()
def principal() -> None:
    """Make principals known, who can hold tokens of the server: register, list."""


@principal.command()
@click.argument("name")
@click.option("--kind", type=_KINDS, default="user", show_default=True, help="What it is.")
@click.option("--display", default="", metavar="TEXT", help="What people call it.")
@click.option("--same-person-as", default="", metavar="PRINCIPAL", help="Another name of one.")
@writes(etag=False)
@pass_session
def register(
    session: Session, name: str, *, kind: str, display: str, same_person_as: str, write: Write
) -> None:
    """Register a principal, or say anew what is known of it."""
    made = session.client().register_principal(
        name,
        kind=kind,
        display=display,
        same_person_as=same_person_as,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(made))
        return
    session.output.line(("registered", "bold"), f" {_last(made.name)} ({made.kind})")


@principal.command("list")
@pass_session
def list_principals(session: Session) -> None:
    """List the principals that are registered."""
    client = session.client()
    found = list(_all(lambda page: client.list_principals(**page), "principals"))
    if session.output.json:
        session.output.document([document(one) for one in found])
        return
    session.output.table(
        ("PRINCIPAL", "KIND", "DISPLAY", "SAME PERSON AS"),
        ((_last(one.name), one.kind, one.display, one.same_person_as) for one in found),
    )


@click.group()
def token() -> None:
    """Issue, list and revoke tokens: your own, or as an administrator any."""


@token.command()
@click.argument("whose", required=False, default="")
@click.option("--label", required=True, metavar="TEXT", help="What it is for; no person's name.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Ends in N days; 90."
)
@click.option("--role", default="", metavar="ROLE", help="It may do no more than this role.")
@click.option("--in", "namespaces", multiple=True, metavar="NAME", help="Only in this namespace.")
@writes(etag=False)
@pass_session
def issue(
    session: Session,
    whose: str,
    *,
    label: str,
    days: float | None,
    role: str,
    namespaces: tuple[str, ...],
    write: Write,
) -> None:
    """Issue a token to yourself, or to the principal WHOSE. It is shown once, on stdout."""
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    answer = session.client().issue_token(
        principal=whose,
        label=label,
        expire_time=ends,
        role=role,
        namespaces=namespaces,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(answer))
        return
    made = answer.token
    until = local(made.expire_time.ToDatetime(UTC))
    # Beside stdout, so that the token alone can go into a file.
    click.echo(f"token {_last(made.name)} of {made.principal}, until {until}:", err=True)
    session.output.line(answer.secret)


@token.command("list")
@click.argument("whose", required=False, default="")
@pass_session
def list_tokens(session: Session, whose: str) -> None:
    """List your tokens, or those of the principal WHOSE."""
    client = session.client()
    found = list(_all(lambda page: client.list_tokens(principal=whose, **page), "tokens"))
    if session.output.json:
        session.output.document([document(one) for one in found])
        return
    session.output.table(
        ("TOKEN", "LABEL", "BOUNDS", "ENDS", "LAST USED"),
        (
            (_last(one.name), one.label, _bounds(one), _end(one), _time(one, "last_use_time"))
            for one in found
        ),
    )


@token.command()
@click.argument("token_id", metavar="TOKEN")
@writes(etag=False)
@pass_session
def revoke(session: Session, token_id: str, *, write: Write) -> None:
    """End a token, by its id: with the next call nobody is let in by it."""
    ended = session.client().revoke_token(
        token_id, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document(document(ended))
        return
    session.output.line(("revoked", "bold"), f" {_last(ended.name)} of {ended.principal}")


def _all(ask: Callable[[dict[str, Any]], Any], field: str) -> Iterator[Any]:
    """Yield what is on every page."""
    page: dict[str, Any] = {"page_size": _PAGE}
    while True:
        answer = ask(page)
        yield from getattr(answer, field)
        if not answer.next_page_token:
            return
        page["page_token"] = answer.next_page_token


def _bounds(one: access_pb2.Token) -> str:
    facts = [f"at most {one.role}"] if one.role else []
    if one.namespaces:
        facts.append(f"in {', '.join(one.namespaces)}")
    return "; ".join(facts)


def _end(one: access_pb2.Token) -> Cell:
    if one.HasField("revoke_time"):
        return f"revoked {_time(one, 'revoke_time')}", "red"
    return _time(one, "expire_time")


def _time(one: access_pb2.Token, field: str) -> str:
    there = {described.name for described, _ in one.ListFields()}
    return local(getattr(one, field).ToDatetime(UTC)) if field in there else ""


def _last(name: str) -> str:
    return name.rpartition("/")[2]

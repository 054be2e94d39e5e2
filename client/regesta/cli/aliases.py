"""Commands that move and protect aliases: alias, release."""

from __future__ import annotations

from typing import Any

import click

from regesta.cli.documents import document
from regesta.cli.options import Parsed, Write, writes
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short, short_of
from regesta.cli.unchanged import answer_unchanged, unchanged_since, with_unchanged
from regesta.cli.values import InvalidValue
from regesta.names import AliasName
from regesta.v1 import model_pb2


class _Aliases(click.Group):
    """Commands below `alias`, of which `set` need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `set` in front of what is none of the commands."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["set", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Aliases)
def alias() -> None:
    """Point an alias to a version, as in: alias churn@champion 3. Protect or pin it."""


@alias.command("set")
@click.argument("alias")
@click.argument("version", type=int, required=False)
@click.option("--remove", is_flag=True, help="Remove the alias.")
@writes()
@pass_session
def set_(session: Session, alias: str, *, version: int | None, remove: bool, write: Write) -> None:
    """Point an alias to a version, as in: alias churn@champion 3.

    The word `set` may be left out.
    """
    name = alias_named(session, alias)
    if (version is None) != remove:
        raise click.UsageError("give either the number of a version, or --remove")
    client = session.client(name.namespace)
    if version is None:
        found = client.remove_alias(
            str(name), etag=write.etag, request_id=write.request_id, reason=write.reason
        )
    else:
        found = client.set_alias(
            str(name),
            version=version,
            etag=write.etag,
            request_id=write.request_id,
            reason=write.reason,
        )
    since = unchanged_since(client, str(name), found.etag, write.request_id) if version else None
    if since is not None:
        if session.output.json:
            answer = {"alias": document(found), "position": client.position}
            session.output.document(with_unchanged(answer, since))
        else:
            answer_unchanged(session, short(name), since)
        return
    before = f" (before: {found.previous_version})" if found.previous_version else ""
    said = "removed" if remove else f"points to version {found.version}{before}"
    answer_alias(session, name, found, said)


@alias.command()
@click.argument("alias")
@writes()
@pass_session
def protect(session: Session, alias: str, *, write: Write) -> None:
    """Let only who has the permission catalog.protect move or remove an alias."""
    _protect(session, alias, write, "protected", protected=True)


@alias.command()
@click.argument("alias")
@writes()
@pass_session
def unprotect(session: Session, alias: str, *, write: Write) -> None:
    """Let all who may move aliases move this one again."""
    _protect(session, alias, write, "no more protected", protected=False)


@alias.command()
@click.argument("alias")
@writes()
@pass_session
def pin(session: Session, alias: str, *, write: Write) -> None:
    """Let nobody move or remove an alias until it is unpinned."""
    _protect(session, alias, write, "pinned", pinned=True)


@alias.command()
@click.argument("alias")
@writes()
@pass_session
def unpin(session: Session, alias: str, *, write: Write) -> None:
    """Let an alias be moved again."""
    _protect(session, alias, write, "no more pinned", pinned=False)


def _protect(session: Session, alias: str, write: Write, said: str, **state: Any) -> None:
    name = alias_named(session, alias)
    found = session.client(name.namespace).protect_alias(
        str(name), **state, etag=write.etag, request_id=write.request_id, reason=write.reason
    )
    answer_alias(session, name, found, f"is {said}")


def _parse_move(text: str) -> tuple[str, int]:
    alias, mark, number = text.rpartition("=")
    if not mark or "@" not in alias or not number.isascii() or not number.isdigit():
        raise InvalidValue("write a move as churn@champion=3")
    return alias, int(number)


@click.command()
@click.argument("moves", nargs=-1, required=True, type=Parsed("alias=version", _parse_move))
@writes(etag=False)
@pass_session
def release(session: Session, *, moves: tuple[tuple[str, int], ...], write: Write) -> None:
    """Point aliases of several models at once, all of them or none.

    As in: release churn@champion=3 fraud@champion=7. What points there already stays.
    """
    names = [(alias_named(session, alias), number) for alias, number in moves]
    namespaces = {name.namespace for name, _ in names}
    if len(namespaces) > 1:
        raise click.UsageError("the aliases of a release are of one namespace")
    client = session.client(namespaces.pop())
    answer = client.release(
        [(str(name), number) for name, number in names],
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(
            {"aliases": [document(found) for found in answer], "position": client.position}
        )
        return
    for found in answer:
        session.output.line((short_of(found.name), "bold"), f" points to version {found.version}")
    session.output.line(f"at position {client.position}")


def alias_named(session: Session, text: str) -> AliasName:
    """Return the alias that an argument names.

    Raises:
        click.UsageError: It names something else.
    """
    name = session.parse(text).subject
    if not isinstance(name, AliasName):
        raise click.UsageError("write the alias as churn@champion")
    return name


def answer_alias(session: Session, name: AliasName, found: model_pb2.Alias, said: str) -> None:
    """Write the answer of a write to an alias."""
    position = session.client(name.namespace).position
    if session.output.json:
        session.output.document({"alias": document(found), "position": position})
    else:
        session.output.line((short(name), "bold"), f" {said} at position {position}")

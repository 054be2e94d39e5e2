"""Commands about comments."""

from __future__ import annotations

from collections.abc import Iterator

import click

import regesta
from regesta.cli.documents import document
from regesta.cli.options import MOMENT, Write, writes
from regesta.cli.rendering import time_of
from regesta.cli.session import Moment, Session, pass_session
from regesta.names import CommentName, ModelName, VersionName
from regesta.v1 import comments_service_pb2 as pb


@click.group()
def comment() -> None:
    """Comment on models and versions, answer, and read what others said."""


@comment.command()
@click.argument("resource")
@click.argument("text")
@click.option("--reply-to", default="", metavar="ID", help="Answer this comment.")
@writes(etag=False)
@pass_session
def add(session: Session, resource: str, *, text: str, reply_to: str, write: Write) -> None:
    """Comment on a model or a version, as in: comment add churn/3 "slow, @rosa".

    Who is named with an @ stands in the log; the text beside it.
    """
    name = _commented(session, resource)
    client = session.client(name.namespace)
    said = client.add_comment(
        str(name),
        text=text,
        reply_to=reply_to,
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, client, said, "added")


@comment.command()
@click.argument("name")
@click.argument("text")
@writes()
@pass_session
def edit(session: Session, name: str, *, text: str, write: Write) -> None:
    """Change a comment of your own; NAME is as `comment list` shows it."""
    comment = session.comment(name)
    if comment is None:
        raise click.UsageError("write the comment as churn/comments/ID or churn/3/comments/ID")
    client = session.client(comment.namespace)
    said = client.edit_comment(
        str(comment),
        text=text,
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, client, said, "changed")


@comment.command("list")
@click.argument("resource")
@click.option(
    "--as-of",
    type=MOMENT,
    metavar="MOMENT",
    help="Look at this moment: a position, a time, or a date.",
)
@pass_session
def list_(session: Session, resource: str, *, as_of: Moment | None) -> None:
    """List the comments on a model or a version, oldest first."""
    name = _commented(session, resource)
    client = session.client(name.namespace)
    for said in _comments(client, name, as_of):
        if session.output.json:
            session.output.document(document(said))
        else:
            _show(session, said)


def _comments(
    client: regesta.Client, name: ModelName | VersionName, as_of: Moment | None
) -> Iterator[pb.Comment]:
    token = ""
    while True:
        page = client.list_comments(str(name), as_of=as_of, page_size=200, page_token=token)
        yield from page.comments
        token = page.next_page_token
        if not token:
            return


def _show(session: Session, said: pb.Comment) -> None:
    """Write a comment: who, when, and below it what."""
    facts = [f"  {time_of(said.create_time)}  {said.created_by}"]
    if said.reply_to:
        facts.append(f"  answers {said.reply_to}")
    if said.edited:
        facts.append(f"  changed {time_of(said.update_time)}")
    session.output.line((short(said.name), "bold"), "".join(facts))
    text = "(erased)" if said.erased else said.text
    for line in text.splitlines():
        session.output.line(f"  {line}")


def short(name: str) -> str:
    """Return how people write a comment of the present namespace."""
    found = CommentName.parse(name)
    version = f"/{found.parent.version}" if isinstance(found.parent, VersionName) else ""
    return f"{found.model}{version}/comments/{found.comment}"


def _commented(session: Session, text: str) -> ModelName | VersionName:
    subject = session.parse(text).subject
    if isinstance(subject, ModelName):
        return subject
    return session.version(text)


def _answer(session: Session, client: regesta.Client, said: pb.Comment, done: str) -> None:
    if session.output.json:
        session.output.document({"comment": document(said), "position": client.position})
    else:
        session.output.line((short(said.name), "bold"), f" {done} at position {client.position}")

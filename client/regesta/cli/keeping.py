"""Commands about documents that programs keep in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import click

import regesta
from regesta.cli.documents import document as document_of
from regesta.cli.options import Write, as_of, writes
from regesta.cli.rendering import time_of
from regesta.cli.session import Moment, Session, pass_session
from regesta.names import DocumentName
from regesta.v1 import documents_service_pb2 as pb


@click.group()
def document() -> None:
    """Keep small documents, for programs in front of the registry."""


@document.command()
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@writes()
@pass_session
def put(session: Session, name: str, *, file: BinaryIO, write: Write) -> None:
    """Write a document, as in: document put webhooks/w1 w1.json.

    FILE may be - for standard input. With --etag 0 it must not be there yet.
    """
    found = session.document(name)
    client = session.client(found.namespace)
    written = client.put_document(
        str(found),
        content=_text(file),
        etag=write.etag,
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, client, written, "put")


@document.command()
@click.argument("name")
@as_of
@pass_session
def get(session: Session, name: str, *, as_of: Moment | None) -> None:
    """Write out what a document says, as it is or was."""
    found = session.document(name)
    got = session.client(found.namespace).get_document(str(found), as_of=as_of)
    if session.output.json:
        session.output.document(document_of(got))
    else:
        session.output.text("(erased)" if got.erased else got.content)


@document.command("list")
@click.argument("collection")
@pass_session
def list_(session: Session, collection: str) -> None:
    """List the documents of a collection, newest created first."""
    listed = _documents(session.client(), collection)
    if session.output.json:
        session.output.document({"documents": [document_of(found) for found in listed]})
        return
    for found in listed:
        facts = f"  {time_of(found.update_time)}  {found.updated_by}  revision {found.etag}"
        session.output.line((short(found.name), "bold"), facts)


@document.command()
@click.argument("name")
@writes()
@pass_session
def remove(session: Session, name: str, *, write: Write) -> None:
    """Remove a document; what it said can still be read of the past, or erased."""
    found = session.document(name)
    client = session.client(found.namespace)
    removed = client.remove_document(
        str(found), etag=write.etag, request_id=write.request_id, reason=write.reason
    )
    _answer(session, client, removed, "removed")


def short(name: str) -> str:
    """Return how people write a document of the present namespace."""
    found = DocumentName.parse(name)
    return f"{found.collection}/{found.document}"


def _text(file: BinaryIO) -> str:
    """Return the text in a file, each line break as it is.

    Raises:
        click.UsageError: It is not UTF-8.
    """
    try:
        return file.read().decode()
    except UnicodeDecodeError:
        raise click.UsageError("a document is text in UTF-8") from None


def _documents(client: regesta.Client, collection: str) -> Iterator[pb.Document]:
    token = ""
    while True:
        page = client.list_documents(collection, page_size=200, page_token=token)
        yield from page.documents
        token = page.next_page_token
        if not token:
            return


def _answer(session: Session, client: regesta.Client, changed: pb.Document, done: str) -> None:
    if session.output.json:
        answer = {"document": document_of(changed), "position": client.position}
        session.output.document(answer)
    else:
        session.output.line((short(changed.name), "bold"), f" {done} at position {client.position}")

"""Commands about namespaces."""

from __future__ import annotations

import click

from regesta.cli.documents import document
from regesta.cli.options import Write, writes
from regesta.cli.rendering import time_of
from regesta.cli.session import Session, pass_session
from regesta.v1 import admin_service_pb2

_PAGE = 1000


@click.group()
def namespace() -> None:
    """Create and list namespaces, each with a log of its own."""


@namespace.command("create")
@click.argument("name")
@writes(etag=False)
@pass_session
def create_namespace(session: Session, name: str, *, write: Write) -> None:
    """Create a namespace."""
    made = session.client(name).create_namespace(
        name, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document({"namespace": document(made)})
    else:
        session.output.line((made.name.removeprefix("namespaces/"), "bold"), " created")


@namespace.command("list")
@pass_session
def list_namespaces(session: Session) -> None:
    """List the namespaces that you may read."""
    client = session.client()
    found: list[admin_service_pb2.Namespace] = []
    token = ""
    while True:
        page = client.list_namespaces(page_size=_PAGE, page_token=token)
        found += page.namespaces
        token = page.next_page_token
        if not token:
            break
    if session.output.json:
        session.output.document({"namespaces": [document(one) for one in found]})
        return
    session.output.table(
        ("NAMESPACE", "CREATED", "BY"),
        (
            (one.name.removeprefix("namespaces/"), time_of(one.create_time), one.created_by)
            for one in found
        ),
    )

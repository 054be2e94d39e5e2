"""Writes that found nothing to do, told from those that did what was asked."""

from __future__ import annotations

from typing import Any

import regesta
from regesta.cli.session import Session
from regesta.errors import RegestaError


def unchanged_since(client: regesta.Client, name: str, etag: str, *request_ids: str) -> int | None:
    """Return since which event a resource is as a write wanted it; None if the write made it so.

    An answer shows a revision, and the event of that revision names the request that made it.
    So a write that is repeated counts as what it did the first time.

    Args:
        client: Made the write.
        name: The resource in the answer.
        etag: Its revision there.
        request_ids: Of the write, and of those that belong to it.
    """
    try:
        for event in client.history(name, as_of=client.position):
            if event.revision == int(etag):
                return None if event.request_id in request_ids else event.position
    except RegestaError:
        pass  # the write is done, whatever comes of looking at it again
    return None


def with_unchanged(answer: dict[str, Any], since: int | None) -> dict[str, Any]:
    """Return an answer for programs, with `unchanged_since` where nothing was changed."""
    return answer if since is None else {**answer, "unchanged_since": since}


def answer_unchanged(session: Session, subject: str, since: int) -> None:
    """Say to people that a write changed nothing: it is no event, so its reason is not kept."""
    session.output.line(
        "nothing changed: ", (subject, "bold"), f" is already so since event {since}"
    )

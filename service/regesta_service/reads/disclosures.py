"""Events as the API gives them: the record, its columns, and the texts kept beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta.v1 import event_pb2 as event_pb
from regesta_projections.archived import BodyArchived, is_archived
from regesta_projections.evolve.stamps import put_time
from regesta_projections.records import TYPE_PREFIX, occurred_by_in
from regesta_service.reads.pages import MAX_PAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from regesta_service.log.stored import StoredEvent

#: Stands in every record that holds a digest; user text cannot contain it, as JSON
#: escapes quotation marks.
_DIGEST_MARK: Final = b'"_sd"'

#: What documents say may be secret, and who reads events may not read documents: of these
#: events this text is shown by DocumentsService alone.
_DOCUMENT_PUT: Final = TYPE_PREFIX + "DocumentPut"
_WITHHELD: Final = "content"

#: Texts fetched at once, in bytes: more than fit into a page, and all of any one event,
#: since a request is not longer than 4 MiB.
_MAX_TEXT_BYTES: Final = 8 << 20


class Text(NamedTuple):
    """A free text of an event, as far as it was not erased."""

    field: str
    text: str
    salt: bytes
    digest: str


def has_texts(event: StoredEvent) -> bool:
    """Say whether an event has free texts beside the log."""
    return _DIGEST_MARK in event.record


def event_bytes(event: StoredEvent, texts: Sequence[Text] = ()) -> bytes:
    """Return a serialized regesta.v1.Event.

    Raises:
        BodyArchived: Its body is in an archive only.
    """
    if is_archived(event.record):
        raise BodyArchived(event.position)
    message = event_pb.Event(
        position=event.position,
        record=event.record,
        type=event.type,
        stream=event.stream,
        revision=event.revision,
        actor=event.actor,
        request_id=event.request_id,
    )
    put_time(message.record_time, event.recorded_at)
    if event.occurred_at is not None:
        put_time(message.occurred_time, event.occurred_at)
    if claimed := occurred_by_in(event.record):
        message.occurred_by = claimed
    for text in texts:
        message.disclosures.add(
            field=text.field, text=text.text, salt=text.salt, digest=text.digest
        )
    return message.SerializeToString()


async def read_texts(
    connection: psycopg.AsyncConnection[Any], namespace_id: int, events: Sequence[StoredEvent]
) -> dict[int, list[Text]]:
    """Return the texts of events by position, but for what documents say.

    At most 8 MiB in the order of the events, and always all of the first.
    """
    positions = [event.position for event in events if has_texts(event)]
    if not positions:
        return {}
    descending = positions[0] > positions[-1]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _TEXTS,
            {
                "namespace_id": namespace_id,
                "positions": positions,
                "documents": [e.position for e in events if e.type == _DOCUMENT_PUT],
                "withheld": _WITHHELD,
                "sign": -1 if descending else 1,
                "most": _MAX_TEXT_BYTES,
            },
        )
        rows = await cursor.fetchall()
    texts: dict[int, list[Text]] = {}
    for position, field, text, salt, digest in rows:
        texts.setdefault(position, []).append(Text(field, text, bytes(salt), digest))
    return texts


async def read_all_texts(
    connection: psycopg.AsyncConnection[Any], namespace_id: int, events: Sequence[StoredEvent]
) -> dict[int, list[Text]]:
    """Return all texts of events, which are in order, by position; however long they are."""
    texts: dict[int, list[Text]] = {}
    left: Sequence[StoredEvent] = events
    while found := await read_texts(connection, namespace_id, left):
        texts |= found
        if sum(len(text.text.encode()) for own in found.values() for text in own) < _MAX_TEXT_BYTES:
            break
        # The last one may not be complete, unless it is the first.
        last = max(found)
        beyond = last if len(found) == 1 else last - 1
        left = [event for event in left if event.position > beyond]
    return texts


def fitting(
    events: Sequence[StoredEvent], texts: Mapping[int, Sequence[Text]], most: int = MAX_PAGE_BYTES
) -> list[bytes]:
    """Return the first events, serialized, as many as fit into one message; at least one.

    They end before the first whose body is archived, so that who reads backwards gets all
    that is there, and then the refusal.

    Args:
        events: In the order in which they are given.
        texts: From `read_texts`.
        most: Bytes that fit.

    Raises:
        BodyArchived: The body of the first is archived.
    """
    messages: list[bytes] = []
    for event in events:
        if messages and is_archived(event.record):
            break
        message = event_bytes(event, texts.get(event.position, ()))
        most -= len(message)
        if most < 0 and messages:
            break
        messages.append(message)
    return messages


_TEXTS = """
SELECT t.position, t.field, t.text, t.salt, t.digest
FROM (
    SELECT d.position, d.field, d.text, d.salt, d.digest, octet_length(d.text) AS bytes,
        sum(octet_length(d.text)) OVER (
            ORDER BY d.position * %(sign)s, d.field, d.digest ROWS UNBOUNDED PRECEDING
        ) AS bytes_so_far
    FROM regesta.disclosures AS d
    WHERE d.namespace_id = %(namespace_id)s AND d.position = ANY (%(positions)s::bigint[])
        AND (d.field <> %(withheld)s OR d.position <> ALL (%(documents)s::bigint[]))
) AS t
WHERE t.bytes_so_far - t.bytes < %(most)s
ORDER BY t.position * %(sign)s, t.field, t.digest
"""

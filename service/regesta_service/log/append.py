"""Appending: one call that locks the head, checks that it is where it was, and writes.

Works in two ways. Alone, the call commits by itself: one round trip for a whole batch, and
none of it under the lock. Inside the transaction that `lock_head` opened, it goes out
together with the COMMIT.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from regesta_projections.rows import (
    AliasRow,
    LabelRow,
    LogRow,
    ModelRow,
    NameRow,
    NamespaceRow,
    PrivacyRow,
    ResourceRow,
    Row,
    VersionRow,
)
from regesta_service.log import packing

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from regesta_service.log.connections import Link
    from regesta_service.log.draft import Draft, PackedRows
    from regesta_service.log.head import Head


class Outcome(Enum):
    """What became of an append."""

    #: It is in the log, durably; or there was nothing to write and the head is as expected.
    APPENDED = "appended"
    #: Nothing was written: some of the requests were answered before.
    REPEATED = "repeated"
    #: Nothing was written: the head is elsewhere by now.
    MOVED = "moved"


_APPEND: Final = f"""
SELECT regesta.append_batch({", ".join(["%s"] * 22)})
"""

#: In the order of the function's parameters; the last says whether they are changed rows, None
#: that both go together.
_ROW_PARAMETERS: Final[tuple[tuple[type[Row], str, bool | None], ...]] = (
    (NamespaceRow, "namespaces", False),
    (ModelRow, "models", False),
    (ModelRow, "models", True),
    (NameRow, "model_names", False),
    (VersionRow, "versions", False),
    (VersionRow, "versions", True),
    (LabelRow, "version_labels", False),
    (AliasRow, "aliases", False),
    (AliasRow, "aliases", True),
    (LogRow, "log_status", None),
    (PrivacyRow, "privacy_status", None),
    (ResourceRow, "resources", None),
)
_ONLY_INSERTED: Final = (NamespaceRow, NameRow, LabelRow)


async def append(link: Link, draft: Draft, keys: Collection[UUID]) -> tuple[Outcome, Head]:
    """Append a draft and commit, if the head is still where the draft begins.

    Args:
        link: A connection without a transaction.
        draft: What to append; without requests it only confirms where the head is.
        keys: Of all requests that were decided, refused ones too: none of them may have
            been answered before.

    Returns:
        What became of it, and the head after it, which is of use only when it is appended.

    Raises:
        psycopg.Error: Nothing was written if the connection still stands. If it broke,
            only the log itself tells.
    """
    head, parameters = _parameters(link, draft, keys)
    cursor = await link.conn.execute(_APPEND, parameters)
    return _outcome(await cursor.fetchone()), head


async def append_locked(link: Link, draft: Draft) -> Head:
    """Append a draft in the transaction that has locked its head, and commit.

    Returns:
        The head after it.

    Raises:
        psycopg.Error: As `append`.
    """
    head, parameters = _parameters(link, draft, ())
    async with link.conn.pipeline():
        cursor = await link.conn.execute(_APPEND, parameters)
        await link.conn.execute("COMMIT")
    outcome = _outcome(await cursor.fetchone())
    if outcome is not Outcome.APPENDED:
        raise AssertionError(f"the head is locked, and yet the append is {outcome}")
    return head


def _outcome(row: Any) -> Outcome:
    return Outcome(row[0])


def _parameters(link: Link, draft: Draft, keys: Collection[UUID]) -> tuple[Head, list[Any]]:
    """Return the head after the append, and what `regesta.append_batch` takes."""
    oids = link.oids
    head, tiles = draft.grown()
    rows = draft.packed_rows()
    parameters: list[Any] = [
        packing.integer(draft.log_id),
        packing.bigint(draft.head.size),
        packing.integer(draft.head.generation),
        packing.uuid_array(keys),
        head.frontier.encode(),
        packing.timestamptz(head.recorded_at) if head.recorded_at else None,
        packing.array(oids["new_event"], draft.packed_events()),
        packing.array(oids["new_request"], draft.packed_requests),
        packing.array(oids["new_disclosure"], draft.packed_disclosures),
        packing.array(oids["new_tile"], tiles),
    ]
    for kind, name, changed in _ROW_PARAMETERS:
        packed = rows.get(kind)
        parameters.append(packing.array(oids[name], _of(packed, changed=changed)))
        if packed and packed.changed and kind in _ONLY_INSERTED:
            raise TypeError(f"rows of {name} never change")
    return head, parameters


def _of(packed: PackedRows | None, *, changed: bool | None) -> list[bytes]:
    if packed is None:
        return []
    if changed is None:
        return packed.new + packed.changed
    return packed.changed if changed else packed.new

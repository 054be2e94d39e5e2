"""Where archived bodies are, and up to where the log lets them be.

An archive is a folder of tiles as `regesta-server backup` writes it. Nothing of it is trusted:
each body is compared with the hash that the log has kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from regesta.exporting.tiling import InvalidTiles, describe, read_records
from regesta.merkle import TILE_WIDTH, leaf_hash
from regesta_projections.archived import BodyArchived, hash_of, is_archived

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

#: Bundles of 256 records in memory: about 15 MB.
_BUNDLES: Final = 64


class NotInArchive(Exception):
    """An archive lacks a body, or has another one; the message says which."""


class Archive:
    """The bodies of one log, out of a folder of tiles.

    Nothing of it is trusted: a body is given out only for the hash that it has.

    Args:
        folder: A backup, or the folder of one log of it.
        namespace: Whose log.

    Attributes:
        size: How many records there are.

    Raises:
        NotInArchive: There is no such log.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        place = folder / namespace if (folder / "backup.json").is_file() else folder
        try:
            said = describe(place)
        except InvalidTiles as error:
            raise NotInArchive(f"{place}: {error}") from error
        if said is None or said.namespace != namespace:
            raise NotInArchive(f"{folder} is no archive of {namespace}")
        self.size = said.size
        self._folder = place
        self._bundles: OrderedDict[int, list[bytes]] = OrderedDict()

    def body(self, position: int, expected: bytes) -> bytes:
        """Return the record at a position.

        Args:
            position: From 1.
            expected: Its leaf hash.

        Raises:
            NotInArchive: It is not there, or has another hash.
        """
        if position > self.size:
            raise NotInArchive(f"the archive ends at {self.size}, before position {position}")
        index, offset = divmod(position - 1, TILE_WIDTH)
        record = self._bundle(index)[offset]
        if leaf_hash(record) != expected:
            raise NotInArchive(f"the archive holds another record at position {position}")
        return record

    def _bundle(self, index: int) -> list[bytes]:
        bundle = self._bundles.get(index)
        if bundle is None:
            first = index * TILE_WIDTH
            try:
                bundle = list(read_records(self._folder, min(first + TILE_WIDTH, self.size), first))
            except InvalidTiles as error:
                raise NotInArchive(str(error)) from error
            self._bundles[index] = bundle
            if len(self._bundles) > _BUNDLES:
                self._bundles.popitem(last=False)
        else:
            self._bundles.move_to_end(index)
        return bundle


def with_body(record: bytes, position: int, archive: Archive | None) -> bytes:
    """Return a record as it was appended, out of the archive if it is there only.

    Raises:
        BodyArchived: It is, and no archive is at hand.
        NotInArchive: It is not in there either.
    """
    if not is_archived(record):
        return record
    if archive is None:
        raise BodyArchived(position)
    return archive.body(position, hash_of(record))


def require_bodies(conn: psycopg.Connection[Any], namespace_id: int) -> None:
    """Return if a log has all of its bodies.

    Raises:
        BodyArchived: It has not; they are archived from the first position on.
    """
    row = conn.execute(_FIRST, [namespace_id]).fetchone()
    if row is not None and is_archived(row[0]):
        raise BodyArchived(1)


def released_through(conn: psycopg.Connection[Any], namespace_id: int) -> int:
    """Return up to which position bodies may be archived, by what the log itself says.

    The event that says so lies beyond what it releases, so its own body is there. 0 when
    there is none.
    """
    row = conn.execute(_RELEASED, [namespace_id]).fetchone()
    if row is None:
        return 0
    position, record = row
    try:
        through: int = int(msgspec.json.decode(record, type=_Said).data.through)
    except (msgspec.DecodeError, ValueError):
        return 0  # whoever compares records and hashes names it
    # As the trigger of 0012_retention.sql has it.
    tiles: int = max(min(through, position - 1), 0) // TILE_WIDTH
    return tiles * TILE_WIDTH


class _Release(msgspec.Struct):
    through: str = "0"


class _Said(msgspec.Struct):
    data: _Release


_FIRST: Final = "SELECT record FROM regesta.events WHERE namespace_id = %s AND position = 1"
_RELEASED: Final = """
SELECT position, record FROM regesta.events
WHERE namespace_id = %s AND stream = 'privacy' AND type = 'io.regesta.events.v1.BodiesReleased'
ORDER BY revision DESC LIMIT 1
"""

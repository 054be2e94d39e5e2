"""Asking witnesses for cosignatures, beside the publisher: a slow one holds nothing up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

from regesta.audit import tiles
from regesta.audit.notes import InvalidNote, Note, UnsignedNote, VerifierKey
from regesta.audit.witness_client import (
    WitnessAhead,
    WitnessClient,
    WitnessRefused,
    WitnessUnavailable,
)
from regesta_service.audit.published import cosigned
from regesta_service.audit.stored import StoredTiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta_service.audit.stored import Head

    Connection = psycopg.Connection[Any]

_log = structlog.get_logger("publisher")

#: Seconds for each wait on a witness, and between two attempts on one that does not answer.
_TIMEOUT: Final = 10.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class Desk:
    """Gets checkpoints cosigned by one witness, the latest of each log first.

    While a witness is away checkpoints pile up; only the last of each log is sent then, as
    that one covers the others.

    Args:
        url: Of the witness.
        key: Its key.
        connect: Opens a connection as the service's role, in autocommit mode.
    """

    def __init__(self, url: str, key: VerifierKey, connect: Callable[[], Connection]) -> None:
        self._client = WitnessClient(url, [key], _TIMEOUT)
        self._url = url
        self._connect = connect
        self._wanted: dict[str, tuple[Head, Note]] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name=f"witness {url}", daemon=True)
        self._thread.start()

    def ask(self, head: Head, note: Note) -> None:
        """Have a checkpoint cosigned soon; never waits."""
        with self._changed:
            self._wanted[head.namespace] = (head, note)
            self._changed.notify()

    def stop(self, seconds: float) -> None:
        """Ask for what is left, and stop.

        Args:
            seconds: Longest wait.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        while (wanted := self._next()) is not None:
            head, note = wanted
            try:
                with self._connect() as conn:
                    self._cosign(conn, head, note)
                pause = _FIRST_PAUSE
                continue
            except WitnessUnavailable as error:
                _log.warning("witness_unavailable", witness=self._url, problem=str(error))
            except (WitnessAhead, WitnessRefused, InvalidNote, UnsignedNote) as error:
                # It may be the one who is wrong, so nothing is stopped for it.
                _log.error(
                    "witness_refuses",
                    witness=self._url,
                    namespace=head.namespace,
                    problem=str(error),
                )
                continue
            except psycopg.Error as error:
                _log.warning("witness_lost_database", problem=type(error).__name__)
            with self._changed:
                # Unless there is a later one by now.
                self._wanted.setdefault(head.namespace, wanted)
                if self._stopping:
                    return
                self._changed.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _next(self) -> tuple[Head, Note] | None:
        with self._changed:
            while not self._wanted:
                if self._stopping:
                    return None
                self._changed.wait()
            return self._wanted.pop(next(iter(self._wanted)))

    def _cosign(self, conn: Connection, head: Head, note: Note) -> None:
        read = StoredTiles(conn, head.namespace_id).read

        def prove(old_size: int, size: int) -> Sequence[bytes]:
            return tiles.consistency_proof(old_size, size, read)

        added = self._client.submit(note, prove)
        size = int(note.text.split("\n")[1])
        with conn.transaction():
            rows = conn.execute(_STORED, [head.namespace_id, size]).fetchall()
            for (text,) in rows:
                have = Note.parse(text)
                grown = cosigned(have, [one.signature for one in added])
                if grown != have:
                    conn.execute(_SIGN, [str(grown), head.namespace_id, size])


_STORED: Final = """
SELECT note FROM regesta.checkpoints WHERE namespace_id = %s AND size = %s FOR UPDATE
"""
_SIGN: Final = "UPDATE regesta.checkpoints SET note = %s WHERE namespace_id = %s AND size = %s"

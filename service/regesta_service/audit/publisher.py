"""The publisher: signs what it has re-read and re-hashed, and remembers it before anybody sees it.

It needs no part of the server. Its key and its memory lie outside of the database, so whoever
changes rows cannot make it sign them: a log that is shorter than what was signed (ROLLBACK),
another history (FORK) or has rows that are not as they were appended (TAMPER) raises an alarm,
and its namespace is left alone until an operator clears it.

One of several publishers leads, by an advisory lock. The others check and remember too, and
sign nothing: a standby with a memory of its own is a second alarm.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

from regesta.audit.checkpoints import Checkpoint, log_origin, open_checkpoint, sign_checkpoint
from regesta.audit.keys import log_signer
from regesta.audit.notes import InvalidNote, Note, UnsignedNote, VerifierKey
from regesta.audit.policies import Log, Policy
from regesta.merkle import Frontier
from regesta_service.audit import stored
from regesta_service.audit.checking import FORK, Disagrees, check, vanished
from regesta_service.audit.memory import Memory, Remembered
from regesta_service.audit.published import Alarm, cosigned

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from regesta.audit.keys import PrivateKey
    from regesta_service.audit.stored import Head

    Connection = psycopg.Connection[Any]

_log = structlog.get_logger("publisher")

#: Seconds between two full looks at a log in which nothing happens, and between two notes of
#: it in the database.
HEARTBEAT: Final = 10.0

_LOCK: Final = 0x7265_6765_7374_6103  # "regesta" and the number of this lock


class OriginChanged(RuntimeError):
    """A log that was signed under one origin is to be signed under another."""


class Publisher:
    """Publishes the checkpoints of one database.

    Args:
        dsn: As the service's role, straight to the primary: the lock is a session's.
        keys: The first names the log's own key; every checkpoint is signed with all.
        memory: Held by this process.
        origin: Of the deployment; None means the one that the database has.
        namespaces: Which ones; None means all, also those to come.
        read_dsn: Where the rows are read, for example a synchronous standby: then what is
            signed has been replicated. None means `dsn`.
        on_signed: Told of each checkpoint once it is stored.
    """

    def __init__(
        self,
        dsn: str,
        keys: Sequence[PrivateKey],
        memory: Memory,
        *,
        origin: str | None = None,
        namespaces: Collection[str] | None = None,
        read_dsn: str | None = None,
        on_signed: Callable[[Head, Note], None] | None = None,
    ) -> None:
        self._dsn = dsn
        self._read_dsn = read_dsn or dsn
        self._keys = tuple(keys)
        self._memory = memory
        self._origin = origin
        self._namespaces = namespaces
        self._on_signed = on_signed
        self._known: dict[str, Remembered] = {}
        #: When each log was looked at in full, and noted so in the database.
        self._looked: dict[str, float] = {}
        self._alarms: dict[str, Alarm] = {}
        #: Namespaces whose last note is known to be in the database.
        self._stored: set[str] = set()
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._leads = False

    @property
    def alarms(self) -> dict[str, Alarm]:
        """The alarms that stand, by namespace."""
        return dict(self._alarms)

    @property
    def leads(self) -> bool:
        """Whether this publisher signs; a standby only checks."""
        return self._leads

    def look(self) -> int:
        """Look at every log once, and sign what has grown.

        Returns:
            How many checkpoints were signed.

        Raises:
            psycopg.Error: The database does not answer; look again later.
            MemoryDamaged: The memory contradicts itself.
            OriginChanged: The configuration contradicts the memory.
            OSError: The memory cannot be written; nothing was published then.
        """
        try:
            writer, reader = self._connected()
            heads = stored.heads(reader)
            reader.commit()
            signed = 0
            for namespace in sorted({*heads, *self._memory.namespaces()}):
                if self._namespaces is None or namespace in self._namespaces:
                    signed += self._look_at(writer, reader, namespace, heads.get(namespace))
        except psycopg.Error:
            self.close()
            raise
        return signed

    def close(self) -> None:
        """Close the connections, and leave the lead to others."""
        for conn in (self._writer, self._reader):
            if conn is not None:
                conn.close()
        self._writer = self._reader = None
        self._leads = False
        self._stored.clear()

    def _connected(self) -> tuple[Connection, Connection]:
        if self._writer is None or self._reader is None:
            self._writer = connected(self._dsn)
            self._reader = connected(self._read_dsn)
            self._reader.autocommit = False
            self._reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._reader.read_only = True
        if not self._leads:
            row = self._writer.execute(_LEAD, [_LOCK]).fetchone()
            self._leads = row == (True,)
        return self._writer, self._reader

    def _look_at(
        self, writer: Connection, reader: Connection, namespace: str, head: Head | None
    ) -> int:
        alarm = self._memory.alarm(namespace)
        if alarm is not None:
            self._stand_by(writer, namespace, head, alarm)
            return 0
        if self._alarms.pop(namespace, None) is not None:
            _log.info("publisher_resumes", namespace=namespace)
        try:
            return self._check_and_sign(writer, reader, namespace, head)
        except Disagrees as found:
            reader.rollback()
            raised = self._memory.raise_alarm(namespace, found.alarm)
            self._stand_by(writer, namespace, head, raised)
            return 0

    def _stand_by(
        self, writer: Connection, namespace: str, head: Head | None, alarm: Alarm
    ) -> None:
        """Say that a namespace is not signed, in the log and in the database."""
        is_new = self._alarms.get(namespace) != alarm
        self._alarms[namespace] = alarm
        if not is_new and not self._is_due(namespace):
            return
        self._looked[namespace] = time.monotonic()
        _log.error(
            "publisher_alarm",
            namespace=namespace,
            kind=alarm.kind,
            position=alarm.position,
            last_position=alarm.last_position,
            detail=alarm.detail,
            since=str(alarm.at),
        )
        if head is not None and self._leads:
            writer.execute(
                _ALARM,
                [
                    head.namespace_id,
                    alarm.kind,
                    alarm.position,
                    alarm.last_position,
                    alarm.detail,
                    alarm.at,
                ],
            )

    def _check_and_sign(
        self, writer: Connection, reader: Connection, namespace: str, head: Head | None
    ) -> int:
        remembered = self._recalled(namespace)
        if head is None:
            # It was in the list because it is remembered.
            raise vanished(remembered.size if remembered else 0)
        origin = self._origin_of(writer, namespace)
        if remembered and remembered.origin != origin:
            raise OriginChanged(
                f"{namespace} was signed as {remembered.origin} and would now be {origin}; "
                "a new origin needs a new memory, and verifiers need to be told"
            )
        known = remembered.frontier if remembered else Frontier()
        is_new = head.frontier != known or (self._leads and not (remembered and remembered.note))
        if not is_new and not self._is_due(namespace):
            return 0
        # Both in one snapshot: a replica may lag behind what others published.
        snapshot = stored.head(reader, head.namespace_id)
        published = self._published(reader, head, origin)
        frontier = check(reader, snapshot, known, published)
        reader.commit()
        signed = self._sign(writer, snapshot, origin, frontier, remembered)
        self._note_seen(writer, snapshot, origin)
        return signed

    def _sign(
        self,
        writer: Connection,
        head: Head,
        origin: str,
        frontier: Frontier,
        remembered: Remembered | None,
    ) -> int:
        namespace = head.namespace
        has_grown = remembered is None or remembered.frontier != frontier
        note = remembered.note if remembered and not has_grown else ""
        signs = self._leads and frontier.size > 0 and not note
        if signs:
            checkpoint = Checkpoint(origin, frontier.size, frontier.root())
            note = str(sign_checkpoint(checkpoint, *(log_signer(origin, k) for k in self._keys)))
            self._stored.discard(namespace)
        if signs or has_grown:
            # Before anybody sees it: what others may have is never forgotten.
            self._known[namespace] = Remembered(origin, frontier, note)
            self._memory.remember(namespace, self._known[namespace])
        if note and self._leads and namespace not in self._stored:
            self._store(writer, head, Note.parse(note), frontier.size)
            self._stored.add(namespace)
        return int(signs)

    def _store(self, writer: Connection, head: Head, note: Note, size: int) -> None:
        """Put a note into the database, also one that a crash kept from getting there."""
        place = [head.namespace_id, size]
        with writer.transaction():
            added = writer.execute(_INSERT, [*place, str(note)]).rowcount
            if not added:
                ((text,),) = writer.execute(_STORED, place).fetchall()
                have = Note.parse(text)
                if have.text != note.text:
                    raise Disagrees(
                        FORK, 1, size, f"the database holds another checkpoint of size {size}"
                    )
                grown = cosigned(have, note.signatures)
                if grown != have:
                    writer.execute(_SIGN, [str(grown), *place])
        if added:
            _log.debug("published", namespace=head.namespace, size=size)
        if self._on_signed is not None:
            self._on_signed(head, note)

    def _note_seen(self, writer: Connection, head: Head, origin: str) -> None:
        """Note in the database that all is right; nothing that is signed depends on it."""
        self._looked[head.namespace] = time.monotonic()
        if self._leads:
            keys = [signer.vkey for signer in self._verifiers(origin)]
            writer.execute(_SEEN, [head.namespace_id, keys])
            policy = Policy(tuple(Log(key) for key in self._verifiers(origin)))
            self._memory.write_policy(head.namespace, policy.encode())

    def _published(self, reader: Connection, head: Head, origin: str) -> Checkpoint | None:
        """Return the latest checkpoint in the database that our keys signed."""
        row = reader.execute(_LATEST, [head.namespace_id]).fetchone()
        if row is None:
            return None
        try:
            return open_checkpoint(row[0], self._verifiers(origin))
        except (InvalidNote, UnsignedNote):
            # Anybody who can write there may have put it there; what counts is our memory.
            _log.warning("foreign_checkpoint", namespace=head.namespace)
            return None

    def _verifiers(self, origin: str) -> list[VerifierKey]:
        return [VerifierKey.parse(log_signer(origin, key).vkey) for key in self._keys]

    def _recalled(self, namespace: str) -> Remembered | None:
        if namespace not in self._known:
            found = self._memory.recall(namespace)
            if found is None:
                return None
            self._known[namespace] = found
        return self._known[namespace]

    def _origin_of(self, writer: Connection, namespace: str) -> str:
        if self._origin is None:
            ((self._origin,),) = writer.execute(_ORIGIN).fetchall()
        return log_origin(str(self._origin), namespace)

    def _is_due(self, namespace: str) -> bool:
        return time.monotonic() >= self._looked.get(namespace, -HEARTBEAT) + HEARTBEAT


def connected(dsn: str) -> Connection:
    """Return a connection in autocommit mode.

    Raises:
        psycopg.OperationalError: The database does not answer.
    """
    return psycopg.connect(
        dsn, autocommit=True, connect_timeout=5, application_name="regesta publisher"
    )


_LEAD: Final = "SELECT pg_try_advisory_lock(%s)"
_ORIGIN: Final = "SELECT origin FROM regesta.deployment"
_LATEST: Final = """
SELECT note FROM regesta.checkpoints WHERE namespace_id = %s ORDER BY size DESC LIMIT 1
"""
_INSERT: Final = """
INSERT INTO regesta.checkpoints (namespace_id, size, note) VALUES (%s, %s, %s)
ON CONFLICT (namespace_id, size) DO NOTHING
"""
_STORED: Final = """
SELECT note FROM regesta.checkpoints WHERE namespace_id = %s AND size = %s FOR UPDATE
"""
_SIGN: Final = "UPDATE regesta.checkpoints SET note = %s WHERE namespace_id = %s AND size = %s"
_SEEN: Final = """
INSERT INTO regesta.publishers (namespace_id, seen_at, verifier_keys) VALUES (%s, now(), %s)
ON CONFLICT (namespace_id) DO UPDATE
SET seen_at = EXCLUDED.seen_at, verifier_keys = EXCLUDED.verifier_keys, alarm_kind = NULL,
    alarm_position = NULL, alarm_last_position = NULL, alarm_detail = NULL, alarm_at = NULL
"""
_ALARM: Final = """
INSERT INTO regesta.publishers (namespace_id, alarm_kind, alarm_position, alarm_last_position,
    alarm_detail, alarm_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (namespace_id) DO UPDATE
SET alarm_kind = EXCLUDED.alarm_kind, alarm_position = EXCLUDED.alarm_position,
    alarm_last_position = EXCLUDED.alarm_last_position,
    alarm_detail = EXCLUDED.alarm_detail, alarm_at = EXCLUDED.alarm_at
"""

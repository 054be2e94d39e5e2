"""Requests about the log itself, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import InvalidKey, InvalidNote, Note, VerifierKey
from regesta.merkle import HASH_BYTES
from regesta.names import NamespaceName
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.log import (
    RecordFork,
    RecordKeyCompromise,
    RecordKeyRotation,
    RecordWitness,
)
from regesta_service.domain.rejections import InvalidRequest

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import heads_service_pb2 as pb
    from regesta.v1 import log_status_pb2 as log_pb
    from regesta_service.api.writes.checks import SaltSource

LogCommand: TypeAlias = RecordKeyRotation | RecordKeyCompromise | RecordFork | RecordWitness


def record_log_event(
    request: pb.RecordLogEventRequest, new_salt: SaltSource
) -> Translated[LogCommand]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    reason, revision = checks.cause(request), checks.revision(request.etag)
    command: LogCommand
    match request.WhichOneof("event"):
        case "key_rotated":
            command = _rotation(checks, request.key_rotated, reason, revision)
        case "key_compromised":
            command = _compromise(checks, request.key_compromised, reason, revision)
        case "log_forked":
            command = _fork(checks, request.log_forked, reason, revision)
        case "log_witnessed":
            note = _note(checks, "log_witnessed.checkpoint", request.log_witnessed.checkpoint)
            command = RecordWitness(reason, revision, note)
        case None:
            raise InvalidRequest.of("event", "is required: exactly one of its kinds")
    checks.finish()
    return Translated(namespace, command, request, checks.texts)


def _rotation(
    checks: Checks, rotation: pb.KeyRotation, reason: SealedText | None, revision: int | None
) -> RecordKeyRotation:
    old, last = rotation.old_vkey, rotation.last_checkpoint
    return RecordKeyRotation(
        reason,
        revision,
        _vkey(checks, "key_rotated.new_vkey", rotation.new_vkey),
        _vkey(checks, "key_rotated.old_vkey", old) if old else "",
        _note(checks, "key_rotated.last_checkpoint", last) if last else "",
    )


def _compromise(
    checks: Checks, said: pb.KeyCompromise, reason: SealedText | None, revision: int | None
) -> RecordKeyCompromise:
    note = said.checkpoint
    if said.last_good_size < 0:
        checks.refuse("key_compromised.last_good_size", "is not negative")
    return RecordKeyCompromise(
        reason,
        revision,
        _vkey(checks, "key_compromised.vkey", said.vkey),
        said.last_good_size,
        _note(checks, "key_compromised.checkpoint", note) if note else "",
    )


def _fork(
    checks: Checks, fork: log_pb.LogFork, reason: SealedText | None, revision: int | None
) -> RecordFork:
    for field in ("recovered_size", "first_lost", "last_lost"):
        if getattr(fork, field) < 0:
            checks.refuse(f"log_forked.{field}", "is not negative")
    if len(fork.recovered_root) != HASH_BYTES:
        checks.refuse("log_forked.recovered_root", f"has {HASH_BYTES} bytes")
    return RecordFork(
        reason,
        revision,
        _note(checks, "log_forked.old_checkpoint", fork.old_checkpoint),
        fork.recovered_size,
        fork.recovered_root,
        fork.first_lost,
        fork.last_lost,
    )


def _vkey(checks: Checks, place: str, text: str) -> str:
    try:
        VerifierKey.parse(text)
    except InvalidKey:
        checks.refuse(
            place, "is a vkey (C2SP signed-note): a name, a key's id and the key in base64"
        )
    return text


def _note(checks: Checks, place: str, text: str) -> str:
    is_one = len(text.encode()) <= limits.MAX_NOTE_BYTES
    try:
        Checkpoint.parse(Note.parse(text).text)
    except InvalidNote:
        is_one = False
    if not is_one:
        limit = limits.MAX_NOTE_BYTES
        checks.refuse(place, f"is a checkpoint as a signed note, of at most {limit} bytes")
    return text

"""A witness: it remembers the last checkpoint of each log, and cosigns only what extends it.

It sees sizes and roots, nothing of what is in a log. Its state directory is its whole memory:
a file a log, written and synced before a cosignature leaves the house. Whoever loses the
directory gives the witness a new name and a new key, as its old ones would sign a fork.

`witness_server` puts it on the network.

Source: C2SP tlog-witness v1.0.0.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from regesta.audit.checkpoints import MAX_ORIGIN_BYTES, Checkpoint
from regesta.audit.keys import KeySigner
from regesta.audit.messages import SignatureType
from regesta.audit.notes import (
    InvalidNote,
    Note,
    UnsignedNote,
    Verified,
    VerifierKey,
    cosign,
    verify,
)
from regesta.audit.witness_protocol import (
    SIZE_CONTENT_TYPE,
    AddCheckpoint,
    InvalidAddCheckpoint,
    origin_hash,
)
from regesta.disk import try_lock, write_atomically
from regesta.merkle import InvalidProof, verify_consistency

OK: Final = 200
BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422

TEXT: Final = "text/plain; charset=utf-8"

_LOCK_FILE = "lock"


class InvalidWitness(ValueError):
    """A witness cannot be set up like this."""


class DamagedState(ValueError):
    """A file of the state is not what this witness wrote; it signs nothing any more."""


class StateInUse(RuntimeError):
    """Another process keeps its state in the same directory."""


class Answer(NamedTuple):
    """An answer over HTTP.

    Attributes:
        status: Its number.
        body: Its text.
        content_type: Kind of the text.
        alarm: Set when a log that is known signed what was not shown to extend its past, or
            contradicts it.
    """

    status: int
    body: str
    content_type: str = TEXT
    alarm: str = ""


class Witness:
    """Remembers, checks and cosigns; may be called from many threads."""

    def __init__(
        self, signers: Sequence[KeySigner], logs: Iterable[VerifierKey], state: Path
    ) -> None:
        """Open the state, which is made if it does not exist.

        Args:
            signers: The witness's own keys, one or more; see `cosignatures.cosigner`.
            logs: Keys of the logs that it cosigns, each named like its log's origin.
            state: Directory for nobody else.

        Raises:
            InvalidWitness: There is no key, or one that is not a witness's or a log's.
            DamagedState: A file of the state does not verify.
            StateInUse: Another process has the directory.
            OSError: The directory cannot be used.
        """
        if not signers or any(one.verifier.kind is SignatureType.ED25519 for one in signers):
            raise InvalidWitness("a witness signs with keys for cosignatures")
        self._signers = tuple(signers)
        self._logs: dict[str, list[VerifierKey]] = {}
        for key in logs:
            if key.kind is SignatureType.COSIGNATURE or len(key.name.encode()) > MAX_ORIGIN_BYTES:
                raise InvalidWitness(f"the key of {key.name} is not a log's")
            self._logs.setdefault(key.name, []).append(key)
        self._locks = {origin: Lock() for origin in self._logs}
        self._state = state
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = try_lock(state / _LOCK_FILE)
        if lock is None:
            raise StateInUse(f"another witness keeps its state in {state}")
        self._lock_file = lock
        self._latest: dict[str, Note] = {}
        try:
            for origin in self._logs:
                self._load(origin)
        except BaseException:
            self.close()
            raise

    @property
    def vkeys(self) -> list[str]:
        """The verifier keys that others are to trust."""
        return [signer.vkey for signer in self._signers]

    @property
    def origins(self) -> list[str]:
        """The logs that are known."""
        return list(self._logs)

    def close(self) -> None:
        """Let another process have the state."""
        os.close(self._lock_file)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Return the answer to `add-checkpoint`: cosignatures, or why there are none.

        Raises:
            OSError: The state cannot be written; then nothing was cosigned.
        """
        try:
            request = AddCheckpoint.parse(body)
            checkpoint = Checkpoint.parse(request.note.text)
        except (InvalidAddCheckpoint, InvalidNote) as error:
            return Answer(BAD_REQUEST, f"{error}\n")
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return Answer(NOT_FOUND, "this witness does not know the log\n")
        try:
            by_log = verify(request.note, keys)
        except (InvalidNote, UnsignedNote) as error:
            return Answer(FORBIDDEN, f"{error}\n")
        if request.old_size > checkpoint.size:
            return Answer(BAD_REQUEST, "the old size is above the checkpoint's\n")
        with self._locks[checkpoint.origin]:
            return self._extend(request, checkpoint, by_log)

    def latest(self, hashed_origin: str) -> Answer:
        """Return the last checkpoint of a log that this witness cosigned, for monitors."""
        for origin, note in self._latest.items():
            if origin_hash(origin) == hashed_origin:
                return Answer(OK, str(note))
        return Answer(NOT_FOUND, "no checkpoint of such a log was cosigned\n")

    def _extend(
        self, request: AddCheckpoint, checkpoint: Checkpoint, by_log: Sequence[Verified]
    ) -> Answer:
        """Check a checkpoint against the last one, remember it and cosign it."""
        known = self._latest.get(checkpoint.origin)
        last = Checkpoint.parse(known.text) if known else None
        if request.old_size != (last.size if last else 0):
            return Answer(CONFLICT, f"{last.size if last else 0}\n", SIZE_CONTENT_TYPE)
        try:
            _check_extends(request, checkpoint, last)
        except InvalidProof as error:
            return Answer(
                UNPROCESSABLE, f"{error}\n", alarm=self._alarm(request, checkpoint, known)
            )
        # Only what was verified is kept, so that nobody can fill the state with lines.
        signed = Note(request.note.text, tuple(dict.fromkeys(one.signature for one in by_log)))
        cosigned = cosign(signed, *self._signers)
        self._store(checkpoint.origin, cosigned)
        added = cosigned.signatures[len(signed.signatures) :]
        return Answer(OK, "".join(one.line for one in added))

    def _alarm(self, request: AddCheckpoint, checkpoint: Checkpoint, known: Note | None) -> str:
        """Keep two notes that contradict each other; return what there is to say of it."""
        size = checkpoint.size
        if known is None or Checkpoint.parse(known.text).size != size:
            # No alarm yet: anybody may send an honest checkpoint with a wrong proof.
            return (
                f"WARNING: {checkpoint.origin} was not shown to extend size {request.old_size}"
                f" to size {size} with root {checkpoint.root.hex()}"
            )
        evidence = self._file(checkpoint.origin).with_suffix(".fork")
        if not evidence.exists():
            write_atomically(evidence, known.encode() + b"\n" + request.note.encode())
        return (
            f"ALARM: {checkpoint.origin} signed two roots for size {size};"
            f" both notes are in {evidence}"
        )

    def _file(self, origin: str) -> Path:
        return self._state / f"{origin_hash(origin)}.checkpoint"

    def _load(self, origin: str) -> None:
        file = self._file(origin)
        if not file.exists():
            return
        try:
            note = Note.parse(file.read_bytes())
            verify(note, [signer.verifier for signer in self._signers])
            checkpoint = Checkpoint.parse(note.text)
        except (InvalidNote, UnsignedNote) as error:
            raise DamagedState(f"{file} is not what this witness wrote: {error}") from error
        if checkpoint.origin != origin:
            raise DamagedState(f"{file} is of {checkpoint.origin}, not of {origin}")
        self._latest[origin] = note

    def _store(self, origin: str, note: Note) -> None:
        write_atomically(self._file(origin), note.encode())
        self._latest[origin] = note


def _check_extends(request: AddCheckpoint, checkpoint: Checkpoint, last: Checkpoint | None) -> None:
    """Check that a checkpoint extends the last one.

    Raises:
        InvalidProof: It is not shown to.
    """
    if not checkpoint.is_possible:
        raise InvalidProof("the root of an empty tree is the hash of nothing")
    if last is None or last.size == 0:
        if request.proof:
            raise InvalidProof("from an empty tree on there is nothing to prove")
        return
    verify_consistency(last.size, checkpoint.size, last.root, checkpoint.root, request.proof)

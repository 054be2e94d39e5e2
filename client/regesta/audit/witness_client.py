"""Asking witnesses: how a log's publisher gets its checkpoints cosigned.

    client = WitnessClient("https://witness.example.com", [witness_key])
    added = client.submit(note, lambda old, size: consistency_proof(old, size, read_tile))
    note = note.with_signatures(one.signature for one in added)

Who has to make proofs asynchronously calls `add_checkpoint` and answers `SizeConflict` with
another proof itself. Calls block; a program that must not block makes them in a thread.

Source: C2SP tlog-witness v1.0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.cosignatures import read_cosignatures
from regesta.audit.encoding import InvalidText, to_number
from regesta.audit.notes import MAX_NOTE_BYTES, Note, Verified, VerifierKey
from regesta.audit.witness_protocol import ADD_CHECKPOINT, AddCheckpoint

#: Seconds for a connection, and for each wait within a call.
DEFAULT_TIMEOUT: Final = 10.0

#: Returns the consistency proof from an old size, at least 1, to a size.
Prove = Callable[[int, int], Sequence[bytes]]

_OK, _CONFLICT = 200, 409
#: Request Timeout and Too Many Requests, which proxies send.
_LATER = (408, 429)
#: Another publisher may have been faster; once more than that is a witness gone wrong.
_ATTEMPTS = 3


class WitnessUnavailable(ConnectionError):
    """A witness cannot be reached, or does not answer as a witness does; try again later."""


class WitnessRefused(ValueError):
    """A witness does not cosign this checkpoint.

    Attributes:
        status: 422 is an alarm: to this witness, the checkpoint contradicts the log's past.
            403 and 404: it does not know this log, or this key of it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the witness refuses ({status}): {message}")
        self.status = status


class SizeConflict(ValueError):
    """The last checkpoint that a witness cosigned is of another size.

    Attributes:
        size: That size; a proof has to begin there.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness cosigned size {size} last")
        self.size = size


class WitnessAhead(SizeConflict):
    """A witness has cosigned a larger size than that of the checkpoint.

    Another publisher is ahead, or the log has lost its end: the latter is an alarm.
    """


@dataclass(slots=True)
class WitnessClient:
    """One witness, and the size that it knows.

    Attributes:
        url: Submission prefix: http or https.
        keys: The witness's keys; cosignatures by others are ignored.
        timeout: Seconds for each wait.
    """

    url: str
    keys: Sequence[VerifierKey]
    timeout: float = DEFAULT_TIMEOUT
    #: Sizes last cosigned, by origin, as far as this client knows.
    _sizes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a witness has an address of http or https, not {self.url!r}")

    def submit(self, note: Note, prove: Prove) -> tuple[Verified, ...]:
        """Return the witness's cosignatures of a checkpoint.

        Args:
            note: The checkpoint, signed by its log.
            prove: Makes the proof from the size that the witness knows.

        Raises:
            WitnessUnavailable: Nothing is known; try again later.
            WitnessRefused: It does not cosign this.
            WitnessAhead: It knows a larger size.
            InvalidNote: Its answer is malformed, or its signature wrong.
            UnsignedNote: Its answer holds nothing by the keys that are known.
        """
        checkpoint = Checkpoint.parse(note.text)
        old_size = min(self._sizes.get(checkpoint.origin, 0), checkpoint.size)
        for _ in range(_ATTEMPTS):
            proof = prove(old_size, checkpoint.size) if old_size else ()
            try:
                return self.add_checkpoint(old_size, proof, note)
            except SizeConflict as conflict:
                if conflict.size > checkpoint.size:
                    raise WitnessAhead(conflict.size) from conflict
                old_size = conflict.size
        raise WitnessUnavailable(f"{self.url} names another size each time")

    def add_checkpoint(
        self, old_size: int, proof: Sequence[bytes], note: Note
    ) -> tuple[Verified, ...]:
        """Return the cosignatures of a checkpoint, asked for once.

        Args:
            old_size: Size of the last checkpoint that the witness cosigned; 0 for none.
            proof: The consistency proof from there; empty if `old_size` is 0.
            note: The checkpoint, signed by its log.

        Raises:
            SizeConflict: It cosigned another size last.
            WitnessUnavailable, WitnessRefused, InvalidNote, UnsignedNote: As for `submit`.
        """
        checkpoint = Checkpoint.parse(note.text)
        status, body = self._post(AddCheckpoint(old_size, tuple(proof), note).encode())
        if status == _OK:
            verified = read_cosignatures(note, body, self.keys)
            self._sizes[checkpoint.origin] = checkpoint.size
            return verified
        said = body[:200].decode("utf-8", "replace").strip()
        if status == _CONFLICT:
            try:
                size = to_number(said)
            except InvalidText as error:
                raise WitnessUnavailable(f"{self.url} names no size") from error
            self._sizes[checkpoint.origin] = size
            raise SizeConflict(size)
        if 400 <= status < 500 and status not in _LATER:  # noqa: PLR2004 - the request is to blame
            raise WitnessRefused(status, said)
        raise WitnessUnavailable(f"{self.url} answers {status}: {said}")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        made = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = made(parts.hostname or "", parts.port, timeout=self.timeout)
        try:
            connection.request(
                "POST",
                f"{parts.path.rstrip('/')}/{ADD_CHECKPOINT}",
                body,
                {"Content-Type": "text/plain; charset=utf-8"},
            )
            response = connection.getresponse()
            return response.status, _read(response)
        except (OSError, HTTPException) as error:
            raise WitnessUnavailable(f"{self.url} does not answer: {error}") from error
        finally:
            connection.close()


def _read(response: HTTPResponse) -> bytes:
    body = response.read(MAX_NOTE_BYTES + 1)
    if len(body) > MAX_NOTE_BYTES:
        raise HTTPException(f"more than {MAX_NOTE_BYTES} bytes")
    return body

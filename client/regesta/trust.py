"""Whom a client trusts to sign a log, and what it remembers of it.

    regesta.Client(target, trust="policy.txt")
    regesta.Client(target, trust=regesta.Trust("policy.txt", state=Path("state")))

A checkpoint is judged by a policy (C2SP tlog-policy), and must extend the last one that was
seen of the same log. That one is kept in a file, for all programs of one user: a server that
shows another history later, to another program, or in another place, is found out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import InvalidNote, Note
from regesta.audit.policies import Policy
from regesta.audit.proofs import TlogProof
from regesta.disk import OWNER, write_atomically
from regesta.errors import CheckpointInvalid, ForkDetected
from regesta.merkle import InvalidProof, verify_consistency
from regesta.merkle import leaf_hash as hash_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATE_VARIABLE: Final = "XDG_STATE_HOME"


class SignedCheckpoint(NamedTuple):
    """A checkpoint as a server gave it.

    Attributes:
        size: Position of the last event under it.
        root: Root of the Merkle tree, 32 bytes.
        origin: Name of the log.
        note: The signed note, to be kept or shown to others.
        cosigned_by: Witnesses of the policy that cosigned it; empty without a policy.
        is_trusted: Whether it was judged by a policy and extends what was remembered.
    """

    size: int
    root: bytes
    origin: str
    note: str
    cosigned_by: tuple[str, ...] = ()
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an event is in a log, in a form that needs no server.

    Attributes:
        position: The event's.
        size: That of the checkpoint.
        text: A `.tlog-proof` file.
        leaf_hash: The hash that the server gave; `covers` compares a record with it.
        is_trusted: Whether its checkpoint was judged by a policy.
    """

    position: int
    size: int
    text: str
    leaf_hash: bytes
    is_trusted: bool = False

    @property
    def proof(self) -> TlogProof:
        """The receipt, read."""
        return TlogProof.parse(self.text)

    def covers(self, record: bytes) -> bool:
        """Return whether it is the receipt of this record."""
        return hash_of(record) == self.leaf_hash

    def save(self, path: str | Path) -> None:
        """Write it into a file."""
        Path(path).write_text(self.text, encoding="utf-8", newline="\n")


class Step(NamedTuple):
    """Two checkpoints of which the larger must extend the smaller."""

    known: SignedCheckpoint
    shown: SignedCheckpoint

    @property
    def smaller(self) -> SignedCheckpoint:
        """The one that comes first in the log."""
        return min(self.known, self.shown)

    @property
    def larger(self) -> SignedCheckpoint:
        """The one that comes later."""
        return max(self.known, self.shown)


class Trust:
    """A policy, and the last checkpoint of each log that was seen under it.

    Args:
        policy: A policy, its text, or the path of its file.
        state: Directory of what is remembered; by default one of the user's, for all
            programs: `$XDG_STATE_HOME/regesta/checkpoints`, `~/.local/state/...` without it.

    Raises:
        InvalidPolicy: It is none.
        OSError: The file cannot be read.
    """

    def __init__(self, policy: Policy | str | Path, *, state: Path | None = None) -> None:
        self.policy = _read_policy(policy)
        self._state = state or _default_state()

    @classmethod
    def of(cls, given: Trust | Policy | str | Path | None) -> Trust | None:
        """Return what a client was given to trust."""
        return given if given is None or isinstance(given, Trust) else cls(given)

    def judged(self, note: str, namespace: str) -> SignedCheckpoint:
        """Return a checkpoint that the policy accepts.

        Args:
            note: As a server gave it.
            namespace: Whose it must be.

        Raises:
            CheckpointInvalid: It is none, of another log, or not signed as it must be.
        """
        try:
            verdict = self.policy.judge(note)
        except InvalidNote as error:
            raise CheckpointInvalid(f"the server's checkpoint is none: {error}") from None
        checkpoint = verdict.checkpoint
        if checkpoint.origin.rpartition("/")[2] != namespace:
            raise CheckpointInvalid(
                f"the server's checkpoint is of {checkpoint.origin}, not of namespace {namespace}"
            )
        if not verdict.accepted:
            lacks = verdict.signed_by and not verdict.wrong and len(verdict.problems) == 1
            raise CheckpointInvalid(
                "; ".join(verdict.problems),
                note=note,
                lacks_witnesses=bool(lacks) and not self.policy.is_quorum(verdict.cosigned_by),
            )
        return SignedCheckpoint(
            checkpoint.size,
            checkpoint.root,
            checkpoint.origin,
            note,
            tuple(verdict.cosigned_by),
            is_trusted=True,
        )

    def compared(self, shown: SignedCheckpoint) -> Step | None:
        """Return what remains to be proved, None when nothing does.

        The first checkpoint of a log is remembered as it is: before that there was nothing to
        compare with.

        Raises:
            ForkDetected: Another root was seen at the same size.
            CheckpointInvalid: What is remembered cannot be read.
        """
        with self._locked(shown.origin) as file:
            known = _read(file)
            if known is None:
                write_atomically(file, shown.note.encode(), OWNER)
                return None
        if known.size != shown.size:
            return Step(known, shown)
        if known.root != shown.root:
            raise self.fork(Step(known, shown), "two roots were signed for one size")
        return None

    def settled(self, step: Step, proof: Sequence[bytes]) -> bool:
        """Remember the larger of two checkpoints, if it extends the smaller.

        Args:
            step: The two.
            proof: The consistency proof between them.

        Returns:
            False when somebody else has seen another one meanwhile: compare again.

        Raises:
            ForkDetected: It is not shown to.
        """
        before, after = step.smaller, step.larger
        try:
            verify_consistency(before.size, after.size, before.root, after.root, proof)
        except InvalidProof as error:
            raise self.fork(step, str(error)) from None
        with self._locked(step.shown.origin) as file:
            if _read(file) != step.known:
                return False
            if after is step.shown:
                write_atomically(file, step.shown.note.encode(), OWNER)
        return True

    def fork(self, step: Step, why: str) -> ForkDetected:
        """Return the error of two checkpoints that are not of one history, and keep both."""
        file = self._file(step.shown.origin)
        evidence = file.with_suffix(".fork")
        both = f"{step.known.note}\n{step.shown.note}"
        write_atomically(evidence, both.encode(), OWNER)
        return ForkDetected(
            f"the log {step.shown.origin} has size {step.shown.size} now and does not agree with "
            f"the checkpoint of size {step.known.size} that was seen before ({why}); "
            f"both are kept in {evidence}",
            known=step.known.note,
            shown=step.shown.note,
        )

    def _file(self, origin: str) -> Path:
        return self._state / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    @contextmanager
    def _locked(self, origin: str) -> Iterator[Path]:
        """Yield the file of a log while no other process changes it."""
        import fcntl  # noqa: PLC0415 - the rest of the client runs where there is none

        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(origin)
        lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(lock)


def _read_policy(given: Policy | str | Path) -> Policy:
    if isinstance(given, Policy):
        return given
    # A policy has a line for its quorum, and a path has no line break.
    if isinstance(given, str) and "\n" in given:
        return Policy.parse(given)
    return Policy.parse(Path(given).read_bytes())


def _default_state() -> Path:
    given = os.environ.get(_STATE_VARIABLE, "")
    home = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return home / "regesta" / "checkpoints"


def signed(note: str) -> SignedCheckpoint:
    """Return a checkpoint as it was given; nothing of it is judged.

    Raises:
        InvalidNote: It is none.
    """
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    return SignedCheckpoint(checkpoint.size, checkpoint.root, checkpoint.origin, note)


def received(position: int, answer: Any) -> Receipt:
    """Return a receipt whose path leads to its checkpoint.

    Args:
        position: What was asked for.
        answer: A `GetReceiptResponse`.

    Raises:
        CheckpointInvalid: It is no receipt of that position.
    """
    try:
        proof = TlogProof.parse(answer.receipt)
        checkpoint = proof.lead(answer.leaf_hash)
    except (InvalidNote, InvalidProof) as error:
        raise CheckpointInvalid(f"the server's receipt is none: {error}") from None
    if proof.index != position - 1:
        raise CheckpointInvalid(f"the receipt is of position {proof.index + 1}, not {position}")
    return Receipt(position, checkpoint.size, answer.receipt, answer.leaf_hash)


def _read(file: Path) -> SignedCheckpoint | None:
    """Return what is remembered; it was judged before it was written."""
    try:
        note = file.read_text(encoding="utf-8")
        return signed(note)._replace(is_trusted=True)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CheckpointInvalid(
            f"the checkpoint remembered in {file} is damaged: {error}"
        ) from None

"""Verify a pack with nothing but its files and a trust policy.

    report = verify(Path("pack.zip"), policy=Policy.parse(...), known=[note])
    report.ok, report.findings, report.trust

No server is asked, and nothing that a pack says of itself is believed: records are hashed,
roots computed or proofs followed, signatures judged by the caller's policy, the chain of each
stream followed, and texts compared with their digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regesta.audit import packs
from regesta.audit.checkpoints import Checkpoint
from regesta.audit.completeness import HeadsCheck
from regesta.audit.encoding import InvalidText, from_base64
from regesta.audit.following import Disclosed, Fault, Following
from regesta.audit.notes import InvalidNote, Note
from regesta.audit.packs import InvalidPack, Pack, json_object
from regesta.audit.policies import Policy, Verdict
from regesta.audit.tiled import open_files
from regesta.merkle import (
    Frontier,
    InvalidProof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

#: Findings that are named; all are counted.
MAX_NAMED: Final = 1_000

#: Leaf hashes that go into the tree at once: the work of each is a tenth of one by one.
_BATCH: Final = 4_096


@dataclass(slots=True)
class Report:
    """What a check of a pack came to.

    Attributes:
        kind: `log` for all of a log, `events` for some of it.
        root: Root that everything was proved to be in: computed from the records of a whole
            log; for some events the one that their proofs lead to.
        events: Records checked.
        streams: Streams that they belong to.
        begun_late: Streams of which the first events are not here; of a whole log, none.
        texts: Free texts that are the original ones.
        withheld: Digests whose text is not in the pack: withheld, or erased.
        complete_streams: Streams shown to have no other event up to `heads_position`.
        prefixes: Earlier and known checkpoints that the tree was shown to extend; one that is
            both counts once.
        backwards: Records that say that they were recorded before the one in front.
        trust: The policy's verdict on the checkpoint; None without a policy or a checkpoint.
        findings: What is wrong, the first 1,000.
        findings_total: How much is wrong.
    """

    kind: str
    namespace: str
    origin: str
    size: int
    root: bytes
    events: int = 0
    streams: int = 0
    begun_late: int = 0
    texts: int = 0
    withheld: int = 0
    complete_streams: int = 0
    heads_position: int = 0
    prefixes: int = 0
    backwards: int = 0
    trust: Verdict | None = None
    findings: list[Fault] = field(default_factory=list)
    findings_total: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong. It says little unless `trust` was asked for."""
        return not self.findings_total

    def found(self, kind: str, detail: str, position: int = 0, subject: str = "") -> None:
        """Take up something that is wrong."""
        self.take((Fault(kind, position, subject, detail),))

    def take(self, faults: Iterable[Fault]) -> None:
        """Take up faults."""
        for fault in faults:
            self.findings_total += 1
            if len(self.findings) < MAX_NAMED:
                self.findings.append(fault)


def verify(path: Path, policy: Policy | None = None, known: Sequence[bytes] = ()) -> Report:
    """Check a pack.

    Args:
        path: A pack, as a folder or a zip file; or a folder of tiles.
        policy: Whose signatures make its checkpoint count. Without one the pack is only shown
            to be consistent in itself, which a forger can bring about.
        known: Checkpoints, signed notes, that the caller kept from earlier: the pack's tree
            must extend them.

    Returns:
        What was checked, and what is wrong.

    Raises:
        InvalidPack: It cannot be read as a pack at all.
        InvalidNote: One of `known` is no checkpoint.
        MissingExtra: A policy was given, and `cryptography` is not installed.
    """
    kept = [Checkpoint.parse(Note.parse(note).text) for note in known]
    with open_files(path) as pack:
        return _Verification(pack, policy, kept).run()


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A checkpoint that the pack's tree must extend."""

    checkpoint: Checkpoint
    #: Where it is from, in words.
    label: str


class _Verification:
    """One check under way."""

    def __init__(self, pack: Pack, policy: Policy | None, known: Iterable[Checkpoint]) -> None:
        said = pack.manifest
        self._pack = pack
        self._policy = policy
        self._report = Report(said.kind, said.namespace, said.origin, said.size, said.root)
        self._whole = said.kind == "log"
        self._following = Following(said.namespace, whole=self._whole)
        self._heads = HeadsCheck(pack.read(packs.HEADS) if packs.HEADS in pack else None)
        self._prefixes = [
            _Prefix(one, "a checkpoint that was kept") for one in dict.fromkeys(known)
        ]

    def run(self) -> Report:
        report = self._report
        self._check_files()
        self._check_checkpoint()
        self._read_earlier()
        if self._whole:
            self._check_log()
        else:
            self._check_events()
            self._check_prefixes_by_proof()
        for kind, name, detail in self._pack.faults():
            report.found(kind, detail, subject=name)
        following = self._following
        report.streams, report.begun_late = following.streams, len(following.begun_late)
        report.texts, report.withheld = following.texts, following.withheld
        report.backwards = following.backwards
        report.take(self._heads.faults())
        report.complete_streams = self._heads.complete
        report.heads_position = self._heads.position
        return report

    def _check_files(self) -> None:
        """Compare every file with the manifest: an honest pack that was damaged says where."""
        listed = self._pack.manifest.files
        for name, entry in listed.items():
            if name not in self._pack:
                self._report.found("FILE_MISSING", f"the manifest lists {name}", subject=name)
            elif self._pack.digest(name) != entry:
                detail = f"{name} is not the file that the manifest lists"
                self._report.found("FILE_DIFFERS", detail, subject=name)
        for name in sorted(self._pack.names - set(listed) - {packs.MANIFEST}):
            self._report.found("FILE_UNLISTED", f"the manifest does not list {name}", subject=name)

    def _check_checkpoint(self) -> None:
        report = self._report
        if packs.CHECKPOINT not in self._pack:
            if self._policy is not None:
                report.found("CHECKPOINT_MISSING", "nobody signed this: there is no checkpoint")
            return
        try:
            note = Note.parse(self._pack.read(packs.CHECKPOINT))
            checkpoint = Checkpoint.parse(note.text)
        except InvalidNote as error:
            report.found("CHECKPOINT_INVALID", str(error), subject=packs.CHECKPOINT)
            return
        said = report.origin, report.size, report.root
        if (checkpoint.origin, checkpoint.size, checkpoint.root) != said:
            detail = "the checkpoint is not of the log, size and root that the manifest names"
            report.found("CHECKPOINT_DIFFERS", detail, subject=packs.CHECKPOINT)
            # What is signed counts, not what the manifest says.
            report.origin, report.size, report.root = (
                checkpoint.origin,
                checkpoint.size,
                checkpoint.root,
            )
        if self._policy is not None:
            report.trust = self._policy.judge(note)
            for problem in report.trust.problems:
                report.found("NOT_TRUSTED", problem, subject=packs.CHECKPOINT)

    def _read_earlier(self) -> None:
        """Take up the earlier checkpoints; the log itself must have signed each."""
        kept = {one.checkpoint for one in self._prefixes}
        for name in sorted(self._pack.names):
            if not name.startswith(packs.EARLIER):
                continue
            try:
                note = Note.parse(self._pack.read(name))
                checkpoint = Checkpoint.parse(note.text)
                verdict = self._policy.judge(note) if self._policy else None
            except InvalidNote as error:
                self._report.found("CHECKPOINT_INVALID", str(error), subject=name)
                continue
            if verdict is not None and (verdict.wrong or not verdict.signed_by):
                self._report.found("NOT_TRUSTED", "the log did not sign it", subject=name)
            if checkpoint not in kept:
                self._prefixes.append(_Prefix(checkpoint, name))

    def _check_log(self) -> None:
        """Hash all records of a log into its root, and look at the roots on the way."""
        report, frontier = self._report, Frontier()
        stops = sorted({one.checkpoint.size for one in self._prefixes}, reverse=True)
        roots: dict[int, bytes] = {}
        texts = _Texts(self._pack)
        hashes: list[bytes] = []
        for position, record in enumerate(self._pack.lines(packs.EVENTS), 1):
            leaf = leaf_hash(record)
            hashes.append(leaf)
            self._see(position, record, leaf, texts)
            stop = bool(stops) and stops[-1] == position
            if stop or len(hashes) == _BATCH:
                frontier.extend(hashes)
                hashes.clear()
                if stop:
                    roots[stops.pop()] = frontier.root()
        frontier.extend(hashes)
        report.events = frontier.size
        self._left_over(texts)
        if frontier.size != report.size:
            detail = f"the log has {report.size} events, and {frontier.size} are here"
            report.found("SIZE_DIFFERS", detail)
        elif frontier.root() != report.root:
            report.found("ROOT_DIFFERS", "the records do not give the root that is claimed")
        for one in self._prefixes:
            if self._is_comparable(one):
                same = roots.get(one.checkpoint.size, Frontier().root()) == one.checkpoint.root
                self._judge_prefix(one, same=same)

    def _check_events(self) -> None:
        """Follow the proof of each record to the root."""
        report = self._report
        texts = _Texts(self._pack)
        proofs = self._pack.lines(packs.PROOFS)
        last = 0
        for number, record in enumerate(self._pack.lines(packs.EVENTS), 1):
            leaf = leaf_hash(record)
            try:
                position, proof = _read_proof(next(proofs, b""))
            except InvalidPack as error:
                report.found("PROOF_INVALID", f"of event {number} in the pack: {error}")
                break
            try:
                verify_inclusion(leaf, position - 1, report.size, proof, report.root)
            except InvalidProof as error:
                report.found(
                    "PROOF_INVALID", f"it is not shown to be in the log: {error}", position
                )
            if position <= last:
                report.found("ORDER", f"it comes after position {last}", position)
            last = position
            self._see(position, record, leaf, texts)
            report.events = number
        if next(proofs, None) is not None:
            report.found("PROOF_INVALID", "there are more proofs than events")
        self._left_over(texts)

    def _see(self, position: int, record: bytes, leaf: bytes, texts: _Texts) -> None:
        self._report.take(self._following.see(position, record, leaf, texts.of(position)))
        self._heads.see(position, record, leaf)

    def _left_over(self, texts: _Texts) -> None:
        """Name the texts that belong to no event of the pack."""
        for text in texts.rest():
            detail = f"a text of {text.field} is shown, and its event is not here"
            self._report.found("TEXT_EXTRA", detail, text.position)

    def _check_prefixes_by_proof(self) -> None:
        proofs: dict[int, list[bytes]] = {}
        try:
            for line in self._pack.lines(packs.CONSISTENCY):
                document = json_object(line, packs.CONSISTENCY)
                proofs[int(document["old_size"])] = _hashes(document["proof"])
        except (InvalidPack, InvalidText, KeyError, TypeError, ValueError) as error:
            self._report.found("PROOF_INVALID", str(error), subject=packs.CONSISTENCY)
        report = self._report
        for one in self._prefixes:
            if not self._is_comparable(one):
                continue
            old = one.checkpoint
            proof = [] if old.size == report.size else proofs.get(old.size)
            if proof is None:
                detail = f"{one.label} of size {old.size}: the pack has no proof that it extends it"
                report.found("PROOF_MISSING", detail)
                continue
            try:
                verify_consistency(old.size, report.size, old.root, report.root, proof)
            except InvalidProof:
                self._judge_prefix(one, same=False)
            else:
                self._judge_prefix(one, same=True)

    def _is_comparable(self, one: _Prefix) -> bool:
        """Say whether a checkpoint is one of this log and no larger; note it if it is not."""
        report, checkpoint = self._report, one.checkpoint
        if report.origin and checkpoint.origin != report.origin:
            detail = f"{one.label} is of the log {checkpoint.origin}"
            report.found("CHECKPOINT_FOREIGN", detail)
            return False
        if checkpoint.size > report.size:
            detail = (
                f"{one.label} says that the log had {checkpoint.size} events already,"
                f" and this ends at {report.size}"
            )
            report.found("ENDS_TOO_EARLY", detail)
            return False
        return checkpoint.size > 0

    def _judge_prefix(self, one: _Prefix, *, same: bool) -> None:
        if same:
            self._report.prefixes += 1
            return
        detail = (
            f"{one.label} of size {one.checkpoint.size} is of another history:"
            " the two notes together prove that the log was forked"
        )
        self._report.found("FORKED", detail)


class _Texts:
    """The free texts of a pack, beside its events; both are in the order of positions."""

    def __init__(self, pack: Pack) -> None:
        self._lines = pack.lines(packs.DISCLOSURES)
        self._next = self._read()

    def of(self, position: int) -> Sequence[Disclosed]:
        """Return the texts of an event."""
        texts: list[Disclosed] = []
        while self._next is not None and self._next.position == position:
            texts.append(self._next)
            self._next = self._read()
        return texts

    def rest(self) -> Iterator[Disclosed]:
        """Yield the texts that no event took."""
        while self._next is not None:
            yield self._next
            self._next = self._read()

    def _read(self) -> Disclosed | None:
        line = next(self._lines, None)
        if line is None:
            return None
        document = json_object(line, packs.DISCLOSURES)
        match document:
            case {"position": int(position), "field": str(name), "disclosure": str(text)}:
                return Disclosed(position, name, text)
            case _:
                raise InvalidPack(f"{packs.DISCLOSURES} has a line that is no disclosure")


def _read_proof(line: bytes) -> tuple[int, list[bytes]]:
    document = json_object(line, packs.PROOFS)
    try:
        return int(document["position"]), _hashes(document["proof"])
    except (InvalidText, KeyError, TypeError, ValueError) as error:
        raise InvalidPack("a proof has a position and hashes in base64") from error


def _hashes(texts: Sequence[str]) -> list[bytes]:
    return [from_base64(text) for text in texts]

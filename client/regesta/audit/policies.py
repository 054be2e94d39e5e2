"""Whose signatures make a checkpoint count: a trust policy in a file.

    log registry.example.com/acme+a80f049b+AdDdYy...
    witness audit witness.example.com/audit+1b6a...+BM3f...
    witness board witness.example.org/board+77c1...+BGr0...
    group both all audit board
    quorum both

In use::

    policy = Policy.parse(Path("policy.txt").read_bytes())
    verdict = policy.judge(note, origin="registry.example.com/acme")
    verdict.accepted, verdict.cosigned_by, verdict.missing
    checkpoint = verdict.require()          # or NotTrusted, which says why

A policy names a public key once, so logs that share a key need a policy each.

Source: C2SP tlog-policy (commit 5ba5ee8, 2026-07-22).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.encoding import InvalidText, to_number
from regesta.audit.messages import SignatureType
from regesta.audit.notes import InvalidKey, InvalidNote, Note, Verified, VerifierKey

#: The quorum that asks for no witness.
NONE: Final = "none"
MAX_POLICY_BYTES: Final = 1_000_000

_LOG_TYPES = (SignatureType.ED25519, SignatureType.ML_DSA_44)
_WITNESS_TYPES = (SignatureType.COSIGNATURE, SignatureType.ML_DSA_44)
_WHITESPACE = " \t"


class InvalidPolicy(ValueError):
    """A file is no trust policy; the message names the line."""


class NotTrusted(ValueError):
    """A checkpoint is not signed as the policy demands; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is believed, by a key named like its origin."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness, under the name that it has in this policy."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which some number must have cosigned."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of one note.

    Attributes:
        checkpoint: What the note says; not to be believed unless `accepted`.
        signed_by: The log's own signatures.
        cosigned_by: The witnesses that cosigned, by their names in the policy.
        missing: The policy's witnesses that did not, in the order of the file.
        wrong: Names of known keys whose signature does not verify; one is enough to refuse.
        problems: Why the note is refused, in words; empty if it is accepted.
    """

    checkpoint: Checkpoint
    signed_by: tuple[Verified, ...]
    cosigned_by: dict[str, Verified]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the checkpoint counts."""
        return not self.problems

    @property
    def existed_by(self) -> int | None:
        """The earliest time at which a witness had seen it, in seconds since the epoch."""
        return min((one.time for one in self.cosigned_by.values() if one.time), default=None)

    def require(self) -> Checkpoint:
        """Return the checkpoint.

        Raises:
            NotTrusted: It is not accepted.
        """
        if self.problems:
            raise NotTrusted("; ".join(self.problems))
        return self.checkpoint


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs and witnesses that are known, and how many of the witnesses are wanted.

    Attributes:
        logs: Any one of them may have signed.
        witnesses: Those that are known, by their name in this policy.
        groups: By their name.
        quorum: Name of the witness or group that must have cosigned, or `NONE`.
    """

    logs: tuple[Log, ...] = ()
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    @classmethod
    def parse(cls, data: bytes | str) -> Policy:
        """Return the policy in a file.

        Raises:
            InvalidPolicy: A line breaks a rule, or there is not exactly one quorum.
        """
        if len(data) > MAX_POLICY_BYTES:
            raise InvalidPolicy(f"a policy has at most {MAX_POLICY_BYTES} bytes")
        try:
            raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        except UnicodeEncodeError as error:
            raise InvalidPolicy("half a surrogate pair is no text") from error
        # Names are opaque bytes: what is no UTF-8 keeps its own, and equals only itself.
        text = raw.decode("utf-8", "surrogateescape")
        reading = _Reading()
        for number, line in enumerate(text.split("\n"), 1):
            try:
                reading.take(line)
            except (InvalidPolicy, InvalidKey) as error:
                raise InvalidPolicy(shown(f"line {number}: {error}")) from error
        return reading.finish()

    def encode(self) -> str:
        """Return the policy as a file, without comments."""
        lines = [_line("log", one.key.vkey, one.url) for one in self.logs]
        lines += [
            _line("witness", one.name, one.key.vkey, one.url) for one in self.witnesses.values()
        ]
        lines += [
            _line("group", one.name, str(one.threshold), *one.members)
            for one in self.groups.values()
        ]
        return "".join(f"{line}\n" for line in (*lines, f"quorum {self.quorum}"))

    def judge(
        self, note: Note | bytes | str, origin: str = "", logs: Iterable[VerifierKey] = ()
    ) -> Verdict:
        """Return what this policy says of a signed checkpoint.

        Args:
            note: The note, or its text.
            origin: The log that it must be of; any of the policy's if left out.
            logs: Keys of logs that are known from elsewhere, as good as the policy's own.

        Raises:
            InvalidNote: It is no note, or no checkpoint.
            MissingExtra: `cryptography` is not installed, or too old for a key.
        """
        parsed = note if isinstance(note, Note) else Note.parse(note)
        checkpoint = Checkpoint.parse(parsed.text)
        log_keys = [
            key
            for key in dict.fromkeys((*(log.key for log in self.logs), *logs))
            if key.name == checkpoint.origin and key.kind in _LOG_TYPES
        ]
        names = {one.key: one.name for one in self.witnesses.values()}
        valid, wrong = _checked(parsed, (*log_keys, *names))
        cosigned = {names[one.key]: one for one in valid if one.key in names and one.time}
        signed = tuple(one for one in valid if one.key in log_keys)
        problems = []
        if origin and checkpoint.origin != origin:
            problems.append(f"it is a checkpoint of {checkpoint.origin}, not of {origin}")
        if wrong:
            problems.append(f"the signature by {', '.join(wrong)} is wrong")
        if not checkpoint.is_possible:
            problems.append("a log without leaves has another root")
        if not log_keys:
            problems.append(f"no key is known for the log {checkpoint.origin}")
        elif not signed:
            problems.append(f"the log {checkpoint.origin} did not sign it")
        problems += self._quorum_problems(set(cosigned))
        missing = tuple(name for name in self.witnesses if name not in cosigned)
        return Verdict(checkpoint, signed, cosigned, missing, wrong, tuple(map(shown, problems)))

    def is_quorum(self, witnesses: Iterable[str]) -> bool:
        """Return whether these witnesses, by their names in the policy, are enough."""
        return self.quorum == NONE or self._has_cosigned(self.quorum, set(witnesses))

    def _quorum_problems(self, cosigned: set[str]) -> list[str]:
        return [] if self.is_quorum(cosigned) else [self._lack(self.quorum, cosigned)]

    def _has_cosigned(self, name: str, cosigned: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        # Members stand above their group in the file, so this ends.
        return sum(self._has_cosigned(one, cosigned) for one in group.members) >= group.threshold

    def _lack(self, name: str, cosigned: set[str]) -> str:
        """Return in words why a witness or a group has not cosigned."""
        group = self.groups.get(name)
        if group is None:
            return f"the witness {name} did not cosign it"
        have = [one for one in group.members if self._has_cosigned(one, cosigned)]
        lack = [one for one in group.members if one not in have]
        return (
            f"{len(have)} of the {group.threshold} cosignatures that {name} needs are there:"
            f" missing {', '.join(lack)}"
        )


def shown(name: str) -> str:
    """Return a name of a policy as it can be printed: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Reading:
    """A policy while its lines are read."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._quorum: str | None = None
        self._grouped: set[str] = set()

    def take(self, line: str) -> None:
        if any(ord(one) < ord(" ") and one != "\t" for one in line) or "\x7f" in line:
            raise InvalidPolicy("control characters other than tab and newline")
        stripped = line.strip(_WHITESPACE)
        if not stripped or stripped.startswith("#"):
            return
        # Not split(): to the format, only blanks and tabs are whitespace.
        keyword, *rest = stripped.replace("\t", " ").split(" ")
        self._statement(keyword, [one for one in rest if one])

    def finish(self) -> Policy:
        if self._quorum is None:
            raise InvalidPolicy("there is no quorum line; `quorum none` asks for no witness")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _statement(self, keyword: str, arguments: list[str]) -> None:
        match keyword, arguments:
            case "log", [vkey, *url] if len(url) <= 1:
                self._add_log(Log(VerifierKey.parse(vkey), *url))
            case "witness", [name, vkey, *url] if len(url) <= 1:
                self._add_witness(Witness(name, VerifierKey.parse(vkey), *url))
            case "group", [name, threshold, *members] if members:
                self._add_group(name, threshold, tuple(members))
            case "quorum", [name]:
                self._set_quorum(name)
            case (("log" | "witness" | "group" | "quorum"), _):
                raise InvalidPolicy(f"{keyword} takes other arguments than these")
            case _:
                raise InvalidPolicy(f"there is no statement {keyword!r}")

    def _add_log(self, log: Log) -> None:
        if log.key.kind not in _LOG_TYPES:
            raise InvalidPolicy(f"a key of type {log.key.kind:#04x} is not a log's")
        if any(one.key.public == log.key.public for one in self._logs):
            raise InvalidPolicy("the same public key as of a log above")
        self._logs.append(log)

    def _add_witness(self, witness: Witness) -> None:
        self._check_new(witness.name)
        if witness.key.kind not in _WITNESS_TYPES:
            raise InvalidPolicy(f"a key of type {witness.key.kind:#04x} is not a witness's")
        if any(one.key.public == witness.key.public for one in self._witnesses.values()):
            raise InvalidPolicy("the same public key as of a witness above")
        self._witnesses[witness.name] = witness

    def _add_group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        self._check_new(name)
        for member in members:
            self._check_known(member)
            if member in self._grouped:
                raise InvalidPolicy(f"{member} is a member of a group already")
            self._grouped.add(member)
        try:
            wanted = to_number({"any": "1", "all": str(len(members))}.get(threshold, threshold))
        except InvalidText:
            wanted = 0
        if not 1 <= wanted <= len(members):
            raise InvalidPolicy(f"of {len(members)} members, 1 to {len(members)} can be wanted")
        self._groups[name] = Group(name, wanted, members)

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise InvalidPolicy("there is a quorum line above")
        if name != NONE:
            self._check_known(name)
        self._quorum = name

    def _check_new(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise InvalidPolicy(f"the name {name} is taken")

    def _check_known(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise InvalidPolicy(f"no witness or group above is named {name}")


def _checked(
    note: Note, keys: Iterable[VerifierKey]
) -> tuple[tuple[Verified, ...], tuple[str, ...]]:
    """Return the signatures by known keys that verify, and the names of those that do not."""
    known = {(key.name, key.key_id): key for key in keys}
    valid: list[Verified] = []
    wrong: list[str] = []
    for one in note.signatures:
        key = known.get((one.name, one.key_id))
        if key is None:
            continue
        try:
            valid.append(Verified(key, key.check(note.text, one.signature), one))
        except InvalidNote:
            wrong.append(key.name)
    return tuple(valid), tuple(dict.fromkeys(wrong))


def _line(*words: str) -> str:
    return " ".join(word for word in words if word)

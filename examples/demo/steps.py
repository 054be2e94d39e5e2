"""What the demo does, one function a question; each is shown as it stands here."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import regesta
from examples.demo.detector import evaluate
from regesta import merkle

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from examples.demo.evidence import CommandLine
    from regesta import Alias, Client, Receipt, Version
    from regesta.audit.policies import Policy, Verdict
    from regesta.v1.admin_service_pb2 import VerifyResponse
    from regesta.v1.audit_service_pb2 import GetHeadResponse
    from regesta.v1.event_pb2 import Event


def register(pipeline: Client, file: Path) -> Version:
    """What exactly is this version?"""
    return pipeline.register(
        "voice-detector",
        source=f"pkg:pypi/silero-vad@6.2.3#data/{file.name}",
        digest=regesta.digest_of(file),
        size_bytes=file.stat().st_size,
        signature=regesta.inspect(file),
    )


def record_evaluation(pipeline: Client, version: Version, file: Path) -> dict[str, float]:
    """How good is it, and on what?"""
    measured = evaluate(file)  # runs the model
    tags = {f"eval.{name}": str(value) for name, value in measured.items()}
    pipeline.set_tags(version.name, tags={"eval.data": "synthetic sounds", **tags})
    return measured


def promote_itself(pipeline: Client, version: Version) -> None:
    """May the pipeline put its own work into production?"""
    pipeline.transition_version(version.name, stage="staging")


def promote(reviewer: Client, version: Version, reason: str) -> Alias:
    """Who put it into production, and why?"""
    reviewer.transition_version(version.name, stage="staging", reason=reason)
    reviewer.transition_version(version.name, stage="production", reason=reason)
    return reviewer.set_alias("voice-detector@champion", version=version.version, reason=reason)


def load(service: Client) -> Version:
    """What should a service load now?"""
    return service.resolve("voice-detector@champion")


def release(
    pipeline: Client, reviewer: Client, file: Path, before: dict[str, float]
) -> tuple[Version, dict[str, float]]:
    """A second release: is it better?"""
    version = register(pipeline, file)
    now = record_evaluation(pipeline, version, file)
    promote(
        reviewer, version, f"vowels heard: {now['vowels_heard']}, {before['vowels_heard']} before"
    )
    return version, now


def compare_inputs(service: Client, sends: set[str]) -> tuple[Version, set[str]]:
    """Does the service fit what it would load?"""
    version = service.resolve("voice-detector@champion")
    unknown = sends - {given.name for given in version.signature.inputs}
    return version, unknown


def roll_back(reviewer: Client, reason: str) -> Alias:
    """How do we get back, without undoing somebody else's change?"""
    champion = reviewer.get_alias("voice-detector@champion")
    return reviewer.set_alias(
        "voice-detector@champion",
        version=champion.previous_version,
        etag=champion.etag,  # refused if it was moved since
        reason=reason,
    )


def blame(auditor: Client) -> list[Event]:
    """Who moved the champion, when, and why?"""
    return list(auditor.history("voice-detector@champion"))


def look_back(auditor: Client, time: datetime, position: int) -> tuple[Version, Version]:
    """Which version was champion then?"""
    by_time = auditor.resolve("voice-detector@champion", as_of=time)
    by_position = auditor.resolve("voice-detector@champion", as_of=position)
    return by_time, by_position


def list_back(auditor: Client, position: int) -> list[Version]:
    """What did the whole list look like then?"""
    return list(auditor.versions("voice-detector", order_by="version", as_of=position))


def prove(auditor: Client, move: Event, policy: Policy) -> tuple[Receipt, Verdict]:
    """Did somebody sign for it, and can I check that at home?"""
    receipt = auditor.receipt(move.position, wait=20)
    verdict = receipt.proof.judge(merkle.leaf_hash(move.record), policy)  # asks no server
    return receipt, verdict


def take_evidence(regesta: CommandLine, pack: Path, policy: Path) -> str:
    """What do I hand to an auditor who trusts nobody?"""
    regesta("evidence", "voice-detector/1", "--out", pack, "--policy", policy)
    return regesta("verify", pack, "--policy", policy)  # asks no server


def replay(auditor: Client, file: Path) -> list[bytes]:
    """Can I take the whole history with me?"""
    records = [event.record for event in auditor.events()]
    file.write_bytes(b"".join(record + b"\n" for record in records))
    return records


def recompute(auditor: Client, records: list[bytes]) -> tuple[GetHeadResponse, bytes]:
    """Is what I took the history that the server vouches for?"""
    root = merkle.root_of([hashlib.sha256(b"\0" + record).digest() for record in records])
    head = auditor.get_head()
    return head, root


def verify(auditor: Client) -> list[VerifyResponse]:
    """Do the tables say what the log says, and is the log whole?"""
    return list(auditor.verify())

"""What the demo does, one function a question; each is shown as it stands here."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import regesta
from examples.demo.detector import evaluate
from regesta import merkle
from regesta.v1.flag_pb2 import FLAG_SEVERITY_CRITICAL, Flag
from regesta.v1.governance_pb2 import (
    ApprovalRequirement,
    Evaluation,
    EvaluationRequirement,
    MetricThreshold,
    Policy,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from examples.demo.evidence import CommandLine
    from regesta import Alias, Client, Receipt, Version
    from regesta.audit.policies import Policy as TrustPolicy
    from regesta.audit.policies import Verdict
    from regesta.v1.admin_service_pb2 import VerifyResponse
    from regesta.v1.audit_service_pb2 import GetHeadResponse
    from regesta.v1.event_pb2 import Event
    from regesta.v1.governance_pb2 import TransitionRequest


def register(pipeline: Client, file: Path) -> Version:
    """What exactly is this version?"""
    return pipeline.register(
        "voice-detector",
        source=f"pkg:pypi/silero-vad@6.2.3#data/{file.name}",
        digest=regesta.digest_of(file),
        size_bytes=file.stat().st_size,
        signature=regesta.inspect(file),
    )


def govern(maintainer: Client) -> Policy:
    """What must hold before a version serves anybody?"""
    gate = Policy(
        stages=["production"],
        evaluations=[
            EvaluationRequirement(
                dataset="synthetic sounds",
                thresholds=[MetricThreshold(metric="false_alarms", operator="<=", value=0.05)],
            )
        ],
        approvals=[ApprovalRequirement(count=1, roles=["reviewer"])],
    )
    return maintainer.define_policy(policy_id="serving", policy=gate)


def record_evaluation(pipeline: Client, version: Version, file: Path) -> Evaluation:
    """How good is it, and on what?"""
    measured = evaluate(file)  # runs the model
    return pipeline.record_evaluation(
        version.name,
        evaluation=Evaluation(dataset="synthetic sounds", method="benchmark", metrics=measured),
    )


def promote_itself(pipeline: Client, version: Version) -> None:
    """May the pipeline put its own work into production?"""
    pipeline.transition_version(version.name, stage="staging")


def promote_unapproved(maintainer: Client, version: Version) -> None:
    """May rosa, who may promote, do it alone?"""
    maintainer.transition_version(version.name, stage="staging")
    maintainer.transition_version(version.name, stage="production")


def approve(pipeline: Client, reviewer: Client, version: Version, reason: str) -> TransitionRequest:
    """Who asks for it, and who says that it is good?"""
    request = pipeline.request_transition(version.name, stage="production", reason=reason)
    return reviewer.approve_transition(request.name, meaning="I listened to what it gets wrong")


def promote(maintainer: Client, version: Version, reason: str) -> Alias:
    """Who put it into production, and why?"""
    maintainer.transition_version(version.name, stage="production", reason=reason)
    return maintainer.set_alias("voice-detector@champion", version=version.version, reason=reason)


def load(service: Client) -> Version:
    """What should a service load now?"""
    return service.resolve("voice-detector@champion")


def release(
    pipeline: Client, reviewer: Client, maintainer: Client, file: Path, before: Evaluation
) -> tuple[Version, Evaluation]:
    """A second release: is it better?"""
    version = register(pipeline, file)
    now = record_evaluation(pipeline, version, file)
    heard, heard_before = now.metrics["vowels_heard"], before.metrics["vowels_heard"]
    maintainer.transition_version(version.name, stage="staging")
    approve(pipeline, reviewer, version, "the next release")
    promote(maintainer, version, f"vowels heard: {heard}, {heard_before} before")
    return version, now


def compare_inputs(service: Client, sends: set[str]) -> tuple[Version, set[str]]:
    """Does the service fit what it would load?"""
    version = service.resolve("voice-detector@champion")
    unknown = sends - {given.name for given in version.signature.inputs}
    return version, unknown


def roll_back(maintainer: Client, reason: str) -> Alias:
    """How do we get back, without undoing somebody else's change?"""
    return maintainer.rollback_alias(
        "voice-detector@champion",
        expected_version=2,  # refused if somebody moved it since
        reason=reason,
    )


def stop(reviewer: Client, version: Version) -> Flag:
    """It must not come back before that is settled: who stops it, at once?"""
    reviewer.add_comment(version.name, text="The call center sends sr until March.")
    answer = reviewer.raise_flag(
        version.name,
        flag=Flag(id="no-sr", severity=FLAG_SEVERITY_CRITICAL, blocking=True),
        reason="callers that send sr would fail",
    )
    return answer.flag


def promote_stopped(maintainer: Client, version: Version) -> None:
    """And if rosa forgets?"""
    maintainer.set_alias("voice-detector@champion", version=version.version)


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


def prove(auditor: Client, move: Event, policy: TrustPolicy) -> tuple[Receipt, Verdict]:
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

"""The story: from a file to production and back, and who can prove it."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import regesta
from examples.demo import steps, tampering
from examples.demo.detector import model_file
from examples.demo.evidence import CommandLine, forge
from regesta.audit.policies import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from examples.demo.server import DemoServer
    from examples.demo.telling import Telling
    from regesta import Client, TensorSpec
    from regesta.v1.admin_service_pb2 import Finding
    from regesta.v1.event_pb2 import Event
    from regesta.v1.governance_pb2 import Evaluation

#: Two releases of one detector. The second no longer takes the sample rate as an input.
FIRST, SECOND = "silero_vad_16k_op15.onnx", "silero_vad_half.onnx"

#: What the service of the story feeds to the model.
SERVICE_SENDS = {"input", "state", "sr"}


class StoryBroken(Exception):
    """Something did not happen as the story says."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody's own client."""

    pipeline: Client
    maintainer: Client
    reviewer: Client
    service: Client
    auditor: Client


def tell(telling: Telling, server: DemoServer) -> None:
    """Tell the whole story.

    Raises:
        StoryBroken: The registry did not do what the story says.
        NotRefused: It allowed what it must not.
        RegestaError: A call failed that should not.
    """
    with ExitStack() as stack:
        cast = Cast(
            *(
                stack.enter_context(regesta.Client(server.address, token=server.tokens[name]))
                for name in ("train-pipeline", "rosa", "rita", "call-center", "audra")
            )
        )
        _govern(telling, cast)
        before = _first_release(telling, cast, model_file(FIRST))
        _second_release(telling, cast, model_file(SECOND), before)
        moves = _look_back(telling, cast)
        records = _take_along(telling, cast, server.scratch / "log.jsonl", moves[0])
        _verify(telling, cast)
        policy = server.home / "publisher/memory/default/policy.txt"
        _prove(telling, cast, moves[1], policy)
        regesta_as_audra = CommandLine(server.address, server.tokens["audra"])
        _evidence(telling, regesta_as_audra, server.scratch, policy)
        _tamper(telling, cast, server.home, moves[1], records)


def _govern(telling: Telling, cast: Cast) -> None:
    policy = telling.step(steps.govern, cast.maintainer)
    (measured,), (approval,) = policy.evaluations, policy.approvals
    (bound,) = measured.thresholds
    telling.say(
        "policy",
        f"{policy.name.rpartition('/')[2]}, version {policy.version}, by {policy.defined_by}:"
        f" into {', '.join(policy.stages)} only with {bound.metric} {bound.operator} {bound.value:g}"
        f" on {measured.dataset} and the approval of {approval.count} {approval.roles[0]}",
    )


def _first_release(telling: Telling, cast: Cast, file: Path) -> Evaluation:
    version = telling.step(steps.register, cast.pipeline, file)
    telling.say("version", f"{_short(version.name)}, in {version.stage}, by {version.created_by}")
    telling.say("digest", f"{version.digest[:23]}…  {version.size_bytes:,} bytes")
    telling.say("takes", _tensors(version.signature.inputs))
    telling.say("gives", _tensors(version.signature.outputs))

    measured = telling.step(steps.record_evaluation, cast.pipeline, version, file)
    telling.say("measured", _figures(measured))

    refusal: regesta.RegestaError = telling.refused(
        regesta.PermissionDenied, steps.promote_itself, cast.pipeline, version
    )
    telling.say("refused", f"{refusal.code.name}: {refusal.message}")

    refusal = telling.refused(
        regesta.PreconditionFailed, steps.promote_unapproved, cast.maintainer, version
    )
    telling.say("refused", f"{refusal.reason}: {refusal.message}")

    request = telling.step(
        steps.approve, cast.pipeline, cast.reviewer, version, "the first that hears vowels"
    )
    (approval,) = request.approvals
    telling.say("asked", f"{request.proposer}: {request.reason}")
    telling.say("approved", f"by {approval.principal}: {approval.meaning}")

    alias = telling.step(steps.promote, cast.maintainer, version, "hears vowels, ignores noise")
    telling.say("champion", f"version {alias.version}, set by {alias.updated_by}")

    loaded = telling.step(steps.load, cast.service)
    same = loaded.digest == regesta.digest_of(file)
    _expect(same and loaded.stage == "production", "the service is given another version")
    telling.say("loads", f"{_short(loaded.name)}, in {loaded.stage}; the file's digest matches")
    return measured


def _second_release(telling: Telling, cast: Cast, file: Path, before: Evaluation) -> None:
    version, measured = telling.step(
        steps.release, cast.pipeline, cast.reviewer, cast.maintainer, file, before
    )
    telling.say("version", f"{_short(version.name)}  {version.digest[:23]}…")
    telling.say("measured", _figures(measured))

    champion, unknown = telling.step(steps.compare_inputs, cast.service, SERVICE_SENDS)
    _expect(champion.name == version.name, "the champion is not the new version")
    _expect(unknown == {"sr"}, f"unknown inputs are {unknown}")
    telling.say("takes", _tensors(champion.signature.inputs))
    telling.say("no", f"the service still sends {', '.join(unknown)}; this version would refuse it")

    alias = telling.step(steps.roll_back, cast.maintainer, "the call center still sends sr")
    loaded = steps.load(cast.service)
    _expect(loaded.version == alias.version == 1, "the champion is not version 1 again")
    telling.say("champion", f"version {alias.version}; the service loads {_short(loaded.name)}")

    flag = telling.step(steps.stop, cast.reviewer, version)
    telling.say("flag", f"{flag.id} on {_short(version.name)}, by {flag.raised_by}")
    refusal = telling.refused(
        regesta.PreconditionFailed, steps.promote_stopped, cast.maintainer, version
    )
    telling.say("refused", f"{refusal.reason}: {refusal.message}")


def _look_back(telling: Telling, cast: Cast) -> list[Event]:
    moves = telling.step(steps.blame, cast.auditor)
    for event in moves:
        data = json.loads(event.record)["data"]
        telling.say(
            _clock(_time(event)),
            f"position {event.position}: {event.actor} moved it"
            f" {data.get('previousVersion', 0) or '-'} → {data['version']}: {_reason(event)}",
        )
    _expect([json.loads(e.record)["data"]["version"] for e in moves] == [1, 2, 1], "other moves")

    first, second = moves[2], moves[1]
    time = _time(second)
    then, earlier = telling.step(steps.look_back, cast.auditor, time, first.position)
    _expect((then.version, earlier.version) == (2, 1), "the past looks different")
    telling.say(_clock(time), f"{_short(then.name)}, as it was then: in {then.stage}")
    telling.say("position", f"{first.position}: {_short(earlier.name)}, in {earlier.stage}")

    listed = telling.step(steps.list_back, cast.auditor, first.position)
    _expect([version.version for version in listed] == [1], "the past had other versions")
    telling.say("position", f"{first.position}: {len(listed)} version, {listed[0].stage}")
    return moves


def _take_along(telling: Telling, cast: Cast, file: Path, shown: Event) -> list[bytes]:
    records = telling.step(steps.replay, cast.auditor, file)
    telling.say(
        "wrote", f"{len(records)} lines, {file.stat().st_size:,} bytes; line {shown.position}:"
    )
    telling.wrapped(records[shown.position - 1].decode())

    head, root = telling.step(steps.recompute, cast.auditor, records)
    telling.say("server", f"position {head.position}, root {head.root_hash.hex()[:32]}…")
    telling.say("audra", f"position {len(records)}, root {root.hex()[:32]}…")
    _expect((head.position, head.root_hash) == (len(records), root), "the roots differ")
    return records


def _verify(telling: Telling, cast: Cast) -> None:
    *_, last = telling.step(steps.verify, cast.auditor)
    _expect(last.done, "verify did not finish")
    telling.say(
        "verified",
        f"{last.events_folded} events folded, {last.rows_compared} rows compared, "
        f"{last.findings_total} findings",
    )
    _expect(last.findings_total == 0, "verify found something")


def _prove(telling: Telling, cast: Cast, move: Event, policy: Path) -> None:
    trusted = Policy.parse(policy.read_bytes())
    receipt, verdict = telling.step(steps.prove, cast.auditor, move, trusted)
    _expect(verdict.accepted, f"the receipt is not accepted: {verdict.problems}")
    telling.say(
        "receipt",
        f"position {receipt.position} is one of {receipt.size} events signed for by"
        f" {verdict.checkpoint.origin}",
    )
    telling.say("proof", f"{len(receipt.proof.path)} hashes lead from the record to the root")


def _evidence(telling: Telling, regesta_: CommandLine, scratch: Path, policy: Path) -> None:
    pack, forged = scratch / "evidence.zip", scratch / "forged.zip"
    said = telling.step(steps.take_evidence, regesta_, pack, policy)
    _expect("as it must be" in said, "the evidence does not verify")
    telling.say("pack", f"{pack.stat().st_size:,} bytes: events, proofs, texts, a timeline,")
    telling.say("", "and a page that checks them in a browser: as it must be")
    forge(pack, forged, "rosa", "ross")
    refused = regesta_("verify", forged, "--policy", policy)
    found = re.findall(r"PROOF_INVALID at position (\d+)", refused)
    _expect(bool(found), "a forged pack is taken for genuine")
    telling.say("forged", f"one word of it: PROOF_INVALID at position {found[0]}")


def _tamper(telling: Telling, cast: Cast, home: Path, move: Event, records: list[bytes]) -> None:
    telling.ask("An insider owns the database and edits history. Does anybody notice?")
    answer = tampering.blame_somebody_else(home, move.position, "train-pipeline")
    telling.say("tries", f"PostgreSQL answers even its superuser: {answer}")
    telling.say("forces", f"triggers off; position {move.position} now blames train-pipeline")
    found = [finding for part in steps.verify(cast.auditor) for finding in part.findings]
    for finding in found:
        telling.say("verify", _finding(finding))
    _expect(any(move.position == finding.position for finding in found), "verify does not name it")
    now = [event.record for event in cast.auditor.events()]
    changed = [
        at for at, pair in enumerate(zip(records, now, strict=True), 1) if len(set(pair)) > 1
    ]
    _expect(changed == [move.position], f"audra's copy differs at {changed}")
    really = json.loads(records[move.position - 1])["authid"]
    telling.say("audra", f"her copy differs at position {move.position} alone: it was {really}")


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like assert
    if not holds:
        raise StoryBroken(otherwise)


def _short(name: str) -> str:
    """Return `churn/3` for the resource name of version 3 of churn."""
    _, _, _, model, _, number = name.split("/")
    return f"{model}/{number}"


def _tensors(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(
        f"{spec.name} {spec.data_type}{['?' if n < 0 else n for n in spec.shape] or ''}"
        for spec in specs
    ).replace("'", "")


def _figures(measured: Evaluation) -> str:
    shares = sorted(measured.metrics.items(), reverse=True)
    return ", ".join(f"{name.replace('_', ' ')} {share:.1%}" for name, share in shares)


def _time(event: Event) -> datetime:
    return event.record_time.ToDatetime(tzinfo=UTC)


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S}.{time.microsecond // 1000:03}"


def _reason(event: Event) -> str:
    """Return why it was done: kept beside the log, which has only its salted digest."""
    return "".join(text.text for text in event.disclosures if text.field == "reason")


def _finding(finding: Finding) -> str:
    """Return a finding in a line or two, hashes shortened."""
    detail = re.sub(r"[0-9A-Za-z_-]{37,}", lambda found: f"{found[0][:8]}…", finding.detail)
    return f"{finding.kind} at position {finding.position}: {detail}"

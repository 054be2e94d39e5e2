"""How fast a pack of a whole log is verified, without any server.

A pack as an auditor gets it, of the log that the rebuild is measured with, every fifth event
with a reason that is shown; signed, and judged by a policy. Everything is checked that
`regesta verify PACK` checks.
"""

from __future__ import annotations

import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.figures import Figure, Goal
from benchmarks.generated_log import NAMESPACE, facts
from benchmarks.workers import Worker, orders
from regesta.audit import packs
from regesta.audit.checkpoints import Checkpoint, log_origin, sign_checkpoint
from regesta.audit.keys import generate, log_signer, log_verifier
from regesta.audit.packs import Manifest, PackWriter
from regesta.audit.policies import Log, Policy
from regesta.audit.verifying import verify
from regesta.merkle import Frontier, leaf_hash
from regesta.sealed import seal
from regesta_projections.events import FreeText
from regesta_projections.records import Cause, write_record

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground

_START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=7)
_REASON_EVERY = 5


@dataclass(frozen=True, slots=True)
class _Checked:
    cpu: float
    #: MiB at most at any time.
    peak: float


def measure_offline(ground: Ground, effort: Effort) -> list[Figure]:
    """Write a pack, and verify it in a process of its own."""
    del ground
    count = effort.verified_events
    with tempfile.TemporaryDirectory(prefix="regesta-bench-") as directory:
        pack = Path(directory) / "pack"
        _write_pack(pack, count)
        with Worker(_run, pack) as worker:
            checked: _Checked = worker.ask("verify")
    what = f"verify a pack of {count:,} events offline"
    return [
        Figure(
            f"{what}: by CPU",
            count / checked.cpu,
            "events/s",
            goal=Goal(30_000, at_most=False, of_value=True),
        ),
        Figure(f"{what}: peak memory", checked.peak, "MiB"),
    ]


def _write_pack(path: Path, count: int) -> None:
    """Write a signed pack of a log, and its policy beside it."""
    frontier = Frontier()
    heads: dict[str, tuple[int, bytes]] = {}
    shown: list[bytes] = []
    with PackWriter(path) as pack:
        with pack.file(packs.EVENTS) as file:
            for position, (stream, event) in enumerate(facts(count), 1):
                told = event
                if not position % _REASON_EVERY and hasattr(event, "reason"):
                    salt = sha256(position.to_bytes(8, "big")).digest()[:16]
                    sealed = seal(f"AUC of {position} was better than that before", salt)
                    told = msgspec.structs.replace(event, reason=FreeText(digests=(sealed.digest,)))
                    shown.append(
                        b'{"position":%d,"field":"reason","disclosure":"%s"}\n'
                        % (position, sealed.disclosure.encode())
                    )
                revision, previous = heads.get(stream, (0, b""))
                record = write_record(
                    told,
                    source=f"/namespaces/{NAMESPACE}",
                    stream=stream,
                    revision=revision + 1,
                    previous=previous,
                    recorded_at=_START + position * _STEP,
                    cause=Cause("rosa", "user", f"0198c0de-0000-7000-{position:017x}"),
                )
                heads[stream] = revision + 1, leaf_hash(record)
                frontier.append(heads[stream][1])
                file.write(record + b"\n")
        pack.write(packs.DISCLOSURES, b"".join(shown))
        origin = log_origin("bench.example.com", NAMESPACE)
        key = generate()
        checkpoint = Checkpoint(origin, frontier.size, frontier.root())
        pack.write(packs.CHECKPOINT, sign_checkpoint(checkpoint, log_signer(origin, key)).encode())
        policy = Policy((Log(log_verifier(origin, key)),)).encode()
        pack.write("policy.txt", policy.encode())
        pack.finish(Manifest("log", NAMESPACE, origin, frontier.size, frontier.root()))


def _run(pipe: Connection, pack: Path) -> None:
    for _ in orders(pipe):
        policy = Policy.parse((pack / "policy.txt").read_bytes())
        cpu = time.process_time()
        report = verify(pack, policy)
        cpu = time.process_time() - cpu
        if not report.ok or report.trust is None or not report.texts:
            raise AssertionError(f"the pack did not verify: {report.findings[:3]}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send(_Checked(cpu, peak))

"""The command that checks one event's proof, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from regesta.audit.notes import InvalidNote
from regesta.audit.policies import Verdict, shown
from regesta.audit.proofs import InvalidProofText, TlogProof
from regesta.cli.failing import FINDINGS
from regesta.cli.offline import FILE, load_policy, told
from regesta.cli.session import Session, pass_session
from regesta.merkle import InvalidProof, leaf_hash


@click.command("verify-proof", short_help="Check that an event is in a log, by files alone.")
@click.argument("event", type=FILE)
@click.argument("proof", type=FILE)
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    required=True,
    metavar="FILE",
    help="Which logs and witnesses are believed (C2SP tlog-policy).",
)
@click.option("--origin", default="", metavar="ORIGIN", help="The log that it must be in.")
@pass_session
def verify_proof(
    session: Session, event: Path, proof: Path, policy_file: Path, origin: str
) -> None:
    """Check that EVENT is in a log, by its PROOF (a .tlog-proof file) and a trust policy.

    EVENT is the record byte by byte, as `regesta replay` writes it; one line break at its
    end is not part of it. Nothing is asked of any server. What is not proved ends with exit
    code 7.
    """
    policy = load_policy(policy_file)
    record = event.read_bytes().removesuffix(b"\n")
    with told():
        try:
            read = TlogProof.parse(proof.read_bytes())
        except (InvalidNote, InvalidProofText) as error:
            raise click.UsageError(f"{proof}: {error}") from None
        try:
            verdict = read.judge(leaf_hash(record), policy, origin)
            problems = list(verdict.problems)
        except InvalidProof as error:
            verdict, problems = policy.judge(read.checkpoint, origin), [f"the event: {error}"]
            problems += verdict.problems
    _tell(session, read, verdict, problems)
    if problems:
        click.get_current_context().exit(FINDINGS)


def _tell(session: Session, proof: TlogProof, verdict: Verdict, problems: list[str]) -> None:
    checkpoint = verdict.checkpoint
    times = {shown(name): _time(one.time or 0) for name, one in verdict.cosigned_by.items()}
    if session.output.json:
        session.output.document(
            {
                "proved": not problems,
                "problems": problems,
                "origin": checkpoint.origin,
                "position": str(proof.index + 1),
                "size": str(checkpoint.size),
                "root": checkpoint.root.hex(),
                "cosignedBy": times,
                "missing": [shown(name) for name in verdict.missing],
            }
        )
        return
    for problem in problems:
        session.output.line((f"NOT PROVED: {problem}", "bold red"))
    facts = [
        ("log", checkpoint.origin),
        ("position", f"{proof.index + 1} of {checkpoint.size}"),
        ("root", checkpoint.root.hex()),
        *((f"witness {name}", time) for name, time in times.items()),
        *((f"witness {shown(name)}", "did not cosign") for name in verdict.missing),
    ]
    session.output.facts("said by the proof" if problems else "proved", facts)


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s since 1970"

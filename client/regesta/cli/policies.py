"""Commands about what governs moves: policy apply, show, test, remove."""

from __future__ import annotations

from pathlib import Path

import click

import regesta
from regesta.cli.documents import document
from regesta.cli.failing import FINDINGS
from regesta.cli.options import Write, writes
from regesta.cli.policy_files import InvalidPolicyFile, PolicyFile, read_policy_file
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short_of
from regesta.names import in_namespace
from regesta.v1 import governance_pb2 as pb
from regesta.v1.governance_service_pb2 import RefusedMove

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def policy() -> None:
    """Say what must hold before a move, as code: apply a file, try it on the past."""


@policy.command()
@click.argument("file", type=FILE)
@writes(etag=False)
@pass_session
def apply(session: Session, file: Path, *, write: Write) -> None:
    """Define the lifecycles and policies of FILE, in TOML.

    What is defined so already stays at its version; what FILE does not name is left alone.
    """
    content = _read(file)
    client = session.client()
    # Each definition is a write of its own, with an id made from the one that is given.
    lifecycles = [
        client.define_lifecycle(
            lifecycle_id=name,
            lifecycle=lifecycle,
            request_id=f"{write.request_id}.l{at}",
            reason=write.reason,
        )
        for at, (name, lifecycle) in enumerate(content.lifecycles.items())
    ]
    policies = [
        client.define_policy(
            policy_id=name,
            policy=defined,
            request_id=f"{write.request_id}.p{at}",
            reason=write.reason,
        )
        for at, (name, defined) in enumerate(content.policies.items())
    ]
    if session.output.json:
        session.output.document(
            {
                "lifecycles": [document(each) for each in lifecycles],
                "policies": [document(each) for each in policies],
            }
        )
        return
    for lifecycle in lifecycles:
        _say(session, "lifecycle", lifecycle)
    for defined in policies:
        _say(session, "policy", defined)


@policy.command()
@pass_session
def show(session: Session) -> None:
    """Show the lifecycles and policies of the namespace."""
    governance = session.client().get_governance()
    if session.output.json:
        session.output.document(document(governance))
        return
    session.output.table(
        ("KIND", "ID", "VERSION", "MODELS", "GOVERNS", "DEFINED BY"),
        [
            ("lifecycle", *_cells(each, " → ".join(stage.name for stage in each.stages)))
            for each in governance.lifecycles
        ]
        + [("policy", *_cells(each, _governed(each))) for each in governance.policies],
    )


@policy.command()
@click.argument("policy_id")
@click.option("--lifecycle", is_flag=True, help="Remove the lifecycle of that id instead.")
@writes(etag=False)
@pass_session
def remove(session: Session, policy_id: str, *, lifecycle: bool, write: Write) -> None:
    """Remove a policy or a lifecycle; moves are no longer governed by it."""
    client = session.client()
    if lifecycle:
        name = in_namespace(session.namespace, "lifecycles", policy_id)
        client.remove_lifecycle(name, request_id=write.request_id, reason=write.reason)
    else:
        name = in_namespace(session.namespace, "policies", policy_id)
        client.remove_policy(name, request_id=write.request_id, reason=write.reason)
    if session.output.json:
        session.output.document({"removed": name, "position": client.position})
    else:
        session.output.line((policy_id, "bold"), f" removed at position {client.position}")


@policy.command()
@click.argument("file", type=FILE)
@click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Only moves after this position."
)
@click.option("--until", type=click.IntRange(min=0), default=0, help="Only moves up to this one.")
@pass_session
def test(session: Session, file: Path, *, after: int, until: int) -> None:
    """Say which moves of the past the policies of FILE would have refused; nothing changes.

    Each move is judged by what was there when it was made. Exit code 7 when there are any.
    """
    content = _read(file)
    client = session.client()
    found = {
        name: _tried(client, wanted, after, until) for name, wanted in content.policies.items()
    }
    if session.output.json:
        session.output.document(
            {
                "policies": {
                    name: {
                        "moves": moves,
                        "refused": refused,
                        "refusals": [document(one) for one in refusals],
                    }
                    for name, (moves, refused, refusals) in found.items()
                }
            }
        )
    else:
        for name, (moves, refused, refusals) in found.items():
            session.output.line(
                "the policy ", (name, "bold"), f" would have refused {refused} of {moves} moves"
            )
            for one in refusals:
                where = f"#{one.to_stage}" if one.to_stage else f"@{one.alias}"
                why = "; ".join(f"{each.condition}: {each.message}" for each in one.unmet)
                session.output.line(
                    f"  position {one.position}: {short_of(one.version)} to {where}"
                    f" by {one.principal}: {why}"
                )
    if any(refused for _, refused, _ in found.values()):
        raise click.exceptions.Exit(FINDINGS)


def _tried(
    client: regesta.Client, wanted: pb.Policy, after: int, until: int
) -> tuple[int, int, list[RefusedMove]]:
    """Return how many moves a policy governs, how many it would have refused, and those."""
    moves = refused = 0
    refusals: list[RefusedMove] = []
    while True:
        answer = client.backtest_policy(wanted, after_position=after, until_position=until)
        moves += answer.moves
        refused += answer.refused
        refusals += answer.refusals
        if not answer.more:
            return moves, refused, refusals
        after = answer.position


def _read(file: Path) -> PolicyFile:
    try:
        return read_policy_file(file)
    except InvalidPolicyFile as error:
        raise click.UsageError(str(error)) from None


def _say(session: Session, kind: str, defined: pb.Lifecycle | pb.Policy) -> None:
    name = defined.name.rpartition("/")[2]
    session.output.line(
        f"{kind} ", (name, "bold"), f" version {defined.version}, since position {defined.position}"
    )


def _cells(defined: pb.Lifecycle | pb.Policy, governs: str) -> tuple[str, str, str, str, str]:
    return (
        defined.name.rpartition("/")[2],
        str(defined.version),
        ", ".join(defined.models) or "all",
        governs,
        defined.defined_by,
    )


def _governed(defined: pb.Policy) -> str:
    aliases = (f"@{alias}" for alias in defined.aliases)
    return ", ".join((*(f"#{stage}" for stage in defined.stages), *aliases))

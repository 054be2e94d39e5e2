"""Commands about what governs moves: policy apply, show, remove."""

from __future__ import annotations

from pathlib import Path

import click

from regesta.cli.documents import document
from regesta.cli.options import Write, writes
from regesta.cli.policy_files import InvalidPolicyFile, PolicyFile, read_policy_file
from regesta.cli.session import Session, pass_session
from regesta.names import in_namespace
from regesta.v1 import governance_pb2 as pb

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def policy() -> None:
    """Say what must hold before a move, as code: apply a file, show, remove."""


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

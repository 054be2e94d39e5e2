"""The command that puts back what an alias or a stage had before."""

from __future__ import annotations

import click

from regesta.addresses import Address, Stage
from regesta.cli.aliases import answer_alias
from regesta.cli.options import Write, writes
from regesta.cli.registering import answer_version
from regesta.cli.session import Session, pass_session
from regesta.names import AliasName, ModelName


@click.command()
@click.argument("what")
@click.option(
    "--expect", "expected", type=int, metavar="VERSION", help="Refuse unless it has this one now."
)
@click.option(
    "--to", "to_version", type=int, metavar="VERSION", help="Go back to this earlier version."
)
@writes(etag=False)
@pass_session
def rollback(
    session: Session, what: str, *, expected: int | None, to_version: int | None, write: Write
) -> None:
    """Put the version back that an alias or a stage had before.

    As in: rollback churn@champion, or rollback churn#production, where the version that holds
    the stage goes to the one it came from. A second rollback goes further back.
    """
    target = session.parse(what)
    client = session.client(target.namespace)
    match target.subject:
        case AliasName() as name:
            found = client.rollback_alias(
                str(name),
                expected_version=expected,
                to_version=to_version,
                request_id=write.request_id,
                reason=write.reason,
            )
            said = f"is back at version {found.version} (undone: {found.previous_version})"
            answer_alias(session, name, found, said)
        case Address(model=str(model), selector=Stage(stage)):
            version = client.rollback_stage(
                str(ModelName(target.namespace, model)),
                stage=stage,
                expected_version=expected,
                to_version=to_version,
                request_id=write.request_id,
                reason=write.reason,
            )
            answer_version(session, client, version, f"is back in {stage}")
        case _:
            raise click.UsageError("name an alias or a stage: churn@champion, churn#production")

"""Commands about bodies of old events: retention define, release, show."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.cli.documents import document
from regesta.cli.options import Parsed, Write, writes
from regesta.cli.session import Session, pass_session
from regesta.cli.times import local, parse_time
from regesta.v1 import privacy_service_pb2


@click.group()
def retention() -> None:
    """Say how long bodies of events stay in the log, and let old ones be archived."""


@retention.command()
@click.option(
    "--keep-days",
    type=click.IntRange(0, 36_500),
    required=True,
    metavar="DAYS",
    help="Younger bodies stay; 0 ends it, and nothing may be archived.",
)
@writes(etag=False)
@pass_session
def define(session: Session, *, keep_days: int, write: Write) -> None:
    """Define from when on bodies may be archived; another person releases them."""
    defined = session.client().define_retention(
        keep_days=keep_days, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document(document(defined))
        return
    session.output.line(("defined", "bold"), f": {_kept(defined)}")


@retention.command()
@click.option("--through", type=click.IntRange(min=1), metavar="POSITION", help="All up to here.")
@click.option(
    "--before",
    type=Parsed("time", parse_time),
    metavar="TIME",
    help="All that were recorded before: a time or a date.",
)
@writes(etag=False)
@pass_session
def release(
    session: Session, *, through: int | None, before: datetime | None, write: Write
) -> None:
    """Let the bodies of old events be archived, in whole tiles of 256.

    It changes no row: whoever runs the database does, with `regesta-server archive`. Proofs,
    checkpoints and what is so now or was so then stay; records of these events are then read
    from the archive. A hold on any of them forbids it, and so does being the one who defined
    the retention.
    """
    if (through is None) == (before is None):
        raise click.UsageError("give one of --through and --before")
    released = session.client().release_bodies(
        through=through, before=before, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document(document(released))
        return
    session.output.line(
        ("released", "bold"),
        f" the bodies up to position {released.through}: `regesta-server archive` puts their"
        " hashes in their place",
    )


@retention.command()
@pass_session
def show(session: Session) -> None:
    """Show the retention, and up to where bodies are released."""
    status = session.client().get_privacy_status()
    if session.output.json:
        shown = privacy_service_pb2.PrivacyStatus(
            retention=status.retention if status.HasField("retention") else None,
            release=status.release if status.HasField("release") else None,
        )
        session.output.document(document(shown))
        return
    if status.HasField("retention"):
        by, at = status.retention.defined_by, status.retention.define_time
        session.output.line(
            ("retention", "bold"), f"  {_kept(status.retention)}; by {by}, {_when(at)}"
        )
    else:
        session.output.line(("retention", "bold"), "  none: every body stays in the log")
    if status.HasField("release"):
        release_ = status.release
        session.output.line(
            ("released", "bold"),
            f"   up to position {release_.through}, under the checkpoint of size"
            f" {release_.checkpoint_size}; by {release_.released_by}, {_when(release_.release_time)}",
        )
    else:
        session.output.line(("released", "bold"), "   nothing")


def _kept(one: privacy_service_pb2.Retention) -> str:
    if not one.keep_days:
        return "ended, nothing may be archived"
    return f"bodies stay for {one.keep_days:,} days"


def _when(time: Timestamp) -> str:
    return local(time.ToDatetime(UTC))

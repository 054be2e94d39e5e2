"""Commands about moves that others approve: request, requests, approve, reject, cancel, check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from regesta.cli.documents import document, enum_text
from regesta.cli.failing import REFUSED
from regesta.cli.options import Parsed, Write, ways, writes
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short_of
from regesta.cli.times import local
from regesta.cli.values import parse_metric
from regesta.names import in_namespace
from regesta.v1 import governance_pb2 as pb

_STATE = pb.TransitionRequest.State.DESCRIPTOR
_METRIC = Parsed("KEY=NUMBER", parse_metric)


@click.command()
@click.argument("version")
@click.argument("where", metavar="TARGET")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=14,
    show_default=True,
    help="How long it stays open.",
)
@writes(etag=False)
@pass_session
def request(session: Session, version: str, where: str, *, days: int, write: Write) -> None:
    """Ask for a move, so that others approve it.

    As in: request churn/3 production, or request churn/3 @champion to have an alias pointed to
    it. VERSION may also be churn@latest …
    """
    name = session.version(version)
    stage, alias = _stage_or_alias(where)
    asked = session.client(name.namespace).request_transition(
        str(name),
        stage=stage,
        alias=alias,
        expire_time=datetime.now(UTC) + timedelta(days=days),
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, asked, f"asks for {short_of(asked.version)} to go to {where}")


@click.command()
@click.option("--all", "ended", is_flag=True, help="Those that have ended, too.")
@pass_session
def requests(session: Session, *, ended: bool) -> None:
    """List the moves that were asked for, the newest first."""
    client = session.client()
    found: list[pb.TransitionRequest] = []
    token = ""
    while True:
        page = client.list_transition_requests(include_ended=ended, page_token=token)
        found += page.requests
        token = page.next_page_token
        if not token:
            break
    if session.output.json:
        session.output.document({"requests": [document(one) for one in found]})
        return
    session.output.table(
        ("REQUEST", "VERSION", "TO", "STATE", "BY", "APPROVED BY", "EXPIRES", "REASON"),
        (
            (
                one.name.rpartition("/")[2],
                short_of(one.version),
                one.to_stage or f"@{one.alias}",
                enum_text(_STATE, one.state).lower(),
                one.proposer,
                ", ".join(each.principal for each in one.approvals),
                local(one.expire_time.ToDatetime(UTC)),
                " ".join(one.reason.split()),
            )
            for one in found
        ),
    )


@click.command()
@click.argument("request_id_", metavar="REQUEST")
@click.option(
    "--meaning", default="", metavar="TEXT", help="What it means; stands in the log for ever."
)
@writes(etag=False)
@pass_session
def approve(session: Session, request_id_: str, *, meaning: str, write: Write) -> None:
    """Approve a move that somebody else asked for; --reason is the comment."""
    approved = session.client().approve_transition(
        _name(session, request_id_),
        meaning=meaning,
        request_id=write.request_id,
        reason=write.reason,
    )
    _answer(session, approved, _approved(approved))


@click.command()
@click.argument("request_id_", metavar="REQUEST")
@writes(etag=False)
@pass_session
def reject(session: Session, request_id_: str, *, write: Write) -> None:
    """Reject a move that was asked for; --reason is the comment."""
    rejected = session.client().reject_transition(
        _name(session, request_id_), request_id=write.request_id, reason=write.reason
    )
    _answer(session, rejected, "is rejected")


@click.command()
@click.argument("request_id_", metavar="REQUEST")
@writes(etag=False)
@pass_session
def cancel(session: Session, request_id_: str, *, write: Write) -> None:
    """Take back a request of your own."""
    cancelled = session.client().cancel_transition(
        _name(session, request_id_), request_id=write.request_id, reason=write.reason
    )
    _answer(session, cancelled, "is taken back")


@click.command()
@click.argument("version")
@click.argument("where", metavar="TARGET")
@ways
@pass_session
def check(session: Session, version: str, where: str, *, through: bool, displace_to: str) -> None:
    """Say whether a move would be allowed and what is missing; nothing moves.

    As in: check churn/3 production, or check churn/3 @champion. Exit code 4 when it would be
    refused.
    """
    name = session.version(version)
    stage, alias = _stage_or_alias(where)
    said = session.client(name.namespace).check_transition(
        str(name), stage=stage, alias=alias, through=through, displace_to=displace_to
    )
    if session.output.json:
        session.output.document(document(said))
    else:
        session.output.table(
            ("MOVE", "POLICY", "CONDITION", "MET", "WHY"),
            (
                (
                    f"{short_of(one.version)} to {one.to_stage or where}",
                    f"{one.policy.rpartition('/')[2]}@{one.policy_version}",
                    one.condition,
                    ("yes", "green") if one.met else ("no", "red"),
                    one.message,
                )
                for one in said.outcomes
            ),
        )
        if said.refusal:
            session.output.line((said.refusal_reason, "red"), f" {said.refusal}")
        session.output.line(
            ("it would be allowed", "green") if said.allowed else ("it would be refused", "red")
        )
    if not said.allowed:
        raise click.exceptions.Exit(REFUSED)


@click.command()
@click.argument("version")
@click.option("--dataset", required=True, help="The dataset's name.")
@click.option("--dataset-digest", default="", help="The dataset's digest.")
@click.option(
    "--method",
    default="benchmark",
    show_default=True,
    help="benchmark, human, safety, shadow or another word.",
)
@click.option(
    "--metric", "metrics", multiple=True, required=True, type=_METRIC, help="What was measured."
)
@click.option("--evaluator", default="", help="Who or what evaluated.")
@click.option("--source", default="", help="Where its details are.")
@click.option(
    "--valid-days", type=click.IntRange(min=1), help="How long it counts; without end if not given."
)
@writes(etag=False)
@pass_session
def evaluate(
    session: Session,
    version: str,
    *,
    dataset: str,
    dataset_digest: str,
    method: str,
    metrics: tuple[tuple[str, float], ...],
    evaluator: str,
    source: str,
    valid_days: int | None,
    write: Write,
) -> None:
    """Record what was measured of a version, as in: evaluate churn/3 --dataset holdout --metric auc=0.93."""
    name = session.version(version)
    evaluation = pb.Evaluation(
        dataset=dataset,
        dataset_digest=dataset_digest,
        method=method,
        evaluator=evaluator,
        metrics=dict(metrics),
        source=source,
    )
    if valid_days is not None:
        evaluation.valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=valid_days))
    client = session.client(name.namespace)
    recorded = client.record_evaluation(
        str(name), evaluation=evaluation, request_id=write.request_id, reason=write.reason
    )
    if session.output.json:
        session.output.document({"evaluation": document(recorded), "position": client.position})
    else:
        session.output.line(
            (short_of(str(name)), "bold"),
            f" has the evaluation {recorded.id} on {recorded.dataset} at position {recorded.position}",
        )


def _stage_or_alias(where: str) -> tuple[str, str]:
    return ("", where[1:]) if where.startswith("@") else (where, "")


def _name(session: Session, text: str) -> str:
    return text if "/" in text else in_namespace(session.namespace, "requests", text)


def _approved(request: pb.TransitionRequest) -> str:
    people = ", ".join(one.principal for one in request.approvals)
    return f"is approved by {people}"


def _answer(session: Session, request: pb.TransitionRequest, said: str) -> None:
    if session.output.json:
        session.output.document({"request": document(request)})
    else:
        session.output.line((request.name.rpartition("/")[2], "bold"), f" {said}")

"""A log in memory, as the API tells it."""

from __future__ import annotations

from datetime import UTC

from regesta.cli.happened import Happened, read
from regesta.v1 import event_pb2
from regesta_projections import events as e
from regesta_projections.records import Cause, read_envelope
from tests.support.log_builder import LogBuilder


def told(log: LogBuilder) -> list[event_pb2.Event]:
    """Return every event of a log as messages of the API."""
    return [_message(log, position) for position in range(1, log.size + 1)]


def history(log: LogBuilder, stream: str) -> list[Happened]:
    """Return the events of one stream, oldest first."""
    return [read(event) for event in told(log) if event.stream == stream]


def churn() -> LogBuilder:
    """Return a log with a model, a version and an alias, and every type of event."""
    log = LogBuilder("acme")
    why, sealed_why = log.seal("the first\nof its kind")
    described, sealed_described = log.seal("predicts who leaves")
    note, sealed_note = log.seal("n" * 2000)
    log.append(
        "models/churn",
        e.ModelCreated(
            name="churn",
            kind="ADAPTER",
            owner="risk",
            description=described,
            tags={"team": "risk", "cost.center": "42"},
            long_tags={"notes": note},
            reason=why,
        ),
        ("description", sealed_described),
        ("long_tags.notes", sealed_note),
        ("reason", sealed_why),
    )
    card, sealed_card = log.seal("# Churn")
    log.append(
        "models/churn/versions/1",
        e.VersionRegistered(
            version=1,
            stage="development",
            source="s3://models/churn/1",
            digest="sha256:" + "ab" * 32,
            size_bytes="734015545",
            manifest=e.ManifestReference(digest="sha256:" + "cd" * 32, size_bytes="12"),
            signature=e.Signature(
                inputs=(e.TensorSpec(name="x", data_type="float32", shape=("-1", "3")),)
            ),
            properties={
                "rows": e.PropertyValue(int_value="10000"),
                "ratio": e.PropertyValue(double_value="0.5"),
                "gpu": e.PropertyValue(bool_value=False),
                "framework": e.PropertyValue(string_value="xgboost"),
                "layers": e.PropertyValue(list_json="[1,2]"),
            },
            params={"lr": "0.1"},
            metrics={"auc": "0.81"},
            lineage=e.Lineage(run="run-7", parents=("models/base/versions/1",)),
            card=card,
        ),
        ("card", sealed_card),
        cause=Cause(
            "bob", "user", "import-1", occurred_at=log.time.replace(year=2020), occurred_by="dave"
        ),
    )
    log.actor = "carol"
    log.extend(
        [
            ("models/churn/versions/1", e.VersionSemverLabelled(semver="1.0.0")),
            (
                "models/churn/versions/1",
                e.StageChanged(from_stage="development", to_stage="staging"),
            ),
            ("models/churn/versions/1", e.TagsSet(tags={"a": "1", "b": "", "c": "3"})),
            ("models/churn/versions/1", e.TagsRemoved(keys=("c",))),
            ("models/churn/versions/1", e.VersionUpdated(card=e.FreeText())),
            ("models/churn/aliases/champion", e.AliasSet(version=1)),
            ("models/churn/aliases/champion", e.AliasSet(version=1, previous_version=1)),
            ("models/churn/aliases/old", e.AliasSet(version=1)),
            ("models/churn/aliases/old", e.AliasRemoved(previous_version=1)),
            ("models/churn", e.ModelUpdated(owner="platform")),
            ("models/churn", e.ModelRenamed(from_name="churn", to_name="churn-eu")),
            ("models/churn", e.TagsSet(tags={"team": "platform"})),
            ("models/churn/versions/1", e.VersionDeleted()),
            ("models/churn/versions/1", e.VersionRestored()),
            ("models/churn", e.ModelDeleted()),
            ("models/churn", e.ModelRestored()),
            ("log", e.HeadsCommitted(position="19", streams="5", root="ab" * 32)),
            ("log", e.KeyRotated(new_vkey="acme+02+BB", old_vkey="acme+01+AA")),
            ("log", e.KeyCompromised(vkey="acme+01+AA", last_good_size="12")),
            (
                "log",
                e.LogForked(
                    old_checkpoint="acme\n14\n",
                    recovered_size="12",
                    recovered_root="cd" * 32,
                    first_lost="13",
                    last_lost="14",
                ),
            ),
            ("log", e.LogWitnessed(checkpoint="acme\n12\n")),
            ("privacy", e.HoldPlaced(hold="case-7", person="bob", matter="7 O 114/26")),
            ("privacy", e.HoldReleased(hold="case-7")),
            (
                "governance",
                e.LifecycleDefined(
                    lifecycle="strict", version=1, stages=(e.StageDefinition(name="draft"),)
                ),
            ),
            ("governance", e.LifecycleRemoved(lifecycle="strict")),
            ("models/churn/stages/live", e.StageTaken(version=1)),
            (
                "governance",
                e.PolicyDefined(
                    policy="gate", version=1, models=("churn*",), stages=("live",), aliases=("x",)
                ),
            ),
            ("governance", e.PolicyRemoved(policy="gate")),
            (
                "models/churn/versions/1/evaluations",
                e.EvaluationRecorded(
                    evaluation="e1", dataset="holdout", method="benchmark", metrics={"auc": "0.9"}
                ),
            ),
            (
                "requests/r1",
                e.TransitionRequested(request="r1", model="churn", version=1, to_stage="live"),
            ),
            ("requests/r1", e.TransitionApproved(meaning="reviewed")),
            ("requests/r1", e.TransitionCompleted()),
            (
                "requests/r2",
                e.TransitionRequested(request="r2", model="churn", version=1, alias="champion"),
            ),
            ("requests/r2", e.TransitionRejected()),
            (
                "requests/r3",
                e.TransitionRequested(request="r3", model="churn", version=1, alias="champion"),
            ),
            ("requests/r3", e.TransitionCancelled()),
            (
                "requests/r4",
                e.TransitionRequested(request="r4", model="churn", version=1, alias="champion"),
            ),
            ("requests/r4", e.TransitionExpired()),
            (
                "privacy",
                e.PersonalDataErased(
                    person="bob", legal_basis="Art. 17", digests=("x",), total=1, part=1
                ),
            ),
            ("privacy", e.RetentionDefined(keep_days=730)),
            ("privacy", e.RetentionDefined()),
            (
                "privacy",
                e.BodiesReleased(through="256", checkpoint_size="300", root="ef" * 32),
            ),
            ("models/churn", e.FlagRaised(flag="drift", severity="WARNING")),
            (
                "models/churn/versions/1",
                e.FlagRaised(flag="bias", severity="CRITICAL", blocking=True),
            ),
            (
                "models/churn/versions/1",
                e.FlagRaised(flag="slow", severity="INFO"),
            ),
            ("models/churn/versions/1", e.FlagResolved(flag="slow")),
            ("models/churn/versions/1", e.VersionRevoked(category="licence")),
            ("models/churn/versions/2", e.VersionRegistered(version=2, stage="development")),
            (
                "models/churn/versions/2",
                e.VersionRolledBack(
                    version=1, previous_version=2, from_stage="production", to_stage="staging"
                ),
            ),
            (
                "models/churn/versions/2",
                e.VersionRolledBack(
                    version=2, previous_version=1, from_stage="staging", to_stage="production"
                ),
            ),
            ("models/churn/aliases/blue", e.AliasSet(version=2)),
            ("models/churn/aliases/blue", e.AliasProtected(protected=True, pinned=True)),
            ("models/churn/aliases/blue", e.VersionRolledBack(version=1, previous_version=2)),
            ("models/churn/aliases/blue", e.AliasProtected(protected=True)),
            ("models/churn/aliases/green", e.AliasSet(version=2)),
            ("models/churn/aliases/green", e.AliasProtected()),
            ("models/churn/comments/abcdefgh23", e.CommentAdded(comment="abcdefgh23")),
            (
                "models/churn/versions/1/comments/abcdefgh45",
                e.CommentAdded(comment="abcdefgh45", reply_to="abcdefgh23", mentions=("bob",)),
            ),
            ("models/churn/versions/1/comments/abcdefgh45", e.CommentEdited()),
            ("collections/webhooks/documents/w1", e.DocumentPut()),
            ("collections/webhooks/documents/w1", e.DocumentRemoved()),
            ("access", e.RoleGranted(grant="0" * 16, principal="bob", role="reader")),
            (
                "access",
                e.RoleGranted(
                    grant="1" * 16,
                    group="ml",
                    role="maintainer",
                    models=("churn*",),
                    condition='alias != "champion"',
                    expire_time="2027-01-01T00:00:00+00:00",
                ),
            ),
            (
                "access",
                e.RoleGranted(
                    grant="2" * 16,
                    principal="carol",
                    role="admin",
                    expire_time="2026-06-01T00:00:00+00:00",
                    break_glass=True,
                ),
            ),
            ("access", e.RoleRevoked(grant="0" * 16)),
            (
                "principals/bob",
                e.PrincipalRegistered(principal="bob", kind="user", same_person_as="rob"),
            ),
            (
                "tokens/abababababababab",
                e.TokenIssued(
                    token="ab" * 8,
                    principal="bob",
                    digest="ab" * 32,
                    label="laptop",
                    expire_time="2026-09-01T00:00:00+00:00",
                    role="reader",
                    namespaces=("default",),
                ),
            ),
            ("tokens/abababababababab", e.TokenRevoked(token="ab" * 8)),
        ]
    )
    return log


def _message(log: LogBuilder, position: int) -> event_pb2.Event:
    record = log.records[position - 1]
    envelope = read_envelope(record)
    message = event_pb2.Event(
        position=position,
        record=record,
        type=envelope.type,
        stream=envelope.subject,
        revision=int(envelope.revision),
        actor=envelope.authid,
        request_id=envelope.correlationid,
        occurred_by=envelope.occurredby,
        disclosures=[
            event_pb2.Disclosure(
                field=field, text=sealed.text, salt=sealed.salt, digest=sealed.digest
            )
            for at, _, field, sealed in log.disclosures
            if at == position
        ],
    )
    message.record_time.FromDatetime(envelope.recordedtime.astimezone(UTC))
    if envelope.time != envelope.recordedtime:
        message.occurred_time.FromDatetime(envelope.time.astimezone(UTC))
    return message

"""A log with every type of event and every kind of field, always the same."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec

from regesta.merkle import EMPTY_ROOT
from regesta_projections import events as e
from regesta_projections.records import Cause
from tests.support.log_builder import START, LogBuilder

MODEL = "models/Churn"
OTHER = "models/Churn-2"
FIRST = f"{MODEL}/versions/1"
SECOND = f"{MODEL}/versions/2"
CHAMPION = f"{MODEL}/aliases/champion"

REGISTERED = e.VersionRegistered(
    version=1,
    semver="1.0.0-rc.1+build.5",
    source="s3://models/churn/1/model.onnx",
    digest="sha256:" + "ab" * 32,
    size_bytes="9007199254740993",
    manifest=e.ManifestReference(
        digest="sha256:" + "cd" * 32,
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes="512",
        uri="oci://registry/churn",
    ),
    signature=e.Signature(
        inputs=(e.TensorSpec(name="x", data_type="float32", shape=("-1", "4")),),
        outputs=(e.TensorSpec(name="y", data_type="float32", shape=("-1",)),),
        params=(e.TensorSpec(name="threshold", data_type="double", optional=True),),
    ),
    properties={
        "bool": e.PropertyValue(bool_value=True),
        "double": e.PropertyValue(double_value="1e+300"),
        "int": e.PropertyValue(int_value="-9223372036854775808"),
        "list": e.PropertyValue(list_json='[1,"two",null,[true]]'),
        "string": e.PropertyValue(string_value='é \u2028 😀 \\ "'),
        "struct": e.PropertyValue(struct_json='{"a":{"b":0.5},"c":[]}'),
    },
    params={"depth": "6", "learning_rate": "0.1"},
    metrics={"auc": "0.875", "count": "12", "loss": "-0.25"},
    lineage=e.Lineage(
        run="run-1",
        repository="https://git.example.com/churn",
        commit="0123abcd",
        parents=("models/Churn/versions/0",),
        datasets=(e.DatasetReference(name="events", digest="md5:00", role="training"),),
    ),
    tags={"framework": "onnx", "ünïcode": "✓"},
    stage="development",
)


#: Where what was told later begins in a log that is padded.


def rich_log(namespace: str = "acme") -> LogBuilder:
    """Return it: each type of event at least once, texts of every field, two people."""
    log = _told(namespace)
    _tell_more(log)
    return log


def padded_log(size: int, namespace: str = "acme") -> LogBuilder:
    """Return the rich log with tags set over and over in it, so that it has `size` events.

    Those at positions 40 and 101 and the last ones are of them, whatever is added to the story.
    """
    log = _told(namespace)
    _pad(log, min(_TOLD_MORE_AT, size - _MORE - 1))
    _tell_more(log)
    _pad(log, size)
    return log


def _pad(log: LogBuilder, size: int) -> None:
    while log.size < size:
        log.append(FIRST, e.TagsSet(tags={"round": str(log.size)}))


def _told(namespace: str) -> LogBuilder:
    """Return the part of the story to which nothing is added any more."""
    log = LogBuilder(namespace)
    _tell_model(log)
    _tell_versions(log)
    _tell_aliases(log)
    _tell_later_changes(log)
    _tell_of_the_log(log)
    _tell_of_texts(log)
    return log


def _tell_more(log: LogBuilder) -> None:
    """Tell what came to the story later, each time at its end."""
    _tell_of_governance(log)
    _tell_of_flags(log)
    _tell_of_rollbacks(log)
    _tell_of_comments(log)
    _tell_of_access(log)
    _tell_of_claims(log)
    _tell_of_documents(log)
    _tell_of_ways(log)


def _tell_model(log: LogBuilder) -> None:
    description, described = log.seal("Who is about to leave?")
    card, written = log.seal("# Churn\n\nTrained on events of 2025.")
    notes, noted = log.seal("n" * 1_500)
    reason, reasoned = log.seal("We need it.")
    log.append(
        MODEL,
        e.ModelCreated(
            name="Churn",
            kind="MODEL",
            owner="risk",
            description=description,
            card=card,
            tags={"team": "risk"},
            long_tags={"notes": notes},
            reason=reason,
        ),
        ("description", described),
        ("card", written),
        ("long_tags.notes", noted),
        ("reason", reasoned),
    )
    log.append(OTHER, e.ModelCreated(name="Churn-2", kind="ADAPTER", owner="risk"))
    log.append("models/Churn.old", e.ModelCreated(name="Churn.old", kind="PROMPT"))


def _tell_versions(log: LogBuilder) -> None:
    log.append(FIRST, REGISTERED)
    traced = Cause(
        "ci@example.com",
        "service_account",
        "import-7",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        START - timedelta(days=30),
    )
    description, described = log.seal("Imported.")
    log.append(
        SECOND,
        e.VersionRegistered(version=2, stage="development", description=description),
        ("description", described),
        cause=traced,
    )
    # Two events of one request.
    log.append(SECOND, e.VersionSemverLabelled(semver="1.0.0"), cause=traced)
    log.append(SECOND, e.StageChanged(from_stage="development", to_stage="staging"))


def _tell_aliases(log: LogBuilder) -> None:
    log.append(CHAMPION, e.AliasSet(version=1))
    log.append(CHAMPION, e.AliasSet(version=2, previous_version=1))
    log.append(CHAMPION, e.AliasRemoved(previous_version=2))
    log.append(f"{MODEL}/aliases/challenger", e.AliasSet(version=2))


def _tell_later_changes(log: LogBuilder) -> None:
    log.append(FIRST, e.TagsSet(tags={"framework": "torch"}))
    log.append(MODEL, e.TagsRemoved(keys=("notes", "team")))
    card, written = log.seal("Second edition")
    log.append(
        MODEL, e.ModelUpdated(owner="", description=e.FreeText(), card=card), ("card", written)
    )
    log.append(MODEL, e.ModelRenamed(from_name="Churn", to_name="Attrition"))
    log.append(MODEL, e.ModelRenamed(from_name="Attrition", to_name="churn"))
    card, written = log.seal("A card of its own")
    log.append(FIRST, e.VersionUpdated(card=card), ("card", written))
    log.append(FIRST, e.VersionDeleted())
    log.append(FIRST, e.VersionRestored())
    log.append("models/Churn-2", e.ModelDeleted())
    log.append("models/Churn.old", e.ModelDeleted())
    log.append("models/Churn.old", e.ModelRestored())
    log.append(f"{MODEL}/versions/3", e.VersionRegistered(version=3, stage="development"))
    log.append(f"{MODEL}/versions/3", e.VersionDeleted())


CHECKPOINT = (
    "log.example.com/acme\n12\n" + "A" * 43 + "=\n\n— log.example.com/acme " + "B" * 88 + "\n"
)
OLD_VKEY = "log.example.com/acme+00112233+" + "A" * 44
NEW_VKEY = "log.example.com/acme+44556677+" + "B" * 44


def _tell_of_the_log(log: LogBuilder) -> None:
    # Of the time before the first event: a root that does not depend on how lines are written.
    log.append(
        "log",
        e.HeadsCommitted(position="0", streams="0", root=EMPTY_ROOT.hex()),
    )
    log.append(
        "log", e.KeyRotated(new_vkey=NEW_VKEY, old_vkey=OLD_VKEY, last_checkpoint=CHECKPOINT)
    )
    log.append("log", e.KeyCompromised(vkey=OLD_VKEY, last_good_size="12", checkpoint=CHECKPOINT))
    log.append(
        "log",
        e.LogForked(
            old_checkpoint=CHECKPOINT,
            recovered_size="10",
            recovered_root="cd" * 32,
            first_lost="11",
            last_lost="12",
        ),
    )
    log.append("log", e.LogWitnessed(checkpoint=CHECKPOINT))


def _tell_of_texts(log: LogBuilder) -> None:
    reason, reasoned = log.seal("A letter of their lawyers.")
    log.append(
        "privacy",
        e.HoldPlaced(hold="case-7", model="Churn", matter="7 O 114/26", reason=reason),
        ("reason", reasoned),
    )
    log.append("privacy", e.HoldPlaced(hold="case-8", person="bob", matter="8 O 2/26"))
    log.append("privacy", e.HoldReleased(hold="case-7"))
    erased = next(text.digest for _, _, field, text in log.disclosures if field == "reason")
    log.append(
        "privacy",
        e.PersonalDataErased(
            person="alice", legal_basis="GDPR Art. 17(1)(b)", digests=(erased,), total=1, part=1
        ),
    )
    log.append("privacy", e.RetentionDefined(keep_days=730))
    # More than there is, so it releases nothing.
    log.append("privacy", e.BodiesReleased(through="256", checkpoint_size="300", root="ef" * 32))


def _tell_of_governance(log: LogBuilder) -> None:
    stages = (
        e.StageDefinition(name="draft", moves_to=("live", "gone")),
        e.StageDefinition(name="live", moves_to=("gone",), exclusive=True, displaced_to="gone"),
        e.StageDefinition(name="gone", closed=True),
    )
    log.append(
        "governance",
        e.LifecycleDefined(lifecycle="strict", version=1, models=("churn-*",), stages=stages),
    )
    log.append("governance", e.LifecycleDefined(lifecycle="other", version=1, stages=stages))
    log.append("governance", e.LifecycleRemoved(lifecycle="other"))
    # The second displaces the first. Numbers that no version of the other model has.
    for number, previous in ((11, 0), (12, 11)):
        log.append(
            f"{OTHER}/versions/{number}",
            e.VersionRegistered(version=number, stage="draft", resolution="open"),
        )
        log.append(f"{OTHER}/stages/live", e.StageTaken(version=number, previous_version=previous))
        if previous:
            log.append(
                f"{OTHER}/versions/{previous}",
                e.StageChanged(
                    from_stage="live",
                    to_stage="gone",
                    resolution="closed",
                    displaced_by=number,
                ),
            )
        log.append(
            f"{OTHER}/versions/{number}",
            e.StageChanged(from_stage="draft", to_stage="live", resolution="open"),
        )

    _tell_of_requests(log)


def _tell_of_requests(log: LogBuilder) -> None:
    policy = e.PolicyDefined(
        policy="gate",
        version=1,
        models=("churn-*",),
        stages=("live",),
        aliases=("champion",),
        required_tags=("risk",),
        require_signature=True,
        require_card=True,
        require_lineage=True,
        require_digest=True,
        evaluations=(
            e.EvaluationRequirement(
                dataset="holdout",
                dataset_digest="md5:00",
                method="benchmark",
                max_age_seconds="86400",
                thresholds=(e.MetricThreshold(metric="auc", operator=">=", value="0.875"),),
            ),
        ),
        approvals=(e.ApprovalRequirement(count=1, roles=("reviewer",)),),
        approval_max_age_seconds="3600",
        proposer_may_approve=True,
        conditions=(e.PolicyCondition(id="any", expression="true", message="never"),),
    )
    log.append("governance", policy)
    log.append("governance", e.PolicyDefined(policy="other", version=1, stages=("gone",)))
    log.append("governance", e.PolicyRemoved(policy="other"))
    log.append(
        f"{OTHER}/versions/11/evaluations",
        e.EvaluationRecorded(
            evaluation="e1",
            dataset="holdout",
            dataset_digest="md5:00",
            method="benchmark",
            evaluator="bench 1.2",
            metrics={"auc": "0.9"},
            slices=(e.EvaluationSlice(name="60+", metrics={"auc": "0.75"}),),
            valid_until="2027-01-01T00:00:00Z",
            source="https://bench.example.com/7",
        ),
    )
    ends: tuple[e.Event, ...] = (
        e.TransitionCompleted(),
        e.TransitionRejected(roles=("reviewer",)),
        e.TransitionCancelled(),
        e.TransitionExpired(),
    )
    for number, end in enumerate(ends):
        stream = f"requests/r{number}"
        log.append(
            stream,
            e.TransitionRequested(
                request=f"r{number}",
                model="Churn-2",
                version=11,
                to_stage="live" if number else "",
                alias="" if number else "champion",
                person="alice smith",
                evidence_digest="ab" * 32,
                expire_time="2027-01-01T00:00:00Z",
            ),
        )
        log.append(
            stream,
            e.TransitionApproved(
                roles=("reviewer",), meaning="I reviewed it", evidence_digest="ab" * 32
            ),
        )
        log.append(stream, end)


def _tell_of_flags(log: LogBuilder) -> None:
    reason, reasoned = log.seal("The inputs are not what they were.")
    log.append(
        MODEL, e.FlagRaised(flag="drift", severity="WARNING", reason=reason), ("reason", reasoned)
    )
    log.append("models/Churn.old", e.FlagRaised(flag="eol", severity="INFO", blocking=True))
    reason, reasoned = log.seal("Refuses more of one group.")
    log.append(
        SECOND,
        e.FlagRaised(flag="bias", severity="CRITICAL", blocking=True, reason=reason),
        ("reason", reasoned),
    )
    log.append(SECOND, e.FlagRaised(flag="slow", severity="INFO"))
    log.append(SECOND, e.FlagResolved(flag="slow"))
    # A deleted one, too.
    reason, reasoned = log.seal("It was trained on what we must not use.")
    revoked = e.VersionRevoked(category="licence", reason=reason)
    log.append(f"{MODEL}/versions/3", revoked, ("reason", reasoned))


def _tell_of_rollbacks(log: LogBuilder) -> None:
    challenger = f"{MODEL}/aliases/challenger"
    log.append(challenger, e.VersionRolledBack(version=1, previous_version=2, undone_position="15"))
    log.append(challenger, e.AliasProtected(protected=True, pinned=True))
    # A rollback of a stage: events of one request.
    both = Cause("alice", "user", "rollback-1")
    for number, from_stage, to_stage in ((12, "live", "draft"), (11, "gone", "live")):
        log.append(
            f"{OTHER}/versions/{number}",
            e.VersionRolledBack(
                version=11,
                previous_version=12,
                undone_position=str(log.size),
                from_stage=from_stage,
                to_stage=to_stage,
                resolution="open",
            ),
            cause=both,
        )
    log.append(f"{OTHER}/stages/live", e.StageTaken(version=11, previous_version=12), cause=both)


def _tell_of_comments(log: LogBuilder) -> None:
    first, second = f"{OTHER}/comments/abcdefgh23", f"{OTHER}/versions/12/comments/abcdefgh45"
    log.append(first, e.CommentAdded(comment="abcdefgh23", mentions=("bob",)))
    log.append(second, e.CommentAdded(comment="abcdefgh45", reply_to="abcdefgh67"))
    log.append(second, e.CommentEdited(mentions=("bob",)))


def _tell_of_documents(log: LogBuilder) -> None:
    first, second = "collections/webhooks/documents/w1", "collections/webhooks/documents/w2"
    for stream in (first, second):
        content, sealed = log.seal(f'{{"of": "{stream}"}}')
        log.append(stream, e.DocumentPut(content=content), ("content", sealed))
    log.append(second, e.DocumentRemoved())


def _tell_of_access(log: LogBuilder) -> None:
    display, displayed = log.seal("Rosa Luz")
    log.append(
        "access",
        e.RoleGranted(
            grant="0123456789abcdef",
            principal="rosa",
            role="maintainer",
            models=("Churn", "fraud-*"),
            condition='alias != "champion"',
            expire_time="2030-01-01T00:00:00+00:00",
        ),
    )
    log.append("access", e.RoleGranted(grant="0" * 16, group="ml", role="reader"))
    log.append("access", e.RoleRevoked(grant="0" * 16))
    log.append(
        "access",
        e.RoleGranted(
            grant="f" * 16,
            principal="alice",
            role="admin",
            expire_time="2026-01-01T13:00:00+00:00",
            break_glass=True,
        ),
    )
    log.append(
        "principals/rosa",
        e.PrincipalRegistered(principal="rosa", kind="user", display=display),
        ("display", displayed),
    )
    log.append(
        "principals/rosa@example.com",
        e.PrincipalRegistered(principal="rosa@example.com", kind="user", same_person_as="rosa"),
    )
    token = "ab" * 8
    log.append(
        f"tokens/{token}",
        e.TokenIssued(
            token=token,
            principal="rosa",
            digest="ab" * 32,
            label="laptop",
            expire_time="2026-04-01T12:00:00+00:00",
            role="reader",
            namespaces=("acme",),
        ),
    )
    log.append(f"tokens/{token}", e.TokenRevoked(token=token))


def _tell_of_claims(log: LogBuilder) -> None:
    imported = "models/Imported"
    by = Cause(
        "importer", "user", "import-8", occurred_at=START - timedelta(400), occurred_by="Ana, ML"
    )
    log.append(imported, e.ModelCreated(name="Imported", kind="MODEL"), cause=by)
    log.append(
        f"{imported}/versions/21", e.VersionRegistered(version=21, stage="development"), cause=by
    )
    again = msgspec.structs.replace(by, request_id="import-10")
    who = Cause("importer", "user", "import-9", occurred_by="é 😀 <ana@example.com>")
    log.append(f"{imported}/versions/21", e.TagsSet(tags={"occurredby": "nobody"}), cause=who)
    log.append(f"{imported}/aliases/Champion_1", e.AliasSet(version=21), cause=again)


def _tell_of_ways(log: LogBuilder) -> None:
    version, way = "models/Imported/versions/21", Cause("alice", "user", "way-1")
    stages = "development", "staging", "production"
    for passing, (present, to_stage) in zip((True, False), pairwise(stages), strict=True):
        event = e.StageChanged(from_stage=present, to_stage=to_stage, passing=passing)
        log.append(version, event, cause=way)


#: Size of a padded log at which its story goes on.
_TOLD_MORE_AT = 110
_MORE = rich_log().size - _told("acme").size

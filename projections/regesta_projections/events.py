"""The facts: one frozen struct for each event type, and the parts they are made of.

Generated from proto/regesta/events/v1 by tools/protoc_gen_events.py; edit the protos.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class FreeText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A free text that is kept beside the log. The log holds its salted digest in
    the form of RFC 9901, so the text can be erased and the log still verifies.
    Without a digest it says that the text was cleared.
    """

    #: At most one digest: base64url of the SHA-256 of the disclosure.
    digests: tuple[str, ...] = msgspec.field(default=(), name="_sd")


class PropertyValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A typed value of a property."""

    #: True or false.
    bool_value: bool | None = msgspec.field(default=None, name="boolValue")
    #: A number.
    double_value: str | None = msgspec.field(default=None, name="doubleValue")
    #: A whole number.
    int_value: str | None = msgspec.field(default=None, name="intValue")
    #: A list, as JSON text in the form of RFC 8785.
    list_json: str | None = msgspec.field(default=None, name="listJson")
    #: Text.
    string_value: str | None = msgspec.field(default=None, name="stringValue")
    #: An object, as JSON text in the form of RFC 8785.
    struct_json: str | None = msgspec.field(default=None, name="structJson")


class ManifestReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The list of a version's files, by reference."""

    #: Its digest.
    digest: str = ""
    #: Its media type.
    media_type: str = msgspec.field(default="", name="mediaType")
    #: Its size in bytes.
    size_bytes: str = msgspec.field(default="", name="sizeBytes")
    #: Where it can be read.
    uri: str = ""


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One input or output of a model."""

    #: Its element type.
    data_type: str = msgspec.field(default="", name="dataType")
    #: Its name.
    name: str = ""
    #: True when it may be left out.
    optional: bool = False
    #: Its sizes; -1 where a size is free.
    shape: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What a version takes and gives."""

    #: What it takes.
    inputs: tuple[TensorSpec, ...] = ()
    #: What it gives.
    outputs: tuple[TensorSpec, ...] = ()
    #: Parameters of the call.
    params: tuple[TensorSpec, ...] = ()


class DatasetReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A data set that went into a version."""

    #: Its digest.
    digest: str = ""
    #: Its name or URI.
    name: str = ""
    #: Its role.
    role: str = ""


class Lineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Where a version comes from."""

    #: Commit of the source.
    commit: str = ""
    #: Data sets that went in.
    datasets: tuple[DatasetReference, ...] = ()
    #: Versions it was made from.
    parents: tuple[str, ...] = ()
    #: Source repository.
    repository: str = ""
    #: The training run.
    run: str = ""


class StageDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A stage and where a version may go from it."""

    #: True when a version in this stage is not resolved.
    closed: bool = False
    #: Where the holder of an exclusive stage goes when another enters; empty when
    #: the newcomer is refused.
    displaced_to: str = msgspec.field(default="", name="displacedTo")
    #: True when only one version of a model may be in this stage.
    exclusive: bool = False
    #: The stages a version may move to from here.
    moves_to: tuple[str, ...] = msgspec.field(default=(), name="movesTo")
    #: Its name.
    name: str = ""


class MetricThreshold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A bound that a metric must keep."""

    #: The metric's name.
    metric: str = ""
    #: One of `>=`, `>`, `<=`, `<`, `==`.
    operator: str = ""
    #: The bound.
    value: str = ""


class EvaluationRequirement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An evaluation that a version must have."""

    #: The dataset's name; empty for any.
    dataset: str = ""
    #: The dataset's digest; empty for any.
    dataset_digest: str = msgspec.field(default="", name="datasetDigest")
    #: How old it may be, in seconds; 0 means that age does not matter.
    max_age_seconds: str = msgspec.field(default="", name="maxAgeSeconds")
    #: The method, for example `benchmark`; empty for any.
    method: str = ""
    #: The bounds that it must keep, all of them.
    thresholds: tuple[MetricThreshold, ...] = ()


class ApprovalRequirement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Approvals that a move must have."""

    #: How many people.
    count: int = 0
    #: Each of them has one of these roles; none means any role that may approve.
    roles: tuple[str, ...] = ()


class PolicyCondition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A condition in CEL."""

    #: The condition.
    expression: str = ""
    #: Its id within the policy.
    id: str = ""
    #: What people read when it does not hold.
    message: str = ""


class PolicyDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A policy by which a move was decided, and what it was decided on."""

    #: The principals whose approvals counted.
    approvals: tuple[str, ...] = ()
    #: Ids of the evaluations that met its requirements.
    evaluations: tuple[str, ...] = ()
    #: The policy's id.
    policy: str = ""
    #: Its version.
    version: int = 0


class EvaluationSlice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One group's share of an evaluation, for example an age group."""

    #: Its metrics.
    metrics: dict[str, str] = {}
    #: The group's name.
    name: str = ""


class RoleGranted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A role was granted in this namespace. The stream of this and RoleRevoked is
    `access`.
    """

    #: True when the grantee took it himself, to break the glass.
    break_glass: bool = msgspec.field(default=False, name="breakGlass")
    #: A condition in CEL on the parameters of the call; empty without one.
    condition: str = ""
    #: When it ends, in RFC 3339; empty when it does not.
    expire_time: str = msgspec.field(default="", name="expireTime")
    #: The grant's id: 16 hex digits.
    grant: str = ""
    #: The group it is for, as an identity provider names it; empty when it is for
    #: a principal.
    group: str = ""
    #: The models it is limited to: first names, or beginnings of first names that
    #: end in `*`; none means the whole namespace.
    models: tuple[str, ...] = ()
    #: The principal it is for; empty when it is for a group.
    principal: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: The role, for example `maintainer`.
    role: str = ""


class RoleRevoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A grant ended."""

    #: The grant's id.
    grant: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class PrincipalRegistered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A principal was registered, or what is known of it was changed. Principals and
    tokens are the server's, and their events stand in the log of the namespace
    `default`; the stream of this is `principals/{principal}`.
    """

    #: What people call it.
    display: FreeText | None = None
    #: `user` or `service_account`.
    kind: str = ""
    #: The principal, as it stands in records as the actor.
    principal: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: The principal of the same person that was there before; empty when there is
    #: none.
    same_person_as: str = msgspec.field(default="", name="samePersonAs")


class TokenIssued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A token was issued; the stream of this and TokenRevoked is `tokens/{token}`."""

    #: SHA-256 of the token, 64 hex digits. The token itself is kept nowhere.
    digest: str = ""
    #: When it ends, in RFC 3339; empty when it does not.
    expire_time: str = msgspec.field(default="", name="expireTime")
    #: What it is for, in the words of whoever asked for it.
    label: str = ""
    #: Where it may do it; none sets no bound.
    namespaces: tuple[str, ...] = ()
    #: Whose it is.
    principal: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: The most it may do: the permissions of this role; empty sets no bound.
    role: str = ""
    #: The token's id: the first 16 hex digits of its digest.
    token: str = ""


class TokenRevoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A token ended before its time."""

    #: Why it was done.
    reason: FreeText | None = None
    #: The token's id.
    token: str = ""


class CommentAdded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Somebody commented on a model or a version; the stream is
    `models/{model}/comments/{comment}` or
    `models/{model}/versions/{version}/comments/{comment}`.
    """

    #: The comment's id.
    comment: str = ""
    #: The principals that its text names with an `@`.
    mentions: tuple[str, ...] = ()
    #: Why it was done.
    reason: FreeText | None = None
    #: The id of the comment that it answers; empty when it begins a thread.
    reply_to: str = msgspec.field(default="", name="replyTo")
    #: What was said.
    text: FreeText | None = None


class CommentEdited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The author of a comment changed it; earlier texts stay with their events."""

    #: The principals that the new text names with an `@`.
    mentions: tuple[str, ...] = ()
    #: Why it was done.
    reason: FreeText | None = None
    #: What it says from now on.
    text: FreeText | None = None


class DocumentPut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A document was written, anew or over what it said before; the stream of this
    and DocumentRemoved is `collections/{collection}/documents/{document}`.
    """

    #: What it says from now on.
    content: FreeText | None = None
    #: Why it was done.
    reason: FreeText | None = None


class DocumentRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A document was removed; it can be put again."""

    #: Why it was done.
    reason: FreeText | None = None


class FlagRaised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A warning was raised on a model or a version, whose stream this event is of."""

    #: True when it stops resolution and promotion until it is resolved.
    blocking: bool = False
    #: The flag's name on this model or version.
    flag: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: How grave it is: `INFO`, `WARNING` or `CRITICAL`.
    severity: str = ""


class FlagResolved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A flag was resolved: it is open no more."""

    #: The flag's name on this model or version.
    flag: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class VersionRevoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version was revoked, which is final: it is never resolved or promoted again."""

    #: What kind of cause it was, on one line.
    category: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class LifecycleDefined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A lifecycle was defined, or defined anew; the stream of this and the other
    events about what governs moves is `governance`.
    """

    #: The lifecycle's id.
    lifecycle: str = ""
    #: The models it is for: names they were created with, or beginnings of names
    #: that end in `*`; none means every model.
    models: tuple[str, ...] = ()
    #: Why it was done.
    reason: FreeText | None = None
    #: In order; a new version begins in the first.
    stages: tuple[StageDefinition, ...] = ()
    #: How often it was defined, this time included: 1, 2, 3 …
    version: int = 0


class LifecycleRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A lifecycle was removed; its models have the next that is for them, or the
    default one.
    """

    #: The lifecycle's id.
    lifecycle: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class StageTaken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version entered an exclusive stage of a model; the stream is
    `models/{model}/stages/{stage}`. It holds the stage while it is in it.
    """

    #: The version that entered it before; 0 when none did.
    previous_version: int = msgspec.field(default=0, name="previousVersion")
    #: The version.
    version: int = 0


class PolicyDefined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A policy was defined, or defined anew."""

    #: It governs pointing these aliases; `*` is all of them.
    aliases: tuple[str, ...] = ()
    #: How old an approval may be, in seconds; 0 means that age does not matter.
    approval_max_age_seconds: str = msgspec.field(default="", name="approvalMaxAgeSeconds")
    #: Approvals that the move must have.
    approvals: tuple[ApprovalRequirement, ...] = ()
    #: Conditions that must hold.
    conditions: tuple[PolicyCondition, ...] = ()
    #: Evaluations that it must have.
    evaluations: tuple[EvaluationRequirement, ...] = ()
    #: The models it is for: names they were created with, or beginnings of names
    #: that end in `*`; none means every model.
    models: tuple[str, ...] = ()
    #: The policy's id.
    policy: str = ""
    #: Whether who asked for the move may approve it too.
    proposer_may_approve: bool = msgspec.field(default=False, name="proposerMayApprove")
    #: Why it was done.
    reason: FreeText | None = None
    #: Whether the version must have a card.
    require_card: bool = msgspec.field(default=False, name="requireCard")
    #: Whether the version must have a content digest.
    require_digest: bool = msgspec.field(default=False, name="requireDigest")
    #: Whether the version must say where it comes from.
    require_lineage: bool = msgspec.field(default=False, name="requireLineage")
    #: Whether the version must have a signature.
    require_signature: bool = msgspec.field(default=False, name="requireSignature")
    #: Tags that the version must have.
    required_tags: tuple[str, ...] = msgspec.field(default=(), name="requiredTags")
    #: It governs moves into these stages.
    stages: tuple[str, ...] = ()
    #: How often it was defined, this time included: 1, 2, 3 …
    version: int = 0


class PolicyRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A policy was removed."""

    #: The policy's id.
    policy: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class EvaluationRecorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version was evaluated; the stream is
    `models/{model}/versions/{version}/evaluations`.
    """

    #: The dataset's name.
    dataset: str = ""
    #: The dataset's digest.
    dataset_digest: str = msgspec.field(default="", name="datasetDigest")
    #: The evaluation's id.
    evaluation: str = ""
    #: Who or what evaluated: a person, a pipeline, a tool and its version.
    evaluator: str = ""
    #: How: `benchmark`, `human`, `safety`, `shadow` or another word.
    method: str = ""
    #: What was measured.
    metrics: dict[str, str] = {}
    #: Remarks.
    reason: FreeText | None = None
    #: The same for groups.
    slices: tuple[EvaluationSlice, ...] = ()
    #: Where its details are.
    source: str = ""
    #: Until when it counts, in UTC; empty means without end.
    valid_until: str = msgspec.field(default="", name="validUntil")


class TransitionRequested(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A move was asked for; the stream of this and what follows is
    `requests/{request}`.
    """

    #: The alias that is to point to it; empty when it is to move.
    alias: str = ""
    #: What the version was then: see `evidence_digest` of an approval.
    evidence_digest: str = msgspec.field(default="", name="evidenceDigest")
    #: When it expires, in UTC.
    expire_time: str = msgspec.field(default="", name="expireTime")
    #: The model, by the name it was created with.
    model: str = ""
    #: The person who asks, where identities say that one has several.
    person: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: The request's id.
    request: str = ""
    #: The stage that it is to move to; empty when an alias is to be pointed to it.
    to_stage: str = msgspec.field(default="", name="toStage")
    #: The version.
    version: int = 0


class TransitionApproved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A move was approved."""

    #: SHA-256, in hex, of what a policy looks at: tags, texts, flags and
    #: evaluations. The approval counts while the version still has it.
    evidence_digest: str = msgspec.field(default="", name="evidenceDigest")
    #: What the approval means, in the approver's words: the meaning of an
    #: electronic signature (21 CFR 11.50).
    meaning: str = ""
    #: The person who approved, where identities say that one has several.
    person: str = ""
    #: The comment.
    reason: FreeText | None = None
    #: The roles that the approver had.
    roles: tuple[str, ...] = ()


class TransitionRejected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A move was rejected: it cannot be approved any more."""

    #: The person who rejected, where identities say that one has several.
    person: str = ""
    #: The comment.
    reason: FreeText | None = None
    #: The roles that they had.
    roles: tuple[str, ...] = ()


class TransitionCancelled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Who asked for a move no longer wants it."""

    #: Why it was done.
    reason: FreeText | None = None


class TransitionExpired(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Nobody made the move in time."""



class TransitionCompleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The move was made, in the same append."""



class TagsSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Tags of a model or a version were set; tags not named stayed."""

    #: Tags with longer values, which are kept beside the log.
    long_tags: dict[str, FreeText] = msgspec.field(default_factory=dict, name="longTags")
    #: Why it was done.
    reason: FreeText | None = None
    #: Tags with values of at most 1,024 characters.
    tags: dict[str, str] = {}


class TagsRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Tags of a model or a version were removed."""

    #: Their keys.
    keys: tuple[str, ...] = ()
    #: Why it was done.
    reason: FreeText | None = None


class AliasSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An alias was pointed to a version; its stream is
    `models/{model}/aliases/{alias}`.
    """

    #: SHA-256, in hex, of what the policies looked at; empty without policies.
    evidence_digest: str = msgspec.field(default="", name="evidenceDigest")
    #: The policies by which it was decided.
    policies: tuple[PolicyDecision, ...] = ()
    #: The version it pointed to before; 0 when none.
    previous_version: int = msgspec.field(default=0, name="previousVersion")
    #: Why it was done.
    reason: FreeText | None = None
    #: The request that it carries out; empty without one.
    request: str = ""
    #: The version it points to from now on.
    version: int = 0


class AliasRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An alias was removed."""

    #: The version it pointed to.
    previous_version: int = msgspec.field(default=0, name="previousVersion")
    #: Why it was done.
    reason: FreeText | None = None


class AliasProtected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An alias was protected or pinned, or is so no more; what is said here holds
    for the alias also after it was removed and set again.
    """

    #: True when nobody may move or remove it.
    pinned: bool = False
    #: True when only who has the permission `catalog.protect` may move or remove
    #: it.
    protected: bool = False
    #: Why it was done.
    reason: FreeText | None = None


class VersionRolledBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The version that an alias or a stage had before is back. In an alias's stream
    the alias points to `version` again. In a version's stream the version moved:
    of the two that a rollback of a stage moves, `version` came back into the
    stage, and `previous_version` left it for the stage that it had come from.
    """

    #: The stage that this stream's version was in; empty in an alias's stream.
    from_stage: str = msgspec.field(default="", name="fromStage")
    #: The version that it stands in for.
    previous_version: int = msgspec.field(default=0, name="previousVersion")
    #: Why it was done.
    reason: FreeText | None = None
    #: Whether a version in the stage from now on is resolved: `open` or `closed`,
    #: as the lifecycle that was defined says; empty under the default lifecycle,
    #: and in an alias's stream.
    resolution: str = ""
    #: The stage that this stream's version is in from now on; likewise.
    to_stage: str = msgspec.field(default="", name="toStage")
    #: Position of the event that is undone: it had put `previous_version` in the
    #: place of another.
    undone_position: str = msgspec.field(default="", name="undonePosition")
    #: The version that is back.
    version: int = 0


class HeadsCommitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The state of every stream as of a position was committed to; the stream of
    this and the other events about the log itself is `log`.
    """

    #: The position: the log's size when the heads were read. Later events may lie
    #: between it and this one.
    position: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: Root of the tree of RFC 6962 over one line a stream, sorted by stream, in
    #: hexadecimal; docs/audit/heads.md says what a line is.
    root: str = ""
    #: How many streams there were.
    streams: str = ""


class KeyRotated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Checkpoints are signed with another key from now on."""

    #: The last checkpoint that the old key signed alone, as a signed note; empty
    #: when there was none.
    last_checkpoint: str = msgspec.field(default="", name="lastCheckpoint")
    #: The new key, in the form of a vkey (C2SP signed-note).
    new_vkey: str = msgspec.field(default="", name="newVkey")
    #: The key before; empty when there was none.
    old_vkey: str = msgspec.field(default="", name="oldVkey")
    #: Why it was done.
    reason: FreeText | None = None


class KeyCompromised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A key can no longer be trusted: what it signed beyond a size proves nothing
    by itself.
    """

    #: A checkpoint of that size, as a signed note that others cosigned; empty
    #: when there is none.
    checkpoint: str = ""
    #: Up to this size of the log its signatures are good.
    last_good_size: str = msgspec.field(default="", name="lastGoodSize")
    #: Why it was done.
    reason: FreeText | None = None
    #: The key, in the form of a vkey.
    vkey: str = ""


class LogForked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Events that a checkpoint covered were lost, and the log goes on without them:
    checkpoints of larger sizes than the one recovered are not of this history.
    """

    #: Position of the first event that was lost.
    first_lost: str = msgspec.field(default="", name="firstLost")
    #: Position of the last event that was lost, as far as is known.
    last_lost: str = msgspec.field(default="", name="lastLost")
    #: The last checkpoint of the history that was lost, as a signed note.
    old_checkpoint: str = msgspec.field(default="", name="oldCheckpoint")
    #: Why, and who agreed.
    reason: FreeText | None = None
    #: Merkle root over them, in hexadecimal.
    recovered_root: str = msgspec.field(default="", name="recoveredRoot")
    #: How many events were recovered.
    recovered_size: str = msgspec.field(default="", name="recoveredSize")


class LogWitnessed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A cosigned checkpoint was written into the log it is of: every event after
    this one was recorded later than its cosignatures say.
    """

    #: The checkpoint, as a signed note with cosignatures.
    checkpoint: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class ModelCreated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A model was created; its stream is `models/{name}` for ever."""

    #: Its card.
    card: FreeText | None = None
    #: Its description.
    description: FreeText | None = None
    #: What it is: the name of a regesta.v1.ModelKind without its prefix, for
    #: example `ADAPTER`.
    kind: str = ""
    #: Tags with longer values, which are kept beside the log.
    long_tags: dict[str, FreeText] = msgspec.field(default_factory=dict, name="longTags")
    #: Its name.
    name: str = ""
    #: Who answers for it.
    owner: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: Tags with values of at most 1,024 characters.
    tags: dict[str, str] = {}


class ModelUpdated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Owner, description or card of a model changed; what is absent stayed."""

    #: The new card.
    card: FreeText | None = None
    #: The new description.
    description: FreeText | None = None
    #: The new owner.
    owner: str | None = None
    #: Why it was done.
    reason: FreeText | None = None


class ModelRenamed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A model got a new name; the old one keeps resolving to it."""

    #: The name before.
    from_name: str = msgspec.field(default="", name="fromName")
    #: Why it was done.
    reason: FreeText | None = None
    #: The name from now on.
    to_name: str = msgspec.field(default="", name="toName")


class ModelDeleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A model was deleted: hidden and restorable."""

    #: Why it was done.
    reason: FreeText | None = None


class ModelRestored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A deleted model was brought back."""

    #: Why it was done.
    reason: FreeText | None = None


class NamespaceCreated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A namespace was created: the first event of its log, in the stream
    `namespace`.
    """

    #: Its name.
    name: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class HoldPlaced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Texts must not be erased until this hold is released; the stream of this and
    the other events about texts beside the log is `privacy`.
    """

    #: The hold's name.
    hold: str = ""
    #: The matter it serves, for example the number of a case.
    matter: str = ""
    #: Of what: the model, by its first name, whose texts and those of its versions
    #: and aliases are held; empty for no one model's. With neither, all texts of
    #: the namespace are held.
    model: str = ""
    #: Of whom: the principal whose texts are held; empty for no one person's.
    person: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class HoldReleased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A hold ended."""

    #: The hold's name.
    hold: str = ""
    #: Why it was done.
    reason: FreeText | None = None


class PersonalDataErased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Texts beside the log were erased, in the transaction that appended this.
    Records still hold their digests.
    """

    #: Digests of the texts that this event erased, in the order of their events.
    digests: tuple[str, ...] = ()
    #: The position of the event whose texts were chosen; 0 when others were.
    event_position: str = msgspec.field(default="", name="eventPosition")
    #: On what ground, for example `GDPR Art. 17(1)(b)`.
    legal_basis: str = msgspec.field(default="", name="legalBasis")
    #: The number of this event among those of its request: 1, 2, 3 …
    part: int = 0
    #: The principal whose texts were chosen; empty when others were.
    person: str = ""
    #: Why it was done.
    reason: FreeText | None = None
    #: The stream whose texts, and those of the streams below it, were chosen;
    #: empty when others were.
    stream: str = ""
    #: How many texts the whole request erased, this and the others of its events.
    total: int = 0


class RetentionDefined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """From when on the bodies of events may be kept in archives only; a later one
    takes the place of this.
    """

    #: Bodies that are younger than this many days stay in the log. 0 ends it: no
    #: further body may be archived.
    keep_days: int = msgspec.field(default=0, name="keepDays")
    #: Why it was done.
    reason: FreeText | None = None


class BodiesReleased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The bodies of all events up to a position may be kept in archives only; their
    hashes, and the columns beside them, stay.
    """

    #: Size of the checkpoint that an archive must at least come under: the newest
    #: one when this was decided. It covers `through`.
    checkpoint_size: str = msgspec.field(default="", name="checkpointSize")
    #: Why it was done.
    reason: FreeText | None = None
    #: Merkle root of that checkpoint, in hexadecimal.
    root: str = ""
    #: The position, a multiple of 256, so that whole tiles are archived.
    through: str = ""


class VersionRegistered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An immutable version was registered; its stream is
    `models/{model}/versions/{version}`.
    """

    #: Its card.
    card: FreeText | None = None
    #: Its description.
    description: FreeText | None = None
    #: The artifact's content digest.
    digest: str = ""
    #: Where it comes from.
    lineage: Lineage | None = None
    #: Tags with longer values, which are kept beside the log.
    long_tags: dict[str, FreeText] = msgspec.field(default_factory=dict, name="longTags")
    #: The list of files.
    manifest: ManifestReference | None = None
    #: Training metrics.
    metrics: dict[str, str] = {}
    #: Hyperparameters.
    params: dict[str, str] = {}
    #: Typed facts.
    properties: dict[str, PropertyValue] = {}
    #: Why it was done.
    reason: FreeText | None = None
    #: Whether a version in this stage is resolved: `open` or `closed`, as the
    #: lifecycle that was defined says; empty under the default lifecycle, where
    #: only `archived` is closed.
    resolution: str = ""
    #: Its SemVer label, if it came with one.
    semver: str = ""
    #: Inputs and outputs.
    signature: Signature | None = None
    #: The artifact's size in bytes.
    size_bytes: str = msgspec.field(default="", name="sizeBytes")
    #: Where the artifact is.
    source: str = ""
    #: The stage it begins in.
    stage: str = ""
    #: Tags with values of at most 1,024 characters.
    tags: dict[str, str] = {}
    #: Its number.
    version: int = 0


class VersionSemverLabelled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version got its SemVer label."""

    #: Why it was done.
    reason: FreeText | None = None
    #: The label.
    semver: str = ""


class VersionUpdated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Description or card of a version changed; what is absent stayed."""

    #: The new card.
    card: FreeText | None = None
    #: The new description.
    description: FreeText | None = None
    #: Why it was done.
    reason: FreeText | None = None


class VersionDeleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version was deleted: hidden and restorable."""

    #: Why it was done.
    reason: FreeText | None = None


class VersionRestored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A deleted version was brought back."""

    #: Why it was done.
    reason: FreeText | None = None


class StageChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A version moved to another stage."""

    #: The version that this one made room for in the stage before, which enters it
    #: in the same append or is in it already; 0 when it was moved for its own sake.
    displaced_by: int = msgspec.field(default=0, name="displacedBy")
    #: SHA-256, in hex, of what the policies looked at; empty without policies.
    evidence_digest: str = msgspec.field(default="", name="evidenceDigest")
    #: The stage before.
    from_stage: str = msgspec.field(default="", name="fromStage")
    #: Whether the version only passes through the stage from now on: the next
    #: event of its stream, in the same append, moves it on.
    passing: bool = False
    #: The policies by which it was decided.
    policies: tuple[PolicyDecision, ...] = ()
    #: Why it was done.
    reason: FreeText | None = None
    #: The request that it carries out; empty without one.
    request: str = ""
    #: Whether a version in the stage from now on is resolved: `open` or `closed`,
    #: as the lifecycle that was defined says; empty under the default lifecycle,
    #: where only `archived` is closed.
    resolution: str = ""
    #: The stage from now on.
    to_stage: str = msgspec.field(default="", name="toStage")


Event: TypeAlias = (
    AliasProtected
    | AliasRemoved
    | AliasSet
    | BodiesReleased
    | CommentAdded
    | CommentEdited
    | DocumentPut
    | DocumentRemoved
    | EvaluationRecorded
    | FlagRaised
    | FlagResolved
    | HeadsCommitted
    | HoldPlaced
    | HoldReleased
    | KeyCompromised
    | KeyRotated
    | LifecycleDefined
    | LifecycleRemoved
    | LogForked
    | LogWitnessed
    | ModelCreated
    | ModelDeleted
    | ModelRenamed
    | ModelRestored
    | ModelUpdated
    | NamespaceCreated
    | PersonalDataErased
    | PolicyDefined
    | PolicyRemoved
    | PrincipalRegistered
    | RetentionDefined
    | RoleGranted
    | RoleRevoked
    | StageChanged
    | StageTaken
    | TagsRemoved
    | TagsSet
    | TokenIssued
    | TokenRevoked
    | TransitionApproved
    | TransitionCancelled
    | TransitionCompleted
    | TransitionExpired
    | TransitionRejected
    | TransitionRequested
    | VersionDeleted
    | VersionRegistered
    | VersionRestored
    | VersionRevoked
    | VersionRolledBack
    | VersionSemverLabelled
    | VersionUpdated
)

#: Every event type by its short name.
EVENTS: dict[str, type[Event]] = {
    "AliasProtected": AliasProtected,
    "AliasRemoved": AliasRemoved,
    "AliasSet": AliasSet,
    "BodiesReleased": BodiesReleased,
    "CommentAdded": CommentAdded,
    "CommentEdited": CommentEdited,
    "DocumentPut": DocumentPut,
    "DocumentRemoved": DocumentRemoved,
    "EvaluationRecorded": EvaluationRecorded,
    "FlagRaised": FlagRaised,
    "FlagResolved": FlagResolved,
    "HeadsCommitted": HeadsCommitted,
    "HoldPlaced": HoldPlaced,
    "HoldReleased": HoldReleased,
    "KeyCompromised": KeyCompromised,
    "KeyRotated": KeyRotated,
    "LifecycleDefined": LifecycleDefined,
    "LifecycleRemoved": LifecycleRemoved,
    "LogForked": LogForked,
    "LogWitnessed": LogWitnessed,
    "ModelCreated": ModelCreated,
    "ModelDeleted": ModelDeleted,
    "ModelRenamed": ModelRenamed,
    "ModelRestored": ModelRestored,
    "ModelUpdated": ModelUpdated,
    "NamespaceCreated": NamespaceCreated,
    "PersonalDataErased": PersonalDataErased,
    "PolicyDefined": PolicyDefined,
    "PolicyRemoved": PolicyRemoved,
    "PrincipalRegistered": PrincipalRegistered,
    "RetentionDefined": RetentionDefined,
    "RoleGranted": RoleGranted,
    "RoleRevoked": RoleRevoked,
    "StageChanged": StageChanged,
    "StageTaken": StageTaken,
    "TagsRemoved": TagsRemoved,
    "TagsSet": TagsSet,
    "TokenIssued": TokenIssued,
    "TokenRevoked": TokenRevoked,
    "TransitionApproved": TransitionApproved,
    "TransitionCancelled": TransitionCancelled,
    "TransitionCompleted": TransitionCompleted,
    "TransitionExpired": TransitionExpired,
    "TransitionRejected": TransitionRejected,
    "TransitionRequested": TransitionRequested,
    "VersionDeleted": VersionDeleted,
    "VersionRegistered": VersionRegistered,
    "VersionRestored": VersionRestored,
    "VersionRevoked": VersionRevoked,
    "VersionRolledBack": VersionRolledBack,
    "VersionSemverLabelled": VersionSemverLabelled,
    "VersionUpdated": VersionUpdated,
}

"""Every write that an importer can claim, and what it needs to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import regesta
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2, model_pb2, version_pb2
from regesta.v1 import governance_pb2 as gov

if TYPE_CHECKING:
    from collections.abc import Callable

DRIFT = flag_pb2.Flag(id="drift", severity=flag_pb2.FLAG_SEVERITY_WARNING)
GOOD = gov.Evaluation(dataset="holdout", method="benchmark", metrics={"auc": 0.9})
GATE = gov.Policy(
    stages=["staging"],
    evaluations=[gov.EvaluationRequirement(dataset="holdout", max_age_seconds=3_600)],
)
ONE = gov.Lifecycle(models=["churn"], stages=[gov.LifecycleStage(name="only")])


def held(client: regesta.Client, what: str) -> None:
    """Let two versions have an alias or a stage, one after the other."""
    for number in (1, 2):
        client.register("churn")
        if what == "aliases":
            client.set_alias("churn@champion", version=number)
        else:
            client.transition_version(f"churn/{number}", stage="production", through=True)


#: Each write that can be claimed, by the event that it ends with: what it needs to be there,
#: and the call.
CALLS: dict[str, tuple[Callable[[regesta.Client], object], Callable[..., object]]] = {
    "ModelCreated": (
        lambda _: None,
        lambda client, **how: client.create_model("churn", model=model_pb2.Model(), **how),
    ),
    "ModelUpdated": (
        lambda client: client.register("churn"),
        lambda client, **how: client.update_model(
            model_pb2.Model(name="churn", owner="risk"), update_mask=["owner"], **how
        ),
    ),
    "ModelRenamed": (
        lambda client: client.register("churn"),
        lambda client, **how: client.rename_model("churn", new_model_id="leavers", **how),
    ),
    "ModelDeleted": (
        lambda client: client.register("churn"),
        lambda client, **how: client.delete_model("churn", **how),
    ),
    "ModelRestored": (
        lambda client: (client.register("churn"), client.delete_model("churn")),
        lambda client, **how: client.restore_model("churn", **how),
    ),
    "VersionRegistered": (
        lambda client: client.create_model("churn", model=model_pb2.Model()),
        lambda client, **how: client.register_version(
            "churn", version=version_pb2.Version(), **how
        ),
    ),
    "VersionUpdated": (
        lambda client: client.register("churn"),
        lambda client, **how: client.update_version(
            version_pb2.Version(name="churn/1", card="# Card"), update_mask=["card"], **how
        ),
    ),
    "VersionSemverLabelled": (
        lambda client: client.register("churn"),
        lambda client, **how: client.label_version("churn/1", semver="1.0.0", **how),
    ),
    "VersionDeleted": (
        lambda client: client.register("churn"),
        lambda client, **how: client.delete_version("churn/1", **how),
    ),
    "VersionRestored": (
        lambda client: (client.register("churn"), client.delete_version("churn/1")),
        lambda client, **how: client.restore_version("churn/1", **how),
    ),
    "TagsSet": (
        lambda client: client.register("churn"),
        lambda client, **how: client.set_tags("churn/1", tags={"a": "1"}, **how),
    ),
    "TagsRemoved": (
        lambda client: client.register("churn", tags={"a": "1"}),
        lambda client, **how: client.remove_tags("churn/1", keys=["a"], **how),
    ),
    "AliasSet": (
        lambda client: client.register("churn"),
        lambda client, **how: client.set_alias("churn@champion", version=1, **how),
    ),
    "AliasRemoved": (
        lambda client: (client.register("churn"), client.set_alias("churn@champion", version=1)),
        lambda client, **how: client.remove_alias("churn@champion", **how),
    ),
    "StageChanged": (
        lambda client: client.register("churn"),
        lambda client, **how: client.transition_version("churn/1", stage="staging", **how),
    ),
    "CommentAdded": (
        lambda client: client.register("churn"),
        lambda client, **how: client.add_comment("churn/1", text="slow", **how),
    ),
    "CommentEdited": (
        lambda client: (client.register("churn"), client.add_comment("churn/1", text="slow")),
        lambda client, **how: client.edit_comment(
            client.list_comments("churn/1").comments[0].name, text="fast", **how
        ),
    ),
    "AliasProtected": (
        lambda client: (client.register("churn"), client.set_alias("churn@champion", version=1)),
        lambda client, **how: client.protect_alias("churn@champion", pinned=True, **how),
    ),
    "VersionRolledBack": (
        lambda client: held(client, "aliases"),
        lambda client, **how: client.rollback_alias("churn@champion", **how),
    ),
    "VersionRolledBack of a stage": (
        lambda client: held(client, "stages"),
        lambda client, **how: client.rollback_stage("churn", stage="production", **how),
    ),
    "AliasSet among others": (
        lambda client: client.register("churn"),
        lambda client, **how: client.move_aliases(
            [
                pb.AliasMove(
                    name=f"namespaces/{client.namespace}/models/churn/aliases/{alias}", version=1
                )
                for alias in ("champion", "first")
            ],
            **how,
        ),
    ),
    "FlagRaised": (
        lambda client: client.register("churn"),
        lambda client, **how: client.raise_flag("churn/1", flag=DRIFT, **how),
    ),
    "FlagResolved": (
        lambda client: (client.register("churn"), client.raise_flag("churn/1", flag=DRIFT)),
        lambda client, **how: client.resolve_flag("churn/1", flag_id="drift", **how),
    ),
    "VersionRevoked": (
        lambda client: client.register("churn"),
        lambda client, **how: client.revoke_version("churn/1", category="licence", **how),
    ),
    "EvaluationRecorded": (
        lambda client: client.register("churn"),
        lambda client, **how: client.record_evaluation("churn/1", evaluation=GOOD, **how),
    ),
    "PolicyDefined": (
        lambda _: None,
        lambda client, **how: client.define_policy("gate", policy=GATE, **how),
    ),
    "PolicyRemoved": (
        lambda client: client.define_policy("gate", policy=GATE),
        lambda client, **how: client.remove_policy(
            f"namespaces/{client.namespace}/policies/gate", **how
        ),
    ),
    "LifecycleDefined": (
        lambda _: None,
        lambda client, **how: client.define_lifecycle("one", lifecycle=ONE, **how),
    ),
    "LifecycleRemoved": (
        lambda client: client.define_lifecycle("one", lifecycle=ONE),
        lambda client, **how: client.remove_lifecycle(
            f"namespaces/{client.namespace}/lifecycles/one", **how
        ),
    ),
    "DocumentPut": (
        lambda _: None,
        lambda client, **how: client.put_document("webhooks/w1", content="{}", **how),
    ),
    "DocumentRemoved": (
        lambda client: client.put_document("webhooks/w1", content="{}"),
        lambda client, **how: client.remove_document("webhooks/w1", **how),
    ),
}

"""The latest version in each stage of some models, over a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import regesta
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2, version_pb2

if TYPE_CHECKING:
    from tests.support.refusing import Refusing


def shown(answer: pb.ListLatestVersionsResponse) -> list[tuple[str, str]]:
    return [
        (version.name.partition("/models/")[2].replace("/versions/", "/"), version.stage)
        for version in answer.versions
    ]


def test_the_latest_of_each_stage_are_what_a_client_sees_of_its_own_writes(
    client: regesta.Client,
):
    for name in ("churn", "fraud"):
        for _ in range(4):
            client.register(name)
    client.create_model("empty", model=model_pb2.Model())
    for number in (3, 1):
        for stage in ("staging", "production"):
            client.transition_version(f"churn/{number}", stage=stage)
    client.set_alias("churn@champion", version=3)

    answer = client.list_latest_versions(["fraud", "churn", "empty", "nobody"])

    assert [
        ("fraud/4", "development"),
        ("churn/3", "production"),
        ("churn/4", "development"),
    ] == shown(answer)
    assert client.position == answer.position
    assert client.get_version("churn/3").SerializeToString(deterministic=True) == answer.versions[
        1
    ].SerializeToString(deterministic=True)

    client.delete_version("churn/3")
    client.delete_model("fraud")
    names = [f"namespaces/{client.namespace}/models/churn", "models/fraud"]
    assert [("churn/1", "production"), ("churn/4", "development")] == shown(
        client.list_latest_versions(names)
    )


def test_names_are_of_the_namespace_that_is_asked(client: regesta.Client):
    elsewhere = f"{client.namespace}-2"
    client.create_namespace(elsewhere)
    with regesta.Client(client._transport._target, namespace=elsewhere) as other:
        other.register("churn")

    assert [("churn/1", "development")] == shown(
        client.list_latest_versions(["churn"], parent=elsewhere)
    )


def test_what_would_be_too_long_is_asked_for_again(client: regesta.Client):
    names = [f"model-{number}" for number in range(5)]
    for name in names:
        client.register_version(
            name, version=version_pb2.Version(card="x" * 900_000), allow_missing_model=True
        )

    first = client.list_latest_versions(names)
    assert 3 == len(first.versions)
    assert [f"namespaces/{client.namespace}/models/model-{n}" for n in (3, 4)] == list(
        first.unanswered
    )
    rest = client.list_latest_versions(list(first.unanswered))
    assert [f"{name}/1" for name in names[3:]] == [name for name, _ in shown(rest)]
    assert [] == list(rest.unanswered)


def test_a_thousand_models_may_be_asked_for_at_once(refusing: Refusing):
    request = pb.ListLatestVersionsRequest(
        parent=refusing.parent,
        models=[
            *(f"{refusing.parent}/models/nobody-{number}" for number in range(999)),
            refusing.model,
        ],
    )
    answer = refusing.wire.call("ListLatestVersions", request).answer
    assert 1 == len(answer.versions)

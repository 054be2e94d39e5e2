"""What requests are about, as grants see it."""

from __future__ import annotations

import pytest

from regesta.v1 import access_service_pb2 as access_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1 import model_pb2, version_pb2, watch_service_pb2
from regesta_service import wiring
from regesta_service.api.methods import _scope
from regesta_service.api.targets import Item, target_of

NAMESPACE = "namespaces/acme"
CHURN = f"{NAMESPACE}/models/churn"
SCOPES = {
    method.input_type.full_name: _scope(method)
    for file in wiring.FILES
    for service in file.services_by_name.values()
    for method in service.methods
}


def of(request):
    return target_of(request, SCOPES[request.DESCRIPTOR.full_name])


@pytest.mark.parametrize(
    ("request_", "item"),
    [
        (pb.GetModelRequest(name=CHURN), Item("churn")),
        (pb.CreateModelRequest(parent=NAMESPACE, model_id="churn"), Item("churn")),
        (pb.RegisterVersionRequest(parent=CHURN), Item("churn")),
        (
            pb.RegisterVersionRequest(
                parent=CHURN,
                version=version_pb2.Version(
                    tags={"approved": "yes"},
                    source=f"{NAMESPACE}/models/other",
                    lineage=version_pb2.Lineage(parents=[f"{NAMESPACE}/models/base/versions/1"]),
                ),
            ),
            Item("churn", tags=("approved",)),
        ),
        (
            pb.UpdateModelRequest(model=model_pb2.Model(name=CHURN, description=f"{CHURN}x")),
            Item("churn"),
        ),
        (pb.SetTagsRequest(name=CHURN, tags={"b": "", "a": ""}), Item("churn", tags=("a", "b"))),
        (
            pb.RemoveTagsRequest(name=f"{CHURN}/versions/3", keys=["approved"]),
            Item("churn", 3, tags=("approved",)),
        ),
        (
            pb.SetAliasRequest(
                name=f"{CHURN}/aliases/champion",
                version=3,
                reason=f"{CHURN}x",
                occurred_by=f"{CHURN}x",
            ),
            Item("churn", 3, "champion"),
        ),
        (
            lifecycle_pb.TransitionVersionRequest(
                name=f"{CHURN}/versions/3", stage="production", from_stage="staging"
            ),
            Item("churn", 3, stage="production", from_stage="staging"),
        ),
        (
            pb.ResolveVersionRequest(parent=NAMESPACE, address="churn@champion"),
            Item("churn", alias="champion"),
        ),
        (
            pb.ResolveVersionRequest(parent=NAMESPACE, address="churn#production"),
            Item("churn", stage="production"),
        ),
        (pb.ResolveVersionRequest(parent=NAMESPACE, address="churn/3"), Item("churn", 3)),
        (pb.SearchVersionsRequest(parent=CHURN, filter="x"), Item("churn")),
        (pb.ListLatestVersionsRequest(parent=NAMESPACE, models=[CHURN]), Item("churn")),
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:60]!r}",
)
def test_a_request_about_one_model(request_, item):
    target = of(request_)
    assert ((item,), True) == (target.items, target.one_model)


@pytest.mark.parametrize(
    "request_",
    [
        pb.ListModelsRequest(parent=NAMESPACE),
        pb.SearchVersionsRequest(parent=NAMESPACE, filter='model = "churn"'),
        pb.ResolveVersionRequest(parent=NAMESPACE, address="sha256:" + "ab" * 32),
        pb.ResolveVersionRequest(parent=NAMESPACE, address="no address"),
        pb.GetModelRequest(name=f"{NAMESPACE}/models/"),
        pb.ListLatestVersionsRequest(parent=NAMESPACE),
        pb.ListLatestVersionsRequest(parent=NAMESPACE, models=["churn"]),
        pb.ListLatestVersionsRequest(parent=NAMESPACE, models=[CHURN, f"{NAMESPACE}/models/b"]),
        access_pb.WhoCanRequest(parent=NAMESPACE, model="churn"),
        watch_service_pb2.SubscribeRequest(parent=NAMESPACE),
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:60]!r}",
)
def test_a_request_about_the_namespace(request_):
    assert not of(request_).one_model


def test_a_filter_by_models_reaches_beyond_them():
    # Events of a model may name others, and of a stream it is not sure whose it is.
    request = watch_service_pb2.SubscribeRequest(parent=NAMESPACE)
    request.filter.resources.append(CHURN)
    assert not of(request).one_model


def test_a_grant_of_a_role_says_which_and_to_whom():
    request = access_pb.GrantRoleRequest(parent=NAMESPACE, group="ml", role="admin")
    assert (Item(role="admin", grantee="ml"),) == of(request).items


def test_a_request_for_several_models_is_about_each():
    request = pb.ListLatestVersionsRequest(
        parent=NAMESPACE, models=[CHURN, f"{NAMESPACE}/models/fraud"]
    )
    assert (Item("churn"), Item("fraud")) == of(request).items


def test_a_request_that_names_two_is_about_both():
    request = pb.UpdateVersionRequest(
        version=version_pb2.Version(name=f"{CHURN}/versions/3", version=7)
    )
    assert (Item("churn", 3), Item("churn", 7)) == of(request).items

"""What lifecycles that teams define say of a stage decides what is resolved, now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import governance_pb2 as governance_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

#: `gone` is closed, and `archived` is a stage like any other.
OURS = governance_pb.Lifecycle(
    stages=[
        governance_pb.LifecycleStage(name="archived", moves_to=["live", "gone"]),
        governance_pb.LifecycleStage(
            name="live", moves_to=["gone"], exclusive=True, displaced_to="archived"
        ),
        governance_pb.LifecycleStage(name="gone", moves_to=["archived"], closed=True),
    ]
)
BLOCKING = flag_pb.Flag(id="bias", severity=flag_pb.FLAG_SEVERITY_CRITICAL, blocking=True)


@pytest.fixture
def ours(client: regesta.Client) -> regesta.Client:
    """Two versions in `archived`, which is open here; the second is the champion."""
    client.define_lifecycle(lifecycle_id="ours", lifecycle=OURS)
    client.register("churn", semver="1.0.0")
    client.register("churn", semver="1.1.0")
    client.set_alias("churn@champion", version=2)
    return client


def test_a_closed_stage_is_not_resolved_whatever_its_name(
    ours: regesta.Client, server_database: LiveDatabase
):
    for address in ("churn@champion", "churn@latest", "churn@^1.0", "churn#archived"):
        assert 2 == ours.resolve(address).version
    before = ours.position
    ours.transition_version("churn/2", stage="gone")
    then = ours.position
    ours.set_tags("churn/2", tags={"a": "1"})
    for moment in (None, then, ours.position):
        for address in ("churn@champion", "churn#gone"):
            with pytest.raises(regesta.PreconditionFailed) as caught:
                ours.resolve(address, as_of=moment)
            assert "VERSION_ARCHIVED" == caught.value.reason
        for address in ("churn@latest", "churn@^1.0", "churn#archived"):
            assert 1 == ours.resolve(address, as_of=moment).version
    assert 2 == ours.resolve("churn@champion", as_of=before).version
    with pytest.raises(regesta.PreconditionFailed):
        ours.set_alias("churn@other", version=2)

    listed = list(ours.versions(as_of=ours.position))
    assert listed == list(ours.versions())
    dsn, namespace = server_database.service_dsn, ours.namespace
    assert () == verify(dsn, namespace).findings
    rebuild(dsn, namespace, linger=0)
    assert () == verify(dsn, namespace).findings
    assert listed == list(ours.versions(as_of=ours.position)) == list(ours.versions())
    # Moved back, it is resolved again.
    ours.transition_version("churn/2", stage="archived")
    assert 2 == ours.resolve("churn@champion").version


def test_a_flagged_version_may_move_to_a_closed_stage_only(ours: regesta.Client):
    ours.raise_flag("churn/2", flag=BLOCKING)
    with pytest.raises(regesta.PreconditionFailed) as caught:
        ours.transition_version("churn/2", stage="live")
    assert "VERSION_FLAGGED" == caught.value.reason
    assert "gone" == ours.transition_version("churn/2", stage="gone").stage
    with pytest.raises(regesta.PreconditionFailed) as caught:
        ours.transition_version("churn/2", stage="archived")
    assert "VERSION_FLAGGED" == caught.value.reason


def test_a_flag_on_the_holder_of_a_stage_does_not_keep_its_successor_out(ours: regesta.Client):
    ours.transition_version("churn/2", stage="live")
    ours.raise_flag("churn/2", flag=BLOCKING)
    assert "live" == ours.transition_version("churn/1", stage="live").stage
    assert "archived" == ours.get_version("churn/2").stage
    assert 1 == ours.resolve("churn#live").version
    with pytest.raises(regesta.PreconditionFailed) as caught:
        ours.resolve("churn#archived")
    assert "VERSION_FLAGGED" == caught.value.reason

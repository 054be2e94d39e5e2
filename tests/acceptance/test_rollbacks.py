"""Rollbacks, release sets, protected and pinned aliases over a real channel."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import governance_pb2 as governance_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.every_engine


@pytest.fixture
def churn(client: regesta.Client) -> regesta.Client:
    """A client of a namespace where `champion` pointed to 1, 2 and 3, and all are in production."""
    for number in (1, 2, 3):
        client.register("churn")
        client.transition_version(f"churn/{number}", stage="staging")
        client.transition_version(f"churn/{number}", stage="production")
        client.set_alias("churn@champion", version=number)
    return client


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(regesta.RegestaError) as caught:
        call()
    return caught.value.reason, str(caught.value)


def numbers(client: regesta.Client) -> tuple[int, int]:
    return (
        client.resolve("churn@champion").version,
        client.resolve("churn#production").version,
    )


def test_a_rollback_goes_back_one_at_a_time_and_time_travel_knows(churn: regesta.Client):
    before = churn.position
    assert (2, 3) == (
        (alias := churn.rollback_alias("churn@champion", reason="slow")).version,
        alias.previous_version,
    )
    assert 2 == churn.rollback_stage("churn", stage="production", reason="slow").version
    assert (2, 2) == numbers(churn)
    assert 1 == churn.rollback_alias("churn@champion").version
    assert 1 == churn.rollback_stage("churn", stage="production").version
    assert (1, 1) == numbers(churn)
    assert "NOTHING_TO_ROLL_BACK" == refused(lambda: churn.rollback_alias("churn@champion"))[0]
    assert (
        "NOTHING_TO_ROLL_BACK"
        == refused(lambda: churn.rollback_stage("churn", stage="production"))[0]
    )

    # 1 alias event and 2 of the stage, twice.
    assert before + 6 == churn.position
    for at, meant in enumerate(((3, 3), (2, 3), (2, 2), (2, 2), (1, 2), (1, 1), (1, 1))):
        found = [
            churn.resolve(address, as_of=before + at).version
            for address in ("churn@champion", "churn#production")
        ]
        assert meant == tuple(found), at
    assert ["production", "staging", "staging"] == [
        churn.get_version(f"churn/{number}").stage for number in (1, 2, 3)
    ]
    assert {"champion": 1} == dict(churn.get_model("churn").aliases)


def test_what_happened_by_a_time_knows_rollbacks_too(churn: regesta.Client):
    churn.rollback_alias("churn@champion")
    churn.rollback_stage("churn", stage="production")
    last = next(iter(churn.history("churn", include_children=True)))
    moment = regesta.Occurred(last.record_time.ToDatetime(tzinfo=UTC))
    assert 2 == churn.resolve("churn@champion", as_of=moment).version
    assert 2 == churn.resolve("churn#production", as_of=moment).version
    trace = churn.trace("churn@champion")
    assert trace.decision is not None
    assert ("VersionRolledBack", "churn/versions/2") == (
        trace.decision.type,
        trace.version.partition("/models/")[2],
    )
    staged = churn.trace("churn#production")
    assert ("VersionRolledBack", "production") == (staged.moves[-1].type, staged.stage)


def test_an_exclusive_stage_is_rolled_back_to_the_version_that_gave_way(client: regesta.Client):
    stages = [
        governance_pb.LifecycleStage(name="draft", moves_to=["live"]),
        governance_pb.LifecycleStage(
            name="live", moves_to=["gone"], exclusive=True, displaced_to="gone"
        ),
        governance_pb.LifecycleStage(name="gone", closed=True),
    ]
    client.define_lifecycle("strict", lifecycle=governance_pb.Lifecycle(stages=stages))
    for number in (1, 2, 3):
        client.register("churn")
        client.transition_version(f"churn/{number}", stage="live")
    for expected in (2, 1):
        before = client.position
        back = client.rollback_stage("churn", stage="live")
        # Both moves, and who takes the exclusive stage.
        assert (expected, "live", before + 3) == (back.version, back.stage, client.position)
    assert ["live", "draft", "draft"] == [
        client.get_version(f"churn/{number}").stage for number in (1, 2, 3)
    ]
    # Who enters next displaces the one that came back.
    client.transition_version("churn/3", stage="live")
    assert "gone" == client.get_version("churn/1").stage
    assert 1 == client.rollback_stage("churn", stage="live").version


def test_a_reason_is_told_of_each_event_of_a_rollback(churn: regesta.Client):
    churn.rollback_stage("churn", stage="production", reason="too slow")
    events = list(churn.history("churn", include_children=True))[:2]
    assert ["too slow"] * 2 == [event.disclosures[0].text for event in events]
    assert ["models/churn/versions/2", "models/churn/versions/3"] == [
        event.stream for event in events
    ]


def test_a_repeated_rollback_is_done_once(churn: regesta.Client):
    request_id = str(uuid.uuid4())
    for call in (
        lambda: churn.rollback_alias("churn@champion", request_id=request_id),
        lambda: churn.rollback_stage("churn", stage="production", request_id=request_id + "-s"),
    ):
        once = call()
        position = churn.position
        assert once == call()
        assert position == churn.get_head().position
    # Also when nothing is left to go back to.
    last = churn.rollback_alias("churn@champion", request_id="last")
    assert 1 == last.version
    assert last == churn.rollback_alias("churn@champion", request_id="last")


def test_a_rollback_expects_and_chooses(churn: regesta.Client):
    assert ("HOLDER_MISMATCH", "HOLDER_MISMATCH") == (
        refused(lambda: churn.rollback_alias("churn@champion", expected_version=2))[0],
        refused(lambda: churn.rollback_stage("churn", stage="production", expected_version=2))[0],
    )
    churn.delete_version("churn/2")
    reason, said = refused(lambda: churn.rollback_alias("churn@champion"))
    assert "CANNOT_COME_BACK" == reason
    assert "to_version: 1" in said
    assert 1 == churn.rollback_alias("churn@champion", to_version=1, expected_version=3).version
    back = churn.rollback_stage("churn", stage="production", to_version=1, expected_version=3)
    assert (1, "production") == (back.version, back.stage)
    churn.set_alias("churn@champion", version=3)
    wrong = refused(lambda: churn.rollback_alias("churn@champion", to_version=9))
    assert ("NEVER_HELD", True) == (wrong[0], wrong[1].endswith("before 3, but 1"))


def test_a_model_and_an_alias_that_are_not_there_are_not_rolled_back(client: regesta.Client):
    assert "MODEL_NOT_FOUND" == refused(lambda: client.rollback_alias("churn@champion"))[0]
    assert "MODEL_NOT_FOUND" == refused(lambda: client.rollback_stage("churn", stage="staging"))[0]
    client.register("churn")
    assert "ALIAS_NOT_FOUND" == refused(lambda: client.rollback_alias("churn@champion"))[0]
    assert (
        "NOTHING_TO_ROLL_BACK"
        == refused(lambda: client.rollback_stage("churn", stage="staging"))[0]
    )
    assert "MOVE_NOT_ALLOWED" == refused(lambda: client.rollback_stage("churn", stage="gone"))[0]


def test_a_renamed_model_is_rolled_back_by_any_of_its_names(churn: regesta.Client):
    churn.rename_model("churn", new_model_id="leavers")
    assert 2 == churn.rollback_alias("churn@champion").version
    back = churn.rollback_stage("LEAVERS", stage="production")
    assert f"namespaces/{churn.namespace}/models/leavers/versions/2" == back.name


def test_a_pinned_alias_is_moved_by_nobody(churn: regesta.Client):
    pinned = churn.protect_alias("churn@champion", pinned=True, reason="frozen")
    assert (True, False, "anonymous", 3) == (
        pinned.pinned,
        pinned.protected,
        pinned.pinned_by,
        pinned.version,
    )
    assert pinned == churn.get_alias("churn@champion")
    for call in (
        lambda: churn.set_alias("churn@champion", version=1),
        lambda: churn.remove_alias("churn@champion"),
        lambda: churn.rollback_alias("churn@champion"),
    ):
        reason, said = refused(call)
        assert "ALIAS_PINNED" == reason
        assert f"pinned by anonymous at {pinned.pin_time.ToJsonString()}" in said
    reason, _ = refused(lambda: churn.release({"churn@champion": 1, "churn@blue": 1}))
    assert "MOVES_REFUSED" == reason
    assert {"champion": 3} == dict(churn.get_model("churn").aliases)
    assert 3 == churn.get_version("churn/3").version
    assert ["champion"] == list(churn.get_version("churn/3", as_of=churn.position).aliases)
    churn.protect_alias("churn@champion", pinned=False)
    assert 2 == churn.rollback_alias("churn@champion").version


def test_what_a_model_showed_when_its_alias_was_protected_is_known(churn: regesta.Client):
    churn.protect_alias("churn@champion", protected=True)
    updated = churn.set_tags("churn/3", tags={"a": "1"})
    assert {"a": "1"} == dict(updated.tags)
    # An answer to a write shows aliases as of its position: protection moves none of them.
    assert ["champion"] == list(
        churn.transition_version("churn/3", stage="staging", from_stage="production").aliases
    )


def test_a_release_moves_all_or_none(client: regesta.Client):
    for model in ("churn", "fraud", "risk"):
        client.register(model)
        client.register(model)
    moved = client.release({"churn@champion": 1, "fraud@champion": 2}, reason="release 7")
    assert [("churn", 1), ("fraud", 2)] == [
        (alias.name.split("/")[3], alias.version) for alias in moved
    ]
    position = client.position
    events = list(client.events(after=position - 2))
    assert [position - 1, position] == [event.position for event in events]
    assert ["release 7"] * 2 == [event.disclosures[0].text for event in events]

    again = client.release({"churn@champion": 1, "risk@champion": 1})
    assert ([1, 1], position + 1) == ([alias.version for alias in again], client.position)

    with pytest.raises(regesta.PreconditionFailed) as caught:
        client.release({"churn@champion": 9, "fraud@champion": 1, "nobody@champion": 1})
    error = caught.value
    assert ("MOVES_REFUSED", "VERSION_NOT_FOUND: 0; MODEL_NOT_FOUND: 2") == (
        error.reason,
        error.metadata["refused"],
    )
    assert ["moves[0]", "moves[2]"] == [violation.field for violation in error.violations]
    assert position + 1 == client.get_head().position


def test_a_release_asks_the_policies_of_its_aliases(client: regesta.Client):
    client.register("churn")
    client.register("fraud")
    gate = governance_pb.Policy(aliases=["champion"], required_tags=["risk-class"])
    client.define_policy(policy_id="gate", policy=gate)
    with pytest.raises(regesta.PreconditionFailed) as caught:
        client.release({"fraud@blue": 1, "churn@champion": 1})
    assert "POLICY_NOT_MET: 1" == caught.value.metadata["refused"]
    client.set_tags("churn/1", tags={"risk-class": "high"})
    client.release({"fraud@blue": 1, "churn@champion": 1})
    (event,) = client.history("churn@champion")
    assert b'"policy":"gate"' in event.record.replace(b" ", b"")


def test_a_hundred_aliases_move_at_once_and_more_do_not(client: regesta.Client):
    client.register("churn")
    moves = {f"churn@a{at}": 1 for at in range(100)}
    assert 100 == len(client.release(moves, request_id="hundred"))
    position = client.position
    assert [1] * 100 == [alias.version for alias in client.release(moves, request_id="hundred")]
    assert position == client.get_head().position
    with pytest.raises(regesta.InvalidRequest):
        client.release(moves | {"churn@more": 1})
    with pytest.raises(regesta.PreconditionFailed) as caught:
        client.release({f"missing@a{at}": 1 for at in range(100)})
    assert caught.value.metadata["refused"].endswith("98, 99")
    with pytest.raises(regesta.InvalidRequest) as wrong:
        client.move_aliases([pb.AliasMove(name="namespaces/other/models/m/aliases/a", version=1)])
    assert ["moves[0].name"] == [violation.field for violation in wrong.value.violations]


def test_of_many_rollbacks_at_once_each_goes_one_further(
    server: ServerProcess, namespace: str, server_database: LiveDatabase
):
    count = 12
    with regesta.Client(server.address, namespace=namespace) as client:
        for number in range(1, count + 2):
            client.register("churn")
            client.transition_version(f"churn/{number}", stage="staging")
            client.transition_version(f"churn/{number}", stage="production")
            client.set_alias("churn@champion", version=number)

        back: list[int] = []
        problems: list[str] = []

        def roll(what: str) -> None:
            for _ in range(count // 4):
                while True:
                    try:
                        if what == "alias":
                            back.append(client.rollback_alias("churn@champion").version)
                        else:
                            back.append(client.rollback_stage("churn", stage="production").version)
                        break
                    except regesta.Conflict as error:
                        problems.append(error.reason)

        threads = [
            threading.Thread(target=roll, args=[what])
            for what in ("alias", "stage")
            for _ in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted([*range(1, count + 1)] * 2) == sorted(back)
        assert {"HOLDERS_CHANGED"} >= set(problems)
        assert (1, 1) == numbers(client)
        before = list(client.versions(show_deleted=True))
        aliases = list(client.list_aliases("churn").aliases)
    report = verify(server_database.service_dsn, namespace)
    assert [] == list(report.findings)
    rebuild(server_database.service_dsn, namespace, linger=0)
    with regesta.Client(server.address, namespace=namespace) as client:
        assert before == list(client.versions(show_deleted=True))
        assert aliases == list(client.list_aliases("churn").aliases)
    assert [] == list(verify(server_database.service_dsn, namespace).findings)


def test_a_rollback_and_a_promotion_at_once_never_mix(server: ServerProcess, namespace: str):
    with regesta.Client(server.address, namespace=namespace) as client:
        for number in range(1, 4):
            client.register("churn")
            client.transition_version(f"churn/{number}", stage="staging")
            if number < 3:
                client.transition_version(f"churn/{number}", stage="production")
        barrier = threading.Barrier(2)

        def promote() -> None:
            barrier.wait()
            client.transition_version("churn/3", stage="production")

        thread = threading.Thread(target=promote)
        thread.start()
        barrier.wait()
        back = client.rollback_stage("churn", stage="production")
        thread.join()
        # Before the promotion it undid 2, after it 3.
        held = client.resolve("churn#production").version
        assert (back.version, held) in {(1, 3), (2, 2)}

"""What importers claim of writes, over a real channel: when it happened, and who did it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.v1 import flag_pb2, model_pb2, version_pb2
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from tests.support.claimed_calls import CALLS, DRIFT, GATE, GOOD, held

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

pytestmark = pytest.mark.every_engine

MARCH = datetime(2024, 3, 10, 12, 30, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
BY = "Ana Lúz <ana@example.com>, then of ML"


def last_event(client: regesta.Client) -> Any:
    *_, event = client.events()
    return event


@pytest.mark.parametrize("kind", CALLS)
def test_each_write_can_be_claimed(client: regesta.Client, kind: str):
    prepare, write = CALLS[kind]
    prepare(client)
    write(client, occurred_time=MARCH, occurred_by=BY)

    event = last_event(client)
    assert (kind.partition(" ")[0], "anonymous", BY) == (
        event.type.rpartition(".")[2],
        event.actor,
        event.occurred_by,
    )
    assert MARCH == event.occurred_time.ToDatetime(UTC)
    assert datetime.now(UTC) - event.record_time.ToDatetime(UTC) < DAY
    record = json.loads(event.record)
    assert ("anonymous", BY, "2024-03-10T12:30:01.000005Z") == (
        record["authid"],
        record["occurredby"],
        record["time"],
    )


@pytest.mark.parametrize("kind", CALLS)
def test_no_write_takes_a_claim_of_the_future_or_of_two_lines(client: regesta.Client, kind: str):
    prepare, write = CALLS[kind]
    prepare(client)
    size = client.get_head().position
    with pytest.raises(regesta.InvalidRequest) as caught:
        write(client, occurred_time=datetime.now(UTC) + DAY, occurred_by="a\nb")

    assert {"occurred_time", "occurred_by"} == {one.field for one in caught.value.violations}
    assert size == client.get_head().position


def test_a_claim_is_part_of_what_a_repeated_request_says(client: regesta.Client):
    client.register("churn", occurred_at=MARCH, occurred_by="ana", request_id="r-1")
    again = client.register("churn", occurred_at=MARCH, occurred_by="ana", request_id="r-1")
    assert (1, "ana") == (again.version, again.occurred_created_by)
    with pytest.raises(regesta.RegestaError) as caught:
        client.register("churn", occurred_at=MARCH, occurred_by="ben", request_id="r-1")
    assert "REQUEST_ID_REUSED" == caught.value.reason


def test_resources_show_claims_beside_what_was_recorded(client: regesta.Client):
    # The model comes into being by the same request, so by the same claim.
    version = client.register("churn", occurred_at=MARCH, occurred_by="ana")
    model = client.get_model("churn")
    for resource in (version, model, client.get_version("churn/1")):
        assert MARCH == resource.occurred_create_time.ToDatetime(UTC)
        assert MARCH == resource.occurred_update_time.ToDatetime(UTC)
        assert ("ana", "anonymous") == (resource.occurred_created_by, resource.created_by)
        assert resource.create_time.ToDatetime(UTC) > MARCH + DAY
    client.set_tags("churn/1", tags={"a": "1"}, occurred_time=MARCH + DAY, occurred_by="ben")
    tagged = client.get_version("churn/1")
    assert MARCH + DAY == tagged.occurred_update_time.ToDatetime(UTC)
    before = client.position
    client.set_tags("churn/1", tags={"a": "2"})
    now = client.get_version("churn/1")
    assert not now.HasField("occurred_update_time")
    assert (MARCH, "ana") == (
        now.occurred_create_time.ToDatetime(UTC),
        now.occurred_created_by,
    )
    assert tagged == client.get_version("churn/1", as_of=before)
    assert [tagged] == list(client.versions("churn", as_of=before))
    assert [["tags.a"]] == [list(one.changed_fields) for one in client.changes(before)]
    client.register("fraud")
    plain = client.get_version("fraud/1")
    assert not plain.HasField("occurred_create_time")
    assert "" == plain.occurred_created_by


@pytest.fixture
def imported(client: regesta.Client) -> regesta.Client:
    """A registry into which the past of another one was brought, event by event."""
    at = (MARCH + DAY * number for number in range(100))

    def claim() -> dict[str, Any]:
        return {"occurred_time": next(at), "occurred_by": "ana"}

    client.create_model("churn", model=model_pb2.Model(), **claim())  # day 0
    for _ in range(2):  # days 1 and 2
        client.register_version("churn", version=version_pb2.Version(), **claim())
    client.set_alias("churn@Champion", version=1, **claim())  # 3
    client.set_tags("churn/1", tags={"team": "risk"}, **claim())  # 4
    client.label_version("churn/1", semver="1.0.0", **claim())  # 5
    client.transition_version("churn/1", stage="staging", **claim())  # 6
    client.set_alias("churn@Champion", version=2, **claim())  # 7
    client.remove_tags("churn/1", keys=["team"], **claim())  # 8
    client.update_model(
        model_pb2.Model(name="churn", owner="risk"), update_mask=["owner"], **claim()
    )  # 9
    client.rename_model("churn", new_model_id="leavers", **claim())  # 10
    client.delete_version("churn/1", **claim())  # 11
    client.restore_version("churn/1", **claim())  # 12
    client.remove_alias("churn@Champion", **claim())  # 13
    client.update_version(
        version_pb2.Version(name="churn/2", card="# Card"), update_mask=["card"], **claim()
    )  # 14
    client.delete_model("churn", **claim())  # 15
    client.restore_model("churn", **claim())  # 16
    return client


def by_day(number: int) -> regesta.Occurred:
    return regesta.Occurred(MARCH + DAY * number + DAY / 2)


def meant(client: regesta.Client, address: str, day: int) -> int:
    """Return the version that an address meant by a day; 0 for none."""
    try:
        return client.resolve(address, as_of=by_day(day)).version
    except (regesta.NotFound, regesta.PreconditionFailed):
        return 0


def test_what_was_claimed_counts_from_when_it_happened(imported: regesta.Client):
    days = range(17)
    champion = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0]
    assert champion == [meant(imported, "churn@Champion", day) for day in days]
    staging = [0] * 6 + [1] * 5 + [0] + [1] * 3 + [0, 1]
    assert staging == [meant(imported, "churn#staging", day) for day in days]
    labelled = [0] * 5 + [1] * 6 + [0] + [1] * 3 + [0, 1]
    assert labelled == [meant(imported, "churn@^1.0", day) for day in days]
    assert [0, 1, 2] == [meant(imported, "churn@latest", day) for day in range(3)]

    def tags(day: int) -> dict[str, str]:
        return dict(imported.get_version("churn/1", as_of=by_day(day)).tags)

    assert [{}, {"team": "risk"}, {}] == [tags(3), tags(4), tags(8)]
    assert ["", "risk"] == [imported.get_model("churn", as_of=by_day(day)).owner for day in (8, 9)]
    names = [imported.get_model("churn", as_of=by_day(day)).name for day in (9, 10)]
    assert ["churn", "leavers"] == [name.rpartition("/")[2] for name in names]
    deleted = [
        imported.get_version("churn/1", as_of=by_day(day)).HasField("delete_time")
        for day in (10, 11, 12)
    ]
    assert [False, True, False] == deleted
    deleted = [
        imported.get_model("churn", as_of=by_day(day)).HasField("delete_time")
        for day in (14, 15, 16)
    ]
    assert [False, True, False] == deleted
    assert ["", "# Card"] == [
        imported.get_version("churn/2", as_of=by_day(day)).card for day in (13, 14)
    ]
    with pytest.raises(regesta.NotFound):
        imported.get_model("churn", as_of=regesta.Occurred(MARCH - DAY))


def test_lists_and_searches_know_claims_too(imported: regesta.Client):
    found = [
        [version.version for version in imported.versions("churn", order_by="version", as_of=by)]
        for by in map(by_day, range(3))
    ]
    assert [[], [1], [1, 2]] == found
    pointed = [
        [version.version for version in imported.versions(where="alias = Champion", as_of=by)]
        for by in map(by_day, (2, 3, 7, 13))
    ]
    assert [[], [1], [2], []] == pointed
    listed = [
        {alias.name.rpartition("/")[2]: alias.version for alias in page.aliases}
        for page in (imported.list_aliases("churn", as_of=by_day(day)) for day in (2, 3, 7, 13))
    ]
    assert [{}, {"Champion": 1}, {"Champion": 2}, {}] == listed
    assert 1 == imported.get_alias("churn@Champion", as_of=by_day(3)).version


def test_as_known_then_nothing_of_it_was_there(imported: regesta.Client):
    with pytest.raises(regesta.OutOfRange):
        imported.resolve("churn@Champion", as_of=MARCH + 5 * DAY)


def test_a_claim_never_goes_behind_what_its_resource_had_been_before(client: regesta.Client):
    client.register("churn", occurred_at=MARCH)
    client.register("churn", occurred_at=MARCH)
    client.set_alias("churn@champion", version=1, occurred_time=MARCH + 2 * DAY)
    client.set_alias("churn@champion", version=2, occurred_time=MARCH + DAY)

    assert [0, 0, 2] == [meant(client, "churn@champion", day) for day in range(3)]


def test_what_was_projected_live_is_what_a_rebuild_makes(
    imported: regesta.Client, server_database: LiveDatabase
):
    namespace = imported.namespace

    def shown() -> list[bytes]:
        return [
            resource.SerializeToString(deterministic=True)
            for by in (None, by_day(5), by_day(11))
            for resources in (
                imported.models(show_deleted=True, as_of=by),
                imported.versions(show_deleted=True, as_of=by),
            )
            for resource in resources
        ]

    imported.raise_flag("churn/1", flag=DRIFT, occurred_time=MARCH + 20 * DAY, occurred_by="ana")
    imported.record_evaluation("churn/1", evaluation=GOOD, occurred_time=MARCH, occurred_by="ana")
    imported.define_policy("gate", policy=GATE, occurred_time=MARCH, occurred_by="ana")
    before = shown()
    assert 3 * 3 == len(before)
    assert [] == list(verify(server_database.service_dsn, namespace).findings)
    rebuild(server_database.service_dsn, namespace, linger=0)
    assert [] == list(verify(server_database.service_dsn, namespace).findings)
    assert before == shown()


def test_where_nothing_has_to_change_nothing_is_claimed(client: regesta.Client):
    client.register("churn")
    client.set_alias("churn@champion", version=1)
    size = client.get_head().position
    client.set_alias("churn@champion", version=1, occurred_time=MARCH, occurred_by="ana")

    assert size == client.get_head().position


def test_what_one_request_does_has_one_claim(client: regesta.Client):
    claim: dict[str, Any] = {"occurred_time": MARCH, "occurred_by": BY}
    held(client, "stages")
    before = client.get_head().position
    client.rollback_stage("churn", stage="production", **claim)
    made = list(client.events(after=before))
    assert 2 == len(made)
    for event in made:
        assert (MARCH, BY) == (event.occurred_time.ToDatetime(UTC), event.occurred_by)


def test_views_of_flags_evaluations_and_policies_go_by_the_recording(client: regesta.Client):
    claim: dict[str, Any] = {"occurred_time": MARCH, "occurred_by": BY}
    client.register("churn")
    flag = client.raise_flag("churn/1", flag=DRIFT, **claim).flag
    found = client.record_evaluation("churn/1", evaluation=GOOD, **claim)
    policy = client.define_policy("gate", policy=GATE, **claim)
    for by, time in (
        (flag.raised_by, flag.raise_time),
        (found.recorded_by, found.record_time),
        (policy.defined_by, policy.define_time),
    ):
        assert "anonymous" == by
        assert time.ToDatetime(UTC) > MARCH + DAY
    # That something of it happened then is said by the version, as of every change.
    version = client.get_version("churn/1")
    assert MARCH == version.occurred_update_time.ToDatetime(UTC)
    revoked = client.revoke_version("churn/1", category="licence", **claim).revoked
    assert ("anonymous", True) == (
        revoked.revoked_by,
        revoked.revoke_time.ToDatetime(UTC) > MARCH + DAY,
    )


def test_a_flag_and_a_revocation_count_from_when_they_happened(client: regesta.Client):
    at = [MARCH + DAY * number for number in range(6)]
    client.register("churn", occurred_at=at[0])
    client.set_alias("churn@champion", version=1, occurred_time=at[1])
    blocking = flag_pb2.Flag(id="drift", severity=flag_pb2.FLAG_SEVERITY_CRITICAL, blocking=True)
    client.raise_flag("churn/1", flag=blocking, occurred_time=at[2])
    client.resolve_flag("churn/1", flag_id="drift", occurred_time=at[3])
    client.revoke_version("churn/1", category="licence", occurred_time=at[4])
    assert [0, 1, 0, 1, 0] == [meant(client, "churn@champion", day) for day in range(5)]


def test_the_age_of_an_evaluation_is_that_of_its_record(client: regesta.Client):
    client.register("churn")
    client.define_policy("gate", policy=GATE)
    client.record_evaluation("churn/1", evaluation=GOOD, occurred_time=MARCH, occurred_by="ana")
    said = client.check_transition("churn/1", stage="staging")
    assert said.allowed
    assert "staging" == client.transition_version("churn/1", stage="staging").stage


def test_claims_come_with_the_log_and_a_history(client: regesta.Client):
    client.register("churn", occurred_at=MARCH, occurred_by="ana")
    (event,) = client.history("churn/1")
    assert ("ana", MARCH) == (event.occurred_by, event.occurred_time.ToDatetime(UTC))
    # The model came into being by the same request.
    assert ["ana", "ana"] == [one.occurred_by for one in client.events() if one.occurred_by]

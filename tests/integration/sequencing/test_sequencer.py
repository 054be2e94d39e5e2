from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta.sealed import seal
from regesta_projections.events import (
    AliasSet,
    FreeText,
    VersionDeleted,
    VersionRegistered,
)
from regesta_projections.records import Cause, read_envelope
from regesta_projections.rows import ModelKey, ModelRow, NotLoaded, VersionKey, VersionRow
from regesta_service.domain.aliases import SetAlias
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.labels import SetTags
from regesta_service.domain.models import CreateModel, RenameModel, UpdateModel
from regesta_service.domain.rejections import (
    Draining,
    EventTooLarge,
    ModelExists,
    ModelNotFound,
    NamespaceNotFound,
    Overloaded,
    RequestIdReused,
    RevisionMismatch,
    SemverTaken,
)
from regesta_service.domain.transitions import TransitionVersion
from regesta_service.domain.versions import RegisterVersion
from regesta_service.log.draft import EvolveFailed
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.sequencing.sequencer import Sequencer
from tests.support.writing import (
    NAMESPACE,
    SYSTEM,
    Submitter,
    check_log,
    identity,
    register,
    sequencing,
)

if TYPE_CHECKING:
    from regesta_projections.events import Event
    from regesta_projections.rows import Rows
    from tests.databases import LiveDatabase


@dataclass(frozen=True)
class Faulty:
    """A command whose decider or facts have a fault."""

    fact: Event | None = None
    stream: str = "models/churn"

    def wants(self) -> tuple[Wanted, ...]:
        return (Wanted("churn"),)

    def decide(self, rows: Rows) -> Decision:  # noqa: ARG002
        if self.fact is None:
            raise ZeroDivisionError("a decider has a fault")
        return Decision((Fact(self.stream, self.fact),), ModelKey("churn"))


async def test_commands_that_wait_together_are_committed_together(
    submit: Submitter, database: LiveDatabase
) -> None:
    answers = await asyncio.gather(*(submit(register(f"model-{n % 7}")) for n in range(600)))

    assert 608 == len(check_log(database.service_dsn))
    assert sorted({answer.position for answer in answers}) == sorted(
        answer.position for answer in answers
    )
    assert 3 > len(submit.heard)


async def test_an_answer_holds_the_row_as_of_its_own_position(submit: Submitter) -> None:
    await submit(register())

    first, second = await asyncio.gather(
        submit(SetTags("churn", 1, {"a": "1"})), submit(SetTags("churn", 1, {"b": "2"}))
    )

    assert isinstance(first.row, VersionRow)
    assert isinstance(second.row, VersionRow)
    assert {"a": "1"} == dict(first.row.resource.tags)
    assert {"a": "1", "b": "2"} == dict(second.row.resource.tags)
    assert (first.position + 1, "3") == (second.position, second.row.resource.etag)
    assert (VersionKey("churn", 1), "churn") == (second.shows, second.name)


async def test_a_refusal_refuses_one_command_alone(
    submit: Submitter, database: LiveDatabase
) -> None:
    results = await asyncio.gather(
        submit(CreateModel("churn")),
        submit(CreateModel("CHURN")),
        submit(SetTags("nothing", None, {"a": "1"})),
        submit(CreateModel("fraud")),
        submit(UpdateModel("churn", owner="ann", expected_revision=9)),
        submit(UpdateModel("churn", owner="ann", expected_revision=1)),
        return_exceptions=True,
    )

    assert [int, ModelExists, ModelNotFound, int, RevisionMismatch, int] == [
        type(result) if isinstance(result, BaseException) else int for result in results
    ]
    assert 4 == len(check_log(database.service_dsn))


async def test_the_same_request_again_is_answered_and_not_repeated(
    submit: Submitter, other: Submitter, database: LiveDatabase
) -> None:
    first = await submit(CreateModel("churn"), "request")
    await submit(RenameModel("churn", "attrition"))

    again = await submit(CreateModel("churn"), "request")
    elsewhere = await other(CreateModel("churn"), "request")

    assert not first.repeated
    assert (first.position, first.shows, None, "attrition", True) == (
        again.position,
        again.shows,
        again.row,
        again.name,
        again.repeated,
    )
    assert again == elsewhere
    assert 3 == len(check_log(database.service_dsn))


async def test_a_request_that_comes_twice_at_once_is_carried_out_once(
    submit: Submitter, database: LiveDatabase
) -> None:
    first, second, third = await asyncio.gather(
        submit(register(), "request"),
        submit(register(), "request"),
        submit(register(), "request", content="another"),
        return_exceptions=True,
    )

    assert not isinstance(first, BaseException)
    assert not isinstance(second, BaseException)
    assert (first.position, False, True) == (second.position, first.repeated, second.repeated)
    assert isinstance(third, RequestIdReused)
    assert 3 == len(check_log(database.service_dsn))


async def test_a_request_id_belongs_to_its_actor_and_its_content(submit: Submitter) -> None:
    await submit(CreateModel("churn"), "request", content="one")

    with pytest.raises(RequestIdReused):
        await submit(CreateModel("fraud"), "request", content="two")
    answer = await submit(CreateModel("fraud"), "request", actor="bob", content="two")

    assert not answer.repeated


async def test_a_repeat_among_other_commands_does_not_hold_them_up(
    submit: Submitter, database: LiveDatabase
) -> None:
    first = await submit(register(), "request")

    answers = await asyncio.gather(
        submit(register()), submit(register(), "request"), submit(register())
    )

    assert [False, True, False] == [answer.repeated for answer in answers]
    assert first.position == answers[1].position
    assert 5 == len(check_log(database.service_dsn))


async def test_a_refused_request_can_succeed_later(submit: Submitter) -> None:
    with pytest.raises(ModelNotFound):
        await submit(UpdateModel("churn", owner="ann"), "request")
    await submit(CreateModel("churn"))

    assert not (await submit(UpdateModel("churn", owner="ann"), "request")).repeated


async def test_what_changes_nothing_is_answered_and_remembered(
    submit: Submitter, database: LiveDatabase
) -> None:
    await submit(CreateModel("churn", owner="ann"))

    unchanged = await submit(UpdateModel("churn", owner="ann"), "request")
    await submit(UpdateModel("churn", owner="bob"))
    again = await submit(UpdateModel("churn", owner="ann"), "request")

    assert isinstance(unchanged.row, ModelRow)
    assert (2, "ann") == (unchanged.position, unchanged.row.resource.owner)
    assert (2, True) == (again.position, again.repeated)
    assert 3 == len(check_log(database.service_dsn))


async def test_what_does_not_fit_leaves_no_trace(submit: Submitter, database: LiveDatabase) -> None:
    # Its first fact, the model, would fit.
    large = register("large", source="s3://" + "x" * 70_000)

    results = await asyncio.gather(
        submit(register("before")), submit(large), submit(register("large")), return_exceptions=True
    )

    assert isinstance(results[1], EventTooLarge)
    assert not isinstance(results[2], BaseException)
    assert VersionKey("large", 1) == results[2].shows
    assert 5 == len(check_log(database.service_dsn))


@pytest.mark.parametrize(
    ("faulty", "failure"),
    [
        pytest.param(Faulty(), ZeroDivisionError, id="in a decider"),
        pytest.param(
            Faulty(VersionDeleted(), "models/churn/versions/9"), NotLoaded, id="no such row"
        ),
        pytest.param(Faulty(AliasSet(version=1)), EvolveFailed, id="in a fold"),
        pytest.param(register("nul", source="a\0b"), psycopg.DataError, id="in a column"),
    ],
)
async def test_a_fault_fails_one_command_alone(
    submit: Submitter, database: LiveDatabase, faulty: Faulty, failure: type[Exception]
) -> None:
    await submit(register())

    before, failed, after = await asyncio.gather(
        submit(register()), submit(faulty), submit(register()), return_exceptions=True
    )

    assert isinstance(failed, failure)
    assert not isinstance(before, BaseException)
    assert not isinstance(after, BaseException)
    assert (4, 5) == (before.position, after.position)
    assert 5 == len(check_log(database.service_dsn))


async def test_a_command_can_follow_in_the_batch_that_made_what_it_is_about(
    submit: Submitter, database: LiveDatabase
) -> None:
    results = await asyncio.gather(
        submit(register("churn")),
        submit(SetAlias("CHURN", "champion", 1)),
        submit(RenameModel("churn", "attrition")),
        submit(SetAlias("attrition", "champion", 1, expected_revision=1)),
        submit(RegisterVersion("attrition", VersionRegistered(semver="1.0.0"))),
    )

    assert [3, 4, 5] == sorted(result.position for result in results)[:3]
    assert "attrition" == results[3].name
    assert 6 == len(check_log(database.service_dsn))


async def test_times_never_go_back(database: LiveDatabase) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    times = iter([start, start - timedelta(hours=1), start + timedelta(seconds=1)])
    async with sequencing(database.service_dsn, clock=lambda: next(times)) as submit:
        for _ in range(3):
            await submit(register())

    records = check_log(database.service_dsn)
    recorded = [read_envelope(record).recordedtime for record in records[2:]]
    assert [start, start, start + timedelta(seconds=1)] == recorded


async def test_free_texts_stand_beside_the_log_with_place_and_person(
    submit: Submitter, database: LiveDatabase
) -> None:
    sealed = seal("to see who leaves", bytes(range(16)))

    answer = await submit(CreateModel("churn", description=sealed, reason=None))

    with psycopg.connect(database.service_dsn) as conn:
        rows = conn.execute(
            "SELECT digest, position, field, person, salt, text FROM regesta.disclosures"
        ).fetchall()
    assert [
        (sealed.digest, answer.position, "description", "alice", sealed.salt, sealed.text)
    ] == rows
    record = check_log(database.service_dsn)[answer.position - 1]
    assert b"who leaves" not in record
    assert FreeText(digests=(sealed.digest,)).digests[0].encode() in record


async def test_listeners_hear_of_each_event_once_and_before_the_caller(
    submit: Submitter, database: LiveDatabase
) -> None:
    def fail(namespace: str, events: object) -> None:
        raise ZeroDivisionError(namespace, events)

    submit.sequencer.listen(fail)

    async def one() -> None:
        answer = await submit(register())
        assert answer.position in {position for part in submit.heard for position in part}

    await asyncio.gather(*(one() for _ in range(700)))

    heard = [position for part in submit.heard for position in part]
    assert list(range(2, len(check_log(database.service_dsn)) + 1)) == heard


async def test_a_caller_that_goes_before_its_turn_takes_its_command_back(
    submit: Submitter, database: LiveDatabase
) -> None:
    await submit(register())

    waiting = [asyncio.ensure_future(submit(register())) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.gather(waiting[0], waiting[2])

    assert waiting[1].cancelled()
    assert 5 == len(check_log(database.service_dsn))


async def test_a_caller_that_goes_later_does_not_take_its_command_back(
    submit: Submitter, database: LiveDatabase
) -> None:
    await submit(register())

    with psycopg.connect(database.service_dsn) as holder:
        holder.execute("SELECT FROM regesta.logs FOR UPDATE")
        waiting = asyncio.ensure_future(submit(register(), "request"))
        await asyncio.sleep(0.2)
        waiting.cancel()
    again = await submit(register(), "request")

    assert (4, True) == (again.position, again.repeated)
    assert 4 == len(check_log(database.service_dsn))


async def test_a_command_whose_time_is_up_before_its_turn_is_not_begun(
    submit: Submitter, database: LiveDatabase
) -> None:
    await submit(register())

    with pytest.raises(TimeoutError):
        await submit(register(), deadline=asyncio.get_running_loop().time() - 1)

    assert 3 == len(check_log(database.service_dsn))


async def test_too_much_that_waits_is_turned_away(database: LiveDatabase) -> None:
    async with sequencing(database.service_dsn, max_waiting=10) as submit:
        await submit(register())

        results = await asyncio.gather(
            *(submit(register()) for _ in range(50)), return_exceptions=True
        )

        refused = [result for result in results if isinstance(result, Overloaded)]
        assert 40 == len(refused)
        assert all(0 < (refusal.retry_after or 0) <= 5 for refusal in refused)
        assert 13 == len(check_log(database.service_dsn))


async def test_draining_finishes_what_waits_and_takes_nothing_more(
    submit: Submitter, database: LiveDatabase
) -> None:
    waiting = [asyncio.ensure_future(submit(register())) for _ in range(1_000)]
    await asyncio.sleep(0.01)

    await submit.sequencer.drain(30)

    assert all(future.done() and not future.exception() for future in waiting)
    with pytest.raises(Draining):
        await submit(register())
    assert 1_002 == len(check_log(database.service_dsn))


async def test_an_unknown_namespace_is_refused(submit: Submitter) -> None:
    registry = NamespaceRegistry(submit.connections)
    async with Sequencer(submit.connections, registry).running() as sequencer:
        with pytest.raises(NamespaceNotFound):
            await sequencer.submit("nowhere", register(), SYSTEM, identity("request"))


async def test_more_namespaces_than_are_kept_are_written_in_turn(
    submit: Submitter, database: LiveDatabase
) -> None:
    registry = NamespaceRegistry(submit.connections)
    names = [f"team-{number}" for number in range(40)]
    for name in names:
        await registry.ensure(name, SYSTEM)

    for turn in range(2):
        answers = await asyncio.gather(
            *(
                submit.sequencer.submit(
                    name, register(), Cause("alice", "user", f"r{turn}"), identity(f"r{turn}")
                )
                for name in names
            )
        )

    assert {4} == {answer.position for answer in answers}
    assert {4} == {len(check_log(database.service_dsn, name)) for name in names}


async def test_a_refusal_is_decided_on_what_others_have_written(
    submit: Submitter, other: Submitter, database: LiveDatabase
) -> None:
    with pytest.raises(ModelNotFound):
        await submit(UpdateModel("churn", owner="ann"))
    await other(CreateModel("churn"))

    await submit(UpdateModel("churn", owner="ann"))
    await other(RenameModel("churn", "attrition"))
    with pytest.raises(ModelExists):
        await submit(CreateModel("Attrition"))

    assert 4 == len(check_log(database.service_dsn))


async def test_labels_and_numbers_that_others_took_are_seen(
    submit: Submitter, other: Submitter, database: LiveDatabase
) -> None:
    labelled = RegisterVersion("churn", VersionRegistered(semver="1.0.0"))
    await submit(register())
    # The label is known to be free from here on.
    large = VersionRegistered(semver="1.0.0", source="x" * 70_000)
    with pytest.raises(EventTooLarge):
        await submit(RegisterVersion("churn", large))

    taken = await other(labelled)
    with pytest.raises(SemverTaken):
        await submit(labelled)
    moved = await other(TransitionVersion("churn", 1, "staging"))
    after = await submit(TransitionVersion("churn", 1, "production"))
    last = await submit(register())

    assert VersionKey("churn", 2) == taken.shows
    assert moved.position + 1 == after.position
    assert VersionKey("churn", 3) == last.shows
    assert 7 == len(check_log(database.service_dsn))


async def test_many_changes_of_others_are_taken_in(
    submit: Submitter, other: Submitter, database: LiveDatabase
) -> None:
    await asyncio.gather(*(submit(register(f"model-{n}")) for n in range(600)))

    await asyncio.gather(*(other(register(f"model-{n}")) for n in range(600)))
    answers = await asyncio.gather(*(submit(register(f"model-{n}")) for n in range(600)))

    assert {3} == {
        answer.shows.number for answer in answers if isinstance(answer.shows, VersionKey)
    }
    assert 2_401 == len(check_log(database.service_dsn))


async def test_few_rows_in_the_cache_are_enough(database: LiveDatabase) -> None:
    async with sequencing(database.service_dsn, cached_rows=3, max_batch=40) as submit:
        await asyncio.gather(*(submit(register(f"model-{n % 50}")) for n in range(200)))
        await asyncio.gather(
            *(submit(SetAlias(f"model-{n}", "champion", n % 4 + 1)) for n in range(50))
        )

    assert 301 == len(check_log(database.service_dsn))


async def test_a_rebuild_moves_the_writes_to_its_generation(
    submit: Submitter, database: LiveDatabase
) -> None:
    await submit(register())
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("UPDATE regesta.logs SET generation = 2")
        for table in ("namespaces", "models", "model_names", "versions"):
            conn.execute(_NEXT_GENERATION.format(table=table))

    await submit(register())
    await submit(SetTags("churn", 1, {"a": "1"}))

    assert 5 == len(check_log(database.service_dsn))


async def test_others_are_told_that_the_log_has_grown(
    submit: Submitter, database: LiveDatabase
) -> None:
    async with await psycopg.AsyncConnection.connect(database.service_dsn, autocommit=True) as conn:
        await conn.execute("LISTEN regesta_appended")
        await submit(register())
        notices = [notice.payload async for notice in conn.notifies(timeout=5, stop_after=1)]
        row = await (await conn.execute(_LOG_ID, [NAMESPACE])).fetchone()

    assert row is not None
    assert [f"{row[0]}:3"] == notices


_LOG_ID = "SELECT namespace_id FROM regesta.logs WHERE name = %s"
_NEXT_GENERATION = """
CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT * FROM regesta.{table};
UPDATE copied SET generation = 2;
DELETE FROM regesta.{table};
INSERT INTO regesta.{table} SELECT * FROM copied;
DROP TABLE copied;
"""

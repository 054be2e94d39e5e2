from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.events import (
    AliasRemoved,
    AliasSet,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    ModelUpdated,
    StageChanged,
    TagsSet,
    VersionDeleted,
    VersionRegistered,
    VersionRestored,
    VersionSemverLabelled,
)
from regesta_projections.rows import AliasKey, AliasRow, ModelKey, ModelRow, VersionKey, VersionRow
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.domain import rejections as r
from regesta_service.reads import as_of, moments, past
from tests.support.log_builder import START, STEP
from tests.support.reading import make_call

if TYPE_CHECKING:
    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase
    from tests.support.live_log import LiveLog


def at(position: int) -> reading_pb.Moment:
    return reading_pb.Moment(position=position)


def at_time(time: datetime) -> reading_pb.Moment:
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return reading_pb.Moment(time=timestamp)


async def resolve(
    reads: ReadModel, address: str, as_of: reading_pb.Moment | None = None
) -> pb.ResolveVersionResponse:
    request = pb.ResolveVersionRequest(
        parent="namespaces/acme", address=address, as_of=as_of, consistency=FULLY
    )
    answer = await CatalogReads(reads).resolve_version(request, make_call())
    return pb.ResolveVersionResponse.FromString(answer)


async def get_model(
    reads: ReadModel, name: str, as_of: reading_pb.Moment | None = None
) -> pb.GetModelResponse:
    request = pb.GetModelRequest(
        name=f"namespaces/acme/models/{name}", as_of=as_of, consistency=FULLY
    )
    answer = await CatalogReads(reads).get_model(request, make_call())
    return pb.GetModelResponse.FromString(answer)


async def get_version(
    reads: ReadModel, name: str, as_of: reading_pb.Moment | None = None
) -> pb.GetVersionResponse:
    request = pb.GetVersionRequest(
        name=f"namespaces/acme/models/{name}", as_of=as_of, consistency=FULLY
    )
    answer = await CatalogReads(reads).get_version(request, make_call())
    return pb.GetVersionResponse.FromString(answer)


async def get_alias(
    reads: ReadModel, name: str, as_of: reading_pb.Moment | None = None
) -> pb.GetAliasResponse:
    request = pb.GetAliasRequest(
        name=f"namespaces/acme/models/{name}", as_of=as_of, consistency=FULLY
    )
    answer = await CatalogReads(reads).get_alias(request, make_call())
    return pb.GetAliasResponse.FromString(answer)


FULLY = reading_pb.Consistency(level=reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT)

ADDRESSES = (
    "churn/1",
    "churn/2",
    "churn/3",
    "churn@champion",
    "churn@blue",
    "churn#development",
    "churn#staging",
    "churn#production",
    "churn#archived",
    "churn@latest",
    "churn@^1.0",
    "churn@>=1.0.0",
    "churn@2.0.0-rc.1",
    "attrition@latest",
    "sha256:" + "1" * 64,
    "sha256:" + "9" * 64,
)


def story(log: LiveLog) -> list[tuple[str, tuple[Any, ...]]]:
    """What happens to the model `churn` and one beside it, after its first nine events."""
    free, sealed = log.builder.seal("What it predicts")
    long_tag, sealed_tag = log.builder.seal("n" * 2_000)
    stage = "models/churn/versions"
    return [
        ("models/churn", (ModelUpdated(description=free), ("description", sealed))),
        (
            "models/churn",
            (
                TagsSet(tags={"a": "1"}, long_tags={"notes": long_tag}),
                ("long_tags.notes", sealed_tag),
            ),
        ),
        ("models/churn/aliases/blue", (AliasSet(version=1),)),
        (f"{stage}/2", (StageChanged(from_stage="production", to_stage="archived"),)),
        ("models/churn", (ModelRenamed(from_name="churn", to_name="attrition"),)),
        ("models/churn/aliases/champion", (AliasSet(version=1, previous_version=2),)),
        (f"{stage}/3", (VersionDeleted(),)),
        (
            f"{stage}/4",
            (VersionRegistered(version=4, stage="development", digest="sha256:" + "9" * 64),),
        ),
        (f"{stage}/4", (VersionSemverLabelled(semver="1.3.0"),)),
        ("models/fraud", (ModelCreated(name="fraud", kind="PROMPT"),)),
        (
            "models/fraud/versions/1",
            (VersionRegistered(version=1, stage="development", digest="sha256:" + "1" * 64),),
        ),
        ("models/churn/aliases/blue", (AliasRemoved(previous_version=1),)),
        (f"{stage}/3", (VersionRestored(),)),
        ("models/fraud", (ModelDeleted(),)),
        (f"{stage}/1", (StageChanged(from_stage="development", to_stage="staging"),)),
        ("models/churn", (ModelRenamed(from_name="attrition", to_name="churn"),)),
        ("models/churn", (ModelDeleted(),)),
    ]


async def test_the_past_is_what_was_answered_then(
    reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    """Every question at every position: then from the tables, later from log and history."""
    names = ("churn", "attrition", "fraud")

    async def ask_all(as_of: reading_pb.Moment | None) -> list[object]:
        async def ask(kind: Any, *arguments: object) -> object:
            try:
                return await kind(reads, *arguments, as_of)
            except r.Rejection as refusal:
                return type(refusal)

        return await asyncio.gather(
            *(ask(resolve, address) for address in ADDRESSES),
            *(ask(get_model, name) for name in names),
            *(ask(get_version, f"churn/versions/{number}") for number in (1, 2, 3, 4)),
            *(ask(get_alias, f"churn/aliases/{alias}") for alias in ("champion", "blue")),
        )

    expected = {churn.size: await ask_all(None)}
    for stream, (event, *texts) in story(churn):
        position = churn.append(stream, event, *texts)
        expected[position] = await ask_all(None)

    # As long as the history has not got there, the log itself is folded.
    with monkeypatch.context() as patch:
        patch.setattr(as_of, "candidates", None)
        patch.setattr(moments, "_SIZE", "SELECT size, 0 FROM regesta.logs WHERE namespace_id = %s")
        folded = {position: await ask_all(at(position)) for position in expected}
    await reads.history.reach(churn.namespace_id, churn.size, make_call().remaining)
    kept = {position: await ask_all(at(position)) for position in expected}

    assert len(expected) == 18
    assert folded == kept
    for position, answers in expected.items():
        for then_answer, now_answer in zip(answers, kept[position], strict=True):
            # A name that comes later leads to the model already.
            if then_answer is r.ModelNotFound and now_answer is not r.ModelNotFound:
                assert "attrition" not in str(now_answer)
                continue
            assert then_answer == now_answer, position


@pytest.mark.parametrize("kind", ["position", "time"])
async def test_a_moment_outside_of_the_log_is_refused(reads: ReadModel, churn: LiveLog, kind: str):
    future = datetime.now(UTC) + timedelta(hours=1)
    too_early = {"position": at(0), "time": at_time(START - timedelta(microseconds=1))}[kind]
    too_late = {"position": at(churn.size + 1), "time": at_time(future)}[kind]

    for moment in (too_early, too_late):
        with pytest.raises(r.MomentOutOfRange):
            await get_model(reads, "churn", moment)


async def test_a_time_means_the_last_event_recorded_at_or_before_it(
    reads: ReadModel, churn: LiveLog
):
    # Event p was recorded at START + (p - 1) * STEP.
    for position in range(2, churn.size + 1):
        exactly = START + (position - 1) * STEP
        for moment in (exactly, exactly + STEP - timedelta(microseconds=1)):
            assert position == (await get_model(reads, "churn", at_time(moment))).position

    assert churn.size == (await get_model(reads, "churn", at_time(datetime.now(UTC)))).position


async def test_what_did_not_exist_yet_is_not_found(reads: ReadModel, churn: LiveLog):
    with pytest.raises(r.ModelNotFound):
        await get_model(reads, "churn", at(1))
    with pytest.raises(r.VersionNotFound):
        await get_version(reads, "churn/versions/1", at(2))
    with pytest.raises(r.AliasNotFound):
        await get_alias(reads, "churn/aliases/champion", at(churn.size - 1))


async def test_the_moment_can_stand_in_the_address(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn/aliases/champion", AliasSet(version=3, previous_version=2))

    assert 2 == (await resolve(reads, f"churn@champion?as_of={churn.size - 1}")).version.version
    assert 3 == (await resolve(reads, f"churn@champion?as_of={churn.size}")).version.version
    with pytest.raises(r.InvalidRequest):
        await resolve(reads, "churn@champion?as_of=5", at(5))


async def test_a_deleted_resource_is_given_with_its_time_of_deletion(
    reads: ReadModel, churn: LiveLog
):
    churn.append("models/churn/versions/3", VersionDeleted())
    churn.append("models/churn", ModelDeleted())

    assert (await get_model(reads, "churn")).model.HasField("delete_time")
    assert (await get_version(reads, "churn/versions/3")).version.HasField("delete_time")


async def test_an_erased_text_reads_as_empty(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    free, sealed = churn.builder.seal("Alice trained it")
    churn.append("models/churn", ModelUpdated(description=free), ("description", sealed))
    assert "Alice trained it" == (await get_model(reads, "churn")).model.description
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("DELETE FROM regesta.disclosures")
    churn.append("models/churn", TagsSet(tags={"a": "b"}))

    assert "" == (await get_model(reads, "churn")).model.description
    assert "" == (await get_model(reads, "churn", at(churn.size))).model.description


async def test_a_long_stream_is_folded_piece_by_piece(reads: ReadModel, churn: LiveLog):
    for number in range(1_001):
        churn.later("models/churn/versions/1", TagsSet(tags={"n": str(number)}))
    churn.commit()

    answer = await get_version(reads, "churn/versions/1", at(churn.size - 1))

    assert "999" == answer.version.tags["n"]


async def test_states_of_many_versions_are_read_piece_by_piece(reads: ReadModel, churn: LiveLog):
    for number in range(4, 700):
        churn.later(
            f"models/churn/versions/{number}",
            VersionRegistered(version=number, stage="development"),
        )
    churn.later("models/churn/versions/699", VersionDeleted())
    churn.later("models/churn/versions/698", VersionSemverLabelled(semver="1.9.0"))
    churn.commit()

    async with reads.pool.connection() as connection:
        states = await past.states_at(connection, churn.namespace_id, "churn", churn.size)

    assert set(range(1, 700)) == {state.number for state in states}
    assert 698 == (await resolve(reads, "churn@^1", at(churn.size))).version.version
    assert 698 == (await resolve(reads, "churn@latest", at(churn.size))).version.version


async def test_an_answer_to_a_write_is_as_of_its_position_whatever_came_after(
    reads: ReadModel, churn: LiveLog
):
    position = churn.size
    rows = churn.builder.rows
    model, version = rows[ModelKey("churn")], rows[VersionKey("churn", 2)]
    alias = rows[AliasKey("churn", "champion")]
    assert isinstance(model, ModelRow)
    assert isinstance(version, VersionRow)
    assert isinstance(alias, AliasRow)
    model, version, alias = model.copy(), version.copy(), alias.copy()
    for stream, (event, *texts) in story(churn):
        churn.append(stream, event, *texts)
    answers = reads.answers

    fresh_model = await answers.model_at("acme", model.key, position, row=model)
    fresh_version = await answers.version_at(
        "acme", version.key, position, row=version, name="churn"
    )
    fresh_alias = await answers.alias_at("acme", alias.key, position, row=alias, name="churn")

    shown = model_pb.Model.FromString(fresh_model)
    assert ("namespaces/acme/models/churn", 3, {"champion": 2}) == (
        shown.name,
        shown.latest_version,
        dict(shown.aliases),
    )
    assert ["champion"] == list(version_pb.Version.FromString(fresh_version).aliases)
    assert fresh_model == await answers.model_at("acme", model.key, position)
    assert fresh_version == await answers.version_at("acme", version.key, position)
    assert fresh_alias == await answers.alias_at("acme", alias.key, position)


async def test_texts_that_the_writer_knows_are_not_looked_up(reads: ReadModel, churn: LiveLog):
    free, sealed = churn.builder.seal("Not in the database")
    position = churn.append("models/churn", ModelUpdated(description=free))
    row = churn.builder.rows[ModelKey("churn")]
    assert isinstance(row, ModelRow)

    answer = await reads.answers.model_at(
        "acme", row.key, position, row=row, known={sealed.digest: sealed.text}
    )

    assert "Not in the database" == model_pb.Model.FromString(answer).description

"""The latest version in each stage of some models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.events import (
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    StageChanged,
    VersionDeleted,
    VersionRegistered,
    VersionRestored,
    VersionUpdated,
)
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.api.reads.lists import CatalogLists
from regesta_service.domain import rejections as r
from regesta_service.reads import latest
from tests.support.reading import make_call

if TYPE_CHECKING:
    from regesta_service.reads.read_model import ReadModel
    from tests.support.live_log import LiveLog

PARENT = "namespaces/acme"


async def list_latest(
    reads: ReadModel, *models: str, **fields: Any
) -> pb.ListLatestVersionsResponse:
    names = [f"{PARENT}/models/{model}" for model in models]
    request = pb.ListLatestVersionsRequest(**({"parent": PARENT, "models": names} | fields))
    answer = await CatalogLists(reads).list_latest_versions(request, make_call())
    return pb.ListLatestVersionsResponse.FromString(answer)


async def found(reads: ReadModel, *models: str) -> list[str]:
    versions = (await list_latest(reads, *models)).versions
    return [
        version.name.removeprefix(f"{PARENT}/models/").replace("/versions/", "/")
        + f" {version.stage}"
        for version in versions
    ]


@pytest.fixture
def fraud(churn: LiveLog) -> LiveLog:
    """Beside churn, of which 1 and 3 are in development, the model fraud with five versions."""
    churn.later("models/fraud", ModelCreated(name="fraud", kind="MODEL"))
    for number in range(1, 6):
        stream = f"models/fraud/versions/{number}"
        churn.later(stream, VersionRegistered(version=number, stage="development"))
    # The one that came into its stage last has not the highest number.
    for number in (4, 1):
        moved = StageChanged(from_stage="development", to_stage="production")
        churn.later(f"models/fraud/versions/{number}", moved)
    churn.commit()
    return churn


async def test_the_highest_number_in_each_stage_is_found_by_model_then_number(
    reads: ReadModel, fraud: LiveLog
):
    of_churn = ["churn/2 production", "churn/3 development"]

    assert ["fraud/4 production", "fraud/5 development"] == await found(reads, "fraud")
    assert ["fraud/4 production", "fraud/5 development", *of_churn] == await found(
        reads, "fraud", "churn"
    )


async def test_a_version_is_shown_as_by_itself(reads: ReadModel, fraud: LiveLog):
    description, sealed = fraud.builder.seal("Sees fraud")
    fraud.append(
        "models/fraud/versions/4",
        VersionUpdated(description=description),
        ("description", sealed),
    )
    answer = await list_latest(reads, "churn", "fraud")

    assert ([], fraud.size) == (list(answer.unanswered), answer.position)
    for version in answer.versions:
        request = pb.GetVersionRequest(
            name=version.name,
            consistency=reading_pb.Consistency(level=reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT),
        )
        single = await CatalogReads(reads).get_version(request, make_call())
        assert version == pb.GetVersionResponse.FromString(single).version
    assert "Sees fraud" in [version.description for version in answer.versions]


async def test_what_is_deleted_does_not_count(reads: ReadModel, fraud: LiveLog):
    fraud.append("models/fraud/versions/5", VersionDeleted())
    assert ["fraud/3 development", "fraud/4 production"] == await found(reads, "fraud")
    for number in (1, 4):
        fraud.append(f"models/fraud/versions/{number}", VersionDeleted())
    assert ["fraud/3 development"] == await found(reads, "fraud")
    fraud.append("models/fraud/versions/5", VersionRestored())
    assert ["fraud/5 development"] == await found(reads, "fraud")
    fraud.append("models/fraud", ModelDeleted())
    assert [] == await found(reads, "fraud", "nobody")


async def test_a_model_is_found_by_any_name_and_answered_where_it_is_named_first(
    reads: ReadModel, fraud: LiveLog
):
    fraud.append("models/fraud", ModelRenamed(from_name="fraud", to_name="theft"))
    of_churn = await found(reads, "churn")

    assert ["theft/4 production", "theft/5 development", *of_churn] == await found(
        reads, "FRAUD", "nobody", "churn", "theft", "fraud"
    )


async def test_what_does_not_fit_is_named(
    reads: ReadModel, fraud: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    whole = await list_latest(reads, "fraud", "churn", "nobody")
    of_fraud = [version for version in whole.versions if "/fraud/" in version.name]
    monkeypatch.setattr(latest, "MAX_PAGE_BYTES", 1)

    first = await list_latest(reads, "fraud", "churn", "nobody")

    # The first model whole, though it is too long already.
    assert of_fraud == list(first.versions)
    assert [f"{PARENT}/models/{name}" for name in ("churn", "nobody")] == list(first.unanswered)
    rest = await list_latest(reads, models=first.unanswered)
    assert list(whole.versions) == [*first.versions, *rest.versions]
    assert [] == list(rest.unanswered)


async def test_the_last_that_fits_is_answered(
    reads: ReadModel, fraud: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    description, sealed = fraud.builder.seal("x" * 5_000)
    fraud.append(
        "models/fraud/versions/4",
        VersionUpdated(description=description),
        ("description", sealed),
    )
    whole = await list_latest(reads, "churn", "fraud")
    # Texts count, but not names and aliases, which are added when a version is read.
    for room, unanswered in ((5_000, ["fraud"]), (whole.ByteSize(), [])):
        monkeypatch.setattr(latest, "MAX_PAGE_BYTES", room)
        answer = await list_latest(reads, "churn", "fraud")
        assert [f"{PARENT}/models/{name}" for name in unanswered] == list(answer.unanswered)


async def test_an_answer_cannot_be_fresher_than_the_log(reads: ReadModel, fraud: LiveLog):
    with pytest.raises(r.MomentOutOfRange):
        await list_latest(
            reads,
            "churn",
            consistency=reading_pb.Consistency(
                level=reading_pb.CONSISTENCY_LEVEL_AT_LEAST, position=fraud.size + 1
            ),
        )
    with pytest.raises(r.NamespaceNotFound):
        await list_latest(
            reads, parent="namespaces/other", models=["namespaces/other/models/churn"]
        )

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.events import (
    AliasRemoved,
    AliasSet,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    ModelRestored,
    StageChanged,
    VersionDeleted,
    VersionRegistered,
)
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.domain import rejections as r
from tests.support.reading import make_call

if TYPE_CHECKING:
    from regesta_service.reads.read_model import ReadModel
    from tests.support.live_log import LiveLog


async def resolve(reads: ReadModel, address: str) -> pb.ResolveVersionResponse:
    request = pb.ResolveVersionRequest(parent="namespaces/acme", address=address)
    # As the log is now, not as the tail has seen it so far.
    request.consistency.level = reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT
    answer = await CatalogReads(reads).resolve_version(request, make_call())
    return pb.ResolveVersionResponse.FromString(answer)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("churn/1", 1),
        ("Churn/3", 3),
        ("churn@champion", 2),
        ("churn#production", 2),
        ("churn#development", 3),
        ("churn@latest", 3),
        ("churn@^1.0", 2),
        ("churn@1.0.0", 1),
        ("churn@<1.1 || >=1.2", 2),
        ("churn@>=2.0.0-rc.0", 3),
        ("sha256:" + "1" * 64, 1),
        ("acme/churn/1", 1),
        ("regesta://acme/churn@champion", 2),
        ("models:/churn/Production", 2),
    ],
)
async def test_every_form_of_address_finds_its_version(
    reads: ReadModel, churn: LiveLog, address: str, number: int
):
    answer = await resolve(reads, address)

    assert f"namespaces/acme/models/churn/versions/{number}" == answer.version.name
    assert churn.size == answer.position


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("fraud/1", r.ModelNotFound),
        ("churn/4", r.VersionNotFound),
        ("churn@challenger", r.AliasNotFound),
        ("churn#staging", r.NoVersionMatches),
        ("churn@^3", r.NoVersionMatches),
        # A prerelease is found only by who asks for prereleases of it.
        ("churn@>=2.0.0", r.NoVersionMatches),
        ("sha256:" + "f" * 64, r.NoVersionMatches),
        ("churn", r.InvalidRequest),
        ("other/churn/1", r.InvalidRequest),
        ("churn/1?as_of=1000000", r.MomentOutOfRange),
    ],
)
async def test_what_does_not_exist_is_refused_with_its_reason(
    reads: ReadModel, churn: LiveLog, address: str, refusal: type[r.Rejection]
):
    with pytest.raises(refusal):
        await resolve(reads, address)


async def test_an_archived_version_is_found_by_number_and_digest_only(
    reads: ReadModel, churn: LiveLog
):
    churn.append(
        "models/churn/versions/2", StageChanged(from_stage="production", to_stage="archived")
    )

    for address in ("churn/2", "sha256:" + "2" * 64):
        assert 2 == (await resolve(reads, address)).version.version
    for address in ("churn@champion", "churn#archived", "churn@1.2.0"):
        with pytest.raises(r.VersionArchived):
            await resolve(reads, address)
    # Others of the range are still there.
    assert 1 == (await resolve(reads, "churn@^1")).version.version


async def test_a_deleted_version_is_not_resolved_by_anything(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn/versions/2", VersionDeleted())

    for address in (
        "churn/2",
        "churn@champion",
        "churn#production",
        "churn@1.2.0",
        "sha256:" + "2" * 64,
    ):
        with pytest.raises(r.VersionDeletedAlready):
            await resolve(reads, address)


async def test_latest_is_the_highest_number_that_may_be_resolved(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn/versions/3", VersionDeleted())
    assert 2 == (await resolve(reads, "churn@latest")).version.version

    churn.append(
        "models/churn/versions/2", StageChanged(from_stage="production", to_stage="archived")
    )
    assert 1 == (await resolve(reads, "churn@latest")).version.version

    churn.append("models/churn/versions/1", VersionDeleted())
    with pytest.raises(r.VersionDeletedAlready):
        await resolve(reads, "churn@latest")


async def test_a_model_without_versions_has_no_latest(reads: ReadModel, churn: LiveLog):
    churn.append("models/empty", ModelCreated(name="empty", kind="MODEL"))

    with pytest.raises(r.NoVersionMatches):
        await resolve(reads, "empty@latest")


async def test_a_stage_means_the_version_that_entered_it_last(reads: ReadModel, churn: LiveLog):
    for from_stage, to_stage in (("development", "staging"), ("staging", "production")):
        churn.append(
            "models/churn/versions/1", StageChanged(from_stage=from_stage, to_stage=to_stage)
        )

    assert 1 == (await resolve(reads, "churn#production")).version.version


async def test_nothing_of_a_deleted_model_is_resolved_until_it_is_restored(
    reads: ReadModel, churn: LiveLog
):
    churn.append("models/churn", ModelDeleted())
    for address in ("churn/2", "churn@champion", "churn#nothing", "sha256:" + "2" * 64):
        with pytest.raises(r.ModelDeletedAlready):
            await resolve(reads, address)

    churn.append("models/churn", ModelRestored())
    assert 2 == (await resolve(reads, "churn@champion")).version.version


async def test_a_former_name_resolves_to_the_same_version(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn", ModelRenamed(from_name="churn", to_name="attrition"))

    for address in ("churn@champion", "attrition@champion", "ATTRITION/2"):
        answer = await resolve(reads, address)
        assert "namespaces/acme/models/attrition/versions/2" == answer.version.name


async def test_a_removed_alias_is_not_found(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn/aliases/champion", AliasRemoved(previous_version=2))

    with pytest.raises(r.AliasNotFound):
        await resolve(reads, "churn@champion")


async def test_a_digest_means_the_newest_live_version_that_has_it(reads: ReadModel, churn: LiveLog):
    digest = "sha256:" + "1" * 64
    churn.append("models/fraud", ModelCreated(name="fraud", kind="MODEL"))
    churn.append(
        "models/fraud/versions/1",
        VersionRegistered(version=1, stage="development", digest=digest),
    )
    answer = await resolve(reads, digest)
    assert "namespaces/acme/models/fraud/versions/1" == answer.version.name

    churn.append("models/fraud", ModelDeleted())
    answer = await resolve(reads, digest)
    assert "namespaces/acme/models/churn/versions/1" == answer.version.name


async def test_an_answer_shows_every_alias_that_points_to_the_version(
    reads: ReadModel, churn: LiveLog
):
    churn.append("models/churn/aliases/blue", AliasSet(version=2))

    answer = await resolve(reads, "churn/2")

    assert ["blue", "champion"] == list(answer.version.aliases)

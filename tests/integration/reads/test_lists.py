from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.events import (
    AliasRemoved,
    AliasSet,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    ModelUpdated,
    TagsSet,
    VersionDeleted,
    VersionRegistered,
)
from regesta_projections.filtering import MODEL_ORDER, VERSION_ORDER, parse_order
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.api.reads.lists import CatalogLists
from regesta_service.domain import rejections as r
from regesta_service.reads.list_statements import Listing
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.then import AsOf
from tests.support.reading import make_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from regesta_service.reads.read_model import ReadModel
    from tests.support.live_log import LiveLog

PARENT = "namespaces/acme"
CHURN = f"{PARENT}/models/churn"


async def list_models(reads: ReadModel, **fields: Any) -> pb.ListModelsResponse:
    request = pb.ListModelsRequest(**({"parent": PARENT} | fields))
    return pb.ListModelsResponse.FromString(
        await CatalogLists(reads).list_models(request, make_call())
    )


async def search_models(reads: ReadModel, **fields: Any) -> pb.SearchModelsResponse:
    request = pb.SearchModelsRequest(**({"parent": PARENT} | fields))
    return pb.SearchModelsResponse.FromString(
        await CatalogLists(reads).search_models(request, make_call())
    )


async def list_versions(reads: ReadModel, **fields: Any) -> pb.ListVersionsResponse:
    request = pb.ListVersionsRequest(**({"parent": CHURN} | fields))
    return pb.ListVersionsResponse.FromString(
        await CatalogLists(reads).list_versions(request, make_call())
    )


async def search_versions(reads: ReadModel, **fields: Any) -> pb.SearchVersionsResponse:
    request = pb.SearchVersionsRequest(**({"parent": PARENT} | fields))
    return pb.SearchVersionsResponse.FromString(
        await CatalogLists(reads).search_versions(request, make_call())
    )


async def list_aliases(reads: ReadModel, **fields: Any) -> pb.ListAliasesResponse:
    request = pb.ListAliasesRequest(**({"parent": CHURN} | fields))
    return pb.ListAliasesResponse.FromString(
        await CatalogLists(reads).list_aliases(request, make_call())
    )


async def pages(method: Any, reads: ReadModel, **fields: Any) -> AsyncIterator[Any]:
    token = ""
    while True:
        page = await method(reads, page_token=token, **fields)
        yield page
        token = page.next_page_token
        if not token:
            return


@pytest.fixture
def models(churn: LiveLog) -> LiveLog:
    """The models Alpha, beta, churn, delta and omega, which is deleted."""
    for name in ("beta", "omega", "delta", "Alpha"):
        churn.later(f"models/{name}", ModelCreated(name=name, kind="PROMPT"))
    churn.later("models/omega", ModelDeleted())
    churn.commit()
    return churn


async def test_models_are_listed_by_name_without_regard_to_case(reads: ReadModel, models: LiveLog):
    page = await list_models(reads)

    assert [f"{PARENT}/models/{name}" for name in ("Alpha", "beta", "churn", "delta")] == [
        model.name for model in page.models
    ]
    assert ("", models.size) == (page.next_page_token, page.position)


async def test_pages_together_hold_everything_once(reads: ReadModel, models: LiveLog):
    found = [
        [model.name.rpartition("/")[2] for model in page.models]
        async for page in pages(list_models, reads, page_size=2, show_deleted=True)
    ]

    assert [["Alpha", "beta"], ["churn", "delta"], ["omega"]] == found


async def test_what_comes_between_two_pages_moves_nothing(reads: ReadModel, models: LiveLog):
    first = await list_models(reads, page_size=2)
    models.append("models/aaa", ModelCreated(name="aaa", kind="MODEL"))
    models.append("models/churn", ModelRenamed(from_name="churn", to_name="zeta"))

    second = await list_models(reads, page_size=2, page_token=first.next_page_token)

    assert ["delta", "zeta"] == [model.name.rpartition("/")[2] for model in second.models]


async def test_a_listed_model_is_finished_as_a_single_one_is(reads: ReadModel, churn: LiveLog):
    free, sealed = churn.builder.seal("What it predicts")
    long_tag, sealed_tag = churn.builder.seal("n" * 2_000)
    churn.later("models/churn", ModelUpdated(description=free), ("description", sealed))
    churn.later(
        "models/churn",
        TagsSet(tags={"a": "1"}, long_tags={"b": long_tag}),
        ("long_tags.b", sealed_tag),
    )
    churn.commit()

    (listed,) = (await list_models(reads)).models
    single = pb.GetModelResponse.FromString(
        await CatalogReads(reads).get_model(pb.GetModelRequest(name=CHURN), make_call())
    )

    assert single.model == listed
    assert ("What it predicts", {"a": "1", "b": "n" * 2_000}, {"champion": 2}) == (
        listed.description,
        dict(listed.tags),
        dict(listed.aliases),
    )


async def test_versions_are_listed_highest_first_and_deleted_ones_only_on_request(
    reads: ReadModel, churn: LiveLog
):
    churn.append("models/churn/versions/3", VersionDeleted())

    page = await list_versions(reads)
    assert [2, 1] == [version.version for version in page.versions]
    assert f"{CHURN}/versions/2" == page.versions[0].name
    assert ["champion"] == list(page.versions[0].aliases)

    page = await list_versions(reads, show_deleted=True, page_size=2)
    assert [3, 2] == [version.version for version in page.versions]
    page = await list_versions(
        reads, show_deleted=True, page_size=2, page_token=page.next_page_token
    )
    assert [1] == [version.version for version in page.versions]


async def test_versions_of_a_deleted_model_are_hidden_with_it(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn", ModelDeleted())

    assert [] == list((await list_versions(reads)).versions)
    assert [] == list((await search_versions(reads)).versions)
    assert 3 == len((await search_versions(reads, show_deleted=True)).versions)


async def test_a_list_of_an_unknown_model_is_refused(reads: ReadModel, churn: LiveLog):
    for method in (list_versions, list_aliases, search_versions):
        with pytest.raises(r.ModelNotFound):
            await method(reads, parent=f"{PARENT}/models/fraud")


async def test_aliases_are_listed_by_name_without_removed_ones(reads: ReadModel, churn: LiveLog):
    for alias in ("blue", "green", "amber"):
        churn.later(f"models/churn/aliases/{alias}", AliasSet(version=1))
    churn.later("models/churn/aliases/green", AliasRemoved(previous_version=1))
    churn.commit()

    found = [
        [alias.name.rpartition("/")[2] for alias in page.aliases]
        async for page in pages(list_aliases, reads, page_size=2)
    ]

    assert [["amber", "blue"], ["champion"]] == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"filter": "stage = production"}, ["churn/2"]),
        ({"filter": "alias = champion OR semver < 1.1.0"}, ["churn/1", "churn/2"]),
        ({"filter": "model = fraud"}, ["fraud/1"]),
        ({"filter": 'stage = "*duct*" OR model = "f*u*"'}, ["churn/2", "fraud/1"]),
        ({"order_by": "semver desc"}, ["churn/3", "churn/2", "churn/1", "fraud/1"]),
        ({"order_by": "create_time desc"}, ["fraud/1", "churn/3", "churn/2", "churn/1"]),
        ({"order_by": "model, version desc"}, ["churn/3", "churn/2", "churn/1", "fraud/1"]),
        ({"parent": CHURN, "filter": "version > 1"}, ["churn/2", "churn/3"]),
    ],
)
async def test_versions_are_searched_by_filter_and_order(
    reads: ReadModel, churn: LiveLog, fields: dict[str, Any], found: list[str]
):
    churn.later("models/fraud", ModelCreated(name="fraud", kind="MODEL"))
    churn.later("models/fraud/versions/1", VersionRegistered(version=1, stage="development"))
    churn.commit()

    for page_size in (0, 1):
        names = [
            version.name.removeprefix(f"{PARENT}/models/").replace("/versions/", "/")
            async for page in pages(search_versions, reads, page_size=page_size, **fields)
            for version in page.versions
        ]
        assert found == names


async def test_models_are_searched_by_filter_and_order(reads: ReadModel, models: LiveLog):
    names = [
        model.name.rpartition("/")[2]
        async for page in pages(
            search_models,
            reads,
            filter="kind = PROMPT",
            order_by="create_time desc",
            page_size=2,
        )
        for model in page.models
    ]

    assert ["Alpha", "delta", "beta"] == names


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"filter": "colour = red"}, r.InvalidFilterGiven),
        ({"filter": "stage ="}, r.InvalidFilterGiven),
        ({"order_by": "colour"}, r.InvalidFilterGiven),
        ({"page_size": -1}, r.InvalidRequest),
        ({"page_token": "nonsense"}, r.InvalidPageToken),
        ({"parent": "models/churn"}, r.InvalidRequest),
        ({"parent": "namespaces/other"}, r.NamespaceNotFound),
        ({"consistency": reading_pb.Consistency(level=2, position=1_000)}, r.MomentOutOfRange),  # type: ignore[arg-type]
        ({"consistency": reading_pb.Consistency(position=1)}, r.InvalidRequest),
    ],
)
async def test_what_cannot_be_listed_is_refused_with_its_reason(
    reads: ReadModel, churn: LiveLog, fields: dict[str, Any], refusal: type[r.Rejection]
):
    with pytest.raises(refusal):
        await search_versions(reads, **fields)


async def test_a_page_ends_before_it_is_too_long_for_a_message(reads: ReadModel, churn: LiveLog):
    card = "x" * (MAX_PAGE_BYTES // 3)
    for number in range(4, 10):
        free, sealed = churn.builder.seal(card)
        churn.later(
            f"models/churn/versions/{number}",
            VersionRegistered(version=number, stage="development", card=free),
            ("card", sealed),
        )
    churn.commit()

    found = [page async for page in pages(list_versions, reads)]

    assert list(range(9, 0, -1)) == [v.version for page in found for v in page.versions]
    assert all(page.ByteSize() <= MAX_PAGE_BYTES + 1_000 for page in found)
    assert len(found) == 3
    assert all(card == version.card for version in found[0].versions)


OF_A_MOMENT = [
    (list_models, {}),
    (list_models, {"page_size": 1}),
    (search_models, {"filter": "alias = champion"}),
    (list_versions, {}),
    (search_versions, {"filter": "stage = production", "order_by": "update_time desc"}),
    (search_versions, {"filter": "tags.round = 5"}),
    (list_aliases, {}),
]


@pytest.mark.parametrize(("method", "fields"), OF_A_MOMENT)
async def test_a_page_as_of_what_was_just_written_waits_for_the_history(
    reads: ReadModel, churn: LiveLog, method: Any, fields: dict[str, Any]
):
    newest = reading_pb.Consistency(level=reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT)
    for number in range(10):
        churn.append("models/churn/versions/2", TagsSet(tags={"round": str(number)}))
        churn.append("models/churn/aliases/champion", AliasSet(version=1 + number % 3))
        now = await method(reads, consistency=newest, **fields)

        # A token says of which list it is, and this is another list.
        now.ClearField("next_page_token")
        then = await method(reads, as_of=reading_pb.Moment(position=churn.size), **fields)
        then.ClearField("next_page_token")
        assert now == then


@pytest.mark.parametrize(("method", "fields"), OF_A_MOMENT)
async def test_a_page_of_a_position_beyond_the_end_is_refused_whatever_else_is_wrong(
    reads: ReadModel, churn: LiveLog, method: Any, fields: dict[str, Any]
):
    beyond = reading_pb.Moment(position=churn.size + 1)
    demand = reading_pb.Consistency(
        level=reading_pb.CONSISTENCY_LEVEL_AT_LEAST, position=churn.size + 2
    )
    elsewhere = {} if method in {list_models, search_models} else {"parent": f"{PARENT}/models/no"}

    for wrong in ({"as_of": beyond}, {"as_of": beyond} | elsewhere):
        with pytest.raises(r.MomentOutOfRange, match=f"{churn.size + 1} lies beyond"):
            await method(reads, **(fields | wrong))
    with pytest.raises(r.MomentOutOfRange, match=f"{churn.size + 2} lies beyond"):
        await method(
            reads, as_of=reading_pb.Moment(position=1), consistency=demand, **(fields | elsewhere)
        )


async def test_lists_do_not_give_a_moment_that_the_history_has_not_reached(
    reads: ReadModel, churn: LiveLog
):
    order = parse_order("", VERSION_ORDER)
    coming = AsOf(churn.size + 1)
    versions = Listing("acme", churn.namespace_id, order, 10, as_of=coming)
    models = versions._replace(order=parse_order("name", MODEL_ORDER))
    lists = reads.lists

    for read in (
        lambda: lists.models(models),
        lambda: lists.versions(versions, None),
        lambda: lists.versions(versions, "churn"),
        lambda: lists.versions(versions, "no such model"),
        lambda: lists.aliases(
            "acme", churn.namespace_id, "churn", after="", limit=10, as_of=coming
        ),
    ):
        with pytest.raises(r.NotFreshYet):
            await read()


@pytest.mark.parametrize("method", [list_models, list_versions, list_aliases])
async def test_pages_of_a_position_look_at_the_database_once_each(
    reads: ReadModel, churn: LiveLog, method: Any
):
    for number in (1, 3):
        churn.append(f"models/churn/aliases/a{number}", AliasSet(version=number))
    churn.append("models/omega", ModelCreated(name="omega", kind="MODEL"))
    moment = reading_pb.Moment(position=churn.size)
    async for _ in pages(method, reads, as_of=moment, page_size=1):
        pass  # and now the history is there

    before = reads.pool.get_stats()["requests_num"]
    found = [page async for page in pages(method, reads, as_of=moment, page_size=1)]

    assert len(found) > 1
    # And once for the number of the namespace, which a server knows.
    assert 2 * len(found) == reads.pool.get_stats()["requests_num"] - before

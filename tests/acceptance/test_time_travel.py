"""Lists, searches, gets and differences as of a moment, over a real server."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.errors import InvalidRequest, NotFound, OutOfRange
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2
from regesta.v1 import reading_pb2 as reading_pb

if TYPE_CHECKING:
    from collections.abc import Callable

    Listing = Callable[[int | None], list[bytes]]


def listings(client: regesta.Client) -> dict[str, Listing]:
    """Return lists and searches of all kinds, of now or as of a position."""

    def of(found: object) -> list[bytes]:
        return [one.SerializeToString(deterministic=True) for one in found]  # type: ignore[attr-defined]

    return {
        "models": lambda at: of(client.models(as_of=at)),
        "deleted too": lambda at: of(client.models(show_deleted=True, as_of=at)),
        "by update": lambda at: of(client.models(order_by="update_time desc", as_of=at)),
        "risk": lambda at: of(client.models("tags.team = risk", as_of=at)),
        "latest": lambda at: of(client.models("latest_version > 1", as_of=at)),
        "with champion": lambda at: of(client.models("alias = champion", as_of=at)),
        "versions": lambda at: of(client.versions(as_of=at)),
        "of one": lambda at: of(client.versions("model-0", order_by="version desc", as_of=at)),
        "in stage": lambda at: of(client.versions(where="stage = staging", as_of=at)),
        "tagged": lambda at: of(client.versions(where="tags.a = 1 AND NOT tags.b:*", as_of=at)),
        "patterns": lambda at: of(client.models('name = "*el-*" AND tags.team != "*d*"', as_of=at)),
        "part of a stage": lambda at: of(client.versions(where='stage = "*a*g*"', as_of=at)),
        "champions": lambda at: of(client.versions(where="alias = champion", as_of=at)),
        "labelled": lambda at: of(
            client.versions(where="semver >= 1.1.0", order_by="semver desc", as_of=at)
        ),
        "good": lambda at: of(client.versions(where="metrics.auc > 0.5", as_of=at)),
    }


def something(client: regesta.Client, chance: random.Random) -> None:
    """Do one thing to one of three models, if it can be done."""
    name = f"model-{chance.randrange(3)}"
    number = chance.randint(1, 3)
    acts: list[Callable[[], object]] = [
        lambda: client.register(name, metrics={"auc": chance.random()}, tags={"a": "1"}),
        lambda: client.register(name, semver=f"1.{chance.randrange(3)}.{chance.randrange(9)}"),
        lambda: client.set_tags(f"{name}/{number}", tags={chance.choice("ab"): "1"}),
        lambda: client.remove_tags(f"{name}/{number}", keys=[chance.choice("ab")]),
        lambda: client.set_tags(name, tags={"team": chance.choice(["risk", "ads"])}),
        lambda: client.set_alias(f"{name}@champion", version=number),
        lambda: client.remove_alias(f"{name}@champion"),
        lambda: client.transition_version(f"{name}/{number}", stage="staging"),
        lambda: client.label_version(f"{name}/{number}", semver=f"2.0.{chance.randrange(99)}"),
        lambda: client.delete_version(f"{name}/{number}"),
        lambda: client.restore_version(f"{name}/{number}"),
        lambda: client.delete_model(name),
        lambda: client.restore_model(name),
        lambda: client.update_model(
            model_pb2.Model(name=f"models/{name}", description=f"is {chance.random()}"),
            update_mask=["description"],
        ),
    ]
    try:
        chance.choice(acts)()
    except regesta.RegestaError as error:
        if isinstance(error, regesta.ServerFailure):
            raise


@pytest.mark.parametrize("seed", [1, 2])
def test_every_list_as_of_a_position_is_what_it_was_then(client: regesta.Client, seed: int):
    chance = random.Random(seed)  # noqa: S311 - so that it comes again
    lists = listings(client)
    client.create_model("model-0", model=model_pb2.Model())
    noted: dict[int, dict[str, list[bytes]]] = {}
    for step in range(90):
        something(client, chance)
        if step % 15 == 14:
            noted[client.get_head().position] = {name: read(None) for name, read in lists.items()}

    assert len(noted) > 3
    for position, then in noted.items():
        assert then == {name: read(position) for name, read in lists.items()}


def test_the_pages_of_a_list_look_at_one_moment(client: regesta.Client):
    for number in range(5):
        client.create_model(f"m{number}", model=model_pb2.Model())
    moment = datetime.now(UTC)
    first = client.list_models(page_size=2, as_of=moment)
    for number in range(5):
        client.delete_model(f"m{number}")
    second = client.list_models(page_size=2, page_token=first.next_page_token, as_of=moment)
    third = client.list_models(page_size=2, page_token=second.next_page_token, as_of=moment)

    names = [model.name[-2:] for page in (first, second, third) for model in page.models]
    assert ["m0", "m1", "m2", "m3", "m4"] == names
    assert {first.position} == {page.position for page in (second, third)}
    assert "" == third.next_page_token


def test_aliases_are_listed_as_they_were(client: regesta.Client):
    client.register("churn")
    client.register("churn")
    client.set_alias("churn@a", version=1)
    client.set_alias("churn@b", version=2)
    then = client.get_head().position
    client.set_alias("churn@a", version=2)
    client.remove_alias("churn@b")

    page = client.list_aliases("churn", as_of=then)
    assert {"a": 1, "b": 2} == {alias.name.split("/")[-1]: alias.version for alias in page.aliases}
    assert ["a"] == [one.name.split("/")[-1] for one in client.list_aliases("churn").aliases]


@pytest.fixture
def imported(client: regesta.Client) -> regesta.Client:
    """A registry into which the past of another one was brought: a version a year."""
    for year in (2021, 2022, 2023):
        client.register(
            "churn", source=f"s3://{year}", occurred_at=datetime(year, 6, 1, tzinfo=UTC)
        )
    client.set_alias("churn@champion", version=3)
    return client


def test_what_was_imported_counts_from_when_it_happened_or_from_when_it_was_known(
    imported: regesta.Client,
):
    by = regesta.Occurred(datetime(2022, 12, 31, tzinfo=UTC))

    found = [
        version.version for version in imported.versions("churn", order_by="version", as_of=by)
    ]
    assert [1, 2] == found
    assert "s3://2022" == imported.get_version("churn/2", as_of=by).source
    with pytest.raises(NotFound):
        imported.get_version("churn/3", as_of=by)
    assert 2 == imported.resolve("churn@latest", as_of=by).version
    assert 1 == imported.resolve("churn/1", as_of=by).version
    # It was set today, so that time had no champion, as far as anybody knows.
    with pytest.raises(NotFound):
        imported.resolve("churn@champion", as_of=by)
    assert (
        3 == imported.resolve("churn@champion", as_of=regesta.Occurred(datetime.now(UTC))).version
    )
    # Nothing had been recorded by then.
    with pytest.raises(OutOfRange):
        list(imported.versions("churn", as_of=by.time))


def test_a_basis_that_does_not_go_with_the_rest_is_refused(imported: regesta.Client):
    for moment in (
        reading_pb.Moment(position=1, basis=reading_pb.MOMENT_BASIS_OCCURRED),
        reading_pb.Moment(position=1, basis=99),  # type: ignore[arg-type]  # of a newer client
    ):
        with pytest.raises(InvalidRequest) as caught:
            _raw_list(imported, moment)
        assert ["as_of.basis"] == [one.field for one in caught.value.violations]
    with pytest.raises(OutOfRange):
        imported.list_models(as_of=regesta.Occurred(datetime.now(UTC) + timedelta(days=1)))


def _raw_list(client: regesta.Client, moment: reading_pb.Moment) -> None:
    client._transport.unary(
        "/regesta.v1.CatalogService/ListModels",
        pb.ListModelsRequest(parent=f"namespaces/{client.namespace}", as_of=moment),
        pb.ListModelsResponse,
        5.0,
    )


def test_a_difference_names_what_changed_and_how(client: regesta.Client):
    client.register("churn", source="s3://1")
    client.register("fraud")
    before = client.get_head().position
    client.register("churn")
    client.transition_version("churn/1", stage="staging")
    client.set_tags("churn/1", tags={"team": "risk"})
    client.set_alias("churn@champion", version=1)
    middle = client.get_head().position
    client.set_tags("churn/1", tags={"team": "ads"})

    changes = {change.name.split("/", 2)[2]: change for change in client.changes(before, middle)}
    first = changes["models/churn/versions/1"]
    assert ["aliases", "stage", "tags.team"] == list(first.changed_fields)
    assert ("development", "staging") == (first.before.version.stage, first.after.version.stage)
    assert "risk" == first.after.version.tags["team"]
    assert not changes["models/churn/versions/2"].HasField("before")
    assert 1 == changes["models/churn/aliases/champion"].after.alias.version
    assert not [name for name in changes if "fraud" in name]
    assert ["tags.team"] == [
        field for change in client.changes(middle) for field in change.changed_fields
    ]
    assert [] == list(client.changes(middle, middle))
    with pytest.raises(OutOfRange):
        list(client.changes(middle, before))


def test_a_difference_comes_in_pages_that_keep_their_end(client: regesta.Client):
    client.register("churn")
    begin = client.get_head().position
    for number in range(5):
        client.register("churn", source=str(number))
    first = client.diff_state(from_moment=begin, page_size=2)
    client.register("churn")
    rest: list[object] = []
    token = first.next_page_token
    while token:
        page = client.diff_state(from_moment=begin, page_size=2, page_token=token)
        rest += page.changes
        token = page.next_page_token

    assert 5 == len(first.changes) + len(rest)


def test_what_was_put_back_does_not_differ(client: regesta.Client):
    client.register("churn", tags={"a": "1"})
    begin = client.get_head().position
    client.set_tags("churn/1", tags={"a": "2"})
    client.set_tags("churn/1", tags={"a": "1"})

    assert [] == list(client.changes(begin))

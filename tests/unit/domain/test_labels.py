from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from regesta_projections.events import (
    ModelDeleted,
    ModelRenamed,
    TagsRemoved,
    TagsSet,
    VersionDeleted,
)
from regesta_projections.rows import ModelKey, ModelRow, VersionKey
from regesta_service.domain.labels import RemoveTags, SetTags
from regesta_service.domain.limits import MAX_TAGS
from regesta_service.domain.rejections import (
    ModelDeletedAlready,
    ModelNotFound,
    RevisionMismatch,
    TooManyTags,
    VersionDeletedAlready,
    VersionNotFound,
)
from tests.unit.domain.specification import (
    CHURN,
    created,
    digest,
    given,
    registered,
    sealed,
    version,
)

TAGGED = (CHURN, TagsSet(tags={"domain": "risk", "tier": "1"}))
LONG = (CHURN, TagsSet(long_tags={"notes": digest("long")}))


def test_tags_of_a_model_go_to_its_stream():
    given(created()).when(SetTags("churn", tags={"tier": "1"}, reason=sealed("why"))).then(
        (CHURN, TagsSet(tags={"tier": "1"}, reason=digest("why"))), shows=ModelKey("churn")
    )


def test_tags_of_a_version_go_to_its_stream():
    given(created(), registered(1)).when(SetTags("churn", 1, {"tier": "1"})).then(
        (version(1), TagsSet(tags={"tier": "1"})), shows=VersionKey("churn", 1)
    )


def test_setting_the_same_tag_again_changes_nothing():
    given(created(), TAGGED).when(
        SetTags("churn", tags={"tier": "1"}, reason=sealed("again"))
    ).then_nothing()


def test_only_tags_that_differ_are_in_the_event():
    given(created(), TAGGED).when(
        SetTags("churn", tags={"tier": "2", "domain": "risk", "team": "a"})
    ).then((CHURN, TagsSet(tags={"tier": "2", "team": "a"})))


def test_an_empty_value_is_a_value():
    given(created()).when(SetTags("churn", tags={"tier": ""})).then(
        (CHURN, TagsSet(tags={"tier": ""}))
    ).when(SetTags("churn", tags={"tier": ""})).then_nothing()


def test_a_long_value_is_always_set_anew():
    command = SetTags("churn", long_tags={"notes": sealed("long")})

    given(created(), LONG).when(command).then(LONG)
    given(created(), LONG).when(command).keeps(("long_tags.notes", "long"))


def test_a_short_value_takes_the_place_of_a_long_one_and_back():
    after = (
        given(created(), LONG)
        .when(SetTags("churn", tags={"notes": "short"}))
        .then((CHURN, TagsSet(tags={"notes": "short"})))
    )
    assert tags_in(after) == ({"notes": "short"}, {})

    after = after.when(SetTags("churn", long_tags={"notes": sealed("long")})).then(LONG)
    assert tags_in(after) == ({}, {"tags.notes": sealed("long").digest})


def test_a_resource_holds_as_many_tags_as_the_limit_and_not_one_more():
    most = {f"key-{n}": "" for n in range(MAX_TAGS - 1)}
    full = given(created(), (CHURN, TagsSet(tags=most)), LONG)

    full.when(SetTags("churn", tags={"key-7": "new"}, long_tags={"notes": sealed("x")})).then(
        (CHURN, TagsSet(tags={"key-7": "new"}, long_tags={"notes": digest("x")}))
    )
    full.when(SetTags("churn", tags={"one-more": ""})).refused(
        TooManyTags, count="1001", limit="1000"
    )
    full.when(SetTags("churn", long_tags={"one-more": sealed("x")})).refused(
        TooManyTags, count="1001", limit="1000"
    )


def test_only_tags_that_are_there_are_removed_each_once_in_order():
    given(created(), TAGGED, LONG).when(
        RemoveTags("churn", keys=("tier", "other", "notes", "tier"), reason=sealed("old"))
    ).then((CHURN, TagsRemoved(keys=("notes", "tier"), reason=digest("old"))))


def test_removing_what_is_not_there_changes_nothing():
    given(created(), TAGGED).when(RemoveTags("churn", keys=("other",))).then_nothing()


def test_removing_takes_long_tags_away_too():
    after = (
        given(created(), LONG)
        .when(RemoveTags("churn", keys=("notes",)))
        .then((CHURN, TagsRemoved(keys=("notes",))))
    )

    assert tags_in(after) == ({}, {})


def test_tags_are_found_under_a_former_name():
    given(created(), (CHURN, ModelRenamed(from_name="churn", to_name="leavers"))).when(
        SetTags("churn", tags={"tier": "1"})
    ).then((CHURN, TagsSet(tags={"tier": "1"})))


COMMANDS = [SetTags("churn", 1, {"a": "b"}), RemoveTags("churn", 1, ("a",))]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_missing_or_deleted_has_no_tags_to_change(command):
    given().when(command).refused(ModelNotFound, model="churn")
    given(created()).when(command).refused(VersionNotFound, model="churn", version="1", latest="0")
    given(created(), registered(1), (version(1), VersionDeleted())).when(command).refused(
        VersionDeletedAlready, model="churn", version="1"
    )
    given(created(), registered(1), (CHURN, ModelDeleted())).when(command).refused(
        ModelDeletedAlready, model="churn"
    )


@pytest.mark.parametrize(
    "command",
    [
        SetTags("churn", tags={"tier": "1"}, expected_revision=1),
        RemoveTags("churn", keys=("other",), expected_revision=1),
    ],
)
def test_another_revision_than_expected_is_refused_even_if_nothing_differs(command):
    given(created(), TAGGED).when(command).refused(RevisionMismatch, expected="1", actual="2")


KEYS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["", "1", "2"])
TAGS = st.dictionaries(KEYS, VALUES, max_size=4)


@for_all(present=TAGS, long=st.sets(KEYS), wanted=TAGS, wanted_long=st.sets(KEYS))
def test_after_setting_tags_they_are_as_wanted_and_again_changes_nothing_but_long_ones(
    present, long, wanted, wanted_long
):
    wanted = {key: value for key, value in wanted.items() if key not in wanted_long}
    past = [created()]
    if present or long:
        digests = {key: digest(key) for key in long}
        inline = {key: value for key, value in present.items() if key not in long}
        past.append((CHURN, TagsSet(tags=inline, long_tags=digests)))
    state = given(*past)
    before, before_long = tags_in(state)
    command = SetTags("churn", tags=wanted, long_tags={key: sealed("new") for key in wanted_long})

    facts = state.when(command).decide().facts
    for fact in facts:
        state.log.append(fact.stream, fact.event)
    after, after_long = tags_in(state)

    gone = {f"tags.{key}" for key in wanted}
    assert after == {k: v for k, v in (before | wanted).items() if k not in wanted_long}
    assert after_long == {k: v for k, v in before_long.items() if k not in gone} | {
        f"tags.{key}": sealed("new").digest for key in wanted_long
    }
    differs = before != after or bool(wanted_long)
    assert len(facts) == differs
    assert len(state.when(command).decide().facts) == bool(wanted_long)


def tags_in(state):
    row = state.row(ModelKey("churn"))
    assert isinstance(row, ModelRow)
    return dict(row.resource.tags), row.texts

"""Comments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regesta_projections.events import CommentAdded, CommentEdited, ModelDeleted, VersionDeleted
from regesta_projections.resources import place_of
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.domain.comments import AddComment, EditComment, comment_id, mentions_in
from regesta_service.domain.rejections import (
    CommentNotFound,
    CommentNotYours,
    ModelDeletedAlready,
    RevisionMismatch,
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

ID = "abcdefgh23"
OTHER = "abcdefgh45"
PAST = (created(), registered(1))
ON_MODEL = f"{CHURN}/comments/{ID}"
ON_VERSION = f"{version(1)}/comments/{ID}"
ADD = AddComment("churn", None, ID, sealed("slow"))
SAID = (ON_MODEL, CommentAdded(comment=ID, text=digest("slow")))


def test_a_model_and_a_version_are_commented_on():
    state = given(*PAST)
    state.when(replace(ADD, reason=sealed("asked"))).then(
        (ON_MODEL, CommentAdded(comment=ID, text=digest("slow"), reason=digest("asked"))),
        shows=ResourceKey(ON_MODEL),
    )
    on_version = replace(ADD, number=1, mentions=("rosa",))
    state.when(on_version).keeps(("text", "slow"))
    state.when(on_version).then(
        (ON_VERSION, CommentAdded(comment=ID, text=digest("slow"), mentions=("rosa",)))
    )


def test_a_comment_is_listed_below_what_it_is_on():
    row = (
        given(*PAST)
        .when(replace(ADD, number=1))
        .then((ON_VERSION, CommentAdded(comment=ID, text=digest("slow"))))
        .row(ResourceKey(ON_VERSION))
    )
    assert isinstance(row, ResourceRow)
    assert ("comment", version(1), "") == place_of(row.stream, row.resource)


def test_a_comment_answers_another_on_the_same_thing():
    answer = replace(ADD, comment=OTHER, reply_to=ID)
    given(*PAST, SAID).when(answer).then(
        (f"{CHURN}/comments/{OTHER}", CommentAdded(comment=OTHER, reply_to=ID, text=digest("slow")))
    )
    given(*PAST, SAID).when(replace(answer, number=1)).refused(
        CommentNotFound, model="churn", comment=ID
    )


def test_what_is_missing_or_deleted_is_not_commented_on():
    given(*PAST).when(replace(ADD, number=7)).refused(
        VersionNotFound, model="churn", version="7", latest="1"
    )
    given(*PAST, (version(1), VersionDeleted())).when(replace(ADD, number=1)).refused(
        VersionDeletedAlready, model="churn", version="1"
    )
    given(*PAST, SAID, (CHURN, ModelDeleted())).when(
        EditComment("churn", None, ID, sealed("x"), author="alice")
    ).refused(ModelDeletedAlready, model="churn")


def test_an_id_that_is_taken_is_a_fault():
    with pytest.raises(ValueError, match="has this id already"):
        given(*PAST, SAID).when(ADD).decide()


EDIT = EditComment("churn", None, ID, sealed("fast"), ("rosa",), author="alice")


def test_the_author_changes_a_comment():
    after = (
        given(*PAST, SAID)
        .when(EDIT)
        .then((ON_MODEL, CommentEdited(text=digest("fast"), mentions=("rosa",))))
    )
    row = after.row(ResourceKey(ON_MODEL))
    assert isinstance(row, ResourceRow)
    shown = row.resource
    assert (True, ["rosa"], "2", "alice") == (
        shown.edited,  # type: ignore[attr-defined]
        list(shown.mentions),  # type: ignore[attr-defined]
        shown.etag,  # type: ignore[attr-defined]
        shown.created_by,  # type: ignore[attr-defined]
    )
    assert {"text": sealed("fast").digest} == row.texts


def test_nobody_else_changes_a_comment():
    message = (
        given(*PAST, SAID).when(replace(EDIT, author="bob")).refused(CommentNotYours, comment=ID)
    )
    assert f"models/churn/comments/{ID} was said by somebody else; answer it instead" == message


def test_changing_expects_a_revision_and_a_comment():
    given(*PAST, SAID).when(replace(EDIT, expected_revision=2)).refused(
        RevisionMismatch, expected="2", actual="1"
    )
    given(*PAST).when(EDIT).refused(CommentNotFound, model="churn", comment=ID)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@rosa please look", ("rosa",)),
        ("(@rosa, @max_m; @ci@example.com.)", ("rosa", "max_m", "ci@example.com")),
        ("@rosa and @rosa", ("rosa",)),
        ("mail rosa@example.com or a.b+c@d", ()),
        ("@ alone, @-x, @@rosa and @é", ()),
        ("@a", ("a",)),
        ("line\n@rosa-2's", ("rosa-2",)),
    ],
)
def test_principals_are_named_with_an_at(text, named):
    assert named == mentions_in(text)


def test_an_id_is_ten_characters_of_base32():
    assert "aaaaaaaaaa" == comment_id(bytes(16))
    assert comment_id(bytes(range(16))) != comment_id(bytes(range(1, 17)))
    assert 10 == len(comment_id(b"\xff" * 16))

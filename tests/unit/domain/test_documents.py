"""Documents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regesta_projections.events import DocumentPut, DocumentRemoved
from regesta_projections.resources import document_key, place_of
from regesta_projections.rows import ResourceKey, ResourceRow
from regesta_service.domain.documents import PutDocument, RemoveDocument
from regesta_service.domain.rejections import DocumentNotFound, RevisionMismatch
from tests.unit.domain.specification import digest, given, sealed

STREAM = "collections/webhooks/documents/w1"
KEY = ResourceKey(STREAM)
PUT = PutDocument("webhooks", "w1", sealed("{}"))
REMOVE = RemoveDocument("webhooks", "w1")
WRITTEN = (STREAM, DocumentPut(content=digest("{}")))
REMOVED = (STREAM, DocumentRemoved())


def row_of(state) -> ResourceRow:
    row = state.row(KEY)
    assert isinstance(row, ResourceRow)
    return row


def test_a_document_is_put_and_put_again():
    state = given()
    state.when(PUT).keeps(("content", "{}"))
    state.when(replace(PUT, reason=sealed("new"))).then(
        (STREAM, DocumentPut(content=digest("{}"), reason=digest("new"))), shows=KEY
    )
    again = given(WRITTEN).when(replace(PUT, content=sealed("[]")))
    row = row_of(again.then((STREAM, DocumentPut(content=digest("[]")))))
    assert ({"content": sealed("[]").digest}, 2) == (row.texts, row.revision)


def test_the_same_content_is_put_again():
    given(WRITTEN).when(PUT).then(WRITTEN)


def test_a_document_is_listed_by_its_collection_until_it_is_removed():
    assert document_key("webhooks", "w1") == KEY
    row = row_of(given().when(PUT).then(WRITTEN))
    assert ("document", "collections/webhooks", "") == place_of(row.stream, row.resource)
    row = row_of(given(WRITTEN).when(REMOVE).then(REMOVED))
    assert ("document", "collections/webhooks", "removed") == place_of(row.stream, row.resource)
    assert {} == row.texts


def test_a_removed_document_is_put_again_and_its_revision_goes_on():
    row = row_of(given(WRITTEN, REMOVED).when(PUT).then(WRITTEN))
    assert ("document", "collections/webhooks", "") == place_of(row.stream, row.resource)
    assert ("3", False, {"content": sealed("{}").digest}) == (
        row.resource.etag,  # type: ignore[attr-defined]
        row.resource.HasField("delete_time"),
        row.texts,
    )


@pytest.mark.parametrize(
    ("past", "expected"),
    [((), 0), ((WRITTEN,), 1), ((WRITTEN, REMOVED), 0), ((WRITTEN, REMOVED), 2)],
)
def test_a_put_may_expect_a_revision_or_that_nothing_is_there(past, expected):
    given(*past).when(replace(PUT, expected_revision=expected)).then(WRITTEN)


@pytest.mark.parametrize(
    ("past", "expected", "actual"),
    [((), 1, 0), ((WRITTEN,), 0, 1), ((WRITTEN,), 2, 1), ((WRITTEN, REMOVED), 1, 2)],
)
def test_a_put_on_another_revision_is_refused(past, expected, actual):
    given(*past).when(replace(PUT, expected_revision=expected)).refused(
        RevisionMismatch, expected=str(expected), actual=str(actual)
    )


def test_only_what_is_there_is_removed():
    given().when(REMOVE).refused(DocumentNotFound, document=STREAM)
    message = given(WRITTEN, REMOVED).when(REMOVE).refused(DocumentNotFound, document=STREAM)
    assert f"{STREAM} was removed; put it again to have it back" == message
    given(WRITTEN).when(replace(REMOVE, expected_revision=1)).then(REMOVED)
    given(WRITTEN).when(replace(REMOVE, expected_revision=2)).refused(
        RevisionMismatch, expected="2", actual="1"
    )
    given(WRITTEN).when(replace(REMOVE, reason=sealed("gone"))).then(
        (STREAM, DocumentRemoved(reason=digest("gone")))
    )

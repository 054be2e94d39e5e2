"""Documents over a real channel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.databases import LiveDatabase

pytestmark = pytest.mark.every_engine

HOOK = '{"url": "https://example.com/hook", "secret": "s3cr3t"}'


def refused(call: Callable[[], object]) -> tuple[type[regesta.RegestaError], str]:
    with pytest.raises(regesta.RegestaError) as caught:
        call()
    return type(caught.value), caught.value.reason


def ids(client: regesta.Client, collection: str = "webhooks") -> list[str]:
    return [each.name.rpartition("/")[2] for each in client.list_documents(collection).documents]


def test_a_document_is_put_got_and_changed(client: regesta.Client):
    first = client.put_document("webhooks/w1", content=HOOK, etag="0")
    at = client.position
    name = f"namespaces/{client.namespace}/collections/webhooks/documents/w1"
    assert (name, HOOK, "1", "anonymous", "anonymous", False) == (
        first.name,
        first.content,
        first.etag,
        first.created_by,
        first.updated_by,
        first.HasField("delete_time"),
    )
    assert first == client.get_document("webhooks/w1") == client.get_document(name)
    second = client.put_document(name, content="é\n{}", etag=first.etag)
    assert ("é\n{}", "2", first.create_time) == (second.content, second.etag, second.create_time)
    assert second == client.get_document("collections/webhooks/documents/w1")
    assert first == client.get_document("webhooks/w1", as_of=at)
    for etag in ("0", "1", "3"):
        put = partial(client.put_document, name, content="x", etag=etag)
        assert (regesta.Conflict, "REVISION_MISMATCH") == refused(put)
    assert second == client.get_document(name)


def test_a_removed_document_is_not_found_and_can_be_put_again(client: regesta.Client):
    first = client.put_document("webhooks/w1", content="{}")
    at = client.position
    removed = client.remove_document("webhooks/w1", etag="1", reason="no longer wanted")
    assert ("", "2", False) == (removed.content, removed.etag, removed.erased)
    assert removed.delete_time == removed.update_time
    missing = (regesta.NotFound, "DOCUMENT_NOT_FOUND")
    assert missing == refused(lambda: client.get_document("webhooks/w1"))
    assert missing == refused(lambda: client.remove_document("webhooks/w1"))
    assert [] == ids(client)
    assert first == client.get_document("webhooks/w1", as_of=at)
    again = client.put_document("webhooks/w1", content="[]", etag="0")
    assert ("[]", "3", first.create_time) == (again.content, again.etag, again.create_time)
    assert not again.HasField("delete_time")
    assert ["w1"] == ids(client)


def test_what_was_never_put_is_not_found(client: regesta.Client):
    missing = (regesta.NotFound, "DOCUMENT_NOT_FOUND")
    client.put_document("webhooks/w1", content="{}")
    for name in ("webhooks/w2", "other/w1"):
        assert missing == refused(partial(client.get_document, name))
        assert missing == refused(partial(client.remove_document, name))
    assert [] == ids(client, "other")
    with_model = client.position
    client.register("churn")
    assert missing == refused(lambda: client.get_document("other/w1", as_of=with_model))


def test_documents_are_listed_newest_first_a_page_at_a_time(client: regesta.Client):
    for number in range(7):
        client.put_document(f"webhooks/w{number}", content=str(number))
    client.put_document("other/x", content="x")
    client.put_document("webhooks/w0", content="again")
    client.remove_document("webhooks/w3")
    found, token = [], ""
    while True:
        page = client.list_documents("webhooks", page_size=2, page_token=token)
        found += [(each.name.rpartition("/")[2], each.content) for each in page.documents]
        token = page.next_page_token
        if not token:
            break
    rest = [(f"w{number}", str(number)) for number in (6, 5, 4, 2, 1)]
    assert [*rest, ("w0", "again")] == found
    first = client.list_documents("webhooks", page_size=2)
    assert (regesta.InvalidRequest, "INVALID_PAGE_TOKEN") == refused(
        lambda: client.list_documents("other", page_token=first.next_page_token)
    )
    assert [client.get_document("webhooks/w6")] == list(first.documents)[:1]


def test_long_documents_make_short_pages(client: regesta.Client):
    text = "\N{GRINNING FACE}" * 100_000
    for number in range(9):
        client.put_document(f"webhooks/w{number}", content=text)
    page = client.list_documents("webhooks", page_size=1_000)
    assert 0 < len(page.documents) < 9
    rest = client.list_documents("webhooks", page_size=1_000, page_token=page.next_page_token)
    assert (9, "") == (len(page.documents) + len(rest.documents), rest.next_page_token)


def test_a_repeated_write_is_carried_out_once(client: regesta.Client):
    once = client.put_document("webhooks/w1", content="{}", request_id="one")
    client.put_document("webhooks/w1", content="[]")
    assert once == client.put_document("webhooks/w1", content="{}", request_id="one")
    assert "[]" == client.get_document("webhooks/w1").content
    assert (regesta.AlreadyExists, "REQUEST_ID_REUSED") == refused(
        lambda: client.put_document("webhooks/w1", content="x", request_id="one")
    )
    removed = client.remove_document("webhooks/w1", request_id="two")
    assert removed == client.remove_document("webhooks/w1", request_id="two")


@pytest.mark.parametrize("content", ["", "x" * 100_001, "a\0b"])
def test_content_that_cannot_be_is_refused(client: regesta.Client, content: str):
    put = partial(client.put_document, "webhooks/w1", content=content)
    assert (regesta.InvalidRequest, "INVALID_FIELD") == refused(put)


@pytest.mark.parametrize(
    "name", ["w1", "Webhooks/w1", "webhooks/-w1", "webhooks/w_1", "webhooks/" + "w" * 64, "a/b/c"]
)
def test_a_name_that_cannot_be_is_refused(client: regesta.Client, name: str):
    invalid = (regesta.InvalidRequest, "INVALID_FIELD")
    assert invalid == refused(lambda: client.put_document(name, content="{}"))
    assert invalid == refused(lambda: client.get_document(name))
    assert invalid == refused(lambda: client.remove_document(name))


def test_a_collection_that_cannot_be_is_refused(client: regesta.Client):
    for collection in ("", "Webhooks", "a/b", "w" * 64):
        refusal = refused(partial(client.list_documents, collection))
        assert (regesta.InvalidRequest, "INVALID_FIELD") == refusal


def test_no_event_shows_what_a_document_says(client: regesta.Client):
    client.put_document("webhooks/w1", content=HOOK, reason="first")
    stream = "collections/webhooks/documents/w1"
    by_reading = list(client.events(resources=[stream]))
    watched = next(iter(client.watch(after=client.position - 1)))
    with_live = [*by_reading, watched]
    assert ["reason"] * 2 == [each.field for event in with_live for each in event.disclosures]
    for event in with_live:
        assert "s3cr3t" not in str(event)
        assert event.stream == stream


def test_an_erased_document_shows_as_erased(client: regesta.Client, server_database: LiveDatabase):
    client.put_document("webhooks/w1", content="about mallory")
    at = client.position
    client.put_document("webhooks/w1", content="still about mallory")
    client.put_document("webhooks/w2", content="about nobody")
    name = f"namespaces/{client.namespace}/collections/webhooks/documents/w1"
    erased = client.erase_texts(resource=name, legal_basis="GDPR Art. 17")
    assert 2 == erased.erasure.texts
    for found in (
        client.get_document(name),
        client.get_document(name, as_of=at),
        client.list_documents("webhooks").documents[1],
    ):
        assert (name, "", True) == (found.name, found.content, found.erased)
    other = client.get_document("webhooks/w2")
    assert ("about nobody", False) == (other.content, other.erased)
    assert [] == list(verify(server_database.service_dsn, client.namespace).findings)


def test_documents_are_rebuilt_as_they_were(client: regesta.Client, server_database: LiveDatabase):
    for number in range(3):
        client.put_document(f"webhooks/w{number}", content=str(number))
    client.put_document("webhooks/w0", content="again")
    client.remove_document("webhooks/w1")
    before = client.list_documents("webhooks").documents
    rebuild(server_database.service_dsn, client.namespace, linger=0)
    assert before == client.list_documents("webhooks").documents
    assert ["w2", "w0"] == ids(client)
    assert [] == list(verify(server_database.service_dsn, client.namespace).findings)

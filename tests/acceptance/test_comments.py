"""Comments over a real channel."""

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


@pytest.fixture
def churn(client: regesta.Client) -> regesta.Client:
    """A client of a namespace with a version."""
    client.register("churn")
    return client


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(regesta.RegestaError) as caught:
        call()
    return caught.value.reason


def said(client: regesta.Client, parent: str, as_of: int | None = None) -> list[str]:
    return [comment.text for comment in client.list_comments(parent, as_of=as_of).comments]


def test_a_thread_is_listed_oldest_first(churn: regesta.Client):
    first = churn.add_comment("churn/1", text="slow, @rosa and @max")
    prefix = f"namespaces/{churn.namespace}/models/churn"
    assert first.name.startswith(f"{prefix}/versions/1/comments/")
    assert ("slow, @rosa and @max", ["rosa", "max"], "anonymous", False, "1") == (
        first.text,
        list(first.mentions),
        first.created_by,
        first.edited,
        first.etag,
    )
    answer = churn.add_comment("churn/1", text="how slow?", reply_to=first.name[-10:])
    assert first.name[-10:] == answer.reply_to
    churn.add_comment("churn", text="of the model")
    assert ["slow, @rosa and @max", "how slow?"] == said(churn, "churn/1")
    assert ["of the model"] == said(churn, "churn")
    assert [first, answer] == list(churn.list_comments("churn/1").comments)
    assert "COMMENT_NOT_FOUND" == refused(
        lambda: churn.add_comment("churn", text="x", reply_to=first.name[-10:])
    )


def test_a_changed_comment_keeps_its_history(churn: regesta.Client):
    comment = churn.add_comment("churn/1", text="slow")
    before = churn.position
    changed = churn.edit_comment(comment.name, text="fast, @rosa", etag=comment.etag)
    assert (True, "fast, @rosa", ["rosa"], "2") == (
        changed.edited,
        changed.text,
        list(changed.mentions),
        changed.etag,
    )
    assert ["fast, @rosa"] == said(churn, "churn/1")
    assert ["slow"] == said(churn, "churn/1", before)
    assert [] == said(churn, "churn/1", before - 1)
    texts = [event.disclosures[0].text for event in churn.history(comment.name)]
    assert ["fast, @rosa", "slow"] == texts
    assert 2 == len(
        [e for e in churn.history("churn", include_children=True) if "/comments/" in e.stream]
    )
    assert "REVISION_MISMATCH" == refused(
        lambda: churn.edit_comment(comment.name, text="x", etag="1")
    )


def test_a_repeated_comment_is_said_once(churn: regesta.Client):
    once = churn.add_comment("churn", text="slow", request_id="one")
    assert once == churn.add_comment("churn", text="slow", request_id="one")
    assert 1 == len(said(churn, "churn"))
    assert "REQUEST_ID_REUSED" == refused(
        lambda: churn.add_comment("churn", text="fast", request_id="one")
    )


def test_pages_follow_each_other(churn: regesta.Client):
    for number in range(7):
        churn.add_comment("churn", text=str(number))
    found, token = [], ""
    while True:
        page = churn.list_comments("churn", page_size=3, page_token=token)
        found += [comment.text for comment in page.comments]
        token = page.next_page_token
        if not token:
            break
    assert [str(number) for number in range(7)] == found
    first = churn.list_comments("churn", page_size=3)
    assert "INVALID_PAGE_TOKEN" == refused(
        lambda: churn.list_comments("churn/1", page_size=3, page_token=first.next_page_token)
    )


def test_long_comments_make_short_pages(churn: regesta.Client):
    text = "\N{GRINNING FACE}" * 10_000
    for _ in range(80):
        churn.add_comment("churn", text=text)
    page = churn.list_comments("churn", page_size=1_000)
    assert 0 < len(page.comments) < 80
    rest = churn.list_comments("churn", page_size=1_000, page_token=page.next_page_token)
    assert (80, "") == (len(page.comments) + len(rest.comments), rest.next_page_token)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "x" * 10_001, "a\0b", " ".join(f"@p{number}" for number in range(51))],
)
def test_a_text_that_cannot_be_is_refused(churn: regesta.Client, text: str):
    assert "INVALID_FIELD" == refused(lambda: churn.add_comment("churn", text=text))


def test_what_is_not_there_has_no_comments(churn: regesta.Client):
    assert "MODEL_NOT_FOUND" == refused(lambda: churn.list_comments("fraud"))
    assert "VERSION_NOT_FOUND" == refused(lambda: churn.list_comments("churn/2"))
    assert "MODEL_NOT_FOUND" == refused(lambda: churn.add_comment("fraud", text="x"))
    assert "MODEL_NOT_FOUND" == refused(lambda: churn.list_comments("churn", as_of=1))
    assert [] == said(churn, "churn")
    name = f"namespaces/{churn.namespace}/models/churn/comments/abcdefgh23"
    assert "COMMENT_NOT_FOUND" == refused(lambda: churn.edit_comment(name, text="x"))
    assert "COMMENT_NOT_FOUND" == refused(lambda: list(churn.history(name)))
    for wrong in (name[:-1], name + "x", name.replace("/models/churn", "")):
        for call in (churn.get_history, partial(churn.edit_comment, text="x")):
            assert "INVALID_FIELD" == refused(partial(call, wrong))


def test_comments_follow_a_renamed_model_and_read_on_when_it_is_deleted(churn: regesta.Client):
    churn.add_comment("churn/1", text="slow")
    churn.rename_model("churn", new_model_id="leavers")
    comment = churn.list_comments("churn/1").comments[0]
    assert "/models/leavers/versions/1/comments/" in comment.name
    assert "fast" == churn.edit_comment(comment.name, text="fast").text
    churn.delete_model("leavers")
    assert ["fast"] == said(churn, "leavers/1")
    assert "MODEL_DELETED" == refused(lambda: churn.add_comment("leavers", text="x"))


def test_an_erased_comment_shows_as_erased(churn: regesta.Client, server_database: LiveDatabase):
    first = churn.add_comment("churn", text="about mallory")
    churn.add_comment("churn", text="about the model")
    churn.erase_texts(event_position=churn.position - 1, legal_basis="GDPR Art. 17", field="text")
    erased, other = churn.list_comments("churn").comments
    assert (first.name, "", True) == (erased.name, erased.text, erased.erased)
    assert ("about the model", False) == (other.text, other.erased)
    assert [] == list(verify(server_database.service_dsn, churn.namespace).findings)


def test_comments_are_rebuilt_as_they_were(churn: regesta.Client, server_database: LiveDatabase):
    comment = churn.add_comment("churn", text="slow")
    churn.add_comment("churn/1", text="very")
    churn.edit_comment(comment.name, text="fast")
    before = [churn.list_comments(parent).comments for parent in ("churn", "churn/1")]
    rebuild(server_database.service_dsn, churn.namespace, linger=0)
    assert before == [churn.list_comments(parent).comments for parent in ("churn", "churn/1")]
    assert [] == list(verify(server_database.service_dsn, churn.namespace).findings)

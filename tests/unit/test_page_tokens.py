from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.domain.rejections import InvalidPageToken, InvalidRequest
from regesta_service.reads.pages import PageTokens, page_size_of

SECRET = b"a secret of sixteen bytes"
PLACE = st.lists(st.text(max_size=40) | st.integers(-(2**63), 2**63 - 1), max_size=4)


def request(**fields: object) -> pb.SearchModelsRequest:
    defaults = {"parent": "namespaces/acme", "filter": "kind = MODEL", "page_size": 10}
    return pb.SearchModelsRequest(**(defaults | fields))  # type: ignore[arg-type]


def token(place: list[str | int]) -> str:
    return PageTokens(SECRET).make(request(), place)


@given(PLACE)
def test_a_token_leads_back_to_its_place(place: list[str | int]):
    assert place == PageTokens(SECRET).read(request(page_token=token(place)))


def test_a_first_page_has_no_token():
    assert PageTokens(SECRET).read(request()) is None


def test_page_size_and_consistency_may_change_from_page_to_page():
    later = request(page_token=token(["a"]), page_size=99, consistency={"position": 7})

    assert ["a"] == PageTokens(SECRET).read(later)


@pytest.mark.parametrize(
    "change",
    [
        {"parent": "namespaces/other"},
        {"filter": "kind = PROMPT"},
        {"filter": ""},
        {"order_by": "create_time"},
        {"show_deleted": True},
    ],
)
def test_a_token_is_for_one_request_only(change: dict[str, object]):
    with pytest.raises(InvalidPageToken):
        PageTokens(SECRET).read(request(page_token=token(["a"]), **change))


def test_a_token_is_for_one_method_only():
    listed = pb.ListModelsRequest(parent="namespaces/acme")
    made = PageTokens(SECRET).make(listed, ["a"])

    with pytest.raises(InvalidPageToken):
        PageTokens(SECRET).read(pb.ListAliasesRequest(parent="namespaces/acme", page_token=made))


def test_a_token_of_another_secret_is_refused():
    with pytest.raises(InvalidPageToken):
        PageTokens(b"another secret of many bytes").read(request(page_token=token(["a"])))


@given(PLACE, st.data())
def test_an_edited_token_is_refused(place: list[str | int], data: st.DataObject):
    good = token(place)
    content = bytearray(urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    content[at // 8] ^= 1 << at % 8
    edited = urlsafe_b64encode(bytes(content)).rstrip(b"=").decode()

    with pytest.raises(InvalidPageToken):
        PageTokens(SECRET).read(request(page_token=edited))


@given(st.text(min_size=1))
def test_any_other_text_is_refused(text: str):
    with pytest.raises(InvalidPageToken):
        PageTokens(SECRET).read(request(page_token=text))


@pytest.mark.parametrize("spelling", ["{}=", "{}==", " {}", "{}\n", "{}A"])
def test_a_token_has_one_spelling(spelling: str):
    with pytest.raises(InvalidPageToken):
        PageTokens(SECRET).read(request(page_token=spelling.format(token(["a"]))))


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        PageTokens(b"short")


@pytest.mark.parametrize(("given_size", "size"), [(0, 50), (1, 1), (1_000, 1_000), (9_999, 1_000)])
def test_a_page_has_a_size_within_bounds(given_size: int, size: int):
    assert size == page_size_of(given_size)


def test_a_negative_page_size_is_refused():
    with pytest.raises(InvalidRequest):
        page_size_of(-1)

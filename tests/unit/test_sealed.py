"""Sealed texts against RFC 9901 and against forgery."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from regesta.sealed import (
    InvalidDisclosure,
    SealedText,
    digest_in,
    digest_of,
    disclosure_of,
    opens,
    read_disclosure,
    seal,
    sealed_field,
)

SALT = bytes(range(16))
texts = st.text(st.characters(exclude_categories=["Cs"]))
salts = st.binary(min_size=16, max_size=16)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# RFC 9901, sections 4.2.1 and 4.2.3; the digest is over the characters of the disclosure.
@pytest.mark.parametrize(
    ("disclosure", "digest"),
    [
        (
            "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
            "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
        ),
        (
            "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0",
            "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs",
        ),
    ],
)
def test_the_digest_is_that_of_the_rfc(disclosure, digest):
    assert digest == digest_of(disclosure)


def test_a_text_has_this_disclosure_for_ever():
    # Committed: stored logs hold digests of exactly this form.
    sealed = seal('Ask "Möbius"\n\u0007\U0001f600', SALT)

    array = '["AAECAwQFBgcICQoLDA0ODw","text","Ask \\"Möbius\\"\\n\\u0007\U0001f600"]'
    disclosure = (
        "WyJBQUVDQXdRRkJnY0lDUW9MREEwT0R3IiwidGV4dCIsIkFzayBcIk3DtmJpdXNcIlxuXHUwMDA38J-YgCJd"
    )
    assert disclosure == base64url(array.encode())
    assert disclosure == sealed.disclosure
    assert base64url(sha256(disclosure.encode()).digest()) == sealed.digest
    assert sealed.digest == "AntYgCwgFMWxg7Y3BUSz0wT9VHWHiBZ1jStMdptAh8I"


@given(texts, salts)
def test_a_disclosure_is_canonical_json(text, salt):
    disclosure = disclosure_of(salt, text)

    array = base64.urlsafe_b64decode(disclosure + "=" * (-len(disclosure) % 4))
    assert rfc8785.dumps([base64url(salt), "text", text]) == array


@given(texts, salts)
def test_a_sealed_text_opens_and_reads_back(text, salt):
    sealed = seal(text, salt)

    assert SealedText(digest_of(disclosure_of(salt, text)), salt, text) == sealed
    assert opens(sealed.digest, salt, text)
    assert sealed == read_disclosure(sealed.disclosure)


@given(texts, texts, salts, salts)
def test_nothing_else_opens_it(text, other_text, salt, other_salt):
    sealed = seal(text, salt)

    assert (other_text == text) == opens(sealed.digest, salt, other_text)
    assert (other_salt == salt) == opens(sealed.digest, other_salt, text)
    assert not opens(sealed.digest, salt[:15], text)
    assert not opens(sealed.digest, salt, text + "\ud800")


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_salt_of_another_length_is_refused(length):
    with pytest.raises(InvalidDisclosure):
        seal("text", bytes(length))


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(InvalidDisclosure):
        seal("\ud800", SALT)


@pytest.mark.parametrize(
    "array",
    [
        b"",
        b"null",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe",
        b'["AAECAwQFBgcICQoLDA0ODw","text"]',
        b'["AAECAwQFBgcICQoLDA0ODw","text",1]',
        b'["AAECAwQFBgcICQoLDA0ODw","text","a","b"]',
        b'["AAECAwQFBgcICQoLDA0ODw","name","a"]',
        b'["AAECAwQFBgcICQoLDA0ODw", "text", "a"]',
        b'["AAECAwQFBgcICQoLDA0ODw","text","\\u0061"]',
        b'["AAECAwQFBgcICQoLDA0ODw","text","\\ud800"]',
        b'["AAECAwQFBgcICQoLDA0ODx","text","a"]',
        b'["AAECAwQFBgcICQoLDA0O","text","a"]',
        b'["A","text","a"]',
        b'["!!","text","a"]',
    ],
)
def test_a_disclosure_in_another_form_is_refused(array):
    with pytest.raises(InvalidDisclosure):
        read_disclosure(base64url(array))


@pytest.mark.parametrize("text", ["=", "é", "a b", "a\n", "+/", "A"])
def test_what_is_not_base64url_is_no_disclosure(text):
    with pytest.raises(InvalidDisclosure):
        read_disclosure(text)


def test_a_field_of_an_event_gives_its_digest():
    digest = seal("text", SALT).digest

    assert digest == digest_in(sealed_field(digest))
    assert digest == digest_in(json.loads(json.dumps(sealed_field(digest))))


@pytest.mark.parametrize(
    "field",
    [None, "text", [], {}, {"_sd": []}, {"_sd": ["a", "b"]}, {"_sd": [1]}, {"_sd": ["a"], "b": 1}],
)
def test_another_field_has_no_digest(field):
    assert digest_in(field) is None

"""OIDC tokens of a real issuer on loopback: which are let in, and which never."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from regesta_service.access import oidc
from regesta_service.access.chain import Chain
from regesta_service.access.configured import ConfiguredRoles, RoleGiven
from regesta_service.access.keys import InsecureUrl, KeySet, check_url
from regesta_service.access.permissions import Permission
from regesta_service.access.principals import Credentials, Unauthenticated
from regesta_service.access.tokens import StaticTokens, TokenGrant, digest_of, new_token
from tests.support.issuer import AUDIENCE, Issuer, Key

NOW = time.time


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return NOW() + self.ahead


@pytest.fixture
def issuer():
    with Issuer() as made:
        yield made


def trusting(issuer: Issuer, clock: Clock | None = None, **how: Any) -> Chain:
    clock = clock or Clock()
    keys = KeySet(issuer.url, clock=clock)
    trusted = oidc.Issuer(issuer.url, AUDIENCE, keys, groups_claim="groups", **how)
    roles = ConfiguredRoles([RoleGiven("reader", group="ml", namespaces=("team-a",))])
    return Chain(StaticTokens((), roles), issuers=[trusted], clock=clock)


def bearing(token: str) -> Credentials:
    return Credentials((("authorization", f"Bearer {token}"),))


async def let_in(chain: Chain, token: str):
    return await chain.authenticate(bearing(token))


async def refusal(chain: Chain, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await let_in(chain, token)
    said = str(caught.value) + caught.value.hint
    # Nothing of the token but the beginning of its digest is ever told.
    assert not any(part and part in said for part in token.split("."))
    return str(caught.value)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims)
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_good_token_proves_its_principal_and_groups(algorithm):
    with Issuer(Key("first", algorithm)) as issuer:
        principal = await let_in(trusting(issuer), issuer.token())
    assert ("rosa", "user", {"ml"}) == (principal.name, principal.kind, principal.groups)
    assert principal.may(Permission.CATALOG_READ, "team-a")
    assert not principal.may(Permission.CATALOG_READ, "team-b")
    assert ["/.well-known/openid-configuration", "/keys"] == issuer.asked


async def test_prefixes_keep_issuers_apart(issuer):
    chain = trusting(issuer, principal_prefix="corp.", group_prefix="corp:")
    principal = await let_in(chain, issuer.token())
    assert ("corp.rosa", {"corp:ml"}) == (principal.name, principal.groups)
    # The configuration's group `ml` is another.
    assert not principal.may(Permission.CATALOG_READ, "team-a")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exp": 1}, "the token has expired"),
        ({"exp": None}, "the token lacks a claim that it needs"),
        ({"exp": True}, "the token's times are no numbers"),
        ({"nbf": 2**33}, "the token is not valid yet"),
        ({"iat": 2**33}, "the token is not valid yet"),
        ({"aud": "another"}, "the token is for another audience"),
        ({"aud": None}, "the token lacks a claim that it needs"),
        ({"aud": ["other", "others"]}, "the token is for another audience"),
        ({"iss": "https://evil.example.com"}, "the token's issuer is not trusted here"),
        ({"iss": None}, "the token's issuer is not trusted here"),
        ({"sub": None}, "the token lacks a claim that it needs"),
        ({"sub": "no name"}, "the token's claim sub cannot be a principal's name"),
        ({"sub": "-"}, "the token's claim sub cannot be a principal's name"),
        ({"sub": "system"}, "the name is one of the server's own configuration"),
        ({"sub": "anonymous"}, "the name is one of the server's own configuration"),
        ({"groups": "ml"}, "the token's claim groups is no list of at most 200 groups"),
        ({"groups": ["g"] * 201}, "the token's claim groups is no list of at most 200 groups"),
        ({"groups": [1]}, "the token's claim groups is no list of at most 200 groups"),
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_refused(issuer, changes, said):
    assert said == await refusal(trusting(issuer), issuer.token(**changes))


async def test_clocks_may_differ_by_a_minute(issuer):
    chain = trusting(issuer)
    now = int(NOW())
    assert await let_in(chain, issuer.token(exp=now - 30, jti="a"))
    assert await let_in(chain, issuer.token(nbf=now + 30, iat=now + 30, jti="b"))
    assert await refusal(chain, issuer.token(exp=now - 90))
    assert await refusal(chain, issuer.token(nbf=now + 90))


async def test_a_token_ends_while_it_is_remembered(issuer):
    clock = Clock()
    chain = trusting(issuer, clock)
    token = issuer.token(exp=int(NOW()) + 100)
    principal = await let_in(chain, token)
    assert chain.recall(bearing(token)) == principal
    assert chain.current(principal) == principal
    clock.ahead = 161
    ended = chain.current(principal)
    assert ended is None
    assert "the token has expired" == await refusal(chain, token)


async def test_a_forged_signature_is_refused(issuer):
    good = issuer.token()
    head, claims, signature = good.split(".")
    for forged in (
        issuer.token(Key("first")),  # another key under the same id
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{unsigned({}, issuer.claims(sub='root')).split('.')[1]}.{signature}",
    ):
        assert "the token's signature is not right" == await refusal(trusting(issuer), forged)


async def test_a_truncated_token_is_refused_at_every_length(issuer):
    chain = trusting(issuer)
    good = issuer.token()
    for length in range(16, len(good), 7):
        with pytest.raises(Unauthenticated):
            await let_in(chain, good[:length])
    assert await let_in(chain, good)


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 1], ids=repr)
async def test_a_token_without_a_signature_is_refused(issuer, name):
    token = unsigned({"alg": name, "kid": "first", "typ": "JWT"}, issuer.claims())
    signature = issuer.token().split(".")[2]
    assert await refusal(trusting(issuer), f"{token}.")
    assert await refusal(trusting(issuer), f"{token}.{signature}")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_is_never_taken_for_a_secret(algorithm):
    """The attack of CVE-2015-9235: signed by HMAC with what everybody knows."""
    with Issuer(Key("first", algorithm)) as issuer:
        public = issuer.keys[0].private.public_key()
        secrets = [
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            json.dumps(issuer.keys[0].published).encode(),
        ]
        for secret in secrets:
            signed = unsigned({"alg": "HS256", "kid": "first"}, issuer.claims())
            mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
            token = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
            said = await refusal(trusting(issuer), token)
            assert "the token's algorithm is not trusted here" == said


async def test_a_token_of_another_algorithm_than_its_key_is_refused(issuer):
    other = Key("first", "RS256")
    assert await refusal(trusting(issuer), issuer.token(other))
    only = trusting(issuer, algorithms=("RS256",))
    assert "the token's algorithm is not trusted here" == await refusal(only, issuer.token())


async def test_keys_that_a_token_brings_along_are_not_looked_at(issuer):
    mine = Key("mine")
    asked = len(issuer.asked)
    for headers in (
        {"jwk": mine.published},
        {"jku": f"{issuer.url}/evil", "kid": "first"},
        {"x5u": f"{issuer.url}/evil", "kid": "first"},
    ):
        assert await refusal(trusting(issuer), issuer.token(mine, headers))
    assert "/evil" not in issuer.asked[asked:]
    assert await refusal(trusting(issuer), issuer.token(headers={"crit": ["b64"], "b64": True}))


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "HS256"},
        Key("first", "RS256", 1024).published,
        {**Key("first").published, "use": "enc"},
        {**Key("first", "RS256").published, "alg": "RS512"},
    ],
    ids=["shared", "short", "to encrypt", "other algorithm"],
)
async def test_keys_that_must_not_be_trusted_are_not(issuer, key):
    token = issuer.token()
    issuer.keys[0].published = key
    assert "the token's key is none of its issuer's" == await refusal(trusting(issuer), token)


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_all_the_time(issuer):
    clock = Clock()
    chain = trusting(issuer, clock)
    await let_in(chain, issuer.token())
    issuer.keys.append(Key("second"))
    asked = len(issuer.asked)
    # Right after a fetch, names of keys that nobody knows ask nobody.
    for number in range(20):
        assert await refusal(chain, issuer.token(Key(f"unknown {number}")))
    assert asked == len(issuer.asked)
    clock.ahead = 31
    assert await let_in(chain, issuer.token(issuer.keys[1]))
    assert asked + 2 == len(issuer.asked)


async def test_a_key_that_was_withdrawn_is_trusted_no_longer(issuer):
    clock = Clock()
    chain = trusting(issuer, clock)
    token = issuer.token(exp=int(NOW()) + 86_400)
    await let_in(chain, token)
    issuer.keys = [Key("second")]
    clock.ahead = 301
    # The keys are fetched in the background, and what was verified is verified anew.
    await let_in(chain, issuer.token(jti="another", exp=int(NOW()) + 86_400))
    for _ in range(100):
        if issuer.asked.count("/keys") == 2:
            break
        await asyncio.sleep(0.01)
    clock.ahead = 602
    await refusal(chain, issuer.token(issuer.keys[0], sub="no name"))
    assert "the token's key is none of its issuer's" == await refusal(chain, token)


async def test_an_issuer_that_is_down_stops_nobody_for_a_day(issuer):
    clock = Clock()
    chain = trusting(issuer, clock)
    await let_in(chain, issuer.token())
    issuer.stop()
    clock.ahead = 86_000
    assert await let_in(chain, issuer.token(exp=int(NOW()) + 200_000))
    clock.ahead = 86_500
    late = issuer.token(jti="late", exp=int(NOW()) + 200_000)
    assert "the keys of the token's issuer cannot be had" == await refusal(chain, late)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"", {}),
        (200, b"no json", {}),
        (200, b"[]", {}),
        (200, b'{"keys": 1}', {}),
        (200, b"x" * (1 << 20) + b"xx", {}),
        (302, b"", {"Location": "http://127.0.0.1:1/keys"}),
    ],
    ids=["error", "no json", "list", "no keys", "too long", "sent elsewhere"],
)
async def test_an_answer_that_cannot_be_right_gives_no_keys(issuer, answer):
    issuer.instead["/keys"] = answer
    said = await refusal(trusting(issuer), issuer.token())
    assert "the keys of the token's issuer cannot be had" == said


async def test_a_configuration_of_another_issuer_gives_no_keys(issuer):
    other = json.dumps({"issuer": "https://evil.example.com", "jwks_uri": f"{issuer.url}/keys"})
    issuer.instead["/.well-known/openid-configuration"] = (200, other.encode(), {})
    assert await refusal(trusting(issuer), issuer.token())
    assert "/keys" not in issuer.asked


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com",
        "http://127.0.0.1.evil.example.com",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "ftp://localhost/keys",
        "https:///keys",
        "login.example.com",
        "",
    ],
)
def test_keys_are_fetched_by_https_or_from_this_machine_only(url):
    with pytest.raises(InsecureUrl):
        check_url(url)
    assert check_url("https://login.example.com/keys")
    assert check_url("http://localhost:8080/keys")


async def test_nobody_comes_by_oidc_under_a_configured_name(issuer):
    tokens = StaticTokens([TokenGrant("root", digest_of(new_token()), "admin")])
    trusted = oidc.Issuer(issuer.url, AUDIENCE, KeySet(issuer.url))
    chain = Chain(tokens, issuers=[trusted])
    said = await refusal(chain, issuer.token(sub="root"))
    assert "the name is one of the server's own configuration" == said


@pytest.mark.parametrize("text", ["a.b.c", "eyJ.b.c", "eyJhbGciOiJub25lIn0.W10.", "eyJ.e30.x"])
async def test_what_only_looks_like_a_token_is_refused(issuer, text):
    with pytest.raises(Unauthenticated):
        await let_in(trusting(issuer), text.ljust(16, "x"))

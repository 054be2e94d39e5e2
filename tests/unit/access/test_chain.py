"""All ways to prove who calls, together: what is remembered, and how tokens are compared."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from regesta_service.access import chain as chains
from regesta_service.access import tokens as token_module
from regesta_service.access.certificates import CertificateNames, names_in
from regesta_service.access.chain import Chain
from regesta_service.access.configured import ConfiguredRoles
from regesta_service.access.principals import Credentials, Principal, Unauthenticated
from regesta_service.access.tokens import (
    StaticTokens,
    TokenGrant,
    digest_of,
    hex_digest,
    new_issued_token,
    new_token,
)
from regesta_service.reads import tokens as token_reads


class Issued:
    """Issued tokens in memory, as the database has them."""

    def __init__(self, **owners: str) -> None:
        self.owners = {hex_digest(token): name for name, token in owners.items()}
        self.revoked: set[str] = set()
        self.asked: list[str] = []
        self.uses: list[str] = []

    async def find(self, digest: str) -> Principal | None:
        self.asked.append(digest)
        if digest not in self.owners or digest[:16] in self.revoked:
            return None
        return Principal(self.owners[digest], "user", token=digest[:16])

    def holds(self, token: str) -> bool:
        return token not in self.revoked

    def used(self, token: str) -> None:
        self.uses.append(token)


def bearing(token: str, *certificate: str) -> Credentials:
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    return Credentials(metadata, certificate)


async def test_a_token_is_looked_up_once_and_lets_nobody_in_once_it_is_revoked():
    token = new_issued_token()
    issued = Issued(rosa=token)
    chain = Chain(StaticTokens(), issued)
    assert chain.recall(bearing(token)) is None
    principal = await chain.authenticate(bearing(token))
    assert ("rosa", principal) == (principal.name, chain.recall(bearing(token)))
    assert 1 == len(issued.asked)
    assert 2 == len(issued.uses)

    issued.revoked.add(principal.token)
    assert chain.current(principal) is None
    with pytest.raises(Unauthenticated):
        await chain.authenticate(bearing(token))


async def test_a_token_that_cannot_be_one_asks_nobody():
    issued = Issued()
    chain = Chain(StaticTokens(), issued)
    mistyped = new_issued_token()[:-1] + "z"
    for token in (new_token(), mistyped, "x" * 64, "x.y.z" * 8):
        with pytest.raises(Unauthenticated) as caught:
            await chain.authenticate(bearing(token))
        assert token not in str(caught.value)
        assert token not in caught.value.hint
    assert not issued.asked


async def test_what_cannot_be_encoded_is_no_token():
    token = "\ud800" * 40
    tokens = StaticTokens([TokenGrant("ci", digest_of("?" * 40), "reader")])
    chain = Chain(tokens, Issued())
    assert chain.recall(bearing(token)) is None
    with pytest.raises(Unauthenticated, match="malformed"):
        await chain.authenticate(bearing(token))


async def test_no_token_stays_in_memory():
    static, issued_token = new_token(), new_issued_token()
    tokens = StaticTokens([TokenGrant("ci", digest_of(static), "reader")])
    chain = Chain(tokens, Issued(rosa=issued_token))
    await chain.authenticate(bearing(static))
    await chain.authenticate(bearing(issued_token))
    kept = repr(chain._known) + repr(tokens.__dict__)
    assert static not in kept
    assert issued_token not in kept


@pytest.mark.parametrize("module", [chains, token_module, token_reads])
def test_secrets_are_compared_by_their_digests_and_never_by_each_byte(module):
    """Whatever is compared is a digest, found by look-up or compared in constant time."""
    tree = ast.parse(Path(inspect.getfile(module)).read_text())
    compared = [
        ast.unparse(side)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        for side in (node.left, *node.comparators)
    ]
    # The checksum of a token is no secret: everybody computes it.
    assert not [
        side
        for side in compared
        if ("token" in side and "_checksum" not in side and "end:" not in side)
        or "digest" in side
        or "secret" in side
    ]


def test_the_whole_digest_counts_and_is_compared_in_constant_time():
    assert "hmac.compare_digest(found.digest, digest)" in inspect.getsource(token_reads)


def test_names_of_a_certificate_come_with_ids_first():
    context = {
        "x509_common_name": [b"old"],
        "x509_subject_alternative_name": [b"ci.example.com", b"spiffe://example.org/ci/train"],
    }
    assert ("spiffe://example.org/ci/train", "ci.example.com") == names_in(context)
    assert ("old",) == names_in({"x509_common_name": [b"old"]})
    assert () == names_in({})


@pytest.mark.parametrize(
    ("domain", "names", "principal"),
    [
        ("example.org", ("spiffe://example.org/ci/train", "ci.example.com"), "ci@train"),
        ("example.org", ("spiffe://example.org.evil.com/ci",), ""),
        ("example.org", ("spiffe://other.org/ci",), ""),
        ("example.org", ("ci.example.com",), ""),
        ("example.org", ("spiffe://example.org/ci@train",), ""),
        ("", ("spiffe://example.org/ci", "ci.example.com"), "ci.example.com"),
        ("", ("*.example.com",), ""),
        ("", ("rosa@example.com",), "rosa@example.com"),
        ("", (), ""),
    ],
)
def test_a_certificate_s_name_is_its_principal(domain, names, principal):
    roles = ConfiguredRoles()
    if principal:
        assert principal == CertificateNames(domain).principal(names, roles).name
    else:
        with pytest.raises(Unauthenticated):
            CertificateNames(domain).principal(names, roles)


def test_a_token_goes_before_a_certificate_and_names_of_the_server_are_nobody_s():
    token = new_token()
    tokens = StaticTokens([TokenGrant("root", digest_of(token), "admin")])
    chain = Chain(tokens, certificates=CertificateNames())
    for credentials, name in ((bearing("", "ci"), "ci"), (bearing(token, "ci"), "root")):
        found = chain.recall(credentials)
        assert found is not None
        assert name == found.name
    for name in ("root", "system", "anonymous"):
        with pytest.raises(Unauthenticated):
            chain.recall(bearing("", name))
    with pytest.raises(Unauthenticated):
        Chain(tokens).recall(bearing("", "ci"))

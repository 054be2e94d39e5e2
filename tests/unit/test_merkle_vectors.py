"""The Merkle tree against hashes and proofs that other implementations published."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest

from regesta.merkle import (
    Frontier,
    InvalidProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves of the tests of Certificate Transparency (Source: google/certificate-
# transparency, merkletree tests) and the roots of the trees over the first 0 to 8 of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (leaf, size) to the audit path.
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
# (old size, size) to the proof.
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}

# Vectors of transparency-dev/merkle, where a copy lies beside the checkout.
PUBLISHED = Path(__file__).parents[3] / "shared" / "testdata" / "merkle"
needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="no copy of the vectors of transparency-dev/merkle"
)


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_certificate_transparency(size):
    frontier = Frontier()
    frontier.extend(map(leaf_hash, LEAVES[:size]))

    assert ROOTS[size] == root_of([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex()
    assert ROOTS[size] == frontier.root().hex()


@pytest.mark.parametrize(("leaf", "size"), INCLUSION)
def test_the_inclusion_proofs_are_those_of_certificate_transparency(leaf, size):
    hashes = [leaf_hash(record) for record in LEAVES[:size]]
    proof = unhex(INCLUSION[leaf, size])

    assert proof == inclusion_proof(hashes, leaf)
    verify_inclusion(hashes[leaf], leaf, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old_size", "size"), CONSISTENCY)
def test_the_consistency_proofs_are_those_of_certificate_transparency(old_size, size):
    hashes = [leaf_hash(record) for record in LEAVES[:size]]
    proof = unhex(CONSISTENCY[old_size, size])

    assert proof == consistency_proof(hashes, old_size)
    verify_consistency(
        old_size, size, bytes.fromhex(ROOTS[old_size]), bytes.fromhex(ROOTS[size]), proof
    )


def cases(kind: str) -> list[object]:
    files = sorted((PUBLISHED / kind).rglob("*.json"))
    return [pytest.param(file, id=str(file.relative_to(PUBLISHED))) for file in files]


def fields(file: Path) -> tuple[dict[str, int], dict[str, bytes], list[bytes], bool]:
    """Return the numbers, the hashes, the proof and whether it is wrong."""
    case = json.loads(file.read_text())
    numbers = {key: value for key, value in case.items() if isinstance(value, int)}
    hashes = {
        key: b64decode(value)
        for key, value in case.items()
        if isinstance(value, str) and key != "desc"
    }
    return numbers, hashes, [b64decode(text) for text in case["proof"] or []], case["wantErr"]


@needs_published
def test_the_published_vectors_are_all_found():
    assert 98 == len(cases("consistency"))
    assert 98 == len(cases("inclusion"))


@needs_published
@pytest.mark.parametrize("file", cases("inclusion"))
def test_a_published_inclusion_vector_is_judged_as_published(file):
    numbers, hashes, proof, wrong = fields(file)

    def verify() -> None:
        verify_inclusion(
            hashes["leafHash"], numbers["leafIdx"], numbers["treeSize"], proof, hashes["root"]
        )

    if wrong:
        with pytest.raises(InvalidProof):
            verify()
    else:
        verify()


# Its roots are the words "don't care", which we do care about: a root has 32 bytes.
STRICTER = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"


@needs_published
@pytest.mark.parametrize("file", cases("consistency"))
def test_a_published_consistency_vector_is_judged_as_published(file):
    numbers, hashes, proof, wrong = fields(file)

    def verify() -> None:
        verify_consistency(
            numbers["size1"], numbers["size2"], hashes["root1"], hashes["root2"], proof
        )

    if wrong or file == PUBLISHED / STRICTER:
        with pytest.raises(InvalidProof):
            verify()
    else:
        verify()

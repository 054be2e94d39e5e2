"""Subtrees: a stretch of the log is shown to be part of it, and no other stretch is."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.subtrees import (
    is_subtree,
    subtree_ranges,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from regesta.merkle import (
    InvalidProof,
    LeafRange,
    OutOfRange,
    consistency_proof,
    inclusion_proof,
    root_of,
)
from tests.support.audit_samples import HASHES

# Vectors of transparency-dev/merkle, where a copy lies beside the checkout.
PUBLISHED = Path(__file__).parents[4] / "shared" / "testdata" / "merkle"
needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="no copy of the vectors of transparency-dev/merkle"
)
#: Their roots are the words "don't care", which we do care about: a root has 32 bytes.
STRICTER = {
    "sizes-are-equal-one-and-proof-is-empty.json",
    "subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty.json",
    "subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty.json",
}


@st.composite
def subtrees(draw: st.DrawFn) -> tuple[LeafRange, int]:
    size = draw(st.integers(1, len(HASHES)))
    begin = draw(st.integers(0, size - 1))
    most = begin & -begin or size
    return LeafRange(begin, draw(st.integers(begin + 1, min(size, begin + most)))), size


def prove(subtree: LeafRange, size: int) -> list[bytes]:
    return [root_of(HASHES[begin:end]) for begin, end in subtree_ranges(subtree, size)]


@given(subtrees(), st.data())
def test_a_subtree_is_shown_to_be_part_of_the_tree(drawn, data):
    subtree, size = drawn
    begin, end = subtree
    root, proof = root_of(HASHES[begin:end]), prove(subtree, size)
    verify_subtree_consistency(subtree, size, root, root_of(HASHES[:size]), proof)
    leaf = data.draw(st.integers(begin, end - 1))
    path = inclusion_proof(HASHES[begin:end], leaf - begin)
    verify_subtree_inclusion(HASHES[leaf], leaf, subtree, path, root)

    at = data.draw(st.integers(0, len(proof) + 1))
    hashes = [root, root_of(HASHES[:size]), *proof]
    hashes[at] = bytes(32)
    with pytest.raises(InvalidProof):
        verify_subtree_consistency(subtree, size, hashes[0], hashes[1], hashes[2:])


@given(st.integers(1, len(HASHES)), st.data())
def test_a_subtree_from_the_first_leaf_on_is_an_older_tree(size, data):
    old = data.draw(st.integers(1, size))
    assert consistency_proof(HASHES[:size], old) == prove(LeafRange(0, old), size)


def test_what_begins_elsewhere_is_no_subtree():
    assert all(is_subtree(LeafRange(256 * at, 256 * at + 256)) for at in range(5))
    for begin, end in ((1, 3), (2, 6), (2, 5), (3, 3), (5, 4), (-2, 2), (0, 2**63)):
        assert not is_subtree(LeafRange(begin, end))
        with pytest.raises(OutOfRange):
            subtree_ranges(LeafRange(begin, end), 300)
    with pytest.raises(OutOfRange):
        subtree_ranges(LeafRange(0, 5), 4)


def cases(kind: str) -> list[object]:
    files = sorted((PUBLISHED / kind).rglob("*.json"))
    return [pytest.param(file, id=str(file.relative_to(PUBLISHED))) for file in files]


@needs_published
def test_the_published_vectors_are_all_found():
    assert (118, 204) == (len(cases("subtreeconsistency")), len(cases("subtreeinclusion")))


@needs_published
@pytest.mark.parametrize("file", [*cases("subtreeconsistency"), *cases("subtreeinclusion")])
def test_a_published_vector_is_judged_as_published(file):
    case = json.loads(file.read_text())
    subtree = LeafRange(case["start"], case["end"])
    proof = [b64decode(text) for text in case["proof"] or []]

    def verify() -> None:
        if "leafIdx" in case:
            leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
            verify_subtree_inclusion(leaf, case["leafIdx"], subtree, proof, root)
        else:
            roots = b64decode(case["root1"]), b64decode(case["root2"])
            verify_subtree_consistency(subtree, case["size"], *roots, proof)

    if case["wantErr"] or file.name in STRICTER:
        with pytest.raises(InvalidProof):
            verify()
    else:
        verify()

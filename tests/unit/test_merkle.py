"""The Merkle tree against the recursive definition of RFC 6962, section 2.1."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    TILE_WIDTH,
    FilledTile,
    Frontier,
    InvalidFrontier,
    InvalidProof,
    LeafRange,
    Node,
    OutOfRange,
    consistency_proof,
    consistency_ranges,
    inclusion_proof,
    inclusion_ranges,
    join_roots,
    leaf_hash,
    node_hash,
    perfect_subtrees,
    root_of,
    verify_consistency,
    verify_inclusion,
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def largest_power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = largest_power_below(len(hashes))
    return sha256(b"\x01" + naive_root(hashes[:k]) + naive_root(hashes[k:])).digest()


def naive_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = largest_power_below(len(hashes))
    if m < k:
        return [*naive_path(m, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(m - k, hashes[k:]), naive_root(hashes[:k])]


def naive_subproof(m: int, hashes: list[bytes], *, known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if m == len(hashes):
        return [] if known else [naive_root(hashes)]
    k = largest_power_below(len(hashes))
    if m <= k:
        return [*naive_subproof(m, hashes[:k], known=known), naive_root(hashes[k:])]
    return [*naive_subproof(m - k, hashes[k:], known=False), naive_root(hashes[:k])]


sizes = st.integers(1, 300)


@st.composite
def grown_trees(draw: st.DrawFn) -> tuple[list[bytes], int]:
    size = draw(sizes)
    return leaves(size), draw(st.integers(1, size))


@st.composite
def trees_with_a_leaf(draw: st.DrawFn) -> tuple[list[bytes], int]:
    size = draw(sizes)
    return leaves(size), draw(st.integers(0, size - 1))


@given(st.integers(0, 600))
def test_the_root_is_the_recursive_one(size):
    assert naive_root(leaves(size)) == root_of(leaves(size))


def test_a_leaf_and_a_node_never_share_a_hash():
    left, right = leaves(2)

    assert sha256(b"\x00" + left + right).digest() == leaf_hash(left + right)
    assert sha256(b"\x01" + left + right).digest() == node_hash(left, right)


@given(st.lists(st.integers(0, 400), max_size=8))
def test_a_frontier_fed_in_batches_has_the_root_of_all_leaves(batches):
    hashes = leaves(sum(batches))
    frontier = Frontier()

    for size in batches:
        frontier.extend(hashes[frontier.size : frontier.size + size])

        assert naive_root(hashes[: frontier.size]) == frontier.root()
    assert len(hashes) == frontier.size


@given(st.integers(0, 700), st.integers(0, 300))
def test_a_frontier_survives_storage_and_goes_on(size, more):
    hashes = leaves(size + more)
    frontier = Frontier()
    frontier.extend(hashes[:size])

    restored = Frontier.decode(size, frontier.encode())
    assert frontier == restored
    assert 32 * size.bit_count() == len(frontier.encode())

    restored.extend(hashes[size:])
    assert naive_root(hashes) == restored.root()


def test_the_roots_of_a_frontier_stand_largest_first():
    hashes = leaves(7)
    frontier = Frontier()
    frontier.extend(hashes)

    expected = (naive_root(hashes[:4]), naive_root(hashes[4:6]), hashes[6])
    assert expected == frontier.roots
    assert b"".join(expected) == frontier.encode()


def test_a_copy_does_not_follow_its_original():
    frontier = Frontier()
    frontier.extend(leaves(5))
    before = frontier.copy()

    frontier.append(leaf_hash(b"one more"))

    assert 5 == before.size
    assert root_of(leaves(5)) == before.root()
    assert before != frontier


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, 2, 3])
def test_a_frontier_of_another_size_is_refused(size):
    three_roots = b"".join(leaves(3))

    with pytest.raises(InvalidFrontier):
        Frontier.decode(size, three_roots)


def test_a_frontier_holds_no_more_than_the_database_can_count():
    frontier = Frontier.decode(MAX_SIZE, b"".join(leaves(63)))
    before = frontier.copy()

    with pytest.raises(OutOfRange):
        frontier.append(leaf_hash(b"too many"))

    assert before == frontier


def test_a_hash_of_the_wrong_length_leaves_the_frontier_as_it_was():
    frontier = Frontier()
    frontier.extend(leaves(5))
    before = frontier.copy()

    with pytest.raises(ValueError, match="32 bytes"):
        frontier.extend([*leaves(3), b"short"])

    assert before == frontier


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_every_full_tile_is_reported_once_in_order_with_its_root(batches):
    hashes = leaves(sum(batches))
    frontier = Frontier()
    reported: list[FilledTile] = []

    for size in batches:
        filled = frontier.extend(hashes[frontier.size : frontier.size + size])
        reported += filled

    expected = [
        FilledTile(0, at, naive_root(hashes[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]))
        for at in range(len(hashes) // TILE_WIDTH)
    ]
    assert expected == reported


def test_tiles_of_higher_levels_hold_the_roots_of_256_tiles_below():
    # The frontier of 65,535 + 255 * 65,536 leaves, one short of three tiles at once.
    size = (1 << 24) - 1
    roots = leaves(24)
    frontier = Frontier.decode(size, b"".join(roots))
    last = leaf_hash(b"the last one")

    filled = frontier.append(last)

    by_level = []
    root = last
    for level in range(24):
        root = node_hash(roots[23 - level], root)
        by_level.append(root)
    assert [
        FilledTile(0, 65_535, by_level[7]),
        FilledTile(1, 255, by_level[15]),
        FilledTile(2, 0, by_level[23]),
    ] == filled
    assert (root,) == frontier.roots


def test_a_tile_of_level_1_fills_with_its_65536th_leaf():
    hashes = leaves(65_537)
    frontier = Frontier()

    filled = frontier.extend(hashes)

    assert [0] * 256 + [1] == [tile.level for tile in filled]
    assert [*range(256), 0] == [tile.index for tile in filled]
    assert root_of([tile.root for tile in filled[:256]]) == filled[256].root
    assert root_of(hashes[:65_536]) == filled[256].root
    assert root_of(hashes) == frontier.root()


@given(trees_with_a_leaf())
def test_an_inclusion_proof_is_the_recursive_path(tree_and_leaf):
    hashes, leaf = tree_and_leaf

    assert naive_path(leaf, hashes) == inclusion_proof(hashes, leaf)


@given(grown_trees())
def test_a_consistency_proof_is_the_recursive_one(tree_and_old_size):
    hashes, old_size = tree_and_old_size

    assert naive_subproof(old_size, hashes, known=True) == consistency_proof(hashes, old_size)


@given(trees_with_a_leaf())
def test_the_hash_of_a_range_is_joined_from_its_perfect_subtrees(tree_and_leaf):
    hashes, leaf = tree_and_leaf
    old_size = leaf + 1
    ranges = inclusion_ranges(leaf, len(hashes)) + consistency_ranges(old_size, len(hashes))

    for leaf_range in ranges:
        nodes = perfect_subtrees(leaf_range)
        roots = [root_of(hashes[i << level : (i + 1) << level]) for level, i in nodes]

        assert root_of(hashes[leaf_range.begin : leaf_range.end]) == join_roots(roots)


def test_ranges_of_huge_trees_need_no_leaves():
    leaf, size = 10**12, 10**12 + 10**9

    assert inclusion_ranges(leaf, size)[0] == LeafRange(leaf + 1, leaf + 2)
    assert len(inclusion_ranges(leaf, size)) <= 40
    assert [Node(3, 2), Node(1, 12), Node(0, 26)] == perfect_subtrees(LeafRange(16, 27))


@pytest.mark.parametrize("leaves_asked", [(4, 4), (5, 4), (-8, 0), (4, 9), (2, 5)])
def test_a_range_that_is_no_subtree_is_refused(leaves_asked):
    with pytest.raises(OutOfRange):
        perfect_subtrees(LeafRange(*leaves_asked))


@given(trees_with_a_leaf())
def test_an_inclusion_proof_is_accepted(tree_and_leaf):
    hashes, leaf = tree_and_leaf
    proof = inclusion_proof(hashes, leaf)

    verify_inclusion(hashes[leaf], leaf, len(hashes), proof, naive_root(hashes))


@given(trees_with_a_leaf(), st.data())
def test_an_altered_inclusion_proof_is_refused(tree_and_leaf, data):
    hashes, leaf = tree_and_leaf
    size, root = len(hashes), naive_root(hashes)
    proof = inclusion_proof(hashes, leaf)
    other = leaf_hash(b"not in the tree")
    forged = [
        (other, leaf, size, proof, root),
        (hashes[leaf], leaf, size, proof, other),
        (hashes[leaf], leaf, size, [*proof, other], root),
        (hashes[leaf], size, size, proof, root),
        (hashes[leaf], -1, size, proof, root),
        (hashes[leaf], leaf, 0, proof, root),
        (hashes[leaf][:31], leaf, size, proof, root),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged += [
            (hashes[leaf], leaf, size, proof[:at] + proof[at + 1 :], root),
            (hashes[leaf], leaf, size, [*proof[:at], other, *proof[at + 1 :]], root),
            (hashes[leaf], leaf, size, [*proof[:at], proof[at] + b"\0", *proof[at + 1 :]], root),
            (hashes[leaf], leaf ^ 1, size, proof, root),
        ]

    for arguments in forged:
        with pytest.raises(InvalidProof):
            verify_inclusion(*arguments)


@given(grown_trees())
def test_a_consistency_proof_is_accepted(tree_and_old_size):
    hashes, old_size = tree_and_old_size
    proof = consistency_proof(hashes, old_size)

    verify_consistency(
        old_size, len(hashes), naive_root(hashes[:old_size]), naive_root(hashes), proof
    )


@given(grown_trees(), st.data())
def test_an_altered_consistency_proof_is_refused(tree_and_old_size, data):
    hashes, old_size = tree_and_old_size
    size, old_root, root = len(hashes), naive_root(hashes[:old_size]), naive_root(hashes)
    proof = consistency_proof(hashes, old_size)
    other = leaf_hash(b"another history")
    forged = [
        (old_size, size, other, root, proof),
        (old_size, size, old_root, other, proof),
        (old_size, size, old_root, root, [*proof, other]),
        (0, size, EMPTY_ROOT, root, proof),
        (size + 1, size, old_root, root, proof),
        (old_size, size, old_root[:31], root, proof),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged += [
            (old_size, size, old_root, root, []),
            (old_size, size, old_root, root, proof[:at] + proof[at + 1 :]),
            (old_size, size, old_root, root, [*proof[:at], other, *proof[at + 1 :]]),
        ]

    for arguments in forged:
        with pytest.raises(InvalidProof):
            verify_consistency(*arguments)


@given(grown_trees(), st.data())
def test_a_rewritten_history_has_no_consistency_proof(tree_and_old_size, data):
    hashes, old_size = tree_and_old_size
    at = data.draw(st.integers(0, old_size - 1))
    rewritten = [*hashes[:at], leaf_hash(b"rewritten"), *hashes[at + 1 :]]

    with pytest.raises(InvalidProof):
        verify_consistency(
            old_size,
            len(hashes),
            naive_root(hashes[:old_size]),
            naive_root(rewritten),
            consistency_proof(rewritten, old_size),
        )


@pytest.mark.parametrize(("old_size", "size"), [(0, 0), (0, 5), (-1, 5), (6, 5)])
def test_no_consistency_proof_starts_from_nothing_or_from_more(old_size, size):
    with pytest.raises(OutOfRange):
        consistency_ranges(old_size, size)


@pytest.mark.parametrize(("leaf", "size"), [(0, 0), (-1, 5), (5, 5), (6, 5)])
def test_no_inclusion_proof_exists_for_a_leaf_outside_the_tree(leaf, size):
    with pytest.raises(OutOfRange):
        inclusion_ranges(leaf, size)

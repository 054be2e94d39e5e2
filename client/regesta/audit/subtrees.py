"""Proofs about a stretch of a log: that it is part of a tree, and that a leaf is in it.

A stretch is a subtree when it begins at a multiple of the smallest power of two that is not
below its length, as the 256 leaves of a tile do. Its root is then joined from hashes that any
larger tree has too, so whoever keeps only that stretch can show that it is genuine.

Source: draft-ietf-plants-merkle-tree-certs-03, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from regesta.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    InvalidProof,
    LeafRange,
    OutOfRange,
    node_hash,
    verify_inclusion,
)


def is_subtree(leaves: LeafRange) -> bool:
    """Return whether a range of leaves is a subtree of every tree that has them."""
    begin, end = leaves
    return 0 <= begin < end <= MAX_SIZE and begin % (1 << (end - begin - 1).bit_length()) == 0


def verify_subtree_inclusion(
    leaf_hash: bytes, leaf: int, subtree: LeafRange, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is in a subtree of that root, at that number of the whole log.

    Raises:
        InvalidProof: It is not shown to be.
    """
    begin, end = subtree
    if not is_subtree(subtree):
        raise InvalidProof(f"leaves {begin} to {end} are not a subtree")
    verify_inclusion(leaf_hash, leaf - begin, end - begin, proof, root)


def subtree_ranges(subtree: LeafRange, size: int) -> list[LeafRange]:
    """Return the ranges whose hashes prove that a subtree is part of a tree.

    Args:
        subtree: The stretch.
        size: Number of leaves in the tree.

    Returns:
        Lowest level first; none when the stretch is the whole tree.

    Raises:
        OutOfRange: It is not a subtree of a tree of that size.
    """
    bottom, path = _walk(subtree, size)
    ranges = [sibling for sibling, _ in reversed(path)]
    return ranges if bottom == subtree else [bottom, *ranges]


def verify_subtree_consistency(
    subtree: LeafRange, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a subtree is part of the tree of that size and root.

    An empty stretch has one root and needs no proof: it is part of any tree.

    Raises:
        InvalidProof: It is not shown to be.
    """
    if {len(one) for one in (subtree_root, root, *proof)} != {HASH_BYTES}:
        raise InvalidProof(f"a hash in a proof has {HASH_BYTES} bytes")
    begin, end = subtree
    if begin == end and 0 <= end <= size:
        if proof or subtree_root != EMPTY_ROOT:
            raise InvalidProof("an empty subtree has one root, and needs no proof")
        return
    try:
        bottom, path = _walk(subtree, size)
    except OutOfRange as error:
        raise InvalidProof(str(error)) from error
    # A verifier knows the subtree's root itself, so it is left out when the path begins there.
    hashes = [subtree_root, *proof] if bottom == subtree else list(proof)
    if len(hashes) != len(path) + 1:
        raise InvalidProof("the proof is not as long as the tree is high")
    within = whole = hashes[0]
    for (sibling, is_within), digest in zip(reversed(path), hashes[1:], strict=True):
        if sibling.begin < bottom.begin:
            whole = node_hash(digest, whole)
            within = node_hash(digest, within) if is_within else within
        else:
            whole = node_hash(whole, digest)
    if within != subtree_root or whole != root:
        raise InvalidProof("the proof leads to other roots")


def _walk(subtree: LeafRange, size: int) -> tuple[LeafRange, list[tuple[LeafRange, bool]]]:
    """Go down from the root to the last leaves of a subtree.

    Returns:
        The range that ends where the subtree does and is a node of both trees; and each
        sibling on the way there, with whether it is inside the subtree, highest first.

    Raises:
        OutOfRange: It is not a subtree of a tree of that size.
    """
    start, stop = subtree
    if not is_subtree(subtree) or not stop <= size <= MAX_SIZE:
        raise OutOfRange(f"leaves {start} to {stop} are not a subtree of {size}")
    path: list[tuple[LeafRange, bool]] = []
    begin, end = 0, size
    while (begin, end) != (start, stop):
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if stop <= middle:
            path.append((LeafRange(middle, end), False))
            end = middle
            continue
        # What is left of the middle is inside the subtree if the subtree begins there.
        inside = start < middle
        path.append((LeafRange(begin, middle), inside))
        begin = middle
        start = max(start, middle)
    return LeafRange(begin, end), path

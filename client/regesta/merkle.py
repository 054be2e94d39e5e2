"""Merkle tree of RFC 6962 over SHA-256: roots, frontiers, proofs and their verification.

The server's log and the offline verifier both stand on this module, so it needs nothing but
the standard library. Leaves are numbered from 0: the event at position p is leaf p - 1.

Source: RFC 6962, section 2.1 (RFC 9162, section 2.1, defines the same tree); tiles after
C2SP tlog-tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT

# PostgreSQL keeps sizes as bigint.
MAX_SIZE: Final = (1 << 63) - 1

_LEAF = b"\x00"
_NODE = b"\x01"


class OutOfRange(ValueError):
    """A leaf or a size lies outside the tree that was asked about."""


class InvalidFrontier(ValueError):
    """The stored bytes are not the frontier of a tree of that size."""


class InvalidProof(ValueError):
    """A proof does not lead to the root that it claims."""


class LeafRange(NamedTuple):
    """The leaves from `begin` up to, but not including, `end`."""

    begin: int
    end: int


class Node(NamedTuple):
    """A perfect subtree: the 2**level leaves that start at number * 2**level."""

    level: int
    number: int


@dataclass(frozen=True, slots=True)
class FilledTile:
    """A full tile of 256 hashes that an append has completed.

    A tile of level 0 holds 256 leaf hashes; one of level n + 1 holds the roots of 256 tiles
    of level n. The hashes themselves are in storage, under leaves and tiles `index * 256`
    to `index * 256 + 255`: a frontier does not keep them.

    Attributes:
        level: Level of the tile, from 0.
        index: Number of the tile within its level, from 0.
        root: Root of the 256 hashes.
    """

    level: int
    index: int
    root: bytes


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of a zero byte and the record."""
    return sha256(_LEAF + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of a one byte and its two children."""
    return sha256(_NODE + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, in their order; `EMPTY_ROOT` over none."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    _check_hashes(level)
    while len(level) > 1:
        odd = level.pop() if len(level) % 2 else None
        level = _pair(level)
        if odd is not None:
            level.append(odd)
    return level[0]


def join_roots(roots: Sequence[bytes]) -> bytes:
    """Return the root over adjacent perfect subtrees, the largest first.

    Args:
        roots: Roots of the subtrees that `perfect_subtrees` names, in its order.
    """
    if not roots:
        return EMPTY_ROOT
    joined = roots[-1]
    for left in reversed(roots[:-1]):
        joined = sha256(_NODE + left + joined).digest()
    return joined


class Frontier:
    """Roots of the perfect subtrees of a growing tree: all that an append has to know.

    At most 63 hashes stand for any number of leaves. Mutable; `copy` before a write that may
    be rolled back.
    """

    __hash__ = None  # type: ignore[assignment]  # mutable, so no key of a dict
    __slots__ = ("_roots", "_size")

    def __init__(self) -> None:
        """Make the frontier of the empty tree."""
        self._size = 0
        self._roots: list[bytes] = []

    @classmethod
    def decode(cls, size: int, data: bytes) -> Frontier:
        """Return the frontier that `encode` wrote for a tree of that size.

        Raises:
            InvalidFrontier: `size` is not a size, or `data` has another length than 32 bytes
                for each bit set in it.
        """
        if not 0 <= size <= MAX_SIZE:
            raise InvalidFrontier(f"a tree has 0 to {MAX_SIZE} leaves, not {size}")
        if len(data) != HASH_BYTES * size.bit_count():
            raise InvalidFrontier(
                f"the frontier of {size} leaves has {HASH_BYTES * size.bit_count()} bytes,"
                f" not {len(data)}"
            )
        frontier = cls()
        frontier._size = size
        frontier._roots = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
        return frontier

    def encode(self) -> bytes:
        """Return the roots one after the other, the largest subtree first."""
        return b"".join(self._roots)

    def copy(self) -> Frontier:
        """Return an independent frontier of the same tree."""
        twin = Frontier()
        twin._size = self._size
        twin._roots = self._roots.copy()
        return twin

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def roots(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, the largest first: one for each bit set in `size`."""
        return tuple(self._roots)

    def root(self) -> bytes:
        """Return the root of the whole tree; `EMPTY_ROOT` without leaves."""
        return join_roots(self._roots)

    def append(self, leaf: bytes) -> list[FilledTile]:
        """Add one leaf hash; see `extend`."""
        return self.extend((leaf,))

    def extend(self, hashes: Iterable[bytes]) -> list[FilledTile]:
        """Add leaf hashes in their order.

        Returns:
            The tiles that became full, lower levels first and in order within a level, so
            that each tile's parts are stored before it.

        Raises:
            ValueError: A hash has not 32 bytes; the frontier is as before.
            OutOfRange: The tree would outgrow `MAX_SIZE`; the frontier is as before.
        """
        nodes = list(hashes)
        _check_hashes(nodes)
        size = self._size
        grown = size + len(nodes)
        if grown > MAX_SIZE:
            raise OutOfRange(f"a tree has at most {MAX_SIZE} leaves")
        roots = self._roots.copy()
        left_over: list[bytes] = []
        tiles: list[FilledTile] = []
        level = 0
        # Level by level rather than leaf by leaf: the inner loop is one comprehension.
        while nodes:
            if size >> level & 1:
                nodes.insert(0, roots.pop())
            if len(nodes) % 2:
                left_over.append(nodes.pop())
            nodes = _pair(nodes)
            level += 1
            if level % TILE_HEIGHT == 0:
                height, first = level // TILE_HEIGHT - 1, size >> level
                tiles += [FilledTile(height, first + at, root) for at, root in enumerate(nodes)]
        left_over.reverse()
        self._roots = roots + left_over
        self._size = grown
        return tiles

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frontier):
            return NotImplemented
        return self._size == other._size and self._roots == other._roots

    def __repr__(self) -> str:
        return f"Frontier(size={self._size}, root={self.root().hex()})"


def perfect_subtrees(leaves: LeafRange) -> list[Node]:
    """Return the perfect subtrees that cover a range of a proof, the largest first.

    `join_roots` over their roots is the hash of the range. A range of `inclusion_ranges` or
    `consistency_ranges` is aligned for this.

    Raises:
        OutOfRange: The range is empty, or begins inside a subtree as large as itself.
    """
    begin, end = leaves
    length = end - begin
    if length <= 0 or begin < 0 or begin % (1 << (length - 1).bit_length()):
        raise OutOfRange(f"leaves {begin} to {end} are not a subtree")
    nodes: list[Node] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append(Node(level, begin >> level))
        begin += 1 << level
    return nodes


def inclusion_ranges(leaf: int, size: int) -> list[LeafRange]:
    """Return the ranges whose hashes are the audit path of a leaf, lowest level first.

    Args:
        leaf: Number of the leaf, from 0; one less than the event's position.
        size: Number of leaves in the tree, at least ``leaf + 1``.

    Returns:
        At most ``ceil(log2(size))`` ranges.

    Raises:
        OutOfRange: `leaf` is not in a tree of that size.

    Source: RFC 6962, section 2.1.1.
    """
    if not 0 <= leaf < size:
        raise OutOfRange(f"leaf {leaf} is not in a tree of {size} leaves")
    path: list[LeafRange] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = _split(begin, end)
        if leaf < middle:
            path.append(LeafRange(middle, end))
            end = middle
        else:
            path.append(LeafRange(begin, middle))
            begin = middle
    path.reverse()
    return path


def consistency_ranges(old_size: int, size: int) -> list[LeafRange]:
    """Return the ranges whose hashes prove that a tree extends an older one.

    Args:
        old_size: Number of leaves that the older tree had, at least 1.
        size: Number of leaves now, at least `old_size`.

    Returns:
        At most ``ceil(log2(size)) + 1`` ranges; none when the sizes are equal.

    Raises:
        OutOfRange: The older tree is empty (anything extends it) or larger.

    Source: RFC 6962, section 2.1.2.
    """
    if not 0 < old_size <= size:
        raise OutOfRange(f"no proof leads from {old_size} leaves to {size}")
    path: list[LeafRange] = []
    begin, end = 0, size
    while end != old_size:
        middle = _split(begin, end)
        if old_size <= middle:
            path.append(LeafRange(middle, end))
            end = middle
        else:
            path.append(LeafRange(begin, middle))
            begin = middle
    # A verifier knows the old root itself, so it is left out when it is the subtree reached.
    if begin > 0:
        path.append(LeafRange(begin, end))
    path.reverse()
    return path


def inclusion_proof(hashes: Sequence[bytes], leaf: int) -> list[bytes]:
    """Return the audit path of a leaf among all leaf hashes of a tree.

    Args:
        hashes: Every leaf hash, in order.
        leaf: Number of the leaf, from 0.

    Returns:
        Hashes of 32 bytes, lowest level first.

    Raises:
        OutOfRange: There is no such leaf.
    """
    ranges = inclusion_ranges(leaf, len(hashes))
    return [root_of(hashes[begin:end]) for begin, end in ranges]


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the tree over all leaf hashes extends its first `old_size`.

    Raises:
        OutOfRange: `old_size` is 0 or above the number of hashes.
    """
    ranges = consistency_ranges(old_size, len(hashes))
    return [root_of(hashes[begin:end]) for begin, end in ranges]


def verify_inclusion(
    leaf_hash: bytes, leaf: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is in the tree of that size and root, at that number.

    Raises:
        InvalidProof: It is not shown to be. Nothing is returned otherwise, so that a result
            cannot be overlooked.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= leaf < size <= MAX_SIZE:
        raise InvalidProof(f"leaf {leaf} is not in a tree of {size} leaves")
    _check_proof(leaf_hash, root, *proof)
    _, computed = _fold(leaf, size - 1, leaf_hash, proof)
    if computed != root:
        raise InvalidProof("the proof leads to another root")


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a tree extends an older one without changing any of its leaves.

    Between equal sizes the proof is empty and the roots are equal. From an empty tree to a
    larger one nothing can be proved, and nothing is accepted.

    Raises:
        InvalidProof: It is not shown to. Nothing is returned otherwise.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old_size <= size <= MAX_SIZE:
        raise InvalidProof(f"{size} leaves cannot extend {old_size}")
    _check_proof(old_root, root, *proof)
    if old_size == size:
        if proof or old_root != root:
            raise InvalidProof("trees of the same size have the same root and an empty proof")
        return
    if old_size == 0 or not proof:
        raise InvalidProof("nothing was proved")
    # The root of a perfect old tree is left out of the proof, being known.
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before, after = _fold(at, last, path[0], path[1:])
    if before != old_root or after != root:
        raise InvalidProof("the proof leads to other roots")


def _pair(nodes: list[bytes]) -> list[bytes]:
    """Return the parents of nodes taken two by two; a last odd one has no parent."""
    digest, prefix, rest = sha256, _NODE, iter(nodes)
    return [digest(prefix + left + right).digest() for left, right in zip(rest, rest, strict=False)]


def _split(begin: int, end: int) -> int:
    """Return where the left subtree of a range ends."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _fold(at: int, last: int, start: bytes, siblings: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Climb from node `at` of a level whose last node is `last` to the root.

    Returns:
        The hash joined with the siblings to the left only (what stood there when the node
        was the last one), and with all of them.
    """
    before = after = start
    for sibling in siblings:
        if last == 0:
            raise InvalidProof("the proof is longer than the tree is high")
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            # At the right edge a node without a sibling goes up as it is.
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise InvalidProof("the proof is shorter than the tree is high")
    return before, after


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if hashes and set(map(len, hashes)) != {HASH_BYTES}:
        raise ValueError(f"a hash has {HASH_BYTES} bytes")


def _check_proof(*hashes: bytes) -> None:
    if set(map(len, hashes)) != {HASH_BYTES}:
        raise InvalidProof(f"a hash in a proof has {HASH_BYTES} bytes")

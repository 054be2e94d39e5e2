"""Fair samples of a population, which anybody draws again.

The draw follows from a seed of 32 bytes and the positions alone: every position gets a rank,
SHA-256 of the seed and the position as 8 bytes, most significant first, and those with the
smallest ranks are the sample. So it depends neither on order nor on a random generator, and a
larger sample contains a smaller one.

The seed is the root of the checkpoint up to which the population is complete, which nobody can
choose while the log goes on; or bytes that the auditor brings.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from regesta.audit.populations import Population, digest_of_positions
from regesta.merkle import HASH_BYTES

ALGORITHM: Final = "smallest-sha256/1"


def rank(seed: bytes, position: int) -> bytes:
    """Return a position's rank: SHA-256 of the seed and the position as 8 bytes.

    Raises:
        ValueError: The seed has not 32 bytes, or it is no position.
    """
    if len(seed) != HASH_BYTES:
        raise ValueError(f"a seed has {HASH_BYTES} bytes")
    if not 0 < position < 1 << 63:
        raise ValueError("a position is at least 1")
    return sha256(seed + position.to_bytes(8, "big")).digest()


def sample(positions: Iterable[int], count: int, seed: bytes) -> list[int]:
    """Return the positions of a sample, ascending.

    Args:
        positions: The population, in any order, each once.
        count: How many to draw; all when there are not more.
        seed: 32 bytes.

    Raises:
        ValueError: The count is negative, or as for `rank`.
    """
    if count < 0:
        raise ValueError("a sample has no negative size")
    ranked = sorted(positions, key=lambda position: rank(seed, position))
    return sorted(ranked[:count])


def statement(population: Population, count: int, seed: bytes | None = None) -> dict[str, Any]:
    """Return what a draw came to, with all that is needed to repeat it.

    Args:
        population: What is drawn from.
        count: How many to draw.
        seed: 32 bytes; None takes the population's root.
    """
    seed = population.root if seed is None else seed
    drawn = set(sample((member.position for member in population.members), count, seed))
    return {
        "population": population.document(),
        "sample": {
            "algorithm": ALGORITHM,
            "seed": seed.hex(),
            "seed_is_root": seed == population.root,
            "count": len(drawn),
            "positions_sha256": digest_of_positions(drawn).hex(),
            "members": [
                member.document() for member in population.members if member.position in drawn
            ],
        },
    }

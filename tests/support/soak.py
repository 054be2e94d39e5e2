"""How long random tests go on: briefly with every run of the tests, at length in a soak."""

from __future__ import annotations

import os


def times(count: int) -> int:
    """Return how often to do what is done so often in an ordinary run (`make soak`: more)."""
    return count * int(os.environ.get("REGESTA_TEST_SOAK", "1"))

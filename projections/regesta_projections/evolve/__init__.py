"""The one fold: how each event changes rows.

The same functions serve the live path, a rebuild, reads as of a moment and `verify`;
that is why the tables are provably the fold of the log. They touch no I/O, no clock
and no randomness.
"""

from __future__ import annotations

from regesta_projections.evolve.fold import evolve, keys_of
from regesta_projections.evolve.streams import UnknownStream

__all__ = ["UnknownStream", "evolve", "keys_of"]

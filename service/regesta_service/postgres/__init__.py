"""PostgreSQL as regesta uses it: the embedded server, the two roles and the migrations."""

from __future__ import annotations

from typing import Final

OLDEST_MAJOR: Final = 14
"""The oldest PostgreSQL that the migrations and queries run on."""

"""The regesta server: commands in, events appended, projections read."""

from __future__ import annotations

"""PostgreSQL as regesta uses it: the embedded server, the two roles and the migrations."""

from __future__ import annotations

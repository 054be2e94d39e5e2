"""The facts that the log holds, one package for each version of their schema."""

from __future__ import annotations

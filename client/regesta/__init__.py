"""Client and command line of regesta, the model registry that keeps every fact."""

from __future__ import annotations

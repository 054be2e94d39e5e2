"""Projections: tables that are the fold of the event log, and nothing else."""

from __future__ import annotations

"""Checks a namespace's log, what is kept beside it, and the tables made of it.

Nothing that is stored is trusted: hashes are computed anew over the records, the tree over
the hashes, and the rows by a fold of the records. What an insider can still do who rewrites
everything consistently shows only against a checkpoint that was kept elsewhere; a report's
root hash is what to compare with it.
"""

from __future__ import annotations

from regesta_projections.verification.findings import MAX_FINDINGS, Finding, Kind
from regesta_projections.verification.verify import Report, VerifyProgress, verify

__all__ = ["MAX_FINDINGS", "Finding", "Kind", "Report", "VerifyProgress", "verify"]

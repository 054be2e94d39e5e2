"""Checks the checkpoints that were published against the tree over the records.

Whoever rewrites a log may rewrite tiles, head and projections with it. What was signed before
stays what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import InvalidNote, Note
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from regesta_projections.verification.tree import TreeCheck


class CheckpointCheck:
    """Grows the tree, and compares its root wherever a checkpoint was published.

    Signatures are not judged: that needs a key that somebody trusts, and what is in the
    database must be of this log whoever signed it.

    Args:
        stored: Size and note of every checkpoint, by size.
        tree: The tree, which is grown here alone.
    """

    def __init__(
        self, stored: Iterator[tuple[Any, ...]], tree: TreeCheck, findings: Findings
    ) -> None:
        self._stored = stored
        self._tree = tree
        self._findings = findings
        self._next: tuple[Any, ...] | None = next(stored, None)

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add the hashes of the next records."""
        begin = 0
        size = self._tree.frontier.size
        while self._next is not None and self._next[0] <= size + len(hashes):
            if self._tree.is_broken:
                break
            end = self._next[0] - size
            self._tree.extend(hashes[begin:end])
            begin = end
            self._compare(*self._next)
            self._next = next(self._stored, None)
        self._tree.extend(hashes[begin:])

    def finish(self, size: int) -> None:
        """Name what was published beyond the end of the log.

        Args:
            size: That of the log.
        """
        while self._next is not None:
            published = self._next[0]
            if published > size:
                self._add(published, f"it is of {published} events, and the log ends at {size}")
            self._next = next(self._stored, None)

    def _compare(self, size: int, text: str) -> None:
        try:
            root = Checkpoint.parse(Note.parse(text).text).root
        except InvalidNote as error:
            self._add(size, str(error))
            return
        computed = self._tree.frontier.root()
        if root != computed:
            self._add(size, f"its root is {root.hex()}, that of the records {computed.hex()}")

    def _add(self, size: int, detail: str) -> None:
        self._findings.add(Kind.CHECKPOINT_DIFFERS, f"checkpoints {size}", detail, position=size)

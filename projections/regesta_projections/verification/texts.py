"""Checks the free texts kept beside the log against the digests in the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from regesta.sealed import opens
from regesta_projections.events import FreeText
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regesta_projections.events import Event
    from regesta_projections.verification.records import ReadLine


class Disclosure(NamedTuple):
    """A row of `regesta.disclosures`."""

    position: int
    field: str
    digest: str
    person: str
    salt: bytes
    text: str


class TextCheck:
    """Goes through events and texts side by side, both in the order of positions.

    A text that is not there was erased, which is nobody's fault.

    Args:
        disclosures: Every row, by position.

    Attributes:
        compared: Texts compared so far.
        erased: Digests so far whose text is not there.
    """

    def __init__(self, disclosures: Iterator[tuple[Any, ...]], findings: Findings) -> None:
        self.compared = 0
        self.erased = 0
        self._disclosures = disclosures
        self._findings = findings
        self._next = self._advance()

    def add(self, read: ReadLine) -> None:
        """Compare the texts of the next event."""
        # Almost no event has any, and this look is all that the others cost.
        digests = texts_of(read.event) if read.event and b'"_sd"' in read.line.record else {}
        position = read.line.position
        while (row := self._next) is not None and row.position <= position:
            if row.position == position and digests.get(row.field) == row.digest:
                del digests[row.field]
                self._compare(row, read)
            else:
                self._extra(row)
            self._next = self._advance()
        self.erased += len(digests)

    def finish(self) -> None:
        """Name the texts that are left."""
        while self._next is not None:
            self._extra(self._next)
            self._next = self._advance()

    def _compare(self, row: Disclosure, read: ReadLine) -> None:
        self.compared += 1
        if not opens(row.digest, row.salt, row.text):
            self._differs(row, "salt and text do not have this digest")
        elif read.envelope is not None and row.person != read.envelope.authid:
            self._differs(row, f"it is said to be of {row.person}, not {read.envelope.authid}")

    def _differs(self, row: Disclosure, detail: str) -> None:
        self._findings.add(
            Kind.TEXT_DIFFERS,
            f"disclosures {row.digest}",
            f"{row.field}: {detail}",
            position=row.position,
        )

    def _extra(self, row: Disclosure) -> None:
        self._findings.add(
            Kind.TEXT_EXTRA,
            f"disclosures {row.digest}",
            f"the event has no such digest in {row.field}",
            position=row.position,
        )

    def _advance(self) -> Disclosure | None:
        line = next(self._disclosures, None)
        return None if line is None else Disclosure(*line)


def texts_of(event: Event) -> dict[str, str]:
    """Return the digest of each free text of an event by its field.

    Fields are named as in `regesta.disclosures`: `reason`, or `long_tags.{key}` in a map.
    """
    digests: dict[str, str] = {}
    for name in event.__struct_fields__:
        match getattr(event, name):
            case FreeText(digests=(digest, *_)):
                digests[name] = digest
            case dict() as texts:
                digests |= {
                    f"{name}.{key}": text.digests[0]
                    for key, text in texts.items()
                    if isinstance(text, FreeText) and text.digests
                }
            case _:
                pass  # no text
    return digests

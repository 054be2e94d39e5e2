"""Checks the free texts kept beside the log against the digests in the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from regesta.sealed import opens
from regesta_projections.events import FreeText, PersonalDataErased
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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

    A text that is not there must have been erased by an event that names its digest.

    Args:
        disclosures: Every row, by position.
        those_there: Returns those of some digests whose texts are there.

    Attributes:
        compared: Texts compared so far.
        erased: Texts so far that are gone as an event says.
    """

    def __init__(
        self,
        disclosures: Iterator[tuple[Any, ...]],
        those_there: Callable[[Sequence[str]], Iterable[str]],
        findings: Findings,
    ) -> None:
        self.compared = 0
        self.erased = 0
        self._those_there = those_there
        # Position and field of each digest without a text, until an erasure names it.
        self._missing: dict[str, tuple[int, str]] = {}
        self._named: list[str] = []
        self._disclosures = disclosures
        self._findings = findings
        self._next = self._advance()

    def add(self, read: ReadLine) -> None:
        """Compare the texts of the next event."""
        # Almost no event has any, and this look is all that the others cost.
        digests = texts_of(read.event) if read.event and b'"_sd"' in read.line.record else {}
        position = read.line.position
        while (row := self._next) is not None and row.position <= position:
            if row.position == position and read.is_archived:
                # Whether it is the event's, the archive would tell.
                self._compare(row, read)
            elif row.position == position and digests.get(row.field) == row.digest:
                del digests[row.field]
                self._compare(row, read)
            else:
                self._extra(row)
            self._next = self._advance()
        self._missing |= {digest: (position, field) for field, digest in digests.items()}
        if isinstance(read.event, PersonalDataErased):
            self._erase(read.event.digests)

    def finish(self) -> None:
        """Name the texts that are left, those that are gone and those that should be."""
        while self._next is not None:
            self._extra(self._next)
            self._next = self._advance()
        for digest, (position, field) in self._missing.items():
            self._findings.add(
                Kind.TEXT_MISSING,
                f"disclosures {digest}",
                f"the text of {field} is not there, and no erasure names it",
                position=position,
            )
        for digest in self._those_there(self._named) if self._named else ():
            self._findings.add(
                Kind.TEXT_KEPT, f"disclosures {digest}", "an erasure names it, and it is there"
            )

    def _erase(self, digests: Sequence[str]) -> None:
        for digest in digests:
            if self._missing.pop(digest, None) is not None:
                self.erased += 1
            self._named.append(digest)

    def _compare(self, row: Disclosure, read: ReadLine) -> None:
        self.compared += 1
        if not opens(row.digest, row.salt, row.text):
            self._differs(row, "salt and text do not have this digest")
            return
        person = read.line.actor if read.envelope is None else read.envelope.authid
        if row.person != person:
            self._differs(row, f"it is said to be of {row.person}, not {person}")

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

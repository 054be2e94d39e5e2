"""Free texts in commands: new ones come sealed, and events hold their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from regesta.sealed import SealedText
from regesta_projections.events import FreeText

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cleared:
    """What a command holds of a free text that is to be emptied."""

    __slots__ = ()


CLEARED: Final = Cleared()

#: A new text, or none from now on; None in a command leaves the text as it is.
TextChange: TypeAlias = SealedText | Cleared


def free_text(change: TextChange | None) -> FreeText | None:
    """Return what an event says of a text: its digest, that it was cleared, or nothing."""
    match change:
        case None:
            return None
        case Cleared():
            return FreeText()
        case SealedText():
            return FreeText(digests=(change.digest,))


def free_texts(texts: Mapping[str, SealedText]) -> dict[str, FreeText]:
    """Return what an event says of several texts, by the same keys."""
    return {key: FreeText(digests=(text.digest,)) for key, text in texts.items()}


def beside(
    *texts: tuple[str, TextChange | None], long_tags: Mapping[str, SealedText] | None = None
) -> tuple[tuple[str, SealedText], ...]:
    """Return the texts to keep beside an event, each with its field in the event.

    Args:
        texts: Fields and what a command holds of them; what is not a text is left out.
        long_tags: Tags with long values, by key.
    """
    kept = [(field, text) for field, text in texts if isinstance(text, SealedText)]
    if long_tags:
        kept += [(f"long_tags.{key}", text) for key, text in long_tags.items()]
    return tuple(kept)


def needed(change: TextChange | None, field: str, present: Mapping[str, str]) -> TextChange | None:
    """Return a change unless it clears a text that is not there.

    A new text is always a change: the salted digest of the present one does not tell
    whether it is the same.

    Args:
        change: What is wanted.
        field: The field in the row.
        present: Digests of the row's texts, by field.
    """
    return None if isinstance(change, Cleared) and field not in present else change

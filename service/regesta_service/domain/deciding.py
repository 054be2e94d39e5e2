"""The shapes of deciding: commands, what they look at, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.events import Event
    from regesta_projections.rows import Rows, StreamKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows that a command looks at: those of one model, found by a name of it, or by their keys.

    With a name, its own row and the model's are always included.
    """

    #: A present or former name, in any case, as the caller gave it; empty for no model.
    name: str = ""
    versions: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    #: Sort keys of SemVer labels (`regesta.semver.sort_key`).
    labels: tuple[str, ...] = ()
    #: Resources below the model, by what follows its stream: `versions/3/evaluations`.
    below: tuple[str, ...] = ()
    #: Stages of which the version that entered last is wanted, of those that are in it.
    stages: tuple[str, ...] = ()
    #: Rows that are not found by a model's name, for example what the log says of itself.
    keys: tuple[StreamKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """An event to append to a stream, and the free texts it has digests of."""

    stream: str
    event: Event
    #: Pairs of a field, for example `reason` or `long_tags.notes`, and its text.
    texts: tuple[tuple[str, SealedText], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command comes to: facts, none when all is so already."""

    facts: tuple[Fact, ...]
    #: The resource that the answer shows.
    shows: StreamKey


class Command(Protocol):
    """What a caller wants. Implementations are frozen dataclasses, imperative names."""

    def wants(self) -> tuple[Wanted, ...]:
        """Return which rows `decide` will look at; the sequencer loads them first."""

    def decide(self, rows: Rows) -> Decision:
        """Return the facts that carry the command out.

        Pure: it looks only at `rows`, which it does not change. All that is random
        or timed is in the command already.

        Raises:
            Rejection: It must not be carried out; nothing is appended.
        """

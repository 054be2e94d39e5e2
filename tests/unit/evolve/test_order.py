"""The order between streams does not matter to a fold, as long as each keeps its own."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from regesta_projections import events as e
from regesta_projections.records import read_record
from regesta_projections.tables import TABLES
from regesta_projections.verification.findings import Findings
from regesta_projections.verification.heads import HeadsCheck
from regesta_projections.verification.streams import StreamCheck, StreamLine
from tests.support.rich_log import padded_log, rich_log
from tests.unit.evolve.facts import Story, fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_projections.records import Recorded
    from regesta_projections.rows import Row

MODELS = ["a", "a-b", "a.b", "A0", "a-b-c", "B"]
TAGS = st.dictionaries(st.sampled_from("xyz"), st.text(max_size=3), min_size=1, max_size=2)


@st.composite
def stories(draw: st.DrawFn) -> list[Recorded]:
    """Draw a log that commands could have made."""
    story = Story()
    versions: dict[str, int] = {}
    for _ in range(draw(st.integers(1, 40))):
        model = draw(st.sampled_from(MODELS))
        if model not in versions:
            versions[model] = 0
            story.tell(f"models/{model}", e.ModelCreated(name=model, kind="MODEL"))
        elif versions[model] == 0 or draw(st.booleans()):
            number = versions[model] = versions[model] + 1
            label = f"1.{number}.0" if draw(st.booleans()) else ""
            story.tell(
                f"models/{model}/versions/{number}",
                e.VersionRegistered(version=number, stage="development", semver=label),
            )
        else:
            number = draw(st.integers(1, versions[model]))
            story.tell(*draw(later_events(model, number)))
    return story.told


def later_events(model: str, number: int) -> st.SearchStrategy[tuple[str, e.Event]]:
    """Return what can happen to a model, a version or an alias that is there."""
    version, alias = f"models/{model}/versions/{number}", f"models/{model}/aliases/champion"
    name = model.swapcase()
    return st.one_of(
        st.tuples(st.just(version), TAGS.map(lambda tags: e.TagsSet(tags=tags))),
        st.tuples(st.just(f"models/{model}"), TAGS.map(lambda tags: e.TagsSet(tags=tags))),
        st.just((version, e.TagsRemoved(keys=("x",)))),
        st.just((version, e.StageChanged(from_stage="development", to_stage="staging"))),
        st.just((version, e.VersionDeleted())),
        st.just((alias, e.AliasSet(version=number))),
        st.just((version, e.VersionRolledBack(version=number, to_stage="production"))),
        st.just((f"models/{model}", e.ModelRenamed(from_name=model, to_name=name))),
        st.just((f"models/{model}", e.ModelDeleted())),
    )


def needed_before(recorded: Recorded) -> str | None:
    """Return the stream that must have begun before an event's: its model's."""
    parts = recorded.stream.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else None


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[Recorded], list[Recorded]]:
    """Draw a log, and its events in another order that keeps each stream's own."""
    events = draw(stories())
    chance = Random(draw(st.integers()))  # noqa: S311  an order is no secret
    waiting: dict[str, list[Recorded]] = {}
    for event in events:
        waiting.setdefault(event.stream, []).append(event)
    begun: set[str] = set()
    other: list[Recorded] = []
    while waiting:
        ready = sorted(
            stream
            for stream, rest in waiting.items()
            if (model := needed_before(rest[0])) is None or model in begun
        )
        stream = chance.choice(ready)
        other.append(waiting[stream].pop(0))
        begun.add(stream)
        if not waiting[stream]:
            del waiting[stream]
    return events, other


@given(interleavings())
def test_any_interleaving_gives_the_same_rows(both: tuple[list[Recorded], list[Recorded]]):
    events, other = both

    assert values(fold(events).values()) == values(fold(other).values())


class Collected:
    """Takes rows as the check of tables does."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, rows: Iterable[Row]) -> None:
        self.rows += rows


def no_heads() -> HeadsCheck:
    """Return a check of heads for a log without commitments, which looks into no database."""
    return HeadsCheck(None, 0, Findings())  # type: ignore[arg-type]


def by_streams(records: list[bytes]) -> tuple[list[Row], Findings]:
    """Return the rows of a fold in the order of streams, and what it found."""
    lines = []
    for position, record in enumerate(records, 1):
        read = read_record(record, position)
        lines.append(StreamLine(read.stream, read.revision, position, read.leaf_hash, record))
    collected, findings = Collected(), Findings()
    check = StreamCheck(collected, Collected(), 0, no_heads(), findings)  # type: ignore[arg-type]  # all it asks for
    for line in sorted(lines):
        check.add(line)
    check.finish()
    return collected.rows, findings


def test_a_fold_by_streams_gives_the_same_rows_each_once():
    log = rich_log()

    rows, findings = by_streams(log.records)

    assert 0 == findings.total
    assert len(rows) == len({row.key for row in rows})
    assert values(row for row in log.rows.values() if row) == values(rows)


def test_a_fold_by_streams_holds_no_more_than_the_models_whose_names_begin_alike():
    log = padded_log(60)
    for number in range(50):
        log.append(f"models/m{number}", e.ModelCreated(name=f"m{number}", kind="MODEL"))
    lines = []
    for position, record in enumerate(log.records, 1):
        read = read_record(record, position)
        lines.append(StreamLine(read.stream, read.revision, position, read.leaf_hash, record))
    check = StreamCheck(Collected(), Collected(), 0, no_heads(), Findings())  # type: ignore[arg-type]  # all it asks for
    most = 0

    for line in sorted(lines):
        check.add(line)
        most = max(most, len(check._open))

    # models/Churn lies open while models/Churn-2 and models/Churn.old pass.
    assert 2 == most


def values(rows: Iterable[Row]) -> dict[object, object]:
    """Return the columns of each row by its key."""
    return {row.key: TABLES[type(row)].values(row) for row in rows}

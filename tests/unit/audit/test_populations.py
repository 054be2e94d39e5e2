"""Populations of events and samples of them."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.populations import (
    Condition,
    Filter,
    InvalidCondition,
    UnreadableRecord,
    take_population,
)
from regesta.audit.sampling import rank, sample, statement
from regesta_projections import events as e
from tests.support.log_builder import START
from tests.support.rich_log import CHAMPION, FIRST, MODEL, OTHER, SECOND, padded_log, rich_log

VECTORS = Path(__file__).parents[2] / "golden/audit/samples.json"

IMPORTED_ALIAS = "models/Imported/aliases/Champion_1"
PASSED = "models/Imported/versions/21"


def positions(**conditions):
    population = take_population(rich_log().records, Filter(**conditions))
    return [member.position for member in population.members]


def where(*texts):
    return tuple(map(Condition.parse, texts))


def test_a_population_has_the_size_and_the_root_of_the_whole_log():
    log = padded_log(300)
    population = take_population(log.records, Filter(types=("StageChanged",)))
    assert (300, log.frontier.root()) == (population.size, population.root)


@pytest.mark.parametrize(
    ("wanted", "streams"),
    [
        ({"types": ("AliasSet",)}, [
            CHAMPION, CHAMPION, f"{MODEL}/aliases/challenger", IMPORTED_ALIAS]),
        ({"types": ("StageChanged",)}, [
            SECOND, *(f"{OTHER}/versions/{n}" for n in (11, 11, 12)), PASSED, PASSED]),
        ({"types": ("StageChanged",), "where": where("to_stage=staging")}, [SECOND, PASSED]),
        ({"types": ("StageChanged",), "where": where("toStage=production")}, [PASSED]),
        ({"where": where("passing=true")}, [PASSED]),
        ({"where": where("lineage.run=run-1")}, [FIRST]),
        ({"where": where("version=2", "previous_version=1")}, [CHAMPION]),
        ({"types": ("AliasSet",), "where": where("previous_version=")}, [
            CHAMPION, f"{MODEL}/aliases/challenger", IMPORTED_ALIAS]),
        ({"resources": ("namespace",)}, ["namespace"]),
        ({"actors": ("ci@example.com",)}, [SECOND, SECOND]),
        ({"types": ("ModelCreated",), "resources": (MODEL,)}, [MODEL]),
    ],
)  # fmt: skip
def test_conditions_choose_events(wanted, streams):
    population = take_population(rich_log().records, Filter(**wanted))
    assert streams == [member.stream for member in population.members]


def test_a_model_includes_what_lies_below_it_and_nothing_else():
    log = rich_log()
    population = take_population(log.records, Filter(resources=(MODEL,)))
    expected = [
        position
        for position, record in enumerate(log.records, 1)
        if json.loads(record)["subject"].partition("/aliases")[0].partition("/versions")[0] == MODEL
    ]
    assert expected == [member.position for member in population.members]


def test_a_period_includes_its_first_moment_and_not_its_last():
    begin, end = START + timedelta(seconds=2), START + timedelta(seconds=5)
    assert [3, 4, 5] == positions(begin=begin, end=end)
    assert [1, 2, 3, 4, 5] == positions(end=end)


@pytest.mark.parametrize("text", ["", "stage", "=x", "a..b=1", ".=1"])
def test_another_condition_is_refused(text):
    with pytest.raises(InvalidCondition):
        Condition.parse(text)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"type":1}', b"\xff"])
def test_a_line_that_is_no_record_leaves_no_population(line):
    with pytest.raises(UnreadableRecord):
        take_population([*rich_log().records, line], Filter())


def test_an_event_that_is_left_out_changes_the_root():
    records = rich_log().records
    whole = take_population(records, Filter(types=("StageChanged",)))
    for left_out in range(len(records)):
        rest = records[:left_out] + records[left_out + 1 :]
        assert whole.root != take_population(rest, Filter(types=("StageChanged",))).root


SEEDS = st.binary(min_size=32, max_size=32)
POSITIONS = st.sets(st.integers(1, (1 << 63) - 1), max_size=50)


@given(POSITIONS, SEEDS, st.integers(0, 60), st.randoms())
def test_a_sample_depends_on_seed_and_positions_alone(population, seed, count, random):
    order = list(population)
    random.shuffle(order)
    drawn = sample(order, count, seed)
    assert drawn == sample(sorted(population), count, seed)
    assert sorted(set(drawn)) == drawn
    assert min(count, len(population)) == len(drawn)
    assert set(drawn) <= population


@given(POSITIONS, SEEDS, st.integers(0, 30))
def test_a_larger_sample_contains_a_smaller_one(population, seed, count):
    assert set(sample(population, count, seed)) <= set(sample(population, count + 5, seed))


def test_every_position_is_drawn_about_as_often():
    counts = dict.fromkeys(range(1, 11), 0)
    for number in range(2_000):
        for position in sample(counts, 3, sha256(str(number).encode()).digest()):
            counts[position] += 1
    # Each is due 600 times; five standard deviations are 102.
    assert all(498 < count < 702 for count in counts.values())


@pytest.mark.parametrize(("seed", "position"), [(b"", 1), (bytes(31), 1), (bytes(32), 0)])
def test_another_seed_or_position_is_refused(seed, position):
    with pytest.raises(ValueError, match=r"a seed|a position"):
        rank(seed, position)


def test_the_published_draws_hold():
    for vector in json.loads(VECTORS.read_text()):
        seed = bytes.fromhex(vector["seed"])
        drawn = sample(range(1, vector["size"] + 1), vector["count"], seed)
        assert vector["positions"] == drawn


def test_a_statement_says_all_that_is_needed_to_draw_again():
    log = padded_log(300)
    log.append(SECOND, e.StageChanged(from_stage="staging", to_stage="production"))
    wanted = Filter(types=("TagsSet",), begin=START, where=where("tags.round=40"))
    population = take_population(log.records, Filter(types=("TagsSet",)))
    made = statement(population, 3)
    assert made["population"]["root"] == made["sample"]["seed"] == log.frontier.root().hex()
    assert 3 == made["sample"]["count"] == len(made["sample"]["members"])
    digest = sha256(
        b"".join(member.position.to_bytes(8, "big") for member in population.members)
    ).hexdigest()
    assert digest == made["population"]["positions_sha256"]
    assert {
        "types": ["TagsSet"],
        "where": ["tags.round=40"],
        "begin": "2026-01-01T12:00:00.250000Z",
    } == wanted.document()
    own = statement(population, 2, bytes(32))
    assert (False, "00" * 32) == (own["sample"]["seed_is_root"], own["sample"]["seed"])
    json.dumps(made)

"""The arithmetic of the benchmarks: a figure that is wrong is worse than none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, Goal, number, table, write_json
from benchmarks.following import Sight
from benchmarks.pgbench import read_report
from benchmarks.policing import CONDITIONS, move, policy_with
from benchmarks.processes import family_cpu, own_cpu
from benchmarks.requests import Registrations, Resolves
from benchmarks.slices import Measured, Sample, Side, in_turns, percentile
from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.domain import policies

_REPORT = """\
transaction type: insert.sql
scaling factor: 1
query mode: prepared
number of clients: 64
number of threads: 2
maximum number of tries: 1
duration: 2 s
number of transactions actually processed: 12345
number of failed transactions: 0 (0.000%)
latency average = 10.368 ms
initial connection time = 101.010 ms
tps = 6172.500000 (without initial connection time)
"""


# Goals and figures


@pytest.mark.parametrize(
    ("goal", "ratio", "holds"),
    [
        (Goal(1.3), 1.3, True),
        (Goal(1.3), 1.31, False),
        (Goal(2, at_most=False), 2.0, True),
        (Goal(2, at_most=False), 1.99, False),
    ],
)
def test_a_goal_holds_up_to_its_bound_and_not_beyond(goal, ratio, holds):
    assert holds is Figure("f", 100.0, "op/s", ratio=ratio, goal=goal).holds


def test_a_goal_of_the_value_does_not_look_at_the_ratio():
    none_missed = Goal(0, of_value=True)

    assert True is Figure("missed", 0, "events", ratio=7.0, goal=none_missed).holds
    assert False is Figure("missed", 1, "events", ratio=0.0, goal=none_missed).holds


def test_what_was_not_measured_does_not_hold_and_does_not_fail():
    assert None is Figure("pgbench", None, "op/s", goal=Goal(0.3, at_most=False)).holds
    assert None is Figure("echo", 300.0, "µs/op").holds


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (Goal(1.3), "<= 1.30 x"),
        (Goal(0.3, at_most=False), ">= 0.30 x"),
        (Goal(40_000, at_most=False, of_value=True), ">= 40,000"),
    ],
)
def test_a_goal_says_which_way_it_bounds(goal, text):
    assert text == str(goal)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0567, "0.06"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (5432.1, "5,432"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_mean_something(value, text):
    assert text == number(value)


def test_the_table_shows_what_does_not_hold_and_why_something_is_missing():
    figures = [
        Figure("rate", 10.0, "op/s", "limit, 100", 0.1, Goal(0.3, at_most=False)),
        Figure("pgbench", None, "op/s", note="skipped: there is none"),
    ]

    lines = table(figures).splitlines()

    assert ["rate", "10", "op/s", "limit,", "100", "0.10", ">=", "0.30", "x", "NO"] == lines[
        2
    ].split()
    assert ["pgbench", "-", "op/s"] == lines[3].split()
    assert "pgbench: skipped: there is none" == lines[4]


def test_figures_are_written_as_objects_with_the_names_that_tools_read(tmp_path):
    path = tmp_path / "build" / "bench.json"

    write_json(path, [Figure("rate", 10.0, "op/s", "limit, 100", 0.1, Goal(0.3, at_most=False))])

    assert [
        {
            "name": "rate",
            "value": 10.0,
            "unit": "op/s",
            "against": "limit, 100",
            "ratio": 0.1,
            "goal": ">= 0.30 x",
            "note": "",
            "holds": False,
        }
    ] == json.loads(path.read_text())


# Slices


def test_a_sample_counts_by_second_and_by_operation():
    sample = Sample(200, 4.0, {"service": 0.1})

    assert 50.0 == sample.rate
    assert 500.0 == pytest.approx(sample.cpu_each("service"))


def test_a_ratio_is_the_median_of_the_turns_and_not_the_ratio_of_medians():
    # The machine was three times as slow in the second turn, for both.
    ours = Measured([Sample(100, 1.0), Sample(30, 1.0), Sample(90, 1.0)])
    theirs = Measured([Sample(50, 1.0), Sample(15, 1.0), Sample(60, 1.0)])

    assert 2.0 == ours.ratio(theirs, lambda sample: sample.rate)
    assert 90.0 == ours.rate


def test_a_turn_in_which_the_other_side_has_nothing_does_not_count():
    ours = Measured([Sample(10, 1.0, {"db": 0.2}), Sample(10, 1.0, {"db": 0.4})])
    theirs = Measured([Sample(10, 1.0, {"db": 0.0}), Sample(10, 1.0, {"db": 0.1})])

    assert 4.0 == ours.ratio(theirs, lambda sample: sample.cpu_each("db"))
    assert None is theirs.ratio(Measured([theirs.samples[0]] * 2), lambda s: s.cpu_each("db"))


def test_turns_alternate_and_the_first_is_thrown_away():
    order: list[str] = []

    def side(name: str) -> Side:
        def work() -> Sample:
            order.append(name)
            return Sample(len(order), 1.0)

        return Side(name, work)

    first, second = in_turns([side("a"), side("b")], 2)

    assert ["a", "b"] * 3 == order
    assert [3, 5] == [sample.operations for sample in first.samples]
    assert [4, 6] == [sample.operations for sample in second.samples]


def test_meters_are_read_around_the_slice_alone():
    used = [1.0]

    def work() -> Sample:
        used[0] += 0.5
        return Sample(10, 1.0)

    side = Side("a", work, {"service": lambda: used[0]})

    assert 0.5 == side.measure().cpu["service"]
    assert 0.5 == side.measure().cpu["service"]


@pytest.mark.parametrize(("percent", "value"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_values(percent, value):
    assert value == percentile([float(n) for n in range(100, 0, -1)], percent)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_that_enough_values_do_not_exceed(values, percent):
    found = percentile(values, percent)

    def share(bound: float) -> float:
        return 100 * len([value for value in values if value <= bound]) / len(values)

    assert share(found) >= percent
    assert all(share(value) < percent for value in values if value < found)


# Following a log


def test_a_reader_that_sees_all_in_order_misses_nothing():
    sight = _seeing(1, 2, 3)

    assert (0, 0) == (sight.missed(3), sight.repeated)


def test_what_is_passed_over_is_missed_also_when_it_comes_later():
    sight = _seeing(1, 3, 2)

    assert (1, 0) == (sight.missed(3), sight.repeated)


def test_what_comes_again_is_repeated():
    assert 2 == _seeing(1, 2, 2, 1, 3).repeated


def test_what_never_came_is_missed():
    assert 2 == _seeing(1, 2).missed(4)


def _seeing(*positions: int) -> Sight:
    sight = Sight("subscriber")
    for position in positions:
        sight.see(position)
    return sight


# Other people's programs, and processes


def test_a_report_of_pgbench_is_read_without_the_time_to_connect():
    sample = read_report(_REPORT)

    assert 12_345 == sample.operations
    assert 6_172.5 == pytest.approx(sample.rate)


def test_anything_else_is_not_taken_for_a_report_of_pgbench():
    with pytest.raises(ValueError, match="not a report"):
        read_report("pgbench: error: connection failed")


def test_what_a_child_used_belongs_to_the_family_also_after_its_end():
    before = family_cpu(os.getpid())
    own = own_cpu(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.3: pass"

    subprocess.run([sys.executable, "-c", burn], check=True)

    # The kernel counts whole ticks, of user and of system time apart.
    assert family_cpu(os.getpid()) - before > 0.27
    assert own_cpu(os.getpid()) - own < 0.27


def test_a_process_that_has_ended_has_used_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert 0 == own_cpu(process.pid)


# Requests


def test_each_registration_is_a_whole_request_with_an_id_and_a_digest_of_its_own():
    made = list(islice(Registrations("bench", ("a", "b"), seed=7), 4))
    requests = [pb.RegisterVersionRequest.FromString(each) for each in made]

    assert [f"namespaces/bench/models/{name}" for name in "abab"] == [r.parent for r in requests]
    assert 4 == len({request.request_id for request in requests})
    assert 4 == len({request.version.digest for request in requests})
    assert {"onnx"} == {request.version.tags["framework"] for request in requests}


def test_two_writers_never_have_the_same_request_ids():
    first, second = (list(islice(Registrations("n", ("a",), seed), 50)) for seed in (1, 2))

    assert not set(first) & set(second)


def test_addresses_are_asked_for_in_turn_and_again():
    asked = [
        pb.ResolveVersionRequest.FromString(request).address
        for request in islice(Resolves("n", ("a@x", "b@x")), 3)
    ]

    assert ["a@x", "b@x", "a@x"] == asked


# Policies


def test_the_move_that_is_measured_meets_all_that_its_policy_asks():
    policy = policy_with(10)

    outcomes = policies.outcomes(policy, move())

    assert 10 == len(CONDITIONS) == len(policy.conditions)
    assert 10 + 3 + 1 + 2 + 1 == len(outcomes)
    assert not [each for each in outcomes if not each.met]
    (decision,) = policies.decide([policy], move(evaluated=200))
    assert ("rita", "ralf") == decision.approvals

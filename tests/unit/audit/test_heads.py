"""Whoever holds a stream's events and its line can tell that none is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.heads import (
    Commitment,
    HeadLine,
    Incomplete,
    InvalidHeads,
    InvalidProof,
    ProvedLine,
    check_chain,
    check_family,
    check_stream,
)
from regesta.merkle import inclusion_proof, root_of
from regesta_projections import events as e
from tests.support.log_builder import LogBuilder
from tests.support.rich_log import FIRST, MODEL, rich_log


def committed(log: LogBuilder) -> tuple[Commitment, dict[str, ProvedLine]]:
    """Return a commitment to a log's heads, and every line with its proof."""
    lines = log.head_lines()
    hashes = [line.hash() for line in lines]
    commitment = Commitment(log.size, len(lines), root_of(hashes))
    proved = {
        line.stream: ProvedLine(line.encode(), index, tuple(inclusion_proof(hashes, index)))
        for index, line in enumerate(lines)
    }
    return commitment, proved


def of_stream(log: LogBuilder, stream: str) -> list[bytes]:
    return [record for record in log.records if json.loads(record)["subject"] == stream]


def test_every_stream_of_a_log_is_shown_to_be_complete():
    log = rich_log()
    commitment, proved = committed(log)
    for stream, line in proved.items():
        found = check_stream(of_stream(log, stream), line, commitment)
        assert (stream, 0) == (found.line.stream, found.later)


def test_what_is_withheld_added_or_changed_is_found():
    log = rich_log()
    commitment, proved = committed(log)
    told = of_stream(log, FIRST)
    assert 5 == len(told)
    for wrong in (
        [],
        told[:-1],
        told[1:],
        told[:2] + told[3:],
        [*told[:3], told[3], told[3]],
        [*told[:-1], told[-1].replace(b"alice", b"carol")],
        [told[0].replace(b"alice", b"carol"), *told[1:]],
        of_stream(log, MODEL),
        [b"{", *told],
        [b"[]", *told],
    ):
        with pytest.raises(Incomplete):
            check_stream(wrong, proved[FIRST], commitment)


def test_a_line_of_another_tree_proves_nothing():
    log = rich_log()
    commitment, proved = committed(log)
    told = of_stream(log, FIRST)
    line = proved[FIRST]
    shorter = replace(HeadLine.parse(line.line), revision=4).encode()
    for wrong in (
        replace(line, line=shorter),
        replace(line, index=line.index + 1),
        replace(line, path=line.path[:-1]),
    ):
        with pytest.raises(InvalidProof):
            check_stream(told, wrong, commitment)
    with pytest.raises(InvalidProof):
        check_stream(told, line, replace(commitment, root=bytes(32)))


def test_a_chain_that_lacks_its_end_is_whole_by_itself():
    log = rich_log()
    told = of_stream(log, FIRST)
    assert 3 == len(check_chain(FIRST, told[:3]))


@given(st.sets(st.sampled_from(["a", "a-1", "a.b", "a0", "ab", "b", "B", "a_"]), min_size=1))
def test_a_family_is_complete_whatever_names_are_beside_it(names):
    log = LogBuilder("acme")
    for number, name in enumerate(sorted(names)):
        log.append(f"models/{name}", e.ModelCreated(name=name, kind="MODEL"))
        for version in range(1, number % 3 + 1):
            log.append(
                f"models/{name}/versions/{version}",
                e.VersionRegistered(version=version, stage="development"),
            )
    commitment, proved = committed(log)
    by_index = sorted(proved.values(), key=lambda line: line.index)
    for number, name in enumerate(sorted(names)):
        expected = {f"models/{name}"} | {
            f"models/{name}/versions/{version}" for version in range(1, number % 3 + 1)
        }
        assert expected == set(check_family(name, by_index, commitment))
        for stream in expected:
            rest = [line for line in by_index if line != proved[stream]]
            with pytest.raises(Incomplete):
                check_family(name, rest, commitment)


@given(
    st.text(min_size=1).filter(lambda text: text.isprintable()),
    st.integers(0, (1 << 63) - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_a_line_is_written_in_one_form(stream, revision, leaf, state):
    line = HeadLine(stream, revision, leaf, state)
    written = line.encode()
    assert line == HeadLine.parse(written)
    for other in (written + b"\n", b" " + written, written.replace(b":", b": ", 1)):
        with pytest.raises(InvalidHeads):
            HeadLine.parse(other)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b'{"type":"io.regesta.events.v1.AliasSet","data":{}}',
        b'{"type":"io.regesta.events.v1.HeadsCommitted"}',
        b'{"type":"io.regesta.events.v1.HeadsCommitted","data":{"root":"ab"}}',
        b'{"type":"io.regesta.events.v1.HeadsCommitted","data":{"root":"' + b"a" * 64 + b'","streams":1}}',
    ],
)  # fmt: skip
def test_another_record_is_no_commitment(record):
    with pytest.raises(InvalidHeads):
        Commitment.of_record(record)

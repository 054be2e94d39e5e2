"""`regesta verify PACK`, run without any server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regesta.audit import packs
from regesta.cli.program import run
from tests.support.pack_builder import signed_checkpoint, trusting, write_log_pack
from tests.support.rich_log import rich_log

LOG = rich_log()
OK, FAILED, INVALID, FINDINGS = 0, 1, 2, 7


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_log_pack(tmp_path / "pack", LOG)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.txt"
    path.write_text(trusting(LOG).encode())
    return path


def test_an_honest_pack_is_as_it_must_be(
    pack: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known"
    known.write_bytes(signed_checkpoint(LOG, 7).encode())

    code = run(["verify", str(pack), "--policy", str(policy), "--known", str(known)])

    said = capsys.readouterr().out
    assert code == OK
    assert "as it must be" in said
    assert LOG.frontier.root().hex() in said
    assert "1 earlier checkpoint\n" in said


def test_without_a_policy_it_says_that_nobody_was_judged(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["verify", str(pack)])

    assert code == OK
    assert "not judged" in capsys.readouterr().out


def test_the_report_is_one_document_for_programs(
    pack: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = pack / packs.EVENTS
    events.write_bytes(events.read_bytes().replace(b"alice", b"mallo", 1))

    code = run(["--json", "verify", str(pack), "--policy", str(policy)])

    report = json.loads(capsys.readouterr().out)
    assert code == FINDINGS
    assert report["ok"] is False
    assert report["trust"]["accepted"] is True
    assert {one["kind"] for one in report["findings"]} >= {"FILE_DIFFERS", "ROOT_DIFFERS"}


def test_what_is_no_pack_and_what_is_no_policy_are_wrong_arguments(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("hello\n")

    assert run(["verify", str(nonsense)]) == INVALID
    assert run(["verify", str(pack), "--policy", str(nonsense)]) == INVALID
    assert run(["verify", str(pack), "--known", str(nonsense)]) == INVALID
    assert run(["verify", str(tmp_path / "missing")]) == INVALID
    assert run(["verify", "--policy", str(nonsense)]) == INVALID
    assert "Traceback" not in capsys.readouterr().err

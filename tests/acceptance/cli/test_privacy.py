"""erase, hold and erasure-certificate, as people type them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.cli.conftest import CommandLine

BASIS = ("--legal-basis", "GDPR Art. 17(1)(b)")
INVALID, REFUSED = 2, 4


def test_a_hold_is_placed_listed_and_released_and_forbids_meanwhile(cli: CommandLine):
    cli("create", "churn", "--reason", "asked by Rosa")
    cli("hold", "place", "case-7", "--model", "churn", "--matter", "7 O 114/26")

    listed = cli("hold", "list").out
    assert "case-7" in listed
    assert "models/churn" in listed
    refused = cli("erase", "--resource", "churn", *BASIS, code=REFUSED)
    assert "case-7" in refused.err
    assert "7 O 114/26" in refused.err
    cli("hold", "place", "case-8", "--person", "rosa", "--matter", "7 O 115/26")
    assert "released; 1 hold in place" in cli("hold", "release", "case-7").out
    assert "released; 0 holds in place" in cli("hold", "release", "case-8").out
    assert "1 text erased" in cli("erase", "--resource", "churn", *BASIS).out


def test_what_would_be_erased_is_counted(cli: CommandLine):
    cli("create", "churn", "--reason", "asked by Rosa")

    assert "1 text would be erased" in cli("erase", "--person", "anonymous", "--dry-run").out
    assert "asked by Rosa" in cli("log", "churn").out
    cli("erase", "--person", "anonymous", *BASIS)
    assert "asked by Rosa" not in cli("log", "churn").out


def test_a_certificate_has_the_record_and_what_it_says(cli: CommandLine, tmp_path: Path):
    cli("create", "churn", "--reason", "asked by Rosa")
    erased = cli("--json", "erase", "--resource", "churn", *BASIS).document
    file = tmp_path / "certificate.json"
    cli("erasure-certificate", str(erased["position"]), "--wait", "0", "--out", str(file))

    certificate = json.loads(file.read_text())
    record = json.loads(certificate["record"])
    assert certificate["digests"] == record["data"]["digests"]
    assert ("anonymous", 1, BASIS[1]) == (
        certificate["erased_by"],
        certificate["texts"],
        certificate["legal_basis"],
    )


def test_arguments_that_do_not_go_together_are_refused(cli: CommandLine):
    cli("erase", *BASIS, code=INVALID)
    cli("erase", "--person", "a", "--event", "1", *BASIS, code=INVALID)
    cli("erasure-certificate", "1", code=INVALID)
    cli("hold", "place", "Case 7", "--matter", "x", code=INVALID)

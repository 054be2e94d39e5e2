from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_the_status_counts_the_rows_of_each_table(churn: CommandLine):
    status = churn("projections", "status", "--json").document

    catalog, history = status["projections"]
    assert (catalog["name"], catalog["cursor"]) == ("catalog", 7)
    assert history["name"] == "history"
    assert catalog["rows"]["versions"] == 2
    assert "versions" in churn("projections", "status").out


def test_a_rebuild_folds_the_whole_log_and_changes_no_answer(churn: CommandLine):
    before = churn("show", "churn/2", "--json").document
    rebuilt = churn("projections", "rebuild", "--json").document

    assert rebuilt["eventsFolded"] == 7
    assert "7 events folded" in churn("projections", "rebuild").out
    assert churn("show", "churn/2", "--json").document == before
    assert "as it must be" in churn("projections", "verify").out

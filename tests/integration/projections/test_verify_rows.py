"""Whatever an insider does to a projected row is named."""
# ruff: noqa: S608  the names are those of our own tables

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regesta_projections.rebuild import ALL_TABLES, rebuild
from regesta_projections.tables import Table
from regesta_projections.verification import Kind
from tests.integration.projections.insider import Insider

if TYPE_CHECKING:
    from collections.abc import Iterator


def other_value(kind: str) -> str:
    """Return SQL for a value that differs from the column's."""
    return {
        "text": "coalesce({0}, '') || 'x'",
        "jsonb": """{0} || '{{"mallory": "1"}}'""",
        "boolean": "NOT {0}",
        "timestamptz": "{0} + interval '1 second'",
        "integer": "coalesce({0}, 0) + 1000",
        "bigint": "{0} + 1000",
        "bytea": "coalesce({0}, '') || '\\x00'",
        "text[]": "{0} || ARRAY['x']",
    }[kind]


def changes(table: Table[Any]) -> Iterator[tuple[str, str]]:
    """Yield each column, and SQL that changes it in one row of a table."""
    for column in table.columns:
        value = other_value(column.type).format(column.name)
        yield (
            column.name,
            f"UPDATE regesta.{table.name} SET {column.name} = {value}"
            f" WHERE ctid = (SELECT ctid FROM regesta.{table.name} LIMIT 1)",
        )


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_an_edit_of_any_column_of_a_projected_row_is_named(insider: Insider, table: Table[Any]):
    insider.conn.execute(f"CREATE TABLE kept AS SELECT * FROM regesta.{table.name}")
    keys = {column.name for column in table.key_columns}

    for column, change in changes(table):
        insider.run(change)
        findings = insider.verify().findings
        insider.conn.execute(f"DELETE FROM regesta.{table.name}")
        insider.conn.execute(f"INSERT INTO regesta.{table.name} SELECT * FROM kept")

        kinds = [Kind.ROW_MISSING, Kind.ROW_EXTRA] if column in keys else [Kind.ROW_DIFFERS]
        assert kinds == [found.kind for found in findings], column
        assert all(found.subject.startswith(table.name) for found in findings)
        assert column in keys or findings[0].detail.startswith(f"{column} is "), findings

    assert set() == insider.named()


def test_an_edited_row_is_named_with_what_it_was_and_is(insider: Insider):
    insider.run("UPDATE regesta.versions SET stage = 'production' WHERE number = 2")

    (finding,) = insider.verify().findings

    assert "versions Churn/2" == finding.subject
    assert "stage is production, and staging by the log" == finding.detail


@pytest.mark.parametrize(
    ("column", "path", "value"),
    [
        ("properties", "{bool}", "1"),
        ("properties", "{int}", "-9223372036854775807"),
        ("properties", "{double}", "1000000000000000100000000000000"),
        ("properties", "{list,3,0}", "1"),
        ("properties", "{struct,a,b}", "0.25"),
        ("metrics", "{auc}", "0.8750000001"),
        ("metrics", "{auc}", "true"),
        ("params", "{depth}", "6"),
    ],
)
def test_the_slightest_edit_of_a_value_in_json_is_named(
    insider: Insider, column: str, path: str, value: str
):
    insider.run(
        f"UPDATE regesta.versions SET {column} = jsonb_set({column}, %s, %s) WHERE number = 1",
        path,
        value,
    )

    (finding,) = insider.verify().findings

    assert (Kind.ROW_DIFFERS, "versions Churn/1") == (finding.kind, finding.subject)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_a_missing_projected_row_is_named(insider: Insider, table: Table[Any]):
    insider.run(
        f"DELETE FROM regesta.{table.name}"
        f" WHERE ctid = (SELECT ctid FROM regesta.{table.name} LIMIT 1)"
    )

    (finding,) = insider.verify().findings

    assert Kind.ROW_MISSING == finding.kind
    assert finding.subject.startswith(table.name)


def test_a_row_of_a_generation_that_nobody_reads_is_counted_and_no_finding(insider: Insider):
    insider.conn.execute("UPDATE regesta.versions SET generation = 7 WHERE number = 3")

    report = insider.verify()

    assert [Kind.ROW_MISSING] == [found.kind for found in report.findings]
    assert 1 == report.rows_left_over


def test_what_a_rebuild_repairs_is_found_before_and_not_after(insider: Insider):
    insider.conn.execute("UPDATE regesta.versions SET stage = 'production'")
    insider.conn.execute("DELETE FROM regesta.aliases")
    before = insider.kinds()

    rebuild(insider.dsn, "acme", linger=0)

    assert {Kind.ROW_DIFFERS, Kind.ROW_MISSING} == before
    assert set() == insider.kinds()


def test_a_row_that_no_event_made_is_named(insider: Insider):
    insider.run(
        "INSERT INTO regesta.aliases SELECT namespace_id, generation, model, 'mallory', number,"
        " updated_at, revision, leaf_hash, resource FROM regesta.aliases LIMIT 1"
    )

    assert {(Kind.ROW_EXTRA, 0, "aliases Churn/mallory")} == insider.named()

"""log, replay, head, diff, blame, verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pyarrow.parquet as pq

import regesta
from regesta.merkle import leaf_hash, root_of

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import LiveDatabase


def positions(result) -> list[int]:
    return [event["position"] for event in result.events]


def test_the_log_says_who_did_what_when_and_why_newest_first(churn: CommandLine, namespace: str):
    lines = churn("log").out.splitlines()
    assert lines[0].startswith("      7  ")
    assert lines[0].endswith("  anonymous  churn@champion: pointed the alias to version 2 (was 1)")
    assert "         better" == lines[1]
    assert lines[-1].endswith(f"namespace: created the namespace {namespace}")
    assert [7, 6, 5, 4, 3, 2, 1] == positions(churn("log", "--json"))


def test_a_model_has_the_log_of_its_versions_and_aliases_or_its_own(churn: CommandLine):
    churn("register", "another")
    assert [7, 6, 5, 4, 3, 2] == positions(churn("log", "churn", "--json"))
    assert [2] == positions(churn("log", "churn", "--alone", "--json"))
    assert [6, 4] == positions(churn("log", "churn/2", "--json"))
    assert [7, 5] == positions(churn("log", "churn@champion", "--json"))
    assert [6, 4] == positions(churn("log", "churn#staging", "--json"))


def test_a_log_is_narrowed(churn: CommandLine):
    assert [7, 6] == positions(churn("log", "-n", "2", "--json"))
    assert [7, 5] == positions(churn("log", "--type", "AliasSet", "--json"))
    assert [7, 5] == positions(churn("log", "churn", "--type", "AliasSet", "--json"))
    assert [1] == positions(churn("log", "--type", "NamespaceCreated", "--json"))
    assert [] == positions(churn("log", "--actor", "nobody", "--json"))
    assert [] == positions(churn("log", "churn", "--actor", "nobody", "--json"))
    assert [4] == positions(churn("log", "churn/2", "--as-of", "5", "--json"))


def test_a_long_log_is_read_to_its_beginning(client: regesta.Client, cli: CommandLine):
    client.create_model("m", model=regesta.Model())
    for number in range(1, 1101):
        client.set_tags("m", tags={"n": str(number)})
    assert list(range(1102, 0, -1)) == positions(cli("log", "--json"))
    assert list(range(1102, 1, -1)) == positions(cli("log", "m", "--json"))


def test_replayed_lines_are_the_records_and_their_root_is_the_logs(
    churn: CommandLine, client: regesta.Client, tmp_path: Path
):
    file = tmp_path / "log.jsonl"
    assert "" == churn("replay", "--out", str(file)).out
    lines = file.read_bytes().split(b"\n")
    assert b"" == lines.pop()
    assert [event.record for event in client.events()] == lines
    head = churn("head", "--json").document
    assert (len(lines), root_of([leaf_hash(line) for line in lines]).hex()) == (
        head["position"],
        head["root_hash"],
    )
    assert head["root_hash"] in churn("head").out


def test_a_part_of_the_log_is_replayed(churn: CommandLine):
    def types(*arguments: str) -> list[str]:
        said = churn("replay", *arguments).out.splitlines()
        return [json.loads(line)["type"].rsplit(".", 1)[1] for line in said]

    assert ["AliasSet", "StageChanged"] == types("--after", "4", "--until", "6")
    assert ["AliasSet", "AliasSet"] == types("--type", "AliasSet")
    assert ["VersionRegistered", "StageChanged"] == types("--resource", "churn/2")
    assert ["AliasSet", "AliasSet"] == types("--resource", "models/churn/aliases/champion")
    assert 6 == len(types("--resource", "churn"))
    assert [] == types("--actor", "nobody")


def test_a_period_is_replayed_without_overlap_or_gap(churn: CommandLine, client: regesta.Client):
    times = [json.loads(event.record)["recordedtime"] for event in client.events()]
    first, last = churn("replay", "--to", times[3]).out, churn("replay", "--from", times[3]).out
    assert churn("replay").out == first + last
    assert 3 == len(first.splitlines())
    assert 2 == len(churn("replay", "--from", times[3], "--to", times[5]).out.splitlines())
    assert 1 == len(churn("replay", "--from", times[3], "--until", "4").out.splitlines())
    assert "" == churn("replay", "--to", times[0]).out
    assert "" == churn("replay", "--from", "2999-01-01").out
    assert "give a time" in churn("replay", "--from", "yesterday", code=2).err


def test_a_log_is_replayed_as_a_table_and_as_cloudevents(churn: CommandLine, tmp_path: Path):
    lines = churn("replay", "--format", "csv").out.splitlines()
    assert 8 == len(lines)
    assert ",better," in lines[-1]
    batch = json.loads(churn("replay", "--format", "cloudevents", "--type", "AliasSet").out)
    assert ["models/churn/aliases/champion"] * 2 == [event["subject"] for event in batch]
    file = tmp_path / "log.parquet"
    churn("replay", "--format", "parquet", "--out", str(file))
    assert [*range(1, 8)] == pq.read_table(file)["position"].to_pylist()


def test_an_old_file_stays_when_a_replay_fails(churn: CommandLine, tmp_path: Path):
    file = tmp_path / "log.jsonl"
    file.write_text("old")
    churn("replay", "--resource", "nothing/such", "--out", str(file), code=2)
    churn("--namespace", "nowhere", "replay", "--out", str(file), code=3)
    assert ("old", [file]) == (file.read_text(), list(tmp_path.iterdir()))


def test_a_version_differs_between_two_moments(churn: CommandLine):
    assert [
        "--- churn/2 at position 4 (revision 1)",
        "+++ churn/2 now (revision 2)",
        "  stage",
        "    - development",
        "    + staging",
        "  aliases",
        '    + ["champion"]',
    ] == churn("diff", "churn/2", "--from", "4").out.splitlines()
    found = churn("diff", "churn/2", "--from", "4", "--to", "6", "--json").document
    assert [{"field": "stage", "before": "development", "after": "staging"}] == found["changes"]
    assert (4, "1", 6, "2") == (
        found["from"]["at"],
        found["from"]["revision"],
        found["to"]["at"],
        found["to"]["revision"],
    )


def test_a_model_differs_in_its_aliases_and_its_latest_version(churn: CommandLine):
    changes = churn("diff", "churn", "--from", "3", "--json").document["changes"]
    assert [
        {"field": "latest_version", "before": 1, "after": 2},
        {"field": "aliases.champion", "before": None, "after": 2},
    ] == changes


def test_before_it_was_there_everything_differs(churn: CommandLine):
    assert "--- churn/2 at position 3 (not there)" in churn("diff", "churn/2", "--from", "3").out
    assert "nothing differs" in churn("diff", "churn/1", "--from", "3").out
    assert "VERSION_NOT_FOUND" in churn("diff", "churn/9", "--from", "3", code=3).err


def test_before_the_first_event_nothing_was_there(churn: CommandLine):
    changes = churn("diff", "--from", "2001-01-01", "--json").events
    assert 4 == len(changes)
    assert {None} == {change["before"] for change in changes}
    assert "nothing differs" in churn("diff", "--from", "2001-01-01", "--to", "2001-01-02").out
    assert "(not there)" in churn("diff", "churn/2", "--from", "2001-01-01").out
    assert "MOMENT_OUT_OF_RANGE" in churn("diff", "--from", "2999-01-01", code=2).err
    assert "MOMENT_OUT_OF_RANGE" in churn("diff", "churn/2", "--from", "2999-01-01", code=2).err


def test_two_versions_differ(churn: CommandLine):
    fields = [
        change["field"]
        for change in churn("diff", "churn/1", "churn/2", "--json").document["changes"]
    ]
    assert {"semver", "source", "metrics.auc", "tags.a", "stage", "aliases"} == set(fields)


def test_of_a_long_text_only_the_lines_that_differ_are_said(churn: CommandLine, tmp_path: Path):
    card = tmp_path / "card.md"
    for text in ("one\ntwo\nthree\n", "one\n2\nthree\n"):
        card.write_text(text)
        churn("update", "churn/1", "--card", str(card))
    said = churn("diff", "churn/1", "--from", "8").out.splitlines()
    assert ["  card", "    - two", "    + 2"] == said[2:]


def test_blame_names_who_set_each_field(churn: CommandLine):
    fields = churn("blame", "churn/2", "--json").document["fields"]
    assert [
        ("version", 2, 4, ""),
        ("stage", "staging", 6, "tested"),
        ("source", "s3://churn/2", 4, ""),
        ("metrics.auc", 0.86, 4, ""),
        ("tags.a", "1", 4, ""),
    ] == [(one["field"], one["value"], one["position"], one["reason"]) for one in fields]
    line = churn("blame", "churn/2").out.splitlines()[2].split()
    assert ["stage", "staging", "6"] == line[:3]
    assert ["anonymous", "tested"] == line[-2:]


def test_blame_of_a_model_has_its_aliases_and_looks_back(churn: CommandLine):
    def said(*arguments: str) -> dict[str, int]:
        fields = churn("blame", "churn", *arguments, "--json").document["fields"]
        return {one["field"]: one["position"] for one in fields}

    now = {"name": 2, "kind": 2, "owner": 2, "tags.team": 2, "aliases.champion": 7}
    assert now == said()
    assert now | {"aliases.champion": 5} == said("--as-of", "5")
    assert "\nversion  2  " in churn("blame", "churn@champion").out


def test_an_untouched_log_verifies_on_both_sides(churn: CommandLine):
    head = churn("head", "--json").document
    found = churn("verify", "--json").document
    assert found["ok"]
    assert (7, 7, head["root_hash"], head["root_hash"]) == (
        found["server"]["events_folded"],
        found["client"]["events_hashed"],
        found["server"]["root_hash"],
        found["client"]["root_hash"],
    )
    assert ([], []) == (found["server"]["findings"], found["client"]["findings"])
    assert found["client"]["texts_opened"] == found["server"]["texts_compared"] == 3
    server, client, root = churn("verify").out.splitlines()
    assert server.startswith("server  7 events folded, ")
    assert "client  7 events hashed, 5 chains followed, 3 texts opened: as it must be" == client
    assert f"root    {head['root_hash']} at position 7" == root


def test_a_projected_row_that_somebody_changed_is_found(
    churn: CommandLine, namespace: str, server_database: LiveDatabase
):
    with psycopg.connect(server_database.service_dsn, autocommit=True) as connection:
        changed = connection.execute(
            "UPDATE regesta.models SET owner = 'mallory' WHERE namespace_id ="
            " (SELECT namespace_id FROM regesta.logs WHERE name = %s)",
            [namespace],
        )
        assert 1 == changed.rowcount
    found = churn("verify", "--json", code=7).document
    assert not found["ok"]
    assert found["server"]["findings_total"] >= 1
    assert 0 == found["client"]["findings_total"]
    said = churn("verify", code=7).out.splitlines()
    assert "finding" in said[0]
    assert "as it must be" in said[1]
    assert said[3].startswith(f"server: {found['server']['findings'][0]['kind']}")


def test_a_record_that_somebody_changed_is_found_by_both(
    churn: CommandLine, namespace: str, server_database: LiveDatabase
):
    tables = ("events", "events_000000")
    with psycopg.connect(server_database.superuser_dsn) as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER only_archive".encode())
        changed = connection.execute(
            "UPDATE regesta.events SET record = convert_to(replace(convert_from(record, 'UTF8'),"
            " '\"staging\"', '\"production\"'), 'UTF8') WHERE position = 6 AND namespace_id ="
            " (SELECT namespace_id FROM regesta.logs WHERE name = %s)",
            [namespace],
        )
        assert 1 == changed.rowcount
        for table in tables:
            connection.execute(
                f"ALTER TABLE regesta.{table} ENABLE ALWAYS TRIGGER only_archive".encode()
            )
    found = churn("verify", "--json", code=7).document
    assert found["server"]["findings_total"] > 0
    assert "ROOT" in {one["kind"] for one in found["client"]["findings"]}
    assert "client: ROOT" in churn("verify", code=7).out


def test_a_text_that_was_erased_is_counted_where_people_look(churn: CommandLine):
    (moved,) = [one for one in churn("log", "--json").events if one["reason"] == "better"]
    churn("erase", "--event", str(moved["position"]), "--legal-basis", "GDPR Art. 17")

    assert churn("verify", "--json").document["server"]["texts_erased"] == 1
    assert "1 text, of which the digests are left" in churn("verify").out


def test_lists_and_searches_look_at_any_moment(churn: CommandLine):
    before = churn("head", "--json").document["position"]
    churn("register", "churn", "--source", "s3://later")
    churn("promote", "churn/2", "production")

    then = churn("list", "churn", "--as-of", str(before), "--json").document["versions"]
    assert [2, 1] == [version["version"] for version in then]
    found = churn("search", "versions", "stage = production", "--as-of", str(before), "--json")
    assert 2 not in [version["version"] for version in found.document["versions"]]
    churn("list", "--known-now", code=2)


def test_everything_that_changed_between_two_moments_is_shown(churn: CommandLine):
    before = churn("head", "--json").document["position"]
    churn("promote", "churn/2", "production")

    said = churn("diff", "--from", str(before)).out
    assert "churn/2" in said
    assert "→ production" in said
    (change,) = churn("diff", "--from", str(before), "--json").events
    assert ["stage"] == change["changed_fields"]

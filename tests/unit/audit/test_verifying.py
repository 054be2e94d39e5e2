"""A pack that is honest verifies; whatever is done to it is named."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from regesta.audit import packs
from regesta.audit.encoding import to_base64
from regesta.audit.packs import InvalidPack, Manifest, open_pack
from regesta.audit.policies import Group, Log, Policy, Witness
from regesta.audit.verifying import Report, verify
from regesta.merkle import inclusion_proof
from regesta_projections import events as e
from tests.support.audit_samples import ed25519_key, witness
from tests.support.log_builder import LogBuilder
from tests.support.pack_builder import (
    disclosures_of,
    signed_checkpoint,
    trusting,
    write_events_pack,
    write_log_pack,
)
from tests.support.rich_log import CHAMPION, FIRST, MODEL, rich_log

LOG = rich_log()
#: Texts that the log itself says were erased.
ERASED = 1


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


@pytest.mark.parametrize("name", ["pack", "pack.zip"])
def test_a_whole_log_verifies_in_a_folder_and_in_a_zip(tmp_path: Path, name: str) -> None:
    report = verify(write_log_pack(tmp_path / name, LOG), trusting(LOG))

    assert report.ok, report.findings
    assert report.events == LOG.size
    assert report.root == LOG.frontier.root()
    assert report.streams == len(LOG.heads)
    assert report.texts == len(LOG.disclosures)
    assert report.withheld == ERASED
    assert report.trust is not None
    assert report.trust.accepted


def test_without_a_policy_nobodys_signature_is_judged(tmp_path: Path) -> None:
    report = verify(write_log_pack(tmp_path / "pack", LOG))

    assert report.ok
    assert report.trust is None


def test_a_redacted_pack_verifies_and_says_how_many_texts_are_withheld(tmp_path: Path) -> None:
    report = verify(write_log_pack(tmp_path / "pack", LOG, without={packs.DISCLOSURES}))

    assert report.ok
    assert report.withheld == len(LOG.disclosures) + ERASED


def _edited(records: list[bytes]) -> list[bytes]:
    return [records[0], records[1].replace(b"risk", b"rask"), *records[2:]]


def _swapped(records: list[bytes]) -> list[bytes]:
    return [*records[:5], records[6], records[5], *records[7:]]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_edited, "ROOT_DIFFERS"),
        (_swapped, "ROOT_DIFFERS"),
        (lambda records: records[:-1], "SIZE_DIFFERS"),
        (lambda records: [*records[:7], *records[8:]], "SIZE_DIFFERS"),
        (lambda records: [*records[:7], records[7], *records[7:]], "SIZE_DIFFERS"),
    ],
    ids=["edited", "reordered", "tail cut", "one removed", "one inserted"],
)
def test_a_log_whose_records_were_changed_does_not_give_its_root(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], kind: str
) -> None:
    pack = write_log_pack(tmp_path / "pack", LOG, records=change(LOG.records))

    assert kind in kinds(verify(pack, trusting(LOG)))


def test_a_removed_event_leaves_a_gap_in_its_stream(tmp_path: Path) -> None:
    at = next(i for i, record in enumerate(LOG.records) if f"{CHAMPION}#2".encode() in record)
    records = [*LOG.records[:at], *LOG.records[at + 1 :]]

    report = verify(write_log_pack(tmp_path / "pack", LOG, records=records))

    gaps = [finding for finding in report.findings if finding.kind == "REVISION_GAP"]
    assert [gap.subject for gap in gaps] == [CHAMPION]


def test_a_record_with_two_members_of_one_name_is_refused(tmp_path: Path) -> None:
    """Two readers of it could read two different actors."""
    log = LogBuilder("acme")
    doubled = log.records[0].replace(b'{"authid"', b'{"authid":"mallory","authid"', 1)
    log.records[0] = doubled

    assert "RECORD_NOT_CANONICAL" in kinds(verify(write_log_pack(tmp_path / "pack", log)))


def test_names_beyond_the_basic_plane_are_in_canonical_order(tmp_path: Path) -> None:
    log = rich_log()
    log.append(FIRST, e.TagsSet(tags={"\ufb33": "1", "\U0001f600": "2"}))

    assert verify(write_log_pack(tmp_path / "pack", log), trusting(log)).ok


def test_a_text_in_place_of_the_original_is_found(tmp_path: Path) -> None:
    shown = disclosures_of(LOG)
    shown[0] |= {"disclosure": shown[1]["disclosure"]}

    report = verify(write_log_pack(tmp_path / "pack", LOG, disclosures=shown))

    assert kinds(report) == {"TEXT_DIFFERS"}


def test_a_text_of_no_event_is_found(tmp_path: Path) -> None:
    shown = [*disclosures_of(LOG), disclosures_of(LOG)[0] | {"position": LOG.size + 1}]

    report = verify(write_log_pack(tmp_path / "pack", LOG, disclosures=shown))

    assert kinds(report) == {"TEXT_EXTRA"}


def test_a_checkpoint_by_another_key_is_not_trusted(tmp_path: Path) -> None:
    forged = signed_checkpoint(LOG, key=ed25519_key("mallory"))

    report = verify(write_log_pack(tmp_path / "pack", LOG, note=forged), trusting(LOG))

    assert kinds(report) == {"NOT_TRUSTED"}


def test_a_policy_wants_a_checkpoint(tmp_path: Path) -> None:
    pack = write_log_pack(tmp_path / "pack", LOG, without={packs.CHECKPOINT})

    assert verify(pack).ok
    assert kinds(verify(pack, trusting(LOG))) == {"CHECKPOINT_MISSING"}


def _retold() -> LogBuilder:
    """Return another history of the same namespace, without a fault in itself."""
    log = LogBuilder("acme", actor="mallory")
    log.append(MODEL, e.ModelCreated(name="Churn", kind="MODEL"))
    for number in range(1, 10):
        log.append(
            f"{MODEL}/versions/{number}", e.VersionRegistered(version=number, stage="development")
        )
    return log


def test_a_stolen_key_is_not_enough_where_a_witness_is_wanted(tmp_path: Path) -> None:
    """With the log's own key a forger convinces whoever trusts that key alone."""
    forged = _retold()
    own = trusting(LOG)
    witnessed = Policy(
        own.logs,
        {"a": Witness("a", witness("a").verifier)},
        {"one": Group("one", 1, ("a",))},
        "one",
    )
    pack = write_log_pack(tmp_path / "forged", forged)
    honest = write_log_pack(tmp_path / "honest", LOG, note=signed_checkpoint(LOG, by="a"))
    kept = signed_checkpoint(LOG, 10).encode()

    assert verify(pack, own).ok
    assert kinds(verify(pack, witnessed)) == {"NOT_TRUSTED"}
    assert kinds(verify(pack, own, [kept])) == {"FORKED"}
    assert verify(honest, witnessed, [kept]).ok


def test_earlier_and_kept_checkpoints_are_prefixes(tmp_path: Path) -> None:
    earlier = [signed_checkpoint(LOG, size) for size in (1, 7, LOG.size)]
    pack = write_log_pack(tmp_path / "pack", LOG, earlier=earlier)

    report = verify(pack, trusting(LOG), [signed_checkpoint(LOG, 9).encode()])

    assert report.ok, report.findings
    assert report.prefixes == len(earlier) + 1


def test_a_pack_that_ends_before_a_kept_checkpoint_lacks_its_tail(tmp_path: Path) -> None:
    longer = rich_log()
    longer.append(CHAMPION, e.AliasSet(version=1))
    kept = signed_checkpoint(longer).encode()

    report = verify(write_log_pack(tmp_path / "pack", LOG), trusting(LOG), [kept])

    assert kinds(report) == {"ENDS_TOO_EARLY"}


def test_a_checkpoint_of_another_log_says_nothing(tmp_path: Path) -> None:
    other = signed_checkpoint(rich_log("other"), 5).encode()

    report = verify(write_log_pack(tmp_path / "pack", LOG), trusting(LOG), [other])

    assert kinds(report) == {"CHECKPOINT_FOREIGN"}


POSITIONS = [at for at, record in enumerate(LOG.records, 1) if f'"{MODEL}'.encode() in record]


def test_some_events_verify_by_their_proofs(tmp_path: Path) -> None:
    earlier = [signed_checkpoint(LOG, 8)]
    pack = write_events_pack(tmp_path / "pack.zip", LOG, POSITIONS, earlier=earlier)

    report = verify(pack, trusting(LOG))

    assert report.ok, report.findings
    assert report.events == len(POSITIONS)
    assert report.prefixes == 1
    assert report.begun_late == 0


def test_an_edited_event_is_not_shown_to_be_in_the_log(tmp_path: Path) -> None:
    at = POSITIONS[2]
    edited = {at: LOG.records[at - 1].replace(b"alice", b"alicf").replace(b"ci@", b"cj@")}
    pack = write_events_pack(tmp_path / "pack", LOG, POSITIONS, records=edited)

    report = verify(pack, trusting(LOG))

    assert ("PROOF_INVALID", at) in {(one.kind, one.position) for one in report.findings}


def test_events_from_the_middle_of_a_stream_are_said_to_be(tmp_path: Path) -> None:
    last = next(
        at for at in reversed(POSITIONS) if json.loads(LOG.records[at - 1])["revision"] != "1"
    )

    report = verify(write_events_pack(tmp_path / "pack", LOG, [last]), trusting(LOG))

    assert report.ok
    assert report.begun_late == 1


def test_a_forked_pack_of_events_contradicts_what_was_kept(tmp_path: Path) -> None:
    forged = _retold()
    kept = signed_checkpoint(LOG, 8).encode()
    pack = write_events_pack(
        tmp_path / "pack", forged, [3, 4], earlier=[signed_checkpoint(forged, 8)]
    )

    assert verify(pack, trusting(LOG)).ok
    assert kinds(verify(pack, trusting(LOG), [kept])) == {"FORKED"}


def test_a_kept_checkpoint_without_a_proof_is_asked_for(tmp_path: Path) -> None:
    pack = write_events_pack(tmp_path / "pack", LOG, POSITIONS)

    report = verify(pack, trusting(LOG), [signed_checkpoint(LOG, 8).encode()])

    assert kinds(report) == {"PROOF_MISSING"}


def _with_heads(log: LogBuilder, stream: str) -> bytes:
    lines = log.head_lines()
    index = next(at for at, line in enumerate(lines) if line.stream == stream)
    path = inclusion_proof([line.hash() for line in lines], index)
    log.commit_heads()
    document = {
        "position": log.size,
        "lines": [
            {
                "line": lines[index].encode().decode(),
                "index": index,
                "path": [to_base64(one) for one in path],
            }
        ],
    }
    return json.dumps(document).encode()


def test_a_stream_is_shown_to_be_complete_by_a_commitment_to_heads(tmp_path: Path) -> None:
    log = rich_log()
    heads = _with_heads(log, CHAMPION)
    own = [at for at, record in enumerate(log.records, 1) if f'"{CHAMPION}"'.encode() in record]

    honest = verify(
        write_events_pack(tmp_path / "honest", log, [*own, log.size], heads=heads), trusting(log)
    )
    withheld = verify(
        write_events_pack(tmp_path / "withheld", log, [*own[:-1], log.size], heads=heads),
        trusting(log),
    )

    assert honest.ok, honest.findings
    assert honest.complete_streams == 1
    assert honest.heads_position == log.size - 1
    assert [(one.kind, one.subject) for one in withheld.findings] == [("EVENTS_WITHHELD", CHAMPION)]


def test_a_damaged_file_and_one_that_was_put_in_are_named(tmp_path: Path) -> None:
    pack = write_log_pack(tmp_path / "pack", LOG)
    (pack / "note.txt").write_text("trust me")
    (pack / packs.DISCLOSURES).write_bytes(
        (pack / packs.DISCLOSURES).read_bytes().replace(b'{"position"', b'{ "position"', 1)
    )

    found = [(one.kind, one.subject) for one in verify(pack, trusting(LOG)).findings]

    assert found == [("FILE_DIFFERS", packs.DISCLOSURES), ("FILE_UNLISTED", "note.txt")]


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../b", "a\\b", "", "./a"], ids=repr
)
def test_a_manifest_cannot_name_files_elsewhere(name: str) -> None:
    document = json.loads(Manifest("log", "acme", "", 0, bytes(32)).encode())
    document["files"] = {name: {"bytes": 1, "sha256": "00"}}

    with pytest.raises(InvalidPack):
        Manifest.parse(json.dumps(document).encode())


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    pack = write_log_pack(tmp_path / "pack", LOG)
    secret = tmp_path / "secret"
    (pack / packs.EVENTS).rename(secret)
    (pack / packs.EVENTS).symlink_to(secret)

    with pytest.raises(InvalidPack):
        verify(pack)


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr(packs.MANIFEST, "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(packs.MANIFEST, "{}")

    for name in ("text", "empty", "twice.zip", "missing"):
        with pytest.raises(InvalidPack):
            verify(tmp_path / name)


def test_a_pack_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail() -> None:
        with packs.PackWriter(tmp_path / "pack") as pack:
            pack.write(packs.EVENTS, b"")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert list(tmp_path.iterdir()) == []


def test_a_zip_of_a_folder_is_read_too(tmp_path: Path) -> None:
    """As a file manager makes it."""
    folder = write_log_pack(tmp_path / "pack", LOG)
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, f"pack/{file.relative_to(folder)}")

    assert verify(tmp_path / "again.zip", trusting(LOG)).ok


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    pack = write_log_pack(tmp_path / "pack", LOG)
    with (pack / packs.EVENTS).open("ab") as file:
        file.write(b"x" * 100)

    with pytest.raises(InvalidPack), open_pack(pack) as opened:
        list(opened.lines(packs.EVENTS))


def test_the_policy_names_the_key_of_the_log(tmp_path: Path) -> None:
    other = Policy((Log(trusting(rich_log("other")).logs[0].key),))

    report = verify(write_log_pack(tmp_path / "pack", LOG), other)

    assert kinds(report) == {"NOT_TRUSTED"}

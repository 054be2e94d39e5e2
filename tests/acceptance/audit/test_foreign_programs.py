"""Programs that are not ours read our notes, proofs and tiles, and refuse edited ones.

Go's checksum database (Debian: golang-go, golang-golang-x-mod-dev), Node's WebCrypto and the
package tlog-scales; each is run where it is installed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature

from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner
from regesta.audit.keys import log_signer, log_verifier
from regesta.audit.notes import Note, VerifierKey, cosign, verify
from regesta.audit.tiles import (
    bundles_between,
    consistency_proof,
    encode_bundle,
    entries_path,
    inclusion_proof,
    root,
    tile_path,
    tiles_between,
)
from regesta.merkle import leaf_hash, root_of
from tests.support.audit_samples import (
    GOLDEN,
    ORIGIN,
    RECORDS,
    clock,
    ed25519_key,
    ml_dsa_key,
    record,
    signed,
    witness,
)
from tests.support.pack_builder import origin_of, write_events_pack
from tests.support.rich_log import rich_log

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREIGN = Path(__file__).parents[2] / "support" / "foreign"
VERIFY = Path(__file__).parents[3] / "docs" / "audit" / "verify.mjs"
#: Full tiles on three levels, and a partial one on each.
SIZE = 66_123
GO_SOURCES = Path("/usr/share/gocode")

has_go = pytest.mark.skipif(
    not shutil.which("go") or not (GO_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
    reason="no Go, or not its module golang.org/x/mod",
)
has_node = pytest.mark.skipif(not shutil.which("node"), reason="no Node")


@dataclass(frozen=True, slots=True)
class Log:
    """A log in files, as C2SP lays them out, and its signed checkpoint."""

    folder: Path
    hashes: list[bytes]
    note: Note

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        return (self.folder / tile_path(level, index, width)).read_bytes()

    def root(self, size: int) -> bytes:
        return root_of(self.hashes[:size])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    records = [record(number) for number in range(SIZE)]
    levels = [[leaf_hash(one) for one in records]]
    for ref in tiles_between(0, SIZE):
        if ref.level == len(levels):
            below = levels[-1]
            levels.append([root_of(below[at : at + 256]) for at in range(0, len(below) - 255, 256)])
        begin = ref.index * 256
        write(folder / tile_path(*ref), b"".join(levels[ref.level][begin : begin + ref.width]))
    for bundle in bundles_between(0, SIZE):
        begin = bundle.index * 256
        bundled = encode_bundle(records[begin : begin + bundle.width])
        write(folder / entries_path(*bundle), bundled)
    note = sign_checkpoint(
        Checkpoint(ORIGIN, SIZE, root_of(levels[0])),
        log_signer(ORIGIN, ed25519_key()),
        log_signer(ORIGIN, ml_dsa_key(), clock),
    )
    note = cosign(note, witness("a"), cosigner("pq.example.com", ml_dsa_key("pq"), clock))
    write(folder / "checkpoint", note.encode())
    return Log(folder, levels[0], note)


def write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def some(count: int, most: int) -> list[int]:
    """Return the same numbers below a bound every time, its edges included."""
    chosen = random.Random(b"regesta").sample(range(1, most), count)  # noqa: S311 - no secret
    return sorted({0, 255, 256, 65_535, 65_536, most - 1, *chosen})


def question(log: Log, **changes: Any) -> dict[str, Any]:
    """Return what a foreign program is asked: 106 leaves and 56 older sizes."""
    leaves = [
        {
            "Index": index,
            "Record": encoded(record(index)),
            "Path": [encoded(one) for one in inclusion_proof(index, SIZE, log.read_tile)],
        }
        for index in some(100, SIZE)
    ]
    older = [
        {
            "Size": size,
            "Root": encoded(log.root(size)),
            "Path": [encoded(one) for one in consistency_proof(size, SIZE, log.read_tile)],
        }
        for size in some(8, SIZE)
        if size
    ]
    asked = {
        "Vkey": log_signer(ORIGIN, ed25519_key()).vkey,
        "Note": str(log.note),
        "Tiles": str(log.folder),
        "Leaves": leaves,
        "Older": older,
    }
    return asked | changes


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


def ask(program: Sequence[str | Path], asked: dict[str, Any]) -> Any:
    ended = subprocess.run(
        program, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, compiled without any network."""
    folder = tmp_path_factory.mktemp("go")
    environment = {
        "PATH": os.environ["PATH"],
        "GOPATH": str(GO_SOURCES),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
        "HOME": str(folder),
        "CGO_ENABLED": "0",
    }
    program = folder / "check"
    subprocess.run(
        ["go", "build", "-o", program, FOREIGN / "main.go"],
        env=environment,
        check=True,
        timeout=100,
    )
    return program


@has_go
def test_go_verifies_notes_proofs_and_tiles_and_makes_the_same_proofs(go, log):
    asked = question(log)
    answer = ask([go], asked)

    assert ("", [ORIGIN]) == (answer["Error"], answer["Signers"])
    assert [one["Path"] for one in asked["Leaves"]] == answer["Inclusion"]
    assert [one["Path"] for one in asked["Older"]] == answer["Consistency"]


@has_go
def test_go_refuses_what_was_edited(go, log, tmp_path):
    asked = question(log)
    leaf, old = asked["Leaves"][7], asked["Older"][3]
    other = encoded(bytes(32))
    edited: list[dict[str, Any]] = [
        {"Note": asked["Note"].replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")},
        {"Vkey": log_signer(ORIGIN, ed25519_key("stranger")).vkey},
        {"Leaves": [leaf | {"Record": encoded(b"edited")}]},
        {"Leaves": [leaf | {"Index": leaf["Index"] + 1}]},
        {"Leaves": [leaf | {"Path": leaf["Path"][:-1]}]},
        {"Leaves": [leaf | {"Path": [other, *leaf["Path"][1:]]}]},
        {"Older": [old | {"Root": other}]},
        {"Older": [old | {"Path": [*old["Path"], other]}]},
    ]
    for change in edited:
        assert ask([go], asked | {"Leaves": [], "Older": []} | change)["Error"], change

    tiles = tmp_path / "tiles"
    shutil.copytree(log.folder, tiles)
    first = tiles / tile_path(0, 0)
    first.write_bytes(b"\xff" + first.read_bytes()[1:])
    assert ask([go], asked | {"Tiles": str(tiles)})["Error"]


@has_node
def test_node_verifies_notes_and_proofs_and_refuses_edited_ones(log):
    program = ["node", "--no-warnings", str(FOREIGN / "check.mjs")]
    asked = question(log)
    assert {"signed": True, "included": True} == ask(program, asked)

    leaf = asked["Leaves"][7]
    other = asked | {"Leaves": [leaf | {"Record": encoded(b"edited")}]}
    assert {"signed": True, "included": False} == ask(program, other)
    longer = asked["Note"].replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")
    assert not ask(program, asked | {"Note": longer})["signed"]


@has_node
@pytest.mark.parametrize("size", [0, 1, 3, 300])
def test_the_script_of_the_documentation_verifies_an_export(tmp_path, size):
    assert 0 == verified_by_script(tmp_path, RECORDS[:size], signed(size))


@has_node
def test_the_script_of_the_documentation_refuses_what_was_edited(tmp_path):
    good = (GOLDEN / "checkpoint").read_text()
    edited = [*RECORDS[:7], RECORDS[7].replace(b"m7", b"m8"), *RECORDS[8:]]
    for records, note in (
        (edited, good),
        (RECORDS[:-1], good),
        ([*RECORDS, b"{}"], good),
        ([RECORDS[1], RECORDS[0], *RECORDS[2:]], good),
        (RECORDS, good.replace("\n300\n", "\n301\n")),
        (RECORDS, good.replace("acme", "acne")),
        (RECORDS, good.replace("qA8Em6T0", "qA8Em6T1")),
        (RECORDS, good.partition("\n\n")[0] + "\n\n"),
    ):
        assert 1 == verified_by_script(tmp_path, records, note)
    for vkey in ("ml-dsa-44.vkey", "policy.txt"):
        assert 0 != verified_by_script(tmp_path, RECORDS, good, vkey)


@has_node
def test_the_script_says_of_some_events_that_it_checks_whole_logs(tmp_path):
    log = rich_log()
    pack = write_events_pack(tmp_path / "pack", log, [1, 3])
    key = log_verifier(origin_of(log), ed25519_key()).vkey
    for events in (pack / "events.jsonl", pack, tmp_path / "pack.zip"):
        ended = script(events, pack / "checkpoint", key)
        assert 2 == ended.returncode
        assert ended.stdout.startswith("NOT CHECKED: ")
    assert 2 == script().returncode


def verified_by_script(
    folder: Path, records: Sequence[bytes], note: Note | str, vkey: str = "vkey"
) -> int:
    events, checkpoint = folder / "events.jsonl", folder / "checkpoint"
    events.write_bytes(b"".join(one + b"\n" for one in records))
    checkpoint.write_text(str(note))
    return script(events, checkpoint, (GOLDEN / vkey).read_text().strip()).returncode


def script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "--no-warnings", VERIFY, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_tlog_scales_verifies_every_kind_of_signature_and_reads_our_tiles(log):
    backend = pytest.importorskip("tlog_scales.backend")
    reader_of = pytest.importorskip("tlog_scales.reader").TilesReader
    signing = pytest.importorskip("tlog_scales.signing")

    reader = reader_of(backend.LocalBackend(log.folder))
    checkpoint = reader.get_checkpoint()
    assert (ORIGIN, SIZE) == (checkpoint.origin, checkpoint.size)
    signers = [
        log_signer(ORIGIN, ed25519_key()),
        log_signer(ORIGIN, ml_dsa_key()),
        witness("a"),
        cosigner("pq.example.com", ml_dsa_key("pq")),
    ]
    for signer in signers:
        checkpoint.verify(signing.Vkey.from_string(signer.vkey))
    assert log.root(SIZE) == reader.calculate_root_hash() == root(SIZE, log.read_tile)
    for index in some(5, SIZE):
        ours = inclusion_proof(index, SIZE, log.read_tile)
        assert ours == reader.get_inclusion_proof(index, SIZE).node_hashes
        assert record(index) == reader.get_entry(index)
    for old in some(5, SIZE)[1:]:
        theirs = reader.get_consistency_proof(old, SIZE)
        assert theirs.node_hashes == consistency_proof(old, SIZE, log.read_tile)
        theirs.check(log.root(old), log.root(SIZE))


def test_tlog_scales_refuses_a_note_that_was_edited(log):
    tlog = pytest.importorskip("tlog_scales.tlog")
    signing = pytest.importorskip("tlog_scales.signing")
    edited = tlog.Checkpoint.from_text(str(log.note).replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"))
    for signer in (
        log_signer(ORIGIN, ed25519_key()),
        log_signer(ORIGIN, ml_dsa_key()),
        witness("a"),
        cosigner("pq.example.com", ml_dsa_key("pq")),
    ):
        with pytest.raises(InvalidSignature):
            edited.verify(signing.Vkey.from_string(signer.vkey))


def test_notes_of_tlog_scales_are_believed_by_us():
    signing = pytest.importorskip("tlog_scales.signing")
    tlog = pytest.importorskip("tlog_scales.tlog")
    signers = [
        signing.PlainEd25519Signer("elsewhere", bytes(range(32))),
        signing.MLDSA44CosignatureSigner("elsewhere", bytes(range(32))),
    ]
    text = tlog.Checkpoint.make_signed("elsewhere", 5, bytes(32), signers).serialize()
    keys = [VerifierKey.parse(signer.vkey.serialize()) for signer in signers]
    assert keys == [one.key for one in verify(Note.parse(text), keys)]

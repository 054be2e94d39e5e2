"""Packs made of a log that a test told, without a server."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from regesta.audit import packs
from regesta.audit.checkpoints import Checkpoint, log_origin, sign_checkpoint
from regesta.audit.encoding import to_base64
from regesta.audit.keys import LocalKey, log_signer, log_verifier
from regesta.audit.notes import Note, cosign
from regesta.audit.packs import Manifest, PackWriter
from regesta.audit.policies import Log, Policy
from regesta.merkle import consistency_proof, inclusion_proof, root_of
from tests.support.audit_samples import ed25519_key, witness
from tests.support.log_builder import LogBuilder

DEPLOYMENT = "registry.example.com"


def origin_of(log: LogBuilder) -> str:
    return log_origin(DEPLOYMENT, log.namespace)


def signed_checkpoint(
    log: LogBuilder, size: int | None = None, *, key: LocalKey | None = None, by: str = ""
) -> Note:
    """Return the checkpoint of a log at some size, with the cosignatures of some witnesses."""
    at = log.size if size is None else size
    checkpoint = Checkpoint(origin_of(log), at, root_of(log.hashes[:at]))
    note = sign_checkpoint(checkpoint, log_signer(origin_of(log), key or ed25519_key()))
    return cosign(note, *map(witness, by))


def trusting(log: LogBuilder) -> Policy:
    """Return the policy that trusts the key of the tests, and asks for no witness."""
    return Policy((Log(log_verifier(origin_of(log), ed25519_key())),))


def write_log_pack(
    path: Path,
    log: LogBuilder,
    *,
    records: Iterable[bytes] | None = None,
    note: Note | None = None,
    earlier: Iterable[Note] = (),
    without: Collection[str] = (),
    disclosures: Iterable[dict[str, object]] | None = None,
) -> Path:
    """Write a pack of a whole log; what is given replaces what the log has."""
    told = log.records if records is None else list(records)
    with PackWriter(path) as pack:
        pack.write(packs.EVENTS, b"".join(record + b"\n" for record in told))
        _write_rest(pack, log, note=note, earlier=earlier, without=without, disclosures=disclosures)
    return path


def write_events_pack(
    path: Path,
    log: LogBuilder,
    positions: Collection[int],
    *,
    records: dict[int, bytes] | None = None,
    note: Note | None = None,
    earlier: Iterable[Note] = (),
    without: Collection[str] = (),
    heads: bytes | None = None,
) -> Path:
    """Write a pack of some events with their proofs."""
    replaced = records or {}
    earlier = list(earlier)
    with PackWriter(path) as pack:
        chosen = [replaced.get(at, log.records[at - 1]) for at in positions]
        pack.write(packs.EVENTS, b"".join(record + b"\n" for record in chosen))
        proofs = [
            {
                "position": at,
                "proof": [to_base64(one) for one in inclusion_proof(log.hashes, at - 1)],
            }
            for at in positions
        ]
        pack.write(packs.PROOFS, _lines(proofs))
        sizes = [Checkpoint.parse(one.text).size for one in earlier]
        consistency = [
            {
                "old_size": size,
                "proof": [to_base64(one) for one in consistency_proof(log.hashes, size)],
            }
            for size in sizes
        ]
        pack.write(packs.CONSISTENCY, _lines(consistency))
        if heads is not None:
            pack.write(packs.HEADS, heads)
        shown = [one for one in disclosures_of(log) if one["position"] in positions]
        _write_rest(
            pack,
            log,
            note=note,
            earlier=earlier,
            without=without,
            disclosures=shown,
            kind="events",
        )
    return path


def disclosures_of(log: LogBuilder) -> list[dict[str, object]]:
    """Return the lines of `disclosures.jsonl` that show every text of a log."""
    return [
        {"position": position, "field": field, "disclosure": text.disclosure}
        for position, _, field, text in log.disclosures
    ]


def _write_rest(
    pack: PackWriter,
    log: LogBuilder,
    *,
    note: Note | None,
    earlier: Iterable[Note],
    without: Collection[str],
    disclosures: Iterable[dict[str, object]] | None,
    kind: packs.Kind = "log",
) -> None:
    if packs.CHECKPOINT not in without:
        pack.write(packs.CHECKPOINT, (note or signed_checkpoint(log)).encode())
    for one in earlier:
        pack.write(f"{packs.EARLIER}{Checkpoint.parse(one.text).size}", one.encode())
    if packs.DISCLOSURES not in without:
        shown = disclosures_of(log) if disclosures is None else disclosures
        pack.write(packs.DISCLOSURES, _lines(shown))
    pack.finish(Manifest(kind, log.namespace, origin_of(log), log.size, root_of(log.hashes)))


def _lines(documents: Iterable[dict[str, object]]) -> bytes:
    return b"".join(
        json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        for one in documents
    )

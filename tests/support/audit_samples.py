"""Keys, a small log and its notes, always the same; `python -m tests.support.audit_samples`
writes them to tests/golden/audit, where they stay for ever."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner
from regesta.audit.keys import KeySigner, LocalKey, log_signer, log_verifier
from regesta.audit.notes import Note, cosign
from regesta.audit.policies import Group, Log, Policy, Witness
from regesta.audit.proofs import TlogProof
from regesta.audit.tiles import encode_bundle, entries_path, tile_path
from regesta.merkle import inclusion_proof, leaf_hash, root_of

GOLDEN = Path(__file__).parents[1] / "golden" / "audit"
ORIGIN = "registry.example.com/acme"
SIZE = 300
TIME = 1_800_000_000
INDEX = 287


def seed(name: str) -> bytes:
    """Return 32 bytes that nobody should take for a secret."""
    return sha256(f"regesta test key {name}".encode()).digest()


def ed25519_key(name: str = "log") -> LocalKey:
    return LocalKey("ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(seed(name)))


def ml_dsa_key(name: str = "log") -> LocalKey:
    return LocalKey("ml-dsa-44", mldsa.MLDSA44PrivateKey.from_seed_bytes(seed(name)))


def record(number: int) -> bytes:
    """Return the event of a leaf, as it stands in a line of a file."""
    return json.dumps({"id": f"models/m{number}#1", "n": number}, separators=(",", ":")).encode()


RECORDS = [record(number) for number in range(SIZE)]
HASHES = [leaf_hash(one) for one in RECORDS]


def checkpoint(size: int = SIZE) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root_of(HASHES[:size]))


def clock() -> float:
    return TIME


def signed(size: int = SIZE) -> Note:
    """Return the checkpoint of some size, signed with Ed25519."""
    return sign_checkpoint(checkpoint(size), log_signer(ORIGIN, ed25519_key()))


def witness(name: str, at: float = TIME) -> KeySigner:
    """Return a witness with a key of Ed25519."""
    return cosigner(f"{name}.example.com", ed25519_key(name), lambda: at)


def policy(threshold: int = 2) -> Policy:
    """Return the policy that wants some of the witnesses a, b and c."""
    witnesses = {name: Witness(name, witness(name).verifier) for name in "abc"}
    groups = {"all-of-us": Group("all-of-us", threshold, tuple(witnesses))}
    return Policy((Log(log_verifier(ORIGIN, ed25519_key())),), witnesses, groups, "all-of-us")


def cosigned(*names: str, size: int = SIZE) -> Note:
    """Return the checkpoint with the cosignatures of some witnesses."""
    return cosign(signed(size), *map(witness, names))


def proof(index: int = INDEX) -> TlogProof:
    return TlogProof(index, tuple(inclusion_proof(HASHES, index)), signed())


def read_tile(level: int, index: int, width: int) -> bytes:
    """Read a tile of the small log."""
    hashes = HASHES
    for _ in range(level):
        hashes = [root_of(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
    return b"".join(hashes[index * 256 : index * 256 + width])


def files() -> dict[str, bytes]:
    """Return the golden files that come out the same every time."""
    return {
        "vkey": f"{log_verifier(ORIGIN, ed25519_key()).vkey}\n".encode(),
        "ml-dsa-44.vkey": f"{log_verifier(ORIGIN, ml_dsa_key()).vkey}\n".encode(),
        "checkpoint": signed().encode(),
        "checkpoint.cosigned": cosigned("a", "b").encode(),
        "policy.txt": policy().encode().encode(),
        f"event-{INDEX + 1}.json": RECORDS[INDEX],
        f"event-{INDEX + 1}.tlog-proof": proof().encode(),
        tile_path(0, 1, 44): read_tile(0, 1, 44),
        tile_path(1, 0, 1): read_tile(1, 0, 1),
        entries_path(1, 44): encode_bundle(RECORDS[256:]),
    }


def main() -> None:
    # ML-DSA-44 signs with fresh randomness, so its note is made once and kept.
    doubly = sign_checkpoint(
        checkpoint(), log_signer(ORIGIN, ed25519_key()), log_signer(ORIGIN, ml_dsa_key(), clock)
    )
    written = files()
    if not (GOLDEN / "checkpoint.ml-dsa-44").exists():
        written["checkpoint.ml-dsa-44"] = doubly.encode()
    for name, data in written.items():
        (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_bytes(data)


if __name__ == "__main__":
    main()

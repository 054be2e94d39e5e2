"""The signatures themselves, made and verified by `cryptography`, which is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.audit.messages import SignatureType

if TYPE_CHECKING:
    from types import ModuleType


class MissingExtra(ImportError):
    """What is asked for needs a package that is not installed, or a newer one."""


def ed25519() -> ModuleType:
    """Return the module of Ed25519.

    Raises:
        MissingExtra: `cryptography` is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise MissingExtra(
            "signatures need cryptography, which the client does not bring: "
            "pip install 'regesta[audit]'"
        ) from missing
    return ed25519


def ml_dsa() -> ModuleType:
    """Return the module of ML-DSA.

    Raises:
        MissingExtra: `cryptography` is not installed, or is older than 50.
    """
    ed25519()
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 - newer only
    except ImportError as missing:
        raise MissingExtra(
            "ML-DSA-44 needs cryptography 50 or newer: pip install 'cryptography>=50'"
        ) from missing
    return mldsa


def verifies(kind: SignatureType, public: bytes, signed: bytes, signature: bytes) -> bool:
    """Return whether a raw signature of some bytes verifies.

    Raises:
        MissingExtra: As for `ed25519` and `ml_dsa`.
    """
    try:
        if kind is SignatureType.ML_DSA_44:
            key = ml_dsa().MLDSA44PublicKey.from_public_bytes(public)
        else:
            key = ed25519().Ed25519PublicKey.from_public_bytes(public)
    except ValueError:
        return False
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True

"""Requests as bytes, made before or at next to no cost, so that a client measures the server."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import version_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOLVE: Final = "/regesta.v1.CatalogService/ResolveVersion"
REGISTER: Final = "/regesta.v1.CatalogService/RegisterVersion"

_ID_LENGTH = 36
_DIGEST_LENGTH = 71
# Tags of length-delimited fields: number << 3 | 2 (protobuf encoding, "Message Structure").
_VERSION_TAG = pb.RegisterVersionRequest.VERSION_FIELD_NUMBER << 3 | 2
_DIGEST_TAG = version_pb2.Version.DIGEST_FIELD_NUMBER << 3 | 2
_REQUEST_ID_TAG = pb.RegisterVersionRequest.REQUEST_ID_FIELD_NUMBER << 3 | 2


@dataclass(frozen=True, slots=True)
class Resolves:
    """Resolves addresses, one after the other, again from the first after the last."""

    namespace: str
    addresses: tuple[str, ...]

    def __iter__(self) -> Iterator[bytes]:
        """Yield requests without end."""
        return itertools.cycle(
            [
                pb.ResolveVersionRequest(
                    parent=f"namespaces/{self.namespace}", address=address
                ).SerializeToString()
                for address in self.addresses
            ]
        )


@dataclass(frozen=True, slots=True)
class Registrations:
    """Registers versions of models in turn, each with a request id and digest of its own.

    Attributes:
        seed: Makes the ids; no two that write to one namespace may have the same.
        first: The number of the first request.
    """

    namespace: str
    models: tuple[str, ...]
    seed: int

    def __iter__(self) -> Iterator[bytes]:
        """Yield requests without end."""
        bodies = itertools.cycle([self._body(model) for model in self.models])
        chance = random.Random(self.seed)
        # A message field that comes twice is merged, so the digest is a second piece of it.
        digest_head = bytes((_VERSION_TAG, _DIGEST_LENGTH + 2, _DIGEST_TAG, _DIGEST_LENGTH))
        id_head = bytes((_REQUEST_ID_TAG, _ID_LENGTH))
        run = f"{self.seed:08x}-{chance.getrandbits(16):04x}-7000-8000-"
        for number, body in enumerate(bodies):
            digest = f"sha256:{chance.getrandbits(256):064x}".encode()
            yield b"".join((body, digest_head, digest, id_head, f"{run}{number:012x}".encode()))

    def _body(self, model: str) -> bytes:
        version = version_pb2.Version(
            source=f"s3://models/{model}/model.onnx",
            size_bytes=48_213_907,
            params={"learning_rate": "0.05", "depth": "8", "epochs": "30"},
            metrics={"auc": 0.9431, "loss": 0.2218},
            tags={"framework": "onnx", "dataset": "set-42"},
            lineage=version_pb2.Lineage(run="run-5d2f8ac07be1"),
        )
        return pb.RegisterVersionRequest(
            parent=f"namespaces/{self.namespace}/models/{model}",
            version=version,
            allow_missing_model=True,
        ).SerializeToString()

"""Model files: their digest, and what they say of themselves.

Nothing here loads or runs a model: a digest reads bytes, and `inspect` reads headers.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from regesta.v1 import version_pb2

_CHUNK_BYTES = 1 << 20

#: Longest header of a safetensors file, in bytes (the format's own limit).
_MAX_HEADER_BYTES = 100_000_000
_LENGTH_BYTES = 8


class UnreadableModelFile(ValueError):
    """A file's header is not what its name promises, or its format is unknown."""


def digest_of(path: str | Path) -> str:
    """Return a file's content digest: `sha256:` and 64 hex digits.

    Raises:
        OSError: The file cannot be read.
    """
    hasher = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def inspect(path: str | Path) -> version_pb2.Signature:
    """Return the inputs and outputs that a model file declares.

    ONNX files give both (needs the package `onnx`, the extra `regesta[onnx]`);
    safetensors files give their tensors as parameters, since they know no more.

    Args:
        path: A file ending in `.onnx` or `.safetensors`.

    Raises:
        UnreadableModelFile: The format is unknown or the header is broken.
        OSError: The file cannot be read.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".onnx":
            return _inspect_onnx(path)
        case ".safetensors":
            return _inspect_safetensors(path)
        case suffix:
            raise UnreadableModelFile(f"files ending in {suffix or 'nothing'} cannot be inspected")


def _inspect_onnx(path: Path) -> version_pb2.Signature:
    try:
        import onnx  # noqa: PLC0415 - an extra; the client is small without it
    except ImportError:
        raise UnreadableModelFile("reading ONNX files needs: pip install 'regesta[onnx]'") from None
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # noqa: BLE001 - onnx raises protobuf's and its own
        raise UnreadableModelFile(f"{path.name} is no ONNX file: {error}") from None
    weights = {tensor.name for tensor in graph.initializer}
    signature = version_pb2.Signature()
    for value in graph.input:
        if value.name not in weights:
            signature.inputs.append(_onnx_spec(onnx, value))
    for value in graph.output:
        signature.outputs.append(_onnx_spec(onnx, value))
    return signature


def _onnx_spec(onnx: Any, value: Any) -> version_pb2.TensorSpec:
    tensor = value.type.tensor_type
    return version_pb2.TensorSpec(
        name=value.name,
        data_type=onnx.TensorProto.DataType.Name(tensor.elem_type).lower(),
        # A dimension with a name instead of a size is free.
        shape=[size.dim_value if size.HasField("dim_value") else -1 for size in tensor.shape.dim],
    )


def _inspect_safetensors(path: Path) -> version_pb2.Signature:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < length <= _MAX_HEADER_BYTES:
            raise UnreadableModelFile(f"{path.name} has no safetensors header")
        header = file.read(length)
    try:
        tensors = json.loads(header)
        specs = [
            version_pb2.TensorSpec(name=name, data_type=tensor["dtype"], shape=tensor["shape"])
            for name, tensor in tensors.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableModelFile(f"{path.name} has a broken safetensors header") from None
    return version_pb2.Signature(params=specs)

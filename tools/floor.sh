#!/usr/bin/env bash
# Install the client's wheel beside the oldest dependencies it promises to run on, and import
# all of it with warnings as errors. Its users cannot move: their platforms pin protobuf.
set -euo pipefail
cd "$(dirname "$0")/.."

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

.venv/bin/python -m hatchling build --target wheel --directory "$made" >/dev/null
.venv/bin/python -m venv "$made/venv"
tools/install.sh "$made/venv" requirements/floor.txt
"$made/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index \
    "$made"/regesta-*.whl

# From elsewhere, so that nothing of the tree is found by accident.
cd "$made"
venv/bin/python -W error - <<'PYTHON'
import importlib
import pkgutil

import google.protobuf
import grpc
import regesta

# These need an extra, as their users know.
EXTRAS = (
    "regesta.cli",
    "regesta.importing.mlflow_tables",
    "regesta.importing.yaml_plain",
    "regesta.mlflow",
)

modules = [
    module.name
    for module in pkgutil.walk_packages(regesta.__path__, "regesta.")
    if not module.name.startswith(EXTRAS)
]
for module in modules:
    importlib.import_module(module)
print(
    f"floor: {len(modules)} modules import with grpcio {grpc.__version__}"
    f" and protobuf {google.protobuf.__version__}"
)
PYTHON

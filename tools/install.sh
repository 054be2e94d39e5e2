#!/usr/bin/env bash
# Install a lock file into an environment, every file checked against its hash.
# usage: tools/install.sh ENVIRONMENT LOCK [--no-deps]
set -euo pipefail

environment=$1
lock=$2
shift 2

if command -v uv >/dev/null; then
    uv pip install --quiet --python "$environment/bin/python" --require-hashes "$@" -r "$lock"
else
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes "$@" -r "$lock"
fi

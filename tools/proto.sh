#!/usr/bin/env bash
# Regenerate the code that comes from proto/, or say what is not fresh.
# usage: tools/proto.sh [--check]
#
# Messages and service stubs come from an old generator in an environment of its own, because
# generated code refuses to load on a protobuf older than its generator. Type stubs come from
# .venv, where the plugin for them lives. Everything is made in a temporary folder first, so
# a failure leaves the tree as it was.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/.venv
generator=$PWD/.venv-proto/bin/python

mapfile -t protos < <(cd proto 2>/dev/null && find regesta -name '*.proto' | LC_ALL=C sort)
if [ ${#protos[@]} -eq 0 ]; then
    echo "proto: no .proto files under proto/, nothing to generate"
    exit 0
fi
mapfile -t services < <(cd proto && grep -l '^service ' "${protos[@]}")
mapfile -t facts < <(printf '%s\n' "${protos[@]}" | grep '^regesta/events/v1/')

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mkdir -p "$made/client" "$made/projections/regesta_projections"

protoc() {
    "$generator" -m grpc_tools.protoc -I proto "$@"
}

# A plugin of ours needs the Python that has what it imports, not the generator's.
plugin() {
    printf '#!/bin/sh\nexec "%s" "%s"\n' "$venv/bin/python" "$PWD/$1" >"$made/plugin"
    chmod +x "$made/plugin"
    echo "$made/plugin"
}

protoc --plugin=protoc-gen-mypy="$venv/bin/protoc-gen-mypy" \
    --python_out="$made/client" --mypy_out=quiet:"$made/client" "${protos[@]}"
if [ ${#services[@]} -gt 0 ]; then
    protoc --plugin=protoc-gen-mypy_grpc="$venv/bin/protoc-gen-mypy_grpc" \
        --grpc_python_out="$made/client" --mypy_grpc_out=quiet:"$made/client" "${services[@]}"
fi
if [ -e tools/protoc_gen_events.py ] && [ ${#facts[@]} -gt 0 ]; then
    protoc --plugin=protoc-gen-events="$(plugin tools/protoc_gen_events.py)" \
        --events_out="$made/projections/regesta_projections" "${facts[@]}"
fi
rm -f "$made/plugin"

# Generated files of the tree, made or meant to be, by path.
listing() {
    (cd "$1" && find client projections -name '*_pb2*.py' -o -name '*_pb2*.pyi' \
        -o -path projections/regesta_projections/events.py 2>/dev/null | LC_ALL=C sort)
}

stale=0
while read -r path; do
    if [ ! -e "$made/$path" ]; then
        echo "proto: $path comes from no proto"
        [ "${1:-}" = --check ] && stale=1 || rm -f "$path"
    fi
done < <(listing .)
while read -r path; do
    cmp -s "$made/$path" "$path" && continue
    if [ "${1:-}" = --check ]; then
        echo "proto: $path is not what its proto makes"
        stale=1
    else
        mkdir -p "$(dirname "$path")"
        mv "$made/$path" "$path"
    fi
done < <(listing "$made")

# What is made from the stubs rather than by protoc brings its own --check.
if [ -e tools/generate_client.py ]; then
    "$venv/bin/python" tools/generate_client.py "$@" || stale=1
fi
if [ -e tools/sync_client.py ] && [ "${1:-}" != --check ]; then
    "$venv/bin/python" tools/sync_client.py
fi

if [ "$stale" -ne 0 ]; then
    echo "proto: run 'make proto' and commit what it changes"
fi
exit "$stale"

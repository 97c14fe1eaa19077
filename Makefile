# `make demo` and `make test` need Python 3.11 or newer and make; everything else is built into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# A container may have no HOME: tools that keep a cache get a place of their own.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/var/home
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first of these that is Python 3.11 or newer.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
PORT ?= 8000

.PHONY: help demo scenario drill run test services-test lint format types contracts bench peers watch-peers docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# One stamp for what serving needs and one for what developing needs; each is older than its lock file when outdated.
.venv/.runtime: requirements.lock | .venv/bin/python
	@$(MAKE) --no-print-directory install LOCK=$<
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/bin/python
	@$(MAKE) --no-print-directory install LOCK=$<
	@touch $@ .venv/.runtime

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making .venv with $(PYTHON)"
ifneq ($(UV),)
	@"$(UV)" venv --quiet --allow-existing --python "$(PYTHON)" .venv || "$(PYTHON)" -m venv .venv
else
	@"$(PYTHON)" -m venv .venv || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
endif

.venv/.peers: requirements-peers.lock | .venv/bin/python
	@$(MAKE) --no-print-directory install LOCK=$<
	@touch $@ .venv/.dev .venv/.runtime

.PHONY: install
install:
	@echo "Installing $(LOCK)"
ifneq ($(UV),)
	@"$(UV)" pip install --quiet --python .venv/bin/python --require-hashes -r $(LOCK)
else
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCK)
endif

demo: .venv/.runtime ## a simulated business, from leads to scores, at http://127.0.0.1:8000
	@VAR_DIR="$${VAR_DIR:-$(CURDIR)/var/demo}" $(BIN)/python manage.py demo --port $(PORT)

NAME ?= broken-field
scenario: .venv/.runtime ## leads of a scenario sent to the running demo: make scenario NAME=broken-field, then NAME=quiet
	@VAR_DIR="$${VAR_DIR:-$(CURDIR)/var/demo}" $(BIN)/python manage.py demo --scenario $(NAME) --port $(PORT)

drill: .venv/.runtime ## a scenario played in its own time and database: make drill NAME=dead-source
	@$(BIN)/python manage.py drill $(NAME)

run: .venv/.runtime ## web server, worker, beat and broker together
	@$(BIN)/python manage.py run --migrate --port $(PORT)

test: .venv/.dev ## the tests, on SQLite and without services
	@env -u DATABASE_URL -u REDIS_URL -u LEADSCORING_REQUIRE_SERVICES $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

services-test: .venv/.dev ## the tests, on the PostgreSQL of DATABASE_URL and the Redis of REDIS_URL
	@LEADSCORING_REQUIRE_SERVICES=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

lint: .venv/.dev ## ruff and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

format: .venv/.dev ## let ruff write what it can
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

types: .venv/.dev ## mypy, strict
	@$(BIN)/mypy

bench: .venv/.dev ## the measurements of benchmarks/
	@for script in $$(grep -l '__main__' benchmarks/*.py benchmarks/simulations/*.py); do \
		module=$${script%.py}; echo "== $$script"; $(BIN)/python -m "$${module//\//.}"; done

peers: .venv/.peers ## the tools that benchmarks/peers/ compares with

.venv-watch/.done: requirements-watch-peers.lock
	@"$(PYTHON)" -m venv .venv-watch
	@# The lock names everything; pip would ask for the extras that it writes without.
	@.venv-watch/bin/python -m pip install --quiet --require-hashes --no-deps -r $<
	@touch $@

watch-peers: .venv-watch/.done ## the tools that benchmarks/peers/drift.py and estimation.py compare with

docs: .venv/.dev ## docs/openapi.yaml from the code
	@$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn

UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: ## write the lock files anew from pyproject.toml (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(UV_COMPILE) pyproject.toml -o requirements.lock
	$(UV_COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) pyproject.toml --group dev --group peers -c requirements-dev.lock -o requirements-peers.lock
	$(UV_COMPILE) benchmarks/peers/watch.in -o requirements-watch-peers.lock

clean: ## remove .venv and everything the program wrote
	rm -rf .venv .venv-watch var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

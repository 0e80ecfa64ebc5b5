# make demo | test | bench | lint | format | clean. Needs make and Python 3.11 or newer with venv; git to get here.
# The first run makes .venv and installs into it; later runs start at once, until pyproject.toml changes.

PYTHON ?= python3
# Exactly one release: an open range brings gigabytes of GPU libraries. `make test TORCH=` goes without.
TORCH ?= torch==2.13.0
# Passed on to pytest and to the benchmarks: make test ARGS="-k lineage"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installations into one environment at a time would break it.
.NOTPARALLEL:
.PHONY: help demo test bench lint format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PYTHON=$(PYTHON) TORCH=$(TORCH) ARGS=$(ARGS)"

demo: $(VENV)/.demo ## train the bundled example and show what was captured
	@$(BIN)/dlprov demo

test: lint ## linters, then the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

bench: $(VENV)/.dev ## the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy and the direction of imports; changes nothing
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## bring the code into form, and mend what ruff can mend
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

clean: ## remove the environment and everything else that was made here
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo \
	  "dlprov needs Python 3.11 or newer, and there is no '$(PYTHON)': install one, or name yours: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "dlprov needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1): name a newer one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
	  "'$(PYTHON)' cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "Installing dlprov, Keras and JAX into $(VENV) (once; a minute or two) …"
	@$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "Installing dlprov and all that its tests need into $(VENV) (once; some minutes, 3 GB) …"
	$(if $(strip $(TORCH)),@$(PIP) '$(TORCH)')
	@$(PIP) -e '.[dev]'
	@touch $(VENV)/.demo $@

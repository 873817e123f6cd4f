# Everything a newcomer types. `make help` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- set-up; each step leaves a stamp, so that a second run is quick -------------------------------

.PHONY: install
install: .venv/.native .venv/.python static/vendor/.complete ## make .venv from the pinned requirements, browser assets, native libraries

.venv/.python: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed. Type for example: make $(or $(MAKECMDGOALS),install) PYTHON=python3.13"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || \
	  { echo "Python's venv is missing. Type: sudo apt-get install python3-venv"; rm -rf .venv; exit 1; }
	@echo "Installing Python packages (a few minutes the first time)"
	@$(BIN)/pip install --require-hashes -r requirements-dev.txt | \
	  { grep --line-buffered -vE '^(Looking in|Requirement already|Ignoring|Collecting|  (Attempting|Found|Uninst|   Succ))' || true; }
	@touch $@

.venv/.native: ops/native.sh | .venv/.python
	@ops/native.sh demo && touch $@

.venv/.native-test: ops/native.sh | .venv/.python
	@ops/native.sh test && touch $@

static/vendor/.complete: package-lock.json ops/assets.py | .venv/.python
	@echo "Fetching browser assets"
	@$(BIN)/python ops/assets.py static/vendor && touch $@

# -- running it ------------------------------------------------------------------------------------

.PHONY: demo
demo: install ## set up everything, start a demo clinic, print its address and sign-ins
	@exec $(BIN)/python -m dermaclinic.demo

# -- checking it -----------------------------------------------------------------------------------

.PHONY: test
test: install .venv/.native-test lint types ## set up everything, run linters, type checks and all tests
	@said=$$(mktemp); $(MAKE) --no-print-directory test-house >"$$said" 2>&1 & house=$$!; \
	  trap 'kill $$house 2>/dev/null' EXIT; \
	  $(MAKE) --no-print-directory test-rooms; rooms=$$?; \
	  wait $$house; browsers=$$?; cat "$$said"; exit $$((rooms | browsers))

# Two runs beside each other, each with servers of its own: what stands still for a browser or a
# fault leaves a core to the rest. The second one's lines come when the first is through.
.PHONY: test-rooms test-house
test-rooms:
	$(PYTEST) -m "not house and not matrix and not fuzz" $(ARGS) || $(NONE_CHOSEN)
test-house:
	$(PYTEST) -m "house and not matrix and not fuzz" $(ARGS) || $(NONE_CHOSEN)
NONE_CHOSEN = [ $$? -eq 5 -a -n "$(ARGS)" ]

.PHONY: e2e
e2e: install .venv/.native-test ## the browser tests, whole matrix
	$(PYTEST) -m e2e $(ARGS)

.PHONY: fuzz
fuzz: install .venv/.native-test ## the long mutation and schema runs
	$(PYTEST) -m fuzz $(ARGS)

.PHONY: test-all
test-all: install .venv/.native-test lint types ## all of it
	$(PYTEST) $(ARGS)

.PHONY: bench
bench: install ## print the ratios: the worker against the bare network, pages in a large clinic
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.pages

.PHONY: bench-pages
bench-pages: install ## how long each page takes, with 10,000 and with 1,000,000 predictions
	$(BIN)/python -m bench.pages $(ARGS)

.PHONY: lint
lint: install ## style, imports between the floors, migrations that are missing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=dermaclinic.settings.testing \
	  $(BIN)/python -m dermaclinic.embedded run owner $(BIN)/python manage.py makemigrations --check --dry-run

.PHONY: types
types: install ## type checks
	$(BIN)/mypy

# -- upkeep ----------------------------------------------------------------------------------------

UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links pyproject.toml

.PHONY: lock
lock: .venv/.python ## pin the requirements anew, after a change of pyproject.toml or package.json
	$(UV_COMPILE) -o requirements.txt
	$(UV_COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/python ops/assets.py --lock

.PHONY: backup
backup: install ## a sealed backup of the running demo, into FILE
	@$(BIN)/python -m dermaclinic.backup make $(or $(FILE),backup-$(shell date +%F))

.PHONY: audit-deps
audit-deps: install ## known vulnerabilities of what is pinned, where a list of them can be reached
	@$(BIN)/python ops/audit_deps.py

.PHONY: sbom
sbom: install ## everything that the product is made of, as CycloneDX JSON in sbom.json
	@$(BIN)/python ops/sbom.py sbom.json && echo "Written: sbom.json"

.PHONY: clean
clean: ## remove what the other targets made, except the demo's data in .state
	rm -rf .venv node_modules static/vendor staticfiles .mypy_cache .ruff_cache .pytest_cache \
	  .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

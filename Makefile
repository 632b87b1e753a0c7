# All that is done by command in this repository; `make help` lists it.

VENV := .venv
BIN  := $(VENV)/bin
UV   := $(BIN)/uv
RUN  := $(BIN)/python -m
# The two distributions of this repository; what is pinned is all that both need.
PROJECTS := pyproject.toml plugins/pyproject.toml
# What training libraries live in (make test-heavy), apart from the product.
HEAVY := .venv-heavy
# The Label Studio that heavy tests run, whose packages go together with no others.
STUDIO := .venv-label-studio

# The one command behind `make demo`.
DEMO ?= $(RUN) automl_airflow.demo
# The one command behind `make bench`; ARGS goes to it.
BENCH ?= $(RUN) benchmarks

# Pythons to make the environment with, best first (the pins are tested with the first); PYTHON=… comes before them.
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3
# Test processes of unit and contract tests, and of end-to-end tests.
JOBS ?= 2
E2E_JOBS ?= 3
# Where pytest writes what it did.
REPORTS := .reports
PYTEST := $(RUN) pytest -q

# Bytecode is kept: without it every process of Airflow compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup setup-dev demo stop test steady lint compiled format unit e2e faults series test-heavy test-cluster bench requirements compose-env clean

help: ## list the commands
	@echo 'usage: make COMMAND [NAME=value …]'
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

# What `make demo` runs; EXPERIMENT is its old name.
FILE ?= $(EXPERIMENT)

demo: $(if $(FILE),setup-dev,setup) ## run a file to its end on an Airflow of its own [FILE=path] [KEEP=1: leave the UI up]
	@$(DEMO) $(if $(KEEP),--keep) $(if $(FILE),--file '$(FILE)')

stop: ## stop the Airflow that `make demo KEEP=1` left running
	@$(DEMO) --stop

# Two at a time where one of them leaves a core idle: lint is one process, and end-to-end tests mostly wait.
test: setup-dev ## everything that proves the product: lint, unit, series, e2e
	@$(call beside,lint,compiled)
	@$(MAKE) --no-print-directory unit
	@$(call beside,e2e,series)
	@$(BIN)/python tests/summary.py $(REPORTS)/unit.xml $(REPORTS)/series.xml $(REPORTS)/e2e.xml

steady: setup-dev ## `make test` N times (3) while other processes keep both cores busy [N=3] [BUSY=2]
	@busy=; trap 'kill $$busy' EXIT; trap 'exit 130' INT TERM; \
	for each in $$(seq $(or $(BUSY),2)); do $(BIN)/python -c 'while True: pass' & busy="$$busy $$!"; done; \
	for each in $$(seq $(or $(N),3)); do echo "steady: $$each of $(or $(N),3)"; $(MAKE) test ARGS='$(ARGS)' || exit 1; done

# Makes one target, and beside it another, whose output follows when both have ended; it fails where either does.
beside = $(BIN)/python tests/beside.py '$(MAKE)' $(1) $(2) $(REPORTS)/$(2).log

compiled: setup-dev
	@# Bytecode of all that tests import, and of the tests: each process of a clean checkout would make it anew.
	@mkdir -p $(REPORTS)
	@$(PYTEST) -m 'not e2e' --collect-only -p no:cacheprovider >$(REPORTS)/collected.txt || { cat $(REPORTS)/collected.txt; exit 1; }

lint: setup-dev ## ruff (rules and format) and strict mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(wildcard automl_core plugins dags examples)

format: setup-dev ## let ruff put things right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: setup-dev ## unit and contract tests on all cores [ARGS=…]
	@# Every process would load what end-to-end tests import, to run none of them.
	$(PYTEST) -m 'not e2e' --ignore=tests/e2e -n $(JOBS) --dist worksteal --junitxml=$(REPORTS)/unit.xml $(ARGS)

series: setup-dev ## tests of what needs statsforecast, in an environment that the product makes of a lock file [ARGS=…]
	$(BIN)/python tests/in_environment.py tests/series/requirements.txt tests/series $(REPORTS)/series.xml $(ARGS)

e2e: setup-dev ## end-to-end tests on real Airflows, three modules at a time: they often wait [E2E_JOBS=3] [ARGS=…]
	$(PYTEST) -m 'e2e and not long' -o testpaths=tests/e2e -n $(E2E_JOBS) --dist loadfile --no-loadscope-reorder --timeout 400 \
	    --junitxml=$(REPORTS)/e2e.xml $(ARGS)

faults: setup-dev ## kill each part of Airflow and the store at three moments of an experiment [FAULTS=worker,store] [ARGS=…]
	FAULTS='$(FAULTS)' $(PYTEST) tests/faults -n 2 --dist loadfile --junitxml=$(REPORTS)/faults.xml $(ARGS)
	$(if $(FAULTS)$(ARGS),,$(PYTEST) -m long tests/e2e --junitxml=$(REPORTS)/long.xml)

test-heavy: setup-dev $(HEAVY)/.installed $(STUDIO)/.installed ## real torch, Lightning, Transformers, … in an environment of their own; all examples of properties [ARGS=…]
	HEAVY_PYTHON='$(abspath $(HEAVY))/bin/python' LABEL_STUDIO='$(abspath $(STUDIO))/bin/label-studio' HYPOTHESIS_PROFILE=full \
	    $(PYTEST) tests/heavy --timeout 300 --junitxml=$(REPORTS)/heavy.xml $(ARGS)
	@# All the examples of properties, of which `make unit` tries a share.
	$(if $(ARGS),,HYPOTHESIS_PROFILE=full $(PYTEST) -m 'hypothesis and not e2e' -n $(JOBS) --dist worksteal --timeout 300 \
	    --junitxml=$(REPORTS)/properties.xml)

test-cluster: setup-dev ## end-to-end tests of pods on a real cluster: KUBECONFIG=file IMAGE=image [NAMESPACE=… STORAGE=json RUNS=folder]
	@test -n '$(KUBECONFIG)' -a -n '$(IMAGE)' || { echo 'make: test-cluster needs KUBECONFIG=file and IMAGE=image' >&2; exit 2; }
	CLUSTER_KUBECONFIG='$(abspath $(KUBECONFIG))' CLUSTER_IMAGE='$(IMAGE)' CLUSTER_NAMESPACE='$(or $(NAMESPACE),default)' \
	    CLUSTER_STORAGE='$(STORAGE)' CLUSTER_RUNS='$(RUNS)' \
	    $(PYTEST) tests/e2e/test_kubernetes.py $(if $(RUNS),--basetemp='$(abspath $(RUNS))/automl-tests') $(ARGS)

bench: setup-dev ## the benchmarks whose figures stand in benchmarks/README.md [ARGS=…]
	$(BENCH) $(ARGS)

requirements: $(UV) ## compile requirements*.txt from both pyproject.toml, and the lock of the series [CONSTRAINTS=file or url] [UPGRADE=1]
	$(COMPILE) --extra examples --extra postgres --output-file requirements.txt
	$(COMPILE) $(DEVELOPED:%=--extra %) --constraints requirements.txt --output-file requirements-dev.txt
	$(subst $(PROJECTS),pyproject.toml,$(COMPILE)) --extra series \
	  --output-file templates/series-forecasting/1/requirements.txt
	printf '%s\n' 'hypothesis>=6.130' 'pytest>=8.3' 'pytest-timeout>=2.3' | $(subst $(PROJECTS),-,$(COMPILE)) \
	  templates/series-forecasting/1/requirements.txt --output-file tests/series/requirements.txt

# Extras whose tests are in `make test`; the others' libraries live in .venv-heavy.
DEVELOPED := dev examples lightgbm mlp notebook postgres serving tables tabular text

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --custom-compile-command 'make requirements' \
	$(if $(UPGRADE),--upgrade) $(if $(CONSTRAINTS),--constraints '$(CONSTRAINTS)') \
	--no-emit-package automl-core $(PROJECTS)

compose-env: ## write .env with random secrets for docker-compose.yaml, once
	@python3 deploy/compose/make_env.py .env

clean: ## remove the environment and every cache; experiments' results (runs/) stay
	rm -rf $(VENV) $(HEAVY) $(STUDIO) $(REPORTS) .automl-environments .airflow .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: made once, and again when what it is made from changes -----------------------------------

setup: $(VENV)/.installed ## make .venv with what running needs
setup-dev: $(VENV)/.installed-dev ## make .venv with what development needs too

$(UV):
	@python=; for candidate in $(PYTHONS); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo 'make: Python 3.11 or newer is needed, and none of these is one: $(PYTHONS).' >&2; \
	    echo '      Install it, or name it: make PYTHON=/path/to/python3.11 …' >&2; exit 1; \
	fi; \
	echo "setting up $(VENV) with $$($$python --version), once (about a minute) …" >&2; \
	"$$python" -m venv $(VENV) || { \
	    echo "make: $$python can't make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo '  installing uv, which installs the rest' >&2
	@$(RUN) pip install --quiet --disable-pip-version-check 'uv>=0.9'

# The version stands in automl_core/release.py, and what is installed tells it.
STATED := $(PROJECTS) automl_core/release.py

$(VENV)/.installed: requirements.txt $(STATED) | $(UV)
	@echo "  installing Airflow and what it needs: $$(grep -c == $<) packages of $<" >&2
	@$(UV) pip install --quiet --requirements requirements.txt --editable . --editable plugins
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(STATED) | $(UV)
	@echo "  installing Airflow, what it needs and what development needs: $$(grep -c == $<) packages of $<" >&2
	@$(UV) pip install --quiet --requirements requirements-dev.txt --editable . --editable plugins
	@touch $@ $(VENV)/.installed

# pip, not uv: it heeds this machine's own configuration, which may say where torch without CUDA is to be had
$(HEAVY)/.installed: requirements-heavy.txt | $(UV)
	@echo '  installing what the heavy tests train with (some gigabytes on disk) …' >&2
	@rm -rf $(HEAVY) && $(RUN) venv $(HEAVY)
	@$(HEAVY)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-heavy.txt
	@touch $@

$(STUDIO)/.installed: requirements-label-studio.txt | $(UV)
	@echo '  installing the Label Studio that the heavy tests run …' >&2
	@rm -rf $(STUDIO) && $(RUN) venv $(STUDIO)
	@$(STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-label-studio.txt
	@touch $@

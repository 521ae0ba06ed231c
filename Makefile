# Leadmill: every task of a developer or operator. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin
export PATH := $(CURDIR)/$(VENV):$(PATH)
PYTEST_OPTIONS ?=

.PHONY: help
help: ## List every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1mmake %-13s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)


.PHONY: setup demo up down reset logs memory
setup: ## Create .venv from the locked requirements (no-op when it is current)
	@"$(PYTHON)" bin/setup.py

demo: setup ## Start everything and run the main job: import, score, campaign, dispatch, events, blacklists
	@exec python -m leadmill.local.demo

up: setup ## Start everything without demo data; Ctrl-C stops it
	@exec python -m leadmill.local.stack up

down: setup ## Stop what `make up` or `make demo` started
	@python -m leadmill.local.stack down

reset: setup ## Stop it and delete all state under var/ (asks first; FORCE=1 does not)
	@python -m leadmill.local.stack reset $(if $(FORCE),--force)

logs: setup ## Follow the logs of every process
	@exec python -m leadmill.local.stack logs

memory: setup ## Memory of the running stack (PSS), by part
	@python -m leadmill.local.stack memory


.PHONY: lint format types test ci
lint: setup ## Style, formatting and import contracts
	ruff check .
	ruff format --check .
	lint-imports

format: setup ## Format the code
	ruff check --fix-only --exit-zero -q .
	ruff format .

types: setup ## Strict types
	mypy

test: setup ## The whole test suite
	pytest -n 2 --dist loadfile $(PYTEST_OPTIONS)

ci: ## What continuous integration runs, from a clean clone
	.ci/run


.PHONY: crash-matrix lock screenshots bench
crash-matrix: setup ## Kill a worker at every step of a send, and write the result into docs/never-twice.md
	UPDATE_DOCS=1 pytest tests/integration/test_crash_matrix.py $(PYTEST_OPTIONS)

lock: setup ## Resolve pyproject.toml into requirements.txt again
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 -o requirements.txt --no-header --no-annotate -q

screenshots: setup ## Photograph every page into docs/images
	python docs/images/take_screenshots.py

bench: setup ## Run the benchmarks (minutes)
	@for script in $(filter-out bench/gen_%,$(wildcard bench/*.py)); do echo "== $$script"; python "$$script" || exit 1; done

# `make run` starts the product, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PORT ?= 8600
HOST ?= 127.0.0.1
DATA ?= .run
ARGS ?=

.PHONY: help setup run test lint types unit browser docs docs-check lock bench bench-gateway bench-guard bench-kill bench-store bench-console clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## Make .venv with the locked versions of everything the commands need
	@scripts/setup.sh

run: setup ## Start the gateway on the built-in rehearsal model; prints the address, a key and a curl line
	@$(BIN)/zhengming serve --data $(DATA) --host $(HOST) --port $(PORT) --print-key $(ARGS)

test: setup lint types docs-check unit ## Everything that must pass

lint: setup ## Style, layers, formatting
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

types: setup ## mypy, strict, tests too
	@$(BIN)/mypy

browser: ## Debian's chromium and a Chinese font for the browser tests, where this may be installed
	@scripts/setup_browser.sh

unit: setup browser ## The test suite; without PostgreSQL, Redis or chromium it says what it skips
	@$(BIN)/python -m pytest -n auto -q $(ARGS)

docs: setup ## Generate the reference pages and compile the catalogues
	@$(BIN)/python scripts/compile_catalogues.py
	@$(BIN)/python scripts/make_docs.py

docs-check: setup ## The generated pages and catalogues are up to date
	@$(BIN)/python scripts/compile_catalogues.py --check
	@$(BIN)/python scripts/make_docs.py --check

lock: setup ## Lock the dependencies anew after a change of pyproject.toml
	@$(BIN)/uv lock

bench: bench-guard bench-store bench-kill bench-gateway bench-console ## Every benchmark; results go to bench/results

bench-gateway: setup ## Ours, a bare pass-through and LiteLLM in one run
	@$(BIN)/python -m bench.gateway $(ARGS)

bench-guard: setup ## A million random cuts: nothing leaks; CPU a chunk
	@$(BIN)/python -m bench.guard $(ARGS)

bench-kill: setup ## SIGKILL under load: acknowledged against found
	@$(BIN)/python -m bench.kill $(ARGS)

bench-console: setup ## Every page of the console over two million turns, on SQLite and PostgreSQL
	@$(BIN)/python -m bench.console $(ARGS)

bench-store: setup ## Cost and latency of a durable write
	@$(BIN)/python -m bench.store $(ARGS)

clean: ## Remove what make made, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

# ImageVault's commands. All of them work on a clean clone with Python 3.11+ and make.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help serve test check format clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: .venv/serve  ## install what is needed and serve http://127.0.0.1:8000
	@exec $(BIN)/imagevault serve

test: .venv/test  ## run every test, on SQLite and on a PostgreSQL that the tests bring along
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m 'not alone' --numprocesses=auto --maxprocesses=4 --dist=loadfile
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m alone

check: .venv/test  ## ruff (lint, format) and mypy strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/test  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and every cache
	rm -rf .venv build dist providers/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "ImageVault needs Python 3.11 or later; name it with: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/serve: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing ImageVault into .venv ..."
	@$(PIP) --editable .
	@touch $@

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing ImageVault and its test tools into .venv ..."
	@$(PIP) --editable '.[test]'
	@touch $@ .venv/serve

# ImageVault's commands. All of them work on a clean clone with Python 3.11+ and make.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
RUN := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS := --numprocesses=$(shell expr $(CORES) + 1) --maxprocesses=6 --dist=worksteal  # one more: some only wait

.PHONY: help demo serve test test-fast test-browser soak bench check format clean venv

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: venv  ## install what is needed and serve http://127.0.0.1:8000
	@$(MAKE) --no-print-directory .venv/serve
	@exec $(BIN)/imagevault serve

demo: venv  ## install what is needed and serve invented pictures, without any key
	@$(MAKE) --no-print-directory .venv/serve
	@exec $(BIN)/imagevault demo

test: venv  ## run the tests, on SQLite and on a PostgreSQL that the tests bring along
	@$(MAKE) --no-print-directory .venv/test
	$(RUN) -m 'not soak and not browser' $(WORKERS)

test-fast: venv  ## run the tests that start no process: no server, no command, no PostgreSQL
	@$(MAKE) --no-print-directory .venv/test
	$(RUN) -m 'not soak and not processes and not browser' $(WORKERS)

test-browser: venv  ## run the tests that look at the page in a headless Chromium, which must be installed
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "Chromium is missing; on Debian run: apt install chromium" >&2; exit 1; }
	@$(MAKE) --no-print-directory .venv/browser
	$(RUN) -m browser

soak: venv  ## run the tests that take minutes or need every core for themselves
	@$(MAKE) --no-print-directory .venv/test
	$(RUN) -m 'soak and not alone' $(WORKERS)
	$(RUN) -m alone

bench: venv  ## measure what a request costs, on SQLite and on PostgreSQL
	@$(MAKE) --no-print-directory .venv/test
	$(BIN)/python -m benchmarks

check: venv  ## ruff (lint, format), mypy strict, docs/openapi.json and the table of terms
	@$(MAKE) --no-print-directory .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/openapi_document.py --check
	$(BIN)/python docs/providers_terms.py --check

format: venv  ## let ruff repair what it can
	@$(MAKE) --no-print-directory .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and every cache
	rm -rf .venv build dist providers/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Debian's python3 has no ensurepip without the package python3-venv: `python3 -m venv` fails and leaves a broken folder.
venv:  ## make the virtual environment .venv, again if it is broken
	@if [ -e .venv ] && ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
		echo "The environment in .venv is broken; making it again ..."; \
		rm -rf .venv; \
	fi
	@if [ ! -e .venv ]; then \
		test -n "$(PYTHON)" || { \
			echo "ImageVault needs Python 3.11 or later; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }; \
		said=$$($(PYTHON) -m venv .venv 2>&1) \
			|| { rm -rf .venv; $(PYTHON) -m virtualenv --quiet .venv 2>/dev/null; } \
			|| { rm -rf .venv; uv venv --quiet --seed --python "$(PYTHON)" .venv 2>/dev/null; } \
			|| { rm -rf .venv; \
				case "$$said" in \
				*ensurepip* | *"No module named venv"*) \
					echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu run: apt install python3-venv" ;; \
				*) echo "$$said"; echo "$(PYTHON) cannot make a virtual environment; see above" ;; \
				esac >&2; exit 1; }; \
	fi

.venv/serve: pyproject.toml constraints.txt
	$(call install,.)
	@touch $@

.venv/test: pyproject.toml constraints.txt
	$(call install,.[test])
	@touch $@ .venv/serve

BROWSER := .[test,browser]  # a comma in a call of make would end its argument
.venv/browser: pyproject.toml constraints.txt
	$(call install,$(strip $(BROWSER)))
	@touch $@ .venv/test .venv/serve

# uv takes seconds where pip takes a minute. pip does the work where uv cannot be installed or fails.
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
UV_INSTALL := $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --constraint constraints.txt
define install
	@echo "Installing ImageVault into .venv ..."
	@{ $(PIP_INSTALL) --quiet uv 2>/dev/null && $(UV_INSTALL) --editable '$(1)'; } \
		|| { echo "uv could not do it; installing with pip ..."; $(PIP_INSTALL) --editable '$(1)'; }
endef

# make run    the product, ready to use, on http://localhost:$PORT
# make test   all tests; browser tests where a Chromium is found
# make check  format, lint, types, floors, templates, migrations
# make demo-upstream  a stand-in for RevidAPI to connect to, on http://127.0.0.1:$UPSTREAM_PORT

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIN := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: run test check chaos demo-upstream fmt pins

run: .venv/run.stamp
	@$(BIN)/python manage.py prepare
	@exec $(BIN)/python -m revidweb.start

test: .venv/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto $(ARGS)

chaos: .venv/dev.stamp
	$(BIN)/python -m pytest -m chaos tests/chaos $(ARGS)

demo-upstream: .venv/run.stamp
	@exec $(BIN)/python -m tests.upstreams.revidapi --port $(or $(UPSTREAM_PORT),8787) $(ARGS)

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

fmt: .venv/dev.stamp
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

pins: .venv/dev.stamp
	$(PIN) --output-file requirements.txt pyproject.toml
	$(PIN) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

# Written last, so that an installation that was cut short is begun again.
.venv/run.stamp: requirements.txt | .venv/bin/python
	@echo "Installing what revidweb needs (once, a minute or two) ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	@echo "Installing what its tests need (once) ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "revidweb needs Python 3.11 or newer (PYTHON=/path/to/python make run)."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing (Debian: apt-get install python3-venv)."; exit 1; }

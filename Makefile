# What a newcomer and a contributor run; `make` alone lists it.
PY := .venv/bin/python
BABEL := $(PY) -m babel.messages.frontend --quiet
LANGUAGES := fr
CATALOGS := meshbot/locale
POT := $(CATALOGS)/meshbot.pot

.DEFAULT_GOAL := help
# Tests start the program dozens of times: compiled files are kept even where the environment says not to
test test-%: export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup setup-dev setup-any install demo test test-unit test-property test-integration test-e2e test-bench test-systemd lint types chaos soak bench mutants example diagram timelines manual wheel deb catalogs clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv with what the bot needs; PICTURES=no leaves out the pictures
	@PYTHON='$(PYTHON)' PICTURES='$(PICTURES)' scripts/setup

setup-dev: ## Also with what tests, checks and the build need
	@PYTHON='$(PYTHON)' scripts/setup dev

setup-any:
	@PYTHON='$(PYTHON)' scripts/setup any

install: ## With sudo: the service in /opt/meshbot, or its update; PICTURES=no without pictures
	@python=$$(PYTHON='$(PYTHON)' scripts/setup python) && \
	    "$$python" -B -m meshbot.installation install $(if $(filter no,$(PICTURES)),--no-pictures)

demo: setup-any ## Be a mesh user: a virtual node, the real bot, and faults on demand
	@$(PY) main_bot.py --demo

# More at a time than cores: some wait for processes and sockets
test: setup-dev ## All tests but the bench's
	@$(PY) -m pytest -n 6 --dist worksteal --ignore=tests/bench --ignore=tests/systemd

test-unit: setup-dev ## Decisions and small parts
	@$(PY) -m pytest tests/unit

test-property: setup-dev ## Rules that must hold for any input
	@$(PY) -m pytest tests/property

test-integration: setup-dev ## Parts together, over sockets and files
	@$(PY) -m pytest tests/integration

test-e2e: setup-dev ## The whole program
	@$(PY) -m pytest tests/e2e

test-bench: setup-dev ## The bench in small: every row is measured, nothing is lost
	@$(PY) -m pytest -n 4 tests/bench

test-systemd: setup-dev ## With sudo: the service under a real systemd, in a container; SUITES="bookworm trixie"
	@SUITES='$(or $(SUITES),bookworm trixie)' $(PY) -m pytest -v tests/systemd

lint: setup-dev ## Style, format, and which module may import which
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) scripts/check_imports.py

types: setup-dev ## Types
	@$(PY) -m mypy

# Three bots at a time: they mostly wait
chaos: setup-dev ## Faults of every part at every moment for a minute; SEED=… repeats a run, ROUNDS=3,7 some of it
	@$(PY) -m chaos --seconds 60 --lanes 3 $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS))

soak: setup-dev ## The same for 30 minutes
	@$(PY) -m chaos --seconds 1800 --lanes 3 $(if $(SEED),--seed $(SEED))

mutants: setup-dev ## Change what decides a little, 1,700 times: which change does no test notice?
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --no-deps -r requirements-mutants.txt
	@$(PY) -m mutmut run --max-children 2
	@$(PY) -m mutmut results

bench: setup-dev ## Measures beside the plain library, as a table
	@$(PY) -m bench

example: setup-dev ## Write meshbot.toml.example and docs/settings.md from config.py
	@$(PY) scripts/make_example.py

diagram: setup-dev ## Draw the link machine's states from its table
	@$(PY) scripts/make_diagram.py --write docs/TCP_ARCHITECTURE.md

timelines: setup-dev ## Record the documents' timelines again, beside the plain library
	@$(PY) scripts/record_timeline.py

manual: setup-dev ## Write the manual pages and the completion for bash from the parser
	@$(PY) scripts/make_manual.py

wheel: setup-dev ## Build the wheel in dist/
	@$(PY) -m pip wheel --disable-pip-version-check --quiet --no-build-isolation --no-deps --wheel-dir dist .
	@ls dist/*.whl

deb: ## Build a package for this Debian in dist/; PICTURES=no without pictures
	@/usr/bin/python3 -B scripts/make_deb.py $(if $(filter no,$(PICTURES)),--no-pictures)

catalogs: setup-dev ## Bring the translations in step with the code, and compile them
	@mkdir -p $(CATALOGS)
	@$(BABEL) extract --project=meshbot --add-location=file --sort-by-file --ignore-dirs='.* tests' -o $(POT) .
	@for language in $(LANGUAGES); do \
	    test -f $(CATALOGS)/$$language/LC_MESSAGES/meshbot.po || \
	    $(BABEL) init -i $(POT) -d $(CATALOGS) -D meshbot -l $$language || exit 1; \
	done
	@$(BABEL) update -i $(POT) -d $(CATALOGS) -D meshbot --no-fuzzy-matching --ignore-pot-creation-date
	@rm $(POT)
	@$(BABEL) compile -d $(CATALOGS) -D meshbot

clean: ## Remove .venv and caches; never data or settings
	@rm -rf .venv dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

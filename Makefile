# Everything stays in .venv; nothing is installed outside this folder.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help demo test test-servers servers slow-servers lint format types bench kill mutants clean

help:
	@echo "make demo    play a day of orders at four marketplaces on this machine, and prove it; with payments, bills and statements"
	@echo "make test    lint, format, types and all tests"
	@echo "make test-servers  the tests on servers that take longer to get (a Kafka broker)"
	@echo "make lint    ruff, format and mypy only"
	@echo "make bench   the speed ratios with their floors (under a minute)"
	@echo "make kill    a day killed at every event, by hand; takes long"
	@echo "make mutants the suite graded: each broken line must turn a test red, by hand; takes long"
	@echo "make clean   remove .venv and caches"

# make demo STORES=servers: the same day on MariaDB, Redis and (where make test-servers got it) Kafka, started for it
ifeq ($(STORES),servers)
demo: $(VENV)/.installed-dev servers
	$(BIN)/python -m tests.servers.day
else
demo: $(VENV)/.installed
	$(BIN)/oms demo
endif

test: lint servers
	$(BIN)/pytest -n 2 --dist loadfile -m "not servers"

test-servers: $(VENV)/.installed-servers slow-servers
	$(BIN)/pytest -m servers -rs

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

kill: $(VENV)/.installed-dev
	$(BIN)/python -m tests.kill --every
	$(BIN)/python -m tests.kill --random 50 --orders 400

mutants: $(VENV)/.installed-dev
	$(BIN)/python -m tests.mutants

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build

# The stamps are older than pyproject.toml exactly when something may have to be installed.
$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

# Tests run on real servers and in a real browser too; what is not on the machine is installed where that is allowed, else its tests are skipped.
servers:
	@sh deploy/test-servers.sh mariadb-server:mariadbd redis-server:redis-server chromium:chromium \
	    fonts-wqy-microhei:/usr/share/fonts/truetype/wqy/wqy-microhei.ttc

$(VENV)/.installed-servers: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,kafka]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev

slow-servers: .servers/kafka/.got

.servers/kafka/.got: deploy/servers/kafka/pom.xml
	@sh deploy/test-servers.sh maven:mvn default-jre-headless:java
	@mkdir -p $(@D)
	@if mvn -q -B -f deploy/servers/kafka dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D); \
	    then touch $@; else echo "not here: a Kafka broker, its tests will be skipped"; fi

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON). Type:  sudo apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "oms needs Python 3.11 or newer, $(PYTHON) is older. Type:  make PYTHON=python3.12 test"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "Python's venv is missing. Type:  sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

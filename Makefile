# Everything a fresh clone needs, with Python 3.11 or newer, Rust and a C compiler on the machine.
#
#   make demo     build, then watch redtool work on a real dump
#   make test     build, then all tests: Rust, then Python
#   make bench    build, then the table of ratios against redis-server
#   make lint     formatting, clippy, ruff, mypy
#   make dynamodb fetch DynamoDB Local, which the tests of DynamoDB tables run against
#   make clean    remove what was built here
#
# Python packages go to .venv/, Rust's output to server/target/. redis-server is a peer in tests, not a
# part of redtool: it is installed through apt where that is allowed; else what needs it is skipped.
# So is DynamoDB Local, from Maven Central: it needs mvn and Java 17.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(p))))
BIN := .venv/bin
CARGO := cargo --quiet
WORKSPACE := --manifest-path server/Cargo.toml --workspace
# The native module is a library for Python to load, and is tested from there.
CRATES := $(WORKSPACE) --exclude redtool-python --features redtool-store/dynamodb

# The DynamoDB store, against the service that is started beside it.
TABLES := $(CRATES) --test contract dynamodb_tables -- --ignored

# Lines of cargo test that say nothing: dots, blanks, and runs of no tests.
EMPTY := /^(|running .*|[.i]+|test result: ok\. 0 passed; 0 failed; 0 ignored.*)$$/d

.PHONY: build demo test bench lint clean peer dynamodb
.DEFAULT_GOAL := build

build: .venv/.ready
	@echo "building the core (some minutes the first time)"
	@source $(BIN)/activate && PIP_QUIET=1 maturin develop --release >.venv/build.log 2>&1 \
	|| { cat .venv/build.log; echo "make: the build failed"; exit 1; }

demo: build
	@$(BIN)/python demo/demo.py

test: build peer dynamodb
	@echo "Rust tests"
	@$(CARGO) test $(CRATES) | sed -E "$(EMPTY)"
	@$(BIN)/python -m tests.dynamodb.local $(CARGO) test $(TABLES) | sed -E "$(EMPTY)"
	@echo "Python tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: build peer dynamodb
	@$(BIN)/python bench/run.py $(BENCH_ARGS)

lint: build
	@cargo fmt --manifest-path server/Cargo.toml --all --check
	@$(CARGO) clippy $(WORKSPACE) --all-targets -- -D warnings
	@$(BIN)/ruff format --check --quiet toolkit tests demo bench
	@$(BIN)/ruff check --quiet toolkit tests demo bench
	@$(BIN)/mypy
	@echo "lint: clean"

clean:
	@rm -rf .venv server/target toolkit/redtool/*.so

# The tools, at the versions that pyproject.toml asks for.
.venv/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no python3 here; redtool needs 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "redtool needs Python 3.11 or newer")'
	@command -v cargo >/dev/null || { echo "make: no cargo here; redtool needs Rust"; exit 1; }
	@echo "installing Python tools into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# A real Redis to compare with. RUNLEVEL=1 keeps the package from starting a server of its own.
peer:
	@if command -v redis-server >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing redis-server, to compare with"; \
	    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
	    apt-get install -y -qq redis-server >/dev/null 2>&1 \
	    || { apt-get update -qq >/dev/null 2>&1 \
	         && apt-get install -y -qq redis-server >/dev/null 2>&1; } || true; \
	fi; \
	command -v redis-server >/dev/null \
	|| echo "no redis-server here: what compares with a real one is skipped"

# Amazon's own engine of DynamoDB, for tests.
LOCAL := .venv/dynamodb-local
dynamodb: .venv/.ready
	@if ls $(LOCAL)/DynamoDBLocal-*.jar >/dev/null 2>&1; then exit 0; fi; \
	if command -v mvn >/dev/null && command -v java >/dev/null; then \
	    echo "fetching DynamoDB Local"; \
	    mvn -q -B -f tests/dynamodb/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
	        -DoutputDirectory="$$PWD/$(LOCAL)" >/dev/null 2>&1 || true; \
	fi; \
	ls $(LOCAL)/DynamoDBLocal-*.jar >/dev/null 2>&1 \
	|| echo "no DynamoDB Local here (it needs mvn and Java): what runs against it is skipped"

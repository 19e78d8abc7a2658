# `make` lists the targets. Each works from a fresh clone, and a second call is faster.

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-all lint unit programs hosts recording venv packages
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
PYTHON ?=
export PYTHON

help: ## Show this list.
	@echo "Usage: make TARGET"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## Deploy the sample app to a throwaway server on this machine.
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/demo.py

demo-down: ## Delete the demo's server.
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/demo.py down

test: venv packages lint ## Run all checks and tests, also those on real servers.
	@.venv/bin/python tools/tests.py unit programs hosts

test-all: venv packages lint ## Run all tests, also the long ones that `make test` leaves out (over an hour).
	@sh tools/packages.sh postgresql goaccess:goaccess
	@# Ubuntu has it as a snap only. Without it, the tests that open pages are skipped.
	-@sh tools/packages.sh chromium:chromium
	@.venv/bin/python tools/tests.py unit programs hosts thorough

lint: venv ## Check the code with ruff, mypy and shellcheck.
	@sh tools/lint.sh

unit: venv ## Run the tests that need no server (half a minute).
	@.venv/bin/python tools/tests.py unit

programs: venv ## Run the tests that start fab, git, openssl and shells on this machine (a minute).
	@.venv/bin/python tools/tests.py programs

hosts: venv packages ## Run the tests on real servers in the sandbox (half an hour).
	@.venv/bin/python tools/tests.py hosts

recording: ## Record the README's terminal session on a sandbox server (minutes).
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/recording.py

venv:
	@sh tools/venv.sh requirements-test.txt

packages:
	@sh tools/packages.sh

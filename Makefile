# `make` lists what there is. Everything works from a fresh clone; what is there already is not made again.

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test lint unit hosts recording venv packages
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
PYTHON ?=
export PYTHON

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## the sample app on a throwaway server of this machine, from nothing
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/demo.py

demo-down: ## take the demo's server away
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/demo.py down

test: venv packages lint ## everything: lint, unit tests, tests on real servers
	@.venv/bin/python tools/tests.py unit hosts

lint: venv ## ruff, mypy, shellcheck
	@sh tools/lint.sh

unit: venv ## the tests that need no server (seconds)
	@.venv/bin/python tools/tests.py unit

hosts: venv packages ## the tests on real servers, which the sandbox makes (minutes)
	@.venv/bin/python tools/tests.py hosts

recording: ## Record the README's terminal session on a sandbox server (minutes).
	@sh tools/venv.sh requirements.txt
	@.venv/bin/python tools/recording.py

venv:
	@sh tools/venv.sh requirements-test.txt

packages:
	@sh tools/packages.sh

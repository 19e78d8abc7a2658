#!/bin/sh
# Run ruff, mypy, shellcheck and the check of our prose; stop at the first one that reports a problem.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
PATH=$PWD/.venv/bin:$PATH

say "ruff: errors and style"
ruff check --quiet --output-format=concise .
say "mypy --strict: types"
mypy --no-error-summary
say "shellcheck: shell"
# Servers run these libraries with dash, and their callers set the variables (SC2154).
shellcheck -s dash -e SC2154 selvedge/shell/lib/*.sh
shellcheck -s dash selvedge/shell/server/*.sh selvedge/shell/head.sh
shellcheck -x -s dash tools/*.sh
shellcheck .ci/run
say "prose: words that are hard to read"
python tools/prose.py

#!/bin/sh
# ruff, mypy and shellcheck on everything; stops at the first that finds something.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
PATH=$PWD/.venv/bin:$PATH

say "ruff: faults and style"
ruff check --quiet --output-format=concise .
say "mypy --strict: types"
mypy --no-error-summary
say "shellcheck: shell"
# The libraries' variables come from their callers (SC2154), and they run with the server's /bin/sh, which is dash.
shellcheck -s dash -e SC2154 selvedge/shell/lib/*.sh
shellcheck -s dash selvedge/shell/server/*.sh
shellcheck -x -s dash tools/*.sh
shellcheck .ci/run

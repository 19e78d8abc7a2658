#!/bin/sh
# Usage: tools/venv.sh FILE
# Have the virtual environment .venv with what FILE (requirements.txt or requirements-test.txt) names. Takes no time when
# it is there already: a stamp in .venv holds the text of what was installed.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
venv=.venv
file=$1

# Python 3.11 or newer: $PYTHON, or the first that is found.
find_python() {
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return 0
    fi
  done
  fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is none. Install one (Debian 12: apt-get install python3)," \
    "or name it: make PYTHON=/path/to/python3.12"
}

# Debian keeps half of venv in a package of its own.
require_ensurepip() {
  if "$1" -c 'import ensurepip, venv' 2>/dev/null; then return 0; fi
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  sh tools/packages.sh "python$version-venv"
  "$1" -c 'import ensurepip, venv' 2>/dev/null || fail "$1 still cannot make virtual environments: it has no ensurepip."
}

make_venv() {
  if "$venv/bin/python" -c 'import pip' 2>/dev/null; then return 0; fi
  python=$(find_python)
  require_ensurepip "$python"
  say "Making a virtual environment in $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
}

make_venv
stamp=$venv/$file.installed
want=$("$venv/bin/python" --version; cat requirements.txt "$file")
if [ "$want" = "$(cat "$stamp" 2>/dev/null)" ]; then exit 0; fi
say "Installing the Python packages of $file in $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$file" ||
  fail "pip could not install them; what it said stands above. Is the network there? Then type the same command again."
printf '%s\n' "$want" >"$stamp"

#!/bin/sh
# Usage: tools/venv.sh FILE
# Create the virtual environment .venv and install the packages of FILE: requirements.txt or requirements-test.txt. A copy
# of the installed requirements in .venv makes the next run fast.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
venv=.venv
file=$1

# Print the path of Python 3.11 or newer: $PYTHON, or the first one found.
find_python() {
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return 0
    fi
  done
  fail "Python 3.11 or newer is needed, but ${PYTHON:-python3} is older or missing. Install it (on Debian 12:" \
    "\`apt-get install python3\`), or give its path: \`make PYTHON=/path/to/python3.12\`."
}

# Debian has a separate package for a part of venv.
require_ensurepip() {
  if "$1" -c 'import ensurepip, venv' 2>/dev/null; then return 0; fi
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  sh tools/packages.sh "python$version-venv"
  "$1" -c 'import ensurepip, venv' 2>/dev/null || fail "$1 cannot create virtual environments, because its module ensurepip is missing."
}

make_venv() {
  if "$venv/bin/python" -c 'import pip' 2>/dev/null; then return 0; fi
  python=$(find_python)
  require_ensurepip "$python"
  say "Creating a virtual environment in $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
}

make_venv
stamp=$venv/$file.installed
wanted=$("$venv/bin/python" --version; cat requirements.txt "$file")
if [ "$wanted" = "$(cat "$stamp" 2>/dev/null)" ]; then exit 0; fi
say "Installing the Python packages of $file in $venv"
output=$("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$file" 2>&1) || {
  printf '%s\n' "$output" >&2
  fail "pip could not install the packages of $file: $(printf '%s\n' "$output" | tail -n 1). Check the network, then run the same command again."
}
printf '%s\n' "$wanted" >"$stamp"

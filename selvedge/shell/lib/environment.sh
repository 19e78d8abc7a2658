# Which variables of a release's environment differ from another's: the server prints their names and hashes, never a value.

# shellcheck disable=SC2016
environment_program='
import hmac, re, sys
key = sys.stdin.buffer.read()
text = open(sys.argv[1], "rb").read()
for line in re.finditer(rb"^([A-Za-z_][A-Za-z0-9_]*)=\"(?:\\.|[^\"\\])*\"$", text, re.M | re.S):
    print(sys.argv[2], line[1].decode(), hmac.digest(key, line[0], "sha256").hex())
'

# environment_hashes INSTANCE PREFIX [KEY]: print "PREFIX NAME HASH" for each variable; before that a line of PREFIX alone.
# The hashes are keyed with KEY, which is not in the process list.
environment_hashes() {
  local python
  python=$base/releases/${1%-*}/.venv/bin/python
  [ -f "$base/instances/$1/env" ] && [ -x "$python" ] || return 0
  printf '%s\n' "$2"
  # Not in this folder: Python would import the modules in it.
  printf '%s' "${3:-}" | "$python" -I -c "$environment_program" "$base/instances/$1/env" "$2" || :
}

# environment_of_live PATH: print the hashes of the live release, if the file PATH is absent.
# Values: base live_socket
environment_of_live() {
  local live
  if [ -e "$1" ]; then return 0; fi
  live=$(releases_live)
  if [ -n "$live" ]; then environment_hashes "$live" live; fi
}

# environment_of_left INSTANCE: unless it has been live, print the hashes of the releases of its commit that were rolled back.
# Values: base
environment_of_left() {
  local folder
  if [ -e "$base/instances/$1/record" ]; then return 0; fi
  for folder in "$base/instances/${1%-*}"-*/; do
    folder=${folder%/}
    if [ "$(releases_state "${folder##*/}")" = left ]; then environment_hashes "${folder##*/}" "left ${folder##*/}"; fi
  done
}

# environment_compare: print the live release and its variables with their hashes, keyed with $key.
# Values: base live_socket key
environment_compare() {
  local live
  live=$(releases_live)
  [ -n "$live" ] || return 0
  printf 'live %s\n' "$live"
  environment_hashes "$live" variable "$key"
}

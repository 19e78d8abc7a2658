# The history of an app.

# history_note HISTORY FIELD…: add a line with the time, the run and the fields. The run is the word that all scripts of one command
# line share. Only root may read the file, because the reason for a
# refused release may quote one of the app's secrets.
history_note() {
  local history at
  history=$1
  shift
  at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  (umask 077 && { printf '%s\t%s' "$at" "${mark#@}" && printf '\t%s' "$@" && echo; } >>"$history")
}

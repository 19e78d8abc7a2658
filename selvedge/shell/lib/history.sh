# The history of an app.

# history_note HISTORY FIELD…: a line more in an app's history, behind the time. Root's alone: why a release was refused may quote a
# secret of the app's.
history_note() {
  history=$1
  shift
  at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  (umask 077 && { printf '%s' "$at" && printf '\t%s' "$@" && echo; } >>"$history")
}

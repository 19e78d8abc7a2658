# Why a release failed, in the app's own words, and what to do about it. Reads the variables in the list of switch_release.
# Shared: reason_error reason_remedy

# reason_hide: copy the end of standard input to $undo/shown, without the values of the environment. /run is memory, and an app may
# print much.
reason_hide() { hide_secrets | tail -c 262144 >"$undo/shown"; }

# reason_sentence: print the sentence of selvedge_app.py in $undo/shown, or else the last line of the output.
reason_sentence() {
  # Without -a, grep prints no line of an output with other bytes than text.
  if grep -q -a '^\[selvedge\] ' "$undo/shown"; then
    sed -n 's/^\[selvedge\] //p' "$undo/shown" | tail -n 1
  else
    grep -a -v '^[[:space:]]*$' "$undo/shown" | tail -n 1
  fi | cut -c 1-600
}

# reason_program PROGRAM ARGUMENT…: run a program of the payload as the app's user, without the release's settings.
reason_program() {
  local program
  program=$(cat "$undo/program.$1")
  shift
  (cd / && exec 3<&- && user_run "$app" "$(instance_python "$new")" -I -c "$program" "$@") 2>/dev/null
}

# reason_find [migration]: set $reason_error to the last exception in $undo/shown, and $reason_remedy to what to do about it. The
# advice about locks for an app that starts beside another one does not fit a migration.
reason_find() {
  local found folder
  folder=$(instance_folder "$new")
  found=$(reason_program remedy "${folder:-$base/releases/${new%-*}}" "$base/shared" "${1:-$strategy}" "$(appserver_workers "$new")" \
    "$(manager_of "$new")" <"$undo/shown") || found=
  reason_error=$(printf '%s\n' "$found" | sed -n 1p | cut -c 1-400)
  reason_remedy=$(printf '%s\n' "$found" | sed -n 2p)
}

# reason_or_last: without an exception, $reason_error is the last line of $undo/shown.
reason_or_last() { [ -n "$reason_error" ] || reason_error=$(reason_sentence); }

# reason_said SENTENCE: print the sentence with the exception, unless it has that already, and the remedy. A sentence of
# selvedge_explain.py that names hosts.toml has both.
reason_said() {
  local said
  said=$1
  case $said in
    *" of hosts.toml") reason_clear ;;
  esac
  case $said in
    *"${reason_error:-$said}"*) ;;
    *) said="$said: $reason_error" ;;
  esac
  printf '%s' "${said%.}${reason_remedy:+. $reason_remedy}"
}

# reason_otherwise SENTENCE: print the sentence if there is no remedy that fits better.
reason_otherwise() { [ -n "$reason_remedy" ] || printf '%s' "$1"; }

# reason_clear: forget the exception and the remedy, because a sentence already has both.
reason_clear() {
  reason_error=
  reason_remedy=
}

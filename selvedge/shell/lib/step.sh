# The main program of a step's script. $mark begins each line of progress. The script defines change_arm, change_failed, and a
# function change_NAME for each name in $step_changes.
# Shared: undo status reason

step_say() { printf '%s say %s\n' "$mark" "$*"; }

# step_wait TEXT: tell the user what the change waits for ("waiting for the first worker"); the seconds are shown with it. The
# waiting ends with the change, with the next step_wait, or with an empty TEXT.
step_wait() { printf '%s wait %s\n' "$mark" "$*"; }

# step_gate LAYER [ANSWER]: a layer of the gate begins; with ANSWER, it has passed. A run's report shows them (`--report`).
step_gate() { printf '%s gate %s\n' "$mark" "$*"; }

# step_remedy SENTENCE: what to do about the failure that follows, in place of the change's own remedy.
step_remedy() { printf '%s remedy %s\n' "$mark" "$*"; }

step_fail() {
  printf '%s error %s\n' "$mark" "$*"
  exit 1
}

# step_try COMMAND…: run a program and show its output. If it fails, set $reason to the last line and return its exit status.
step_try() {
  local shown
  reason=
  shown=$("$@" 2>&1) || {
    set -- "$?"
    printf '%s\n' "$shown"
    reason=$(printf '%s\n' "$shown" | grep -v '^[[:space:]]*$' | tail -n 1 | sed 's/^[[:space:]]*//; s/^\(error\|ERROR\): //; s/[. ]*$//')
    : "${reason:=exit status $1}"
    return "$1"
  }
  [ -z "$shown" ] || printf '%s\n' "$shown"
}

# step_run NAME: make one change in a subshell; set $status to its exit status.
step_run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then
    printf '%s done %s\n' "$mark" "$1"
    return 0
  fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  file_restore
}

# Not `step_run || return 1`: before `||`, `set -e` has no effect, not even in functions and subshells.
step_all() {
  local change
  for change in $step_changes; do
    step_run "$change"
    [ "$status" -eq 0 ] || return 1
  done
}

# step_lock: take the lock of the step, which a run that lost its connection may still hold.
step_lock() {
  exec 9>"/run/selvedge/$step_app.step"
  if ! flock -n 9; then
    step_wait "waiting for the last step of an interrupted run"
    flock -w 300 9 || step_fail "The last step of an interrupted run is still running after 5 minutes. See its output on the server: \`sudo less /var/log/selvedge/$step_app.log\`."
    step_wait ""
  fi
}

# step_clean: a killed run leaves backup copies here, which may contain secrets.
step_clean() {
  local left
  for left in "/run/selvedge/$step_app".undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
}

# step_note: add a line to the app's history, unless no change of this script counts ($step_counted), or it has removed the history.
step_note() {
  local result
  [ "$step_counted" -gt 0 ] || return 0
  [ "$step_why" != remove ] || [ -d "/srv/$step_app" ] || return 0
  (
    [ -d "/srv/$step_app" ] || install -d -m 0711 -- "/srv/$step_app"
    result="$step_counted changed"
    [ "$status" -eq 0 ] || result=failed
    history_note "/srv/$step_app/history" "$step_by" "$step_why" - - "$result"
  ) || step_say "could not write the history in /srv/$step_app"
}

step_main() {
  step_lock
  step_clean
  undo=$(mktemp -d "/run/selvedge/$step_app.undo.XXXXXX") || step_fail "Could not write to /run/selvedge."
  change_arm
  status=$?
  if [ "$status" -ne 0 ]; then
    rm -rf -- "$undo"
    return 1
  fi
  step_all
  status=$?
  if [ "$status" -ne 0 ]; then change_failed; fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  step_note
  # Other runs compare this file's time with the time of their reading (lock_take).
  : >"/run/selvedge/$step_app.step"
  return "$status"
}

# step_start: run the whole step, even if the connection is lost. `tee -p` also writes the output to the log. It continues after a
# disconnect, so that no program of the step gets a broken pipe. Changes read their payloads from descriptor 3.
# Values: step_app step_by step_why step_changes step_counted
step_start() {
  trap '' HUP
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  {
    step_main
    printf '%s end %s\n' "$mark" "$?"
  } 3<&0 </dev/null 2>&1 | (
    umask 077
    tee -p -a "/var/log/selvedge/$step_app.log"
  )
}

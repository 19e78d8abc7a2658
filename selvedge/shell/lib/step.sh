# The frame of a step's script. $mark begins each line of progress. The script defines a function change_NAME for each name in
# $step_changes, change_arm and change_failed.
# Shared: undo status

step_say() { printf '%s say %s\n' "$mark" "$*"; }

step_fail() {
  printf '%s error %s\n' "$mark" "$*"
  exit 1
}

# step_run NAME: make one change, in a subshell; its exit status is in $status.
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

# Not `step_run || return 1`: a command before `||` runs without `set -e`, with all functions and subshells in it.
step_all() {
  local change
  for change in $step_changes; do
    step_run "$change"
    [ "$status" -eq 0 ] || return 1
  done
}

# step_wait: hold the lock of the step, which a run that lost its connection may still hold.
step_wait() {
  exec 9>"/run/selvedge/$step_app.step"
  if ! flock -n 9; then
    step_say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || step_fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/$step_app.log"
  fi
}

# step_clean: a killed run leaves backup copies here, which may contain secrets.
step_clean() {
  local left
  for left in "/run/selvedge/$step_app".undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
}

# step_note: add a line to the app's history, unless no change of this script counts ($step_counted).
step_note() {
  local result
  [ "$step_counted" -gt 0 ] || return 0
  (
    [ -d "/srv/$step_app" ] || install -d -m 0711 -- "/srv/$step_app"
    result="$step_counted changed"
    [ "$status" -eq 0 ] || result=failed
    history_note "/srv/$step_app/history" "$step_by" "$step_why" - - "$result"
  ) || step_say "the history in /srv/$step_app cannot be written"
}

step_main() {
  step_wait
  step_clean
  undo=$(mktemp -d "/run/selvedge/$step_app.undo.XXXXXX") || step_fail "cannot write to /run/selvedge"
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
  # Its time tells other runs whether a step has ended since they read the server (lock_take).
  : >"/run/selvedge/$step_app.step"
  return "$status"
}

# step_start: run the whole step, even if the connection is lost. `tee -p` also writes its output to the log, and keeps reading
# after a disconnect, so that no child gets a broken pipe. Changes read their payloads from descriptor 3.
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

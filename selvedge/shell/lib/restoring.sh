# What a restore in place leaves while it is unfinished: marks in $base/backup/state. Reads $app and $base.

restoring_text="A restore was interrupted, and has replaced only a part of the live data"

# restoring_half: whether a restore has replaced only a part of the live data, and was cut.
restoring_half() { [ -e "$base/backup/state/half-restored" ]; }

# restoring_unless_half COMMAND: if the data is half restored, run a command that fails with a sentence. The app must not run then.
restoring_unless_half() {
  ! restoring_half || "$1" "$restoring_text, so the app must not run. Run the same \`fab restore --live\` again"
}

# restoring_paused: whether a restore has stopped the app, which has not started since.
restoring_paused() { [ -e "$base/backup/state/stopped" ] || [ -e "$base/backup/state/not-started" ]; }

# restoring_forget: the app runs again.
# Values: base
restoring_forget() { rm -f -- "$base/backup/state/stopped" "$base/backup/state/not-started"; }

# restoring_now: whether a restore runs. It holds this lock until its end.
restoring_now() { [ -e "/run/selvedge/$app.restoring" ] && ! flock -n -s "/run/selvedge/$app.restoring" true; }

# restoring_fact: "half yes" or "stopped yes" after a restore that was cut, with a part of the live data replaced, or none of it;
# "unstarted yes" after one whose app did not start. "half now" while a restore replaces the data.
# Values: app base
restoring_fact() {
  local state
  if restoring_half; then
    state=half
  elif [ -e "$base/backup/state/not-started" ]; then
    state=unstarted
  elif [ -e "$base/backup/state/stopped" ]; then
    state=stopped
  else
    return 0
  fi
  if ! restoring_now; then printf '%s yes\n' "$state"; elif [ "$state" = half ]; then printf 'half now\n'; fi
}

# What a restore in place leaves while it is unfinished: marks in $base/backup/state. Reads $app and $base.

restoring_text="A restore was interrupted, and has replaced only a part of the live data"

# restoring_half: whether a restore has replaced only a part of the live data, and was cut.
restoring_half() { [ -e "$base/backup/state/half-restored" ] && ! restoring_whole; }

# restoring_whole: whether a restore has replaced all data, and was cut before PostgreSQL let the other servers in.
# Values: base
restoring_whole() { grep -q '"whole": true' "$base/backup/state/half-restored" 2>/dev/null; }

# restoring_opened: PostgreSQL lets the other servers in.
# Values: base
restoring_opened() { if restoring_whole; then rm -f -- "$base/backup/state/half-restored"; fi; }

# restoring_chosen: print the short id of the backup that a cut restore puts in place, "file" for a file, nothing if it is not known.
restoring_chosen() {
  if [ -e "$base/backup/state/half-restored" ]; then
    sed -n 's/.*"chosen": "\([0-9a-z]*\)".*/\1/p' "$base/backup/state/half-restored"
  elif [ -e "$base/backup/restored/chosen" ]; then
    head -c 8 "$base/backup/restored/chosen"
  fi
}

# restoring_again: print the command that finishes a cut restore.
restoring_again() {
  restoring_chosen | awk '{ if ($1 != "") flag = ($1 == "file") ? " --from FILE" : " --snapshot " $1 } END { printf "`fab restore --live%s`", flag }'
}

# restoring_unless_half COMMAND: if the data is half restored, run a command that fails with a sentence. The app must not run then.
restoring_unless_half() {
  ! restoring_half || "$1" "$restoring_text, so the app must not run. Run the same restore again: $(restoring_again)"
}

# restoring_paused: whether a restore has stopped the app, which has not started since.
restoring_paused() { [ -e "$base/backup/state/stopped" ] || [ -e "$base/backup/state/not-started" ]; }

# restoring_forget: the app runs again.
# Values: base
restoring_forget() { rm -f -- "$base/backup/state/stopped" "$base/backup/state/not-started"; }

# restoring_now: whether a restore runs. It holds this lock until its end.
restoring_now() { [ -e "/run/selvedge/$app.restoring" ] && ! flock -n -s "/run/selvedge/$app.restoring" true; }

# restoring_fact: "half yes BACKUP" or "stopped yes BACKUP" after a restore that was cut, with a part of the live data replaced, or
# none of it; "closed yes" after one that was cut before PostgreSQL let the other servers in; "unstarted yes" after one whose app did
# not start. "half now" while a restore replaces the data.
# Values: app base
restoring_fact() {
  local state
  if restoring_whole && ! restoring_now; then printf 'closed yes\n'; fi
  if restoring_half; then
    state=half
  elif [ -e "$base/backup/state/not-started" ]; then
    state=unstarted
  elif [ -e "$base/backup/state/stopped" ]; then
    state=stopped
  else
    return 0
  fi
  if ! restoring_now; then printf '%s yes %s\n' "$state" "$(restoring_chosen)" | sed 's/ $//'; elif [ "$state" = half ]; then printf 'half now\n'; fi
}

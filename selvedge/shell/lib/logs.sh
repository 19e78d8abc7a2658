# Logs: their last lines, and what is added to them, each line behind the name of its log. Writes nothing. Reads $app,
# $base, $log_dir, $lines and $follow. "= NAME" ends the lines that were there; "! SENTENCE" says why there is none.

# logs_session: the process of sshd that serves this connection; when it is gone, nobody listens any more.
logs_session() {
  session=$PPID
  while [ "$session" -gt 1 ]; do
    case $(cat "/proc/$session/comm" 2>/dev/null) in sshd*) return 0 ;; esac
    session=$(ps -o ppid= -p "$session" | tr -d ' ')
  done
  session=$PPID
}

logs_live() {
  now=$(readlink "$base/live.sock" 2>/dev/null) || now=
  now=${now##*/}
  now=${now%.sock}
}

# logs_show NAME FILE LINES: the last lines, and with $follow the further ones, by a `tail` in the background.
logs_show() {
  if [ ! -f "$2" ]; then
    printf '! there is no %s yet\n' "$2"
    missing=1
    return 0
  fi
  # Up to the size that it has now, so that no line is lost or doubled between the two.
  size=$(stat -c %s -- "$2")
  # sed's `$a\` ends the last line where it has no end.
  # shellcheck disable=SC1003
  head -c "$size" -- "$2" | tail -n "$3" | sed -e "s/^/$1 /" -e '$a\'
  printf '= %s\n' "$1"
  if [ -n "$follow" ]; then tail -q -c "+$((size + 1))" -F -- "$2" | sed -u "s/^/$1 /" & fi
}

# logs_app LINES: the log of the live release.
logs_app() {
  logs_live
  live=$now
  if [ -z "$live" ]; then
    printf '! nothing is deployed there\n'
    missing=1
  else
    logs_show app "$log_dir/$live.log" "$1"
  fi
}

# logs_tails: ends what follows.
logs_tails() { pkill -P "$$" -x tail; }

# logs_follow: until nobody listens any more. The app's log changes with the live release.
logs_follow() {
  logs_session
  while [ -z "${missing:-}" ] && [ -d "/proc/$session" ]; do
    sleep 1
    [ "$1" = app ] || continue
    logs_live
    if [ -n "$now" ] && [ "$now" != "$live" ] && [ -f "$log_dir/$now.log" ]; then
      logs_tails
      printf '+ %s\n' "$now"
      logs_app +1
    fi
  done
  logs_tails
}

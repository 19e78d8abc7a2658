# The last lines of logs, and new lines as they come, each after the name of its log. Writes nothing. "= NAME" ends the lines
# that a log already had; "+ RELEASE" says that this release became live; "! SENTENCE" says why there is no log.
# Shared: session missing

# logs_session: set $session to the process of sshd that serves this connection. It ends with the connection.
logs_session() {
  session=$PPID
  while [ "$session" -gt 1 ]; do
    case $(cat "/proc/$session/comm" 2>/dev/null) in sshd*) return 0 ;; esac
    session=$(ps -o ppid= -p "$session" | tr -d ' ')
  done
  session=$PPID
}

# logs_show NAME FILE LINES: the last lines; with $follow, a `tail` in the background prints new ones.
logs_show() {
  local size
  if [ ! -f "$2" ]; then
    printf '! the log file %s does not exist yet\n' "$2"
    missing=1
    return 0
  fi
  # head and tail use the same size, so that no line is lost or printed twice.
  size=$(stat -c %s -- "$2")
  # sed's `$a\` ends the last line if it has no end.
  # shellcheck disable=SC1003
  head -c "$size" -- "$2" | tail -n "$3" | sed -e "s/^/$1 /" -e '$a\'
  printf '= %s\n' "$1"
  if [ -n "$follow" ]; then tail -q -c "+$((size + 1))" -F -- "$2" | sed -u "s/^/$1 /" & fi
}

# logs_app LINES: the log of the live release; with $follow, also of each release that becomes live later.
# Values: live_socket log_dir follow
logs_app() {
  local live now
  exec 2>/dev/null
  missing=
  live=$(releases_live)
  if [ -z "$live" ]; then
    printf '! no release is live\n'
    return 0
  fi
  logs_show app "$log_dir/$live.log" "$1"
  [ -n "$follow" ] || return 0
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do
    sleep 1
    now=$(releases_live)
    if [ -n "$now" ] && [ "$now" != "$live" ] && [ -f "$log_dir/$now.log" ]; then
      logs_end
      printf '+ %s\n' "$now"
      live=$now
      logs_show app "$log_dir/$live.log" +1
    fi
  done
  logs_end
}

# logs_nginx LINES NAME FILE…: nginx's logs.
# Values: follow
logs_nginx() {
  local lines
  exec 2>/dev/null
  lines=$1
  missing=
  shift
  while [ $# -gt 1 ]; do
    logs_show "$1" "$2" "$lines"
    shift 2
  done
  [ -n "$follow" ] || return 0
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do sleep 1; done
  logs_end
}

# logs_end: end the `tail` processes.
logs_end() { pkill -P "$$" -x tail; }

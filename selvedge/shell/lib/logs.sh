# The last lines of logs, and new lines as they come: "NAME SECONDS TEXT", with the time of the record, "-" for a new line. Writes
# nothing. "= NAME" ends the lines that a log already had; "+ RELEASE" says that this release became live; "! SENTENCE" says why
# there is no log.
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

# logs_show NAME FILE [FILE…]: the lines of the program logs.py; with $follow, a `tail` in the background prints new ones of the
# first file. The words that the user looks for are not in the process list.
# Values: program wishes follow
logs_show() {
  local size name
  name=$1
  shift
  if [ ! -f "$1" ]; then
    printf '! the log file %s does not exist yet\n' "$1"
    missing=1
    return 0
  fi
  # The program and tail use the same size, so that no line is lost or printed twice.
  size=$(stat -c %s -- "$1")
  printf '%s' "$wishes" | python3 -IS -c "$program" "$name" "$size" "$@" || {
    printf '! python3 could not read the log file %s\n' "$1"
    missing=1
    return 0
  }
  printf '= %s\n' "$name"
  logs_tail "$name" "$1" "$((size + 1))"
}

# logs_tail NAME FILE BYTE: with $follow, print new lines, from this byte on.
logs_tail() {
  if [ -n "$follow" ]; then tail -q -c "+$3" -F -- "$2" | sed -u "s/^/$1 - /" & fi
}

# logs_app [all]: the log of the live release; with $follow, also of each release that becomes live later. all: the logs of all
# releases that are kept.
# Values: live_socket log_dir follow program wishes
logs_app() {
  local live now
  exec 2>/dev/null
  missing=
  live=$(releases_live)
  if [ -z "$live" ]; then
    printf '! no release is live\n'
    return 0
  fi
  if [ -n "${1:-}" ] && [ -f "$log_dir/$live.log" ]; then
    # The live one is the first.
    set -- "$log_dir"/[0-9a-f]*-*[0-9a-f].log
    # Not those of the processes, which have an `@`.
    # shellcheck disable=SC2046 # their names are releases
    set -- "$log_dir/$live.log" $(printf '%s\n' "$@" | grep -v '@' | grep -v -x -F "$log_dir/$live.log")
  else
    set -- "$log_dir/$live.log"
  fi
  logs_show app "$@"
  [ -n "$follow" ] || return 0
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do
    sleep 1
    now=$(releases_live)
    if [ -n "$now" ] && [ "$now" != "$live" ] && [ -f "$log_dir/$now.log" ]; then
      logs_end
      printf '+ %s\n' "$now"
      live=$now
      logs_tail app "$log_dir/$live.log" 1
    fi
  done
  logs_end
}

# logs_process NAME [all]: the logs of a process beside the web process, of the live release; with $follow, also of each release that
# becomes live later. all: of all releases that are kept.
# Values: base live_socket log_dir follow program wishes
logs_process() {
  local live name now file names
  exec 2>/dev/null
  missing=
  live=$(releases_live)
  name=$1
  if [ -z "$live" ]; then
    printf '! no release is live\n'
    return 0
  fi
  if [ ! -d "$base/instances/$live/processes/$name" ]; then
    names=$(find "$base/instances/$live/processes" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -s -d , | sed 's/,/, /g')
    printf '! the live release %s has no process %s%s\n' "$live" "$name" "${names:+, only $names}"
    return 0
  fi
  file="$live.$name@*.log"
  if [ -n "${2:-}" ]; then file="[0-9a-f]*-*.$name@*.log"; fi
  # shellcheck disable=SC2046 # no name has a space
  set -- $(find "$log_dir" -maxdepth 1 -name "$file" | sort -r)
  if [ $# -eq 0 ]; then set -- "$log_dir/$live.$name@1.log"; fi
  logs_show "$name" "$@"
  [ -n "$follow" ] || return 0
  shift
  for file; do logs_tail "$name" "$file" "$(($(stat -c %s -- "$file") + 1))"; done
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do
    sleep 1
    now=$(releases_live)
    if [ -n "$now" ] && [ "$now" != "$live" ] && [ -d "$base/instances/$now/processes/$name" ]; then
      logs_end
      printf '+ %s\n' "$now"
      live=$now
      for file in "$log_dir/$live.$name@"*.log; do logs_tail "$name" "$file" 1; done
    fi
  done
  logs_end
}

# logs_files NAME FILE…: logs of nginx or of a timer.
# Values: follow program wishes
logs_files() {
  exec 2>/dev/null
  missing=
  while [ $# -gt 1 ]; do
    logs_show "$1" "$2"
    shift 2
  done
  [ -n "$follow" ] || return 0
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do sleep 1; done
  logs_end
}

# logs_end: end the `tail` processes.
logs_end() { pkill -P "$$" -x tail; }

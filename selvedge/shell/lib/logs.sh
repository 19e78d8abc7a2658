# The last lines of logs, and new lines as they come: "NAME SECONDS TEXT", with the time of the record, "-" for a new line. Writes
# nothing. "= NAME" ends the lines that a log already had; "+ RELEASE" says that this release became live; "! SENTENCE" says why
# there is no log.
# Shared: session missing copies

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

# logs_tail NAME FILE BYTE: with $follow, print new lines, from this byte on, or those that the journal has more than the copy FILE.
logs_tail() {
  local cursor
  [ -n "$follow" ] || return 0
  if [ -e "$2.cursor" ]; then
    cursor=$(cat -- "$2.cursor")
    # shellcheck disable=SC2046 # no tag has a space
    journalctl $(output_filter "$(cat -- "$2.tag")") -f --no-tail ${cursor:+"--after-cursor=$cursor"} | sed -u "s/^/$1 - /" &
  else
    tail -q -c "+$3" -F -- "$2" | sed -u "s/^/$1 - /" &
  fi
}

# logs_copies: make the folder for copies of the journal, which contain the output of containers.
logs_copies() {
  copies=$(mktemp -d -p /var/tmp)
  trap logs_forget EXIT
}

logs_forget() { rm -rf -- "$copies"; }

# logs_new NAME: print the path of the log of an instance or a unit, for logs_tail from its beginning on.
logs_new() {
  local tag
  tag=$(output_tag "$1")
  if [ -z "$tag" ]; then
    printf '%s\n' "$log_dir/$1.log"
    return 0
  fi
  printf '%s\n' "$tag" >"$copies/$1.log.tag"
  : >"$copies/$1.log.cursor"
  printf '%s\n' "$copies/$1.log"
}

# logs_file NAME: print the path of the log of an instance or a unit: a copy of its last lines if it is in the journal.
logs_file() {
  local file
  file=$(logs_new "$1")
  printf '%s\n' "$file"
  [ -e "$file.tag" ] || return 0
  # shellcheck disable=SC2046
  journalctl $(output_filter "$(cat -- "$file.tag")") -n 200000 --show-cursor >"$file"
  sed -n '$s/^-- cursor: //p' "$file" >"$file.cursor"
  sed -i '${/^-- cursor: /d}' "$file"
}

# logs_files_of NAME…: print the paths of their logs.
logs_files_of() {
  local name
  for name; do logs_file "$name"; done
}

# logs_exists NAME: whether an instance or a unit has a log.
logs_exists() { [ -n "$(output_tag "$1")" ] || [ -f "$log_dir/$1.log" ]; }

# logs_others INSTANCE: print the other instances that have a log. The logs of processes have an `@` in their names.
logs_others() {
  local name
  {
    for name in "$log_dir"/[0-9a-f]*-*[0-9a-f].log; do basename -- "$name" .log; done
    for name in "$base/instances"/*/container; do basename -- "${name%/container}"; done
  } | grep -v -F '@' | grep -v -x -F -e "$1" -e '*' -e '[0-9a-f]*-*[0-9a-f]'
}

# logs_app [all]: the log of the live release; with $follow, also of each release that becomes live later. all: the logs of all
# releases that are kept.
# Values: app base live_socket log_dir follow program wishes
logs_app() {
  local live now
  exec 2>/dev/null
  missing=
  live=$(releases_live)
  if [ -z "$live" ]; then
    printf '! no release is live\n'
    return 0
  fi
  logs_copies
  if [ -n "${1:-}" ] && logs_exists "$live"; then
    # The live one is the first.
    # shellcheck disable=SC2046 # their names are releases
    set -- $(logs_files_of "$live" $(logs_others "$live"))
  else
    set -- "$(logs_file "$live")"
  fi
  logs_show app "$@"
  [ -n "$follow" ] || return 0
  logs_session
  while [ -z "$missing" ] && [ -d "/proc/$session" ]; do
    sleep 1
    now=$(releases_live)
    if [ -n "$now" ] && [ "$now" != "$live" ] && logs_exists "$now"; then
      logs_end
      printf '+ %s\n' "$now"
      live=$now
      logs_tail app "$(logs_new "$live")" 1
    fi
  done
  logs_end
}

# logs_process NAME [all]: the logs of a process beside the web process, of the live release; with $follow, also of each release that
# becomes live later. all: of all releases that are kept.
# Values: app base live_socket log_dir follow program wishes
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
  logs_copies
  # shellcheck disable=SC2046 # no name has a space
  set -- $(logs_files_of $(logs_units "$name" "${2:+*}" | sort -r))
  if [ $# -eq 0 ]; then set -- "$(logs_file "$live.$name@1")"; fi
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
      for file in $(logs_units "$name"); do logs_tail "$name" "$(logs_new "$file")" 1; done
    fi
  done
  logs_end
}

# logs_units NAME [*]: print the units of this process that have a log, of $live or of all releases.
logs_units() {
  {
    find "$log_dir" -maxdepth 1 -name "[0-9a-f]*-*.$1@*.log" -printf '%f\n'
    dockerunit_list '*' | grep -e "\.$1@"
  } | sed 's/\.log$//' | if [ -n "${2:-}" ]; then cat; else grep -e "^$live\."; fi
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

# logs_end: end the processes that logs_tail has started.
logs_end() { pkill -P "$$" -x 'tail|journalctl'; }

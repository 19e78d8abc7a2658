# The processes beside the web process, as a release has them ([processes]): a folder for each, instances/INSTANCE/processes/NAME,
# with its settings, and how many of it run (count). Reads $app, $base and $supervisor_conf.

# processes_any: whether a release on this server has processes, or a process manager has one.
processes_any() {
  local path
  for path in "$base/instances"/*/processes "$systemd_units/$app".*@.service "${supervisor_conf%.conf}".*@*.conf; do
    if [ -e "$path" ]; then return 0; fi
  done
  return 1
}

# processes_names INSTANCE: print the names of its processes.
processes_names() {
  local folder
  for folder in "$base/instances/$1/processes"/*/; do
    folder=${folder%/}
    if [ -d "$folder" ]; then echo "${folder##*/}"; fi
  done
}

# processes_count INSTANCE NAME: print how many of it run.
processes_count() { cat -- "$base/instances/$1/processes/$2/count" 2>/dev/null || echo 0; }

# processes_states INSTANCE: print the facts of its units that a process manager has (unit_facts).
processes_states() {
  # shellcheck disable=SC2046 # no name has a space
  set -- $(unit_list "$1")
  [ $# -eq 0 ] || unit_facts "$@"
}

# processes_setting INSTANCE NAME KEY: print a line of its settings.
processes_setting() { sed -n "s/^$3 //p" "$base/instances/$1/processes/$2/settings" 2>/dev/null || :; }

# processes_name UNIT: print the name of its process.
processes_name() {
  set -- "${1%@*}"
  echo "${1#*.}"
}

# processes_single UNIT [INSTANCE]: whether two of it must not run at once, by the settings of its release, or of INSTANCE.
processes_single() {
  local name
  name=$(processes_name "$1")
  [ "$(processes_setting "${1%%.*}" "$name" overlap)" = no ] || [ "$(processes_setting "${2:-.}" "$name" overlap)" = no ]
}

# processes_stop_timeout INSTANCE: print the longest stop_timeout of its processes in seconds, 0 without any.
processes_stop_timeout() {
  cat -- "$base/instances/$1/processes"/*/settings 2>/dev/null |
    awk '$1 == "stop_timeout" && $2 > longest { longest = $2 } END { print longest + 0 }'
}

# processes_pids INSTANCE [NEW]: print the ids of its processes and of their children. NEW: only those that run on beside the processes of
# this other release while they start.
processes_pids() {
  local unit pid state
  processes_any || return 0
  processes_states "$1" | while read -r unit _ pid state; do
    [ "$state" != up ] || { [ -n "${2:-}" ] && processes_single "$unit" "$2"; } || echo "main $pid"
  done | { cat && ps -e -o pid=,ppid=; } | awk '
    $1 == "main" { main[$2]; next }
    { parent[$1] = $2 }
    END {
      for (pid in parent) {
        for (at = pid; at > 1 && !(at in main); at = parent[at]);
        if (at > 1) print pid
      }
    }'
}

# processes_units INSTANCE NAME: print its units that a process manager has.
processes_units() {
  local unit
  for unit in $(unit_list "$1"); do
    case $unit in "$1.$2@"*) printf '%s\n' "$unit" ;; esac
  done
}

# processes_free INSTANCE NAME COUNT [UNIT…]: print COUNT names for further units: the first numbers without a unit.
processes_free() {
  local instance name count number
  instance=$1 name=$2 count=$3
  shift 3
  number=1
  while [ "$count" -gt 0 ]; do
    case " $* " in
      *" $instance.$name@$number "*) ;;
      *)
        printf '%s\n' "$instance.$name@$number"
        count=$((count - 1))
        ;;
    esac
    number=$((number + 1))
  done
}

# processes_pick INSTANCE NAME STATES: print the units that should run, as many as its count: those that a boot starts, then those that
# run, then new ones. A unit that stops still has a job in hand, so another one takes its place. STATES: those of processes_states.
processes_pick() {
  local count states found used
  count=$(processes_count "$1" "$2")
  [ "$count" -gt 0 ] || return 0
  states=$(printf '%s\n' "$3" | awk -v name="$1.$2@" 'index($1, name) == 1')
  found=$(printf '%s\n' "$states" | awk -v count="$count" '
    $2 == "boot" && $4 != "stopping" { print $1; count-- }
    $2 == "-" && $4 ~ /^(up|ended)$/ { running[++others] = $1 }
    END { for (at = 1; at <= others && count-- > 0; at++) print running[at] }' | sort -t @ -k 2 -n | head -n "$count")
  [ -z "$found" ] || printf '%s\n' "$found"
  used=$(printf '%s\n' "$found" | grep -c .) || :
  # A unit that has stopped leaves its number to others.
  # shellcheck disable=SC2046,SC2086
  processes_free "$1" "$2" $((count - used)) $found $(printf '%s\n' "$states" | awk '$4 != "down" { print $1 }')
}

# processes_wanted INSTANCE: print the units that should run while it is live.
processes_wanted() {
  local name states
  states=$(processes_states "$1")
  for name in $(processes_names "$1"); do processes_pick "$1" "$name" "$states"; done
}

# processes_boot INSTANCE: have the next boot start its processes, and no others. Of those that must not run twice, others are
# switched off first: a boot after a power cut in between starts none of them rather than two. Of the rest it starts both. 1: it
# could not write that.
processes_boot() {
  local wanted unit single rest
  processes_any || return 0
  # shellcheck disable=SC2005,SC2046 # no name has a space
  wanted=$(echo $(processes_wanted "$1"))
  single=
  rest=
  for unit in $(unit_list '*'); do
    case " $wanted " in *" $unit "*) continue ;; esac
    if processes_single "$unit" "$1"; then single="$single $unit"; else rest="$rest $unit"; fi
  done
  # shellcheck disable=SC2086
  {
    [ -z "$single" ] || unit_unboot $single || return 1
    [ -z "$wanted" ] || unit_boot $wanted || return 1
    [ -z "$rest" ] || unit_unboot $rest
  }
}

# processes_restarted NAME: print the last restart of this process of the live release (changeover_restart).
# Values: base live_socket
processes_restarted() {
  printf 'restarted %s\n' "$(cat -- "$base/instances/$(releases_live)/processes/$1/restarted" 2>/dev/null)"
}

# processes_has INSTANCE: whether a process manager has one of its processes.
processes_has() { processes_any && [ -n "$(unit_list "$1")" ]; }

# processes_leave INSTANCE: ask its processes to stop, without waiting. No boot starts them.
processes_leave() {
  processes_any || return 0
  # shellcheck disable=SC2005,SC2046
  set -- $(unit_list "$1")
  [ $# -gt 0 ] || return 0
  unit_unboot "$@" || :
  unit_ask "$@"
}

# processes_stop INSTANCE: stop its processes, wait until they have ended, and delete their files outside of its folder.
processes_stop() {
  processes_any || return 0
  # shellcheck disable=SC2005,SC2046
  set -- "$1" $(unit_list "$1")
  if [ $# -gt 1 ]; then
    processes_leave "$1"
    (shift && unit_end "$@")
  fi
  unit_forget "$1"
}

# processes_fact INSTANCE [restarts]: print a line for each of its processes: its count; how many a boot starts and the process
# manager keeps running; how many run now; how many stop; with `restarts`, how often they were started again.
processes_fact() {
  local name unit count states restarts
  [ -d "$base/instances/$1/processes" ] || return 0
  states=$(processes_states "$1")
  restarts=
  if [ -n "${2:-}" ]; then
    restarts=$(printf '%s\n' "$states" | while read -r unit _; do [ -z "$unit" ] || echo "$unit $(unit_restarts "$unit")"; done)
  fi
  for name in $(processes_names "$1"); do
    count=$(processes_count "$1" "$name")
    printf '%s\n%s\n' "$states" "$restarts" | awk -v unit="$1.$name@" -v name="$name" -v count="$count" -v asked="${2:-}" '
      index($1, unit) != 1 { next }
      NF == 2 { restarts += $2 }
      $2 == "boot" && $4 ~ /^(up|ended)$/ { kept++; up += ($4 == "up") }
      $2 == "-" && $4 ~ /^(up|stopping)$/ { leaving++ }
      END { print "processes", name, count, kept + 0, up + 0, leaving + 0, asked ? restarts + 0 : "" }'
  done
}

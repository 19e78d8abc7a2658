# The orphans among the processes of an app ([processes]): programs that keep running, although supervisord, which started them, was
# killed. The start script (process/start.j2) notes the program of each unit in a file of the app's user: its id, when it was started,
# and the boot. A copy of that file, .asked, says that the program has got its stop signal: some programs, such as RQ's worker, end
# their job at a second one. Here a UNIT is INSTANCE.NAME@NUMBER. Reads $app, $base and $supervisor_conf.

orphan_file() { echo "$base/shared/.tmp/.$1.pid"; }

# orphan_pid UNIT: print the id of its program if that is an orphan: it runs, its parent is no supervisord, and it is the app's.
orphan_pid() {
  local pid time boot word stat
  [ -f "$(orphan_file "$1")" ] || return 0
  { read -r pid time boot <"$(orphan_file "$1")" && read -r word </proc/sys/kernel/random/boot_id; } 2>/dev/null || return 0
  case $boot:$pid in "$word":*[!0-9]*) return 0 ;; "$word":?*) ;; *) return 0 ;; esac
  # proc(5): after the name in brackets, the parent is the second value, and the start the 20th.
  stat=$(sed -n 's/.*) \([^ZX] \)/\1/p' "/proc/$pid/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- $stat
  if [ $# -lt 20 ] || [ "${20}" != "$time" ]; then return 0; fi
  { read -r word <"/proc/$2/comm"; } 2>/dev/null || word=
  if [ "$word" != supervisord ] && [ "$(stat -c %U -- "/proc/$pid" 2>/dev/null)" = "$app" ]; then echo "$pid"; fi
}

# orphan_asked UNIT: whether its program has got its signal.
orphan_asked() { cmp -s -- "$(orphan_file "$1")" "$(orphan_file "$1").asked"; }

# orphan_note UNIT…: note that supervisor has sent them their signal.
orphan_note() {
  local unit
  for unit; do
    shift
    set -- "$@" "$(orphan_file "$unit")"
  done
  # shellcheck disable=SC2016 # for the shell of the app's user
  [ $# -eq 0 ] || user_run "$app" sh -c 'for file; do cp -- "$file" "$file.asked"; done' sh "$@" 2>/dev/null || :
}

# orphan_kill SIGNAL PID: as the app's user, because that user can write the file with the id.
orphan_kill() {
  # shellcheck disable=SC2016 # for the shell of the app's user
  user_run "$app" sh -c 'kill -s "$1" -- "$2"' sh "$1" "$2" 2>/dev/null
}

# orphan_setting UNIT KEY: print a setting of its file in supervisor.
orphan_setting() { sed -n "s/^$2=//p" "$(supervisorunit_file "$1")"; }

# orphan_ask UNIT…: send the orphans of these units their signal, once.
orphan_ask() {
  local unit pid
  for unit; do
    pid=$(orphan_pid "$unit")
    if [ -z "$pid" ] || orphan_asked "$unit"; then continue; fi
    if orphan_kill "$(orphan_setting "$unit" stopsignal)" "$pid"; then orphan_note "$unit"; fi
  done
}

# orphan_overdue MILLISECONDS UNIT…: after this time, kill the orphans of these units whose stop_timeout is over, each with its process
# group.
orphan_overdue() {
  local time unit pid
  time=$1
  shift
  for unit; do
    pid=$(orphan_pid "$unit")
    [ -n "$pid" ] || continue
    if [ "$time" -ge "$(orphan_setting "$unit" stopwaitsecs)000" ]; then orphan_kill KILL "-$pid" || :; fi
  done
}

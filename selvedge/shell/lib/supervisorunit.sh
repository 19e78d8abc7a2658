# The processes beside the web process ([processes]) under supervisor: a file with one program for each, APP.INSTANCE.NAME@NUMBER.
# Here a UNIT is INSTANCE.NAME@NUMBER. A boot starts those whose file says so; the others stop, or have stopped. The functions are
# those of systemdunit.sh; unit.sh calls them. Reads $app, $base, $log_dir and $supervisor_conf.

supervisorunit_file() { echo "${supervisor_conf%.conf}.$1.conf"; }

# supervisorunit_has UNIT: not by supervisorunit_file, whose subshell takes a millisecond, and there may be fifty units.
supervisorunit_has() { [ -e "${supervisor_conf%.conf}.$1.conf" ]; }

# supervisorunit_list PATTERN: print the units of the instances with these names that have a file.
supervisorunit_list() {
  local file
  # shellcheck disable=SC2231 # a pattern
  for file in "${supervisor_conf%.conf}."$1.*@*.conf; do
    [ -e "$file" ] || continue
    file=${file#"${supervisor_conf%.conf}."}
    echo "${file%.conf}"
  done
}

# supervisorunit_text UNIT BOOT: print the text of its file. BOOT: true or false. If its release was deleted, the file stays.
supervisorunit_text() {
  local name source number
  name=${1%@*}
  number=${1##*@}
  source=$base/instances/${name%%.*}/processes/${name#*.}/process.conf
  if [ -e "$source" ]; then
    sed -e '/^\[program:/s/@NUMBER\]$/@'"$number"']/' -e '/^command=/s/ NUMBER$/ '"$number"'/' \
      -e '/^stdout_logfile=/s/@NUMBER/@'"$number"'/' -e "s/^autostart=.*/autostart=$2/" -- "$source"
  else
    sed "s/^autostart=.*/autostart=$2/" -- "$(supervisorunit_file "$1")"
  fi
}

supervisorunit_write() {
  local file
  file=$(supervisorunit_file "$1")
  supervisorunit_text "$1" "$2" >"$file.new" || return 1
  if cmp -s -- "$file.new" "$file"; then
    rm -f -- "$file.new"
    return 0
  fi
  sync -- "$file.new" && mv -f -- "$file.new" "$file"
}

# supervisorunit_facts UNIT…: as systemdunit_facts. An orphan that was asked to stop (orphan.sh) is a unit that stops.
supervisorunit_facts() {
  local unit states found boot pid state orphan
  states=$(rpc_states) || states=
  for unit; do
    boot=-
    if supervisorunit_text "$unit" true 2>/dev/null | cmp -s -- - "$(supervisorunit_file "$unit")"; then boot=boot; fi
    found=$(printf '%s\n' "$states" | awk -v name="$app.$unit" '$1 == name { print $2, $3; exit }')
    pid=${found% *}
    case ${found#* } in
      RUNNING | STARTING) state=up ;;
      BACKOFF | EXITED) state=ended ;;
      STOPPING) state=stopping ;;
      *)
        state=down
        if orphan_asked "$unit"; then orphan=$(orphan_pid "$unit"); else orphan=; fi
        if [ -n "$orphan" ]; then pid=$orphan state=stopping; fi
        ;;
    esac
    printf '%s %s %s %s\n' "$unit" "$boot" "${pid:-0}" "$state"
  done
}

# supervisorunit_boot UNIT…: as systemdunit_boot. supervisor does not read the files yet.
supervisorunit_boot() {
  local unit
  for unit; do supervisorunit_write "$unit" true || return 1; done
}

supervisorunit_unboot() {
  local unit
  for unit; do
    if supervisorunit_has "$unit"; then supervisorunit_write "$unit" false || return 1; fi
  done
}

# supervisorunit_calls METHOD UNIT…: print the calls that start or stop them, without waiting.
supervisorunit_calls() {
  local method unit
  method=$1
  shift
  for unit; do rpc_call "$method" "$(rpc_text "$app.$unit:$app.$unit")<value><boolean>0</boolean></value>"; done
}

# supervisorunit_start UNIT…: as systemdunit_start. The file says that supervisor starts it, so that the file does not have to change
# afterwards: supervisor would restart a program whose file has changed.
supervisorunit_start() {
  local unit groups response
  groups=
  for unit; do groups=$groups$(rpc_call addProcessGroup "$(rpc_text "$app.$unit")"); done
  response=$(rpc_send "$(rpc_call reloadConfig)$groups$(supervisorunit_calls startProcess "$@")") || response=
  case $response in
    *CANT_REREAD*) step_say "supervisor cannot read its configuration, so it starts no new program. Check the files in /etc/supervisor/conf.d" ;;
    '') step_say "supervisor does not answer. Run \`sudo systemctl restart supervisor\` on the server" ;;
  esac
}

# supervisorunit_leader UNIT: print the file with the id of its main process, which leads a process group.
supervisorunit_leader() { echo "/run/selvedge/$app.$1.leader"; }

# supervisorunit_left UNIT…: end the programs that those which have ended left behind (group.sh).
supervisorunit_left() {
  local unit leader
  for unit in $(supervisorunit_facts "$@" | awk '$4 == "down" { print $1 }'); do
    if { read -r leader <"$(supervisorunit_leader "$unit")"; } 2>/dev/null; then group_end "$leader"; fi
    rm -f -- "$(supervisorunit_leader "$unit")"
  done
}

# supervisorunit_ask UNIT…: as systemdunit_ask. supervisor stops no program that has just ended, and starts it again.
supervisorunit_ask() {
  local round unit pid orphan facts
  supervisorunit_facts "$@" | while read -r unit _ pid _; do
    orphan=$(orphan_pid "$unit")
    pid=${orphan:-$pid}
    if [ "$pid" -gt 1 ]; then echo "$pid" >"$(supervisorunit_leader "$unit")"; fi
  done
  round=0
  while [ "$round" -lt 10 ]; do
    round=$((round + 1))
    if ! rpc_send "$(supervisorunit_calls stopProcess "$@")" >/dev/null; then
      orphan_ask "$@"
      return 0
    fi
    facts=$(supervisorunit_facts "$@")
    if ! printf '%s\n' "$facts" | grep -q ' \(up\|ended\)$'; then break; fi
    sleep 0.2
  done
  # shellcheck disable=SC2046
  orphan_note $(printf '%s\n' "$facts" | awk '$4 == "stopping" { print $1 }')
  orphan_ask "$@"
  supervisorunit_left "$@"
}

# supervisorunit_end UNIT…: as systemdunit_end, and delete their files. Those that supervisor does not know have stop_timeout, too.
supervisorunit_end() {
  local unit groups facts began
  supervisorunit_unboot "$@" || :
  supervisorunit_ask "$@"
  began=$(clock_uptime)
  while facts=$(supervisorunit_facts "$@") && printf '%s\n' "$facts" | grep -q ' \(up\|ended\|stopping\)$'; do
    sleep 0.2
    if printf '%s\n' "$facts" | grep -q ' \(up\|ended\)$'; then supervisorunit_ask "$@"; fi
    orphan_overdue $(($(clock_uptime) - began)) "$@"
  done
  supervisorunit_left "$@"
  groups=
  for unit; do
    rm -f -- "$(supervisorunit_file "$unit")"
    groups=$groups$(rpc_call removeProcessGroup "$(rpc_text "$app.$unit")")
  done
  rpc_send "$(rpc_call reloadConfig)$groups" >/dev/null || :
}

# supervisorunit_forget INSTANCE: end the programs of its processes that went into the background, out of their process groups. Their
# files were deleted by supervisorunit_end.
supervisorunit_forget() {
  local pids round
  round=0
  while [ "$round" -lt 20 ]; do
    # shellcheck disable=SC2005,SC2046
    pids=$(echo $(supervisorunit_strays "$1"))
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    if [ "$round" -eq 0 ]; then kill -s TERM $pids 2>/dev/null || :; fi
    round=$((round + 1))
    sleep 0.1
  done
  # shellcheck disable=SC2086
  kill -s KILL $pids 2>/dev/null || :
}

# supervisorunit_strays INSTANCE: print the ids of the programs of the app's user that have the environment of one of its processes.
supervisorunit_strays() {
  local file
  grep -l -s -z -x -F -e "RELEASE=$1" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
    if [ "$(stat -c %U -- "${file%/environ}" 2>/dev/null)" = "$app" ] && grep -q -s -z '^PROCESS_NUMBER=' "$file"; then
      file=${file%/environ}
      echo "${file##*/}"
    fi
  done
}

# supervisorunit_status UNIT: as systemdunit_status.
supervisorunit_status() {
  cat /var/log/supervisor/supervisord.log.1 /var/log/supervisor/supervisord.log 2>/dev/null |
    sed -n "s/.* exited: $app\.$1 (\([^;]*\);.*/\1/p" | tail -n 1 | sed 's/terminated by SIG/signal /'
}

# supervisorunit_ran UNIT: as systemdunit_ran. A line of the log: 2026-11-29 12:00:00,123 INFO spawned: 'NAME' with pid 7
supervisorunit_ran() {
  local start end
  cat /var/log/supervisor/supervisord.log.1 /var/log/supervisor/supervisord.log 2>/dev/null | awk -v name="$app.$1" '
    index($0, " spawned: \047" name "\047 ") { start = $1 " " $2 }
    index($0, " exited: " name " (") && start { found = start "\n" $1 " " $2 }
    END { print found }' | {
    read -r start || :
    read -r end || :
    [ -z "$end" ] || clock_between "$start" "$end"
  }
}

supervisorunit_restarts() { supervisor_restarts "$1"; }

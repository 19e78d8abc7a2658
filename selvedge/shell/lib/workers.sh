# The worker processes of a release: the memory for two releases, and the start of all workers. Reads the variables in the list of
# switch_release.
# Shared: growing

# workers_room: refuse the release if there is not enough memory for two. The new one needs about as much as the old one. Processes that
# may not run twice end before the new ones start.
workers_room() {
  local free pids measure used pid drains beside
  [ -n "$old" ] && [ "$old" != "$new" ] || return 0
  # It still runs.
  if releases_draining "$new"; then return 0; fi
  free=$(awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo)
  beside=$(processes_pids "$old" "$new")
  pids="$(manager_processes "$old") $beside"
  # The first measure counts shared memory once for each process, but is quick. For the second one the kernel adds up all pages.
  for measure in status:VmRSS smaps_rollup:Pss; do
    # If systemd opened the socket, process 1 has it, too. A process may end at any moment.
    used=$(for pid in $pids; do [ "$pid" -eq 1 ] || echo "/proc/$pid/${measure%:*}"; done |
      xargs -r cat 2>/dev/null | awk "/^${measure#*:}:/ { sum += \$2 } END { print int(sum / 1024) }")
    if [ "$free" -ge "$used" ]; then return 0; fi
  done
  drains=$(releases_drains)
  switch_refuse "There is too little memory to run two releases at the same time: $free MB are free, and the live release uses \
$used MB${beside:+ with its processes}. ${drains:+A previous release still answers open requests: try again in $drain s. }Set fewer \
app.workers${beside:+ or a smaller count in [processes]}, or app.strategy = \"restart\": then the live release stops first, and requests fail until the new one \
answers"
}

# workers_early: the first worker needs long to start. Start the others now, so that they do not need as long again afterwards.
workers_early() {
  if [ -z "${growing:-}" ] && [ $(($(clock_uptime) - asked)) -gt 5000 ]; then workers_begin; fi
}

# workers_begin: start the other workers in the background, one after another.
workers_begin() {
  local wanted
  rm -f -- "$base/instances/$new/one"
  wanted=$(appserver_workers "$new")
  growing=none
  [ "$wanted" -gt 1 ] || return 0
  workers_add "$wanted" 3<&- &
  growing=$!
}

# workers_grow: the first worker is healthy. Start the others, unless they have begun. They do not start together with the first:
# all at once they would slow down the live release, for one that may fail. If the first took more than two seconds ($took, in
# milliseconds), wait for the others, at most as long, because until then the first would have to answer all requests.
workers_grow() {
  local end wanted
  [ -n "${growing:-}" ] || workers_begin
  if [ "$growing" = none ] || [ "$took" -le 2000 ]; then return 0; fi
  gate_wait "waiting for the other workers"
  end=$(($(clock_uptime) + took))
  wanted=$(appserver_workers "$new")
  while [ "$(clock_uptime)" -lt "$end" ] && [ "$(gate_log | appserver_ready "$new")" -lt "$wanted" ]; do sleep 0.2; done
}

# workers_add WANTED: start workers until there are that many.
workers_add() {
  local parent
  # shellcheck disable=SC2046
  parent=$(workers_parent $(manager_processes "$new"))
  while [ -n "$parent" ] && workers_add_one "$parent" "$1"; do :; done
}

# workers_grown: wait until all workers were started.
workers_grown() {
  case ${growing:-none} in none) return 0 ;; esac
  gate_wait "waiting for the other workers"
  wait "$growing" || :
}

# workers_parent PID…: print the process among these that is the parent of another.
workers_parent() {
  local pid parent
  for pid in "$@"; do
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null) || continue
    case " $* " in *" $parent "*) [ "$parent" -eq 1 ] || { echo "$parent" && return 0; } ;; esac
  done
}

# workers_warn: tell the user of packages that need a single worker: schedulers run once in each, and socketio keeps its clients'
# sessions in memory.
workers_warn() {
  local wanted found
  [ "$why" = deploy ] || return 0
  wanted=$(appserver_workers "$new")
  [ "$wanted" -gt 1 ] || return 0
  found=$(workers_schedulers "$base/releases/${new%-*}")
  [ -z "$found" ] || step_say "note: the app has $found installed and $wanted workers. A scheduler in the app runs in each of them, so each job runs $wanted times. Set app.workers = 1, or run the scheduler as a process of its own: [processes.NAME] with overlap = false"
  if [ -n "$(workers_installed "$base/releases/${new%-*}" socketio)" ]; then
    step_say "note: the app has socketio installed and $wanted workers. Clients that poll fail with \"Invalid session\", because each of their requests may reach another worker. Set app.workers = 1, or connect with transports: [\"websocket\"] and a client manager such as AsyncRedisManager"
  fi
}

# workers_installed RELEASE PACKAGE…: print those of the packages that its virtual environment has, one a line.
workers_installed() {
  local release package folder
  release=$1
  shift
  for package; do
    for folder in "$release"/.venv/lib/python*/site-packages/"$package"; do
      if [ -e "$folder" ] || [ -e "$folder.py" ]; then echo "$package"; fi
    done
  done
}

# workers_schedulers RELEASE: print the schedulers in its virtual environment that run inside an app, separated by commas. The
# last ones are for other things, too, so the code must use their function for timers.
workers_schedulers() {
  local package
  {
    workers_installed "$1" apscheduler rocketry aiocron fastapi_scheduler fastapi_crons fastapi_apscheduler aioschedule asyncz
    for package in fastapi_utils:repeat_every fastapi_utilities:repeat_ fastapi_restful:repeat_every schedule:schedule.every; do
      if grep -q -s -r -F --include='*.py' --exclude-dir=.venv -e "${package#*:}" -- "$1"; then workers_installed "$1" "${package%:*}"; fi
    done
  } | sort -u | paste -s -d , | sed 's/,/, /g'
}

workers_count() { pgrep -c -P "$1" || :; }

# workers_add_one PARENT WANTED: start one worker and wait for it, because two signals at once count as one. 1: there are enough,
# or the app server starts no further one.
workers_add_one() {
  local running end
  running=$(workers_count "$1")
  [ "$running" -lt "$2" ] || return 1
  appserver_add_worker "$new" "$1" || return 1
  end=$(($(clock_uptime) + 3000))
  while [ "$(workers_count "$1")" -le "$running" ]; do
    [ "$(clock_uptime)" -lt "$end" ] || return 1
    sleep 0.01
  done
}

# The worker processes of a release: the memory for two releases, and the start of all workers. Reads the variables in the list of
# switch_release.
# Shared: growing

# workers_room: refuse the release if there is not enough memory for two. The new one needs about as much as the old one.
workers_room() {
  local free pids measure used pid drains
  [ -n "$old" ] && [ "$old" != "$new" ] || return 0
  # It still runs.
  if releases_draining "$new"; then return 0; fi
  free=$(awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo)
  pids=$(manager_processes "$old")
  # The first measure counts shared memory once for each process, but is quick. For the second one the kernel adds up all pages.
  for measure in status:VmRSS smaps_rollup:Pss; do
    # If systemd opened the socket, process 1 has it, too. A process may end at any moment.
    used=$(for pid in $pids; do [ "$pid" -eq 1 ] || echo "/proc/$pid/${measure%:*}"; done |
      xargs -r cat 2>/dev/null | awk "/^${measure#*:}:/ { sum += \$2 } END { print int(sum / 1024) }")
    if [ "$free" -ge "$used" ]; then return 0; fi
  done
  drains=$(releases_drains)
  switch_refuse "There is too little memory to run two releases at the same time: $free MB are free, and the live release uses \
$used MB. ${drains:+A previous release still answers open requests: try again in $drain s. }Set fewer app.workers, or \
app.strategy = \"restart\": then the live release stops first, and requests fail until the new one answers"
}

# workers_grow: the first worker is healthy. Start the others in the background, one after another: all at once they would slow
# down the live release and each other. If the first took more than two seconds ($took, in milliseconds), wait as long for the
# others, because until then the first would have to answer all requests.
workers_grow() {
  local wanted
  rm -f -- "$base/instances/$new/one"
  wanted=$(appserver_workers "$new")
  [ "$wanted" -gt 1 ] || return 0
  workers_add "$wanted" 3<&- &
  growing=$!
  if [ "$took" -gt 2000 ]; then
    gate_wait "waiting for the other workers"
    sleep "$((took / 1000))"
  fi
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
  [ -n "${growing:-}" ] || return 0
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

workers_count() { pgrep -c -P "$1" || :; }

# workers_add_one PARENT WANTED: start one worker and wait for it, because two signals at once count as one. 1: there are enough,
# or the app server starts no further one.
workers_add_one() {
  local running waited
  running=$(workers_count "$1")
  [ "$running" -lt "$2" ] || return 1
  appserver_add_worker "$new" "$1" || return 1
  waited=0
  while [ "$(workers_count "$1")" -le "$running" ]; do
    waited=$((waited + 1))
    [ "$waited" -lt 100 ] || return 1
    sleep 0.01
  done
}

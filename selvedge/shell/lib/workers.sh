# gunicorn and its workers: whether there is memory for more, and how a release gets all of them. Reads what live.sh reads.

# Whether there is memory for two: the new release needs about what the old one uses.
workers_room() {
  [ -n "$old" ] && [ "$old" != "$new" ] || return 0
  free=$(awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo)
  pids=$(manager_processes "$old")
  # What they share counts for each of them in the first measure, which the kernel has at hand; it adds up the second one
  # page by page.
  for measure in status:VmRSS smaps_rollup:Pss; do
    # Process 1 is systemd, where it made the socket. The others may end at any moment.
    used=$(for pid in $pids; do [ "$pid" -eq 1 ] || echo "/proc/$pid/${measure%:*}"; done |
      xargs -r cat 2>/dev/null | awk "/^${measure#*:}:/ { sum += \$2 } END { print int(sum / 1024) }")
    if [ "$free" -ge "$used" ]; then return 0; fi
  done
  switch_refuse "there is too little memory to run two releases for a moment: $free MB are free, and \
the one that runs uses $used MB. Set fewer app.workers, or app.strategy = \"restart\": then the old release stops first, and \
requests fail until the new one is up"
}

# workers_grow: the first worker is healthy, and gunicorn starts the others. All at once, beside the live release, they
# would take each other's time. That goes on beside the switch; an app that starts slowly gets its traffic when they are up, too:
# until then the one would have to answer all. $took: milliseconds until the first was healthy.
workers_grow() {
  rm -f -- "$base/instances/$new/one"
  workers_wanted || return 0
  workers_add 3<&- &
  growing=$!
  if [ "$took" -gt 2000 ]; then sleep "$((took / 1000))"; fi
}

# How many there shall be, in $workers, is said by the release's own script, which may be older than the settings of this run.
workers_wanted() {
  workers=$(sh -c "echo $(sed -n 's/^WORKERS=//p' "$base/instances/$new/gunicorn_start" | head -n 1)")
  case $workers in '' | *[!0-9]*) workers=0 ;; esac
  [ "$workers" -gt 1 ]
}

workers_add() {
  processes=$(manager_processes "$new")
  gunicorn=$(workers_parent)
  while [ -n "$gunicorn" ] && workers_add_one; do :; done
}

# workers_grown: no more of them will come. $processes: gunicorn and all of its workers.
workers_grown() {
  if [ -n "${growing:-}" ]; then wait "$growing" || :; fi
  processes=$(manager_processes "$new")
}

# The parent of the processes that listen.
workers_parent() {
  for pid in $processes; do
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status" 2>/dev/null) || continue
    case " $processes " in *" $parent "*) [ "$parent" -eq 1 ] || { echo "$parent" && return 0; } ;; esac
  done
}

workers_count() { pgrep -c -P "$gunicorn" || :; }

# One signal at a time: two that come together count as one. 1: there are enough, or gunicorn does not heed it.
workers_add_one() {
  running=$(workers_count)
  [ "$running" -lt "$workers" ] || return 1
  kill -s TTIN "$gunicorn" 2>/dev/null || return 1
  waited=0
  while [ "$(workers_count)" -le "$running" ]; do
    waited=$((waited + 1))
    [ "$waited" -lt 100 ] || return 1
    sleep 0.01
  done
}

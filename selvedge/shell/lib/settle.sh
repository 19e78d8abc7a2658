# The release after the switch: it must stay healthy, keep its processes, and stay in its process manager's care. Reads the
# variables in the list of switch_release.
# Shared: managed

# settle_managed: refuse the new release unless the process that its manager has started is the one that answers, or its parent.
# An app server that goes into the background answers, too, but its manager sees it end, and starts another one again and again.
settle_managed() {
  local pid listeners each
  managed=$(manager_watch "$new")
  pid=${managed%% *}
  if settle_runs; then
    listeners=" $(manager_processes "$new")"
    for each in $listeners; do
      while [ "$each" -gt 1 ] 2>/dev/null; do
        if [ "$each" = "$pid" ]; then
          step_gate health "GET $health answered $code, three times in a row"
          return 0
        fi
        each=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$each/status" 2>/dev/null) || each=0
      done
    done
  fi
  gate_log_whole | reason_hide
  reason_find
  switch_refuse "$(reason_said "The new release answers, but not by the process that $(manager_of "$new") started (${managed#* }): that one has ended, or the app server went into the background")$(reason_otherwise ". Start it in the foreground: remove daemon settings from gunicorn.conf.py and from the start script")"
}

# settle_runs: whether the state in $managed is that of a process that runs.
settle_runs() {
  case $managed in
    0\ *) return 1 ;;
    *' RUNNING'* | *' STARTING'* | *' running'* | *' active'* | *' activating'* | *' reloading'*) return 0 ;;
    *) return 1 ;;
  esac
}

# settle_site: go back unless the new release answers through nginx. A request that a crashed worker left unanswered is no fault of
# nginx.
settle_site() {
  if gate_site; then return 0; fi
  settle_crashed
  switch_back "$site_problem"
}

# settle_wait: wait $settle seconds, and go back if the new release fails meanwhile.
settle_wait() {
  local processes failures end answered rounds
  workers_grown
  record_begin
  step_gate site "$site_answer"
  step_gate settle
  gate_wait "waiting until the new release has settled (app.settle: $settle s)"
  processes=$(manager_processes "$new")
  failures=0
  rounds=0
  end=$(clock_uptime)
  end=$((end + settle_ms))
  while [ "$failures" -gt 0 ] || [ "$(clock_uptime)" -lt "$end" ]; do
    settle_lost
    if gate_probe "$new"; then
      failures=0
    else
      failures=$((failures + 1))
      answered="answered $code"
      if [ "$code" = 000 ]; then answered="got no answer within $health_timeout s"; fi
      [ "$failures" -lt 2 ] || settle_back "GET $health (Host: $health_host) on the new release $answered, twice within $settle s after the switch"
    fi
    rounds=$((rounds + 1))
    # Asking the process manager costs more than asking the app.
    [ $((rounds % 10)) -ne 0 ] || settle_kept
    sleep 0.2
  done
  settle_kept
  step_gate settle "healthy for $settle s after the switch, and no process ended"
}

# settle_lost: all processes that ran at the switch must still run, except workers that had served enough requests. There may be
# new ones.
settle_lost() {
  local running pid lost
  running=" $(manager_processes "$new")"
  lost=0
  for pid in $processes; do
    case $running in *" $pid "*) ;; *) lost=$((lost + 1)) ;; esac
  done
  if [ "$lost" -gt 0 ] && [ "$lost" -gt "$(gate_log_whole | appserver_retired "$new")" ]; then
    settle_exited
  fi
}

settle_exited() { settle_back "Worker processes of the new release exited before it had settled (app.settle: $settle s)"; }

# settle_crashed: no worker may have crashed since the gate, not even one that settle_lost does not know.
settle_crashed() { [ "$(gate_log | appserver_crashes "$new")" -le "$crashes" ] || settle_exited; }

# settle_kept: the process manager must still run the process that it ran before the switch.
settle_kept() {
  local before
  settle_crashed
  before=${managed%% *}
  managed=$(manager_watch "$new")
  if [ "${managed%% *}" = "$before" ] && settle_runs; then return 0; fi
  settle_back "The main process of the new release ended within $settle s after the switch: $(manager_of "$new") says ${managed#* }"
}

# settle_back SENTENCE: go back, with the app's own words if it has logged an error.
settle_back() {
  gate_log_whole | reason_hide
  reason_find
  switch_back "$(reason_said "$1")"
}

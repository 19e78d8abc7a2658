# Stop and start the live release. Reads $app, $base and the variables that manager.sh and gate.sh read.

# process_fact: print the output of releases_fact, whether the process manager has the live instance and runs it, and the marks of an
# unfinished restore.
# Values: app base run_dir live_socket supervisor_conf
process_fact() {
  local live
  releases_fact
  live=$(releases_live)
  if [ -n "$live" ] && manager_known "$live"; then
    printf 'known yes\n'
    if manager_alive "$live"; then printf 'alive yes\n'; fi
  elif [ -n "$live" ] && processes_has "$live"; then
    printf 'known yes\n'
  fi
  if restoring_half; then printf 'half yes %s\n' "$(restoring_chosen)"; elif restoring_paused; then printf 'paused yes\n'; fi
}

# process_note WHY OLD NEW: add a line to the app's history.
process_note() {
  history_note "$base/history" "$step_by" "$1" "$2" "$3" good
}

# process_failed WHY INSTANCE SENTENCE: fail, after a line in the app's history.
process_failed() {
  history_note "$base/history" "$step_by" "$1" "$2" "$2" failed
  step_fail "$3"
}

# process_stop INSTANCE: stop it until process_start, even after a reboot. Releases that drain, or that an interrupted run left,
# are stopped, too.
# Values: app base run_dir supervisor_conf
process_stop() {
  # shellcheck disable=SC2046
  drain_stop_now $(manager_others "$1") "$1"
  process_note stop "$1" -
  step_say "the site answers 502 until you run \`fab start\` or \`fab deploy\`"
}

# process_start INSTANCE: start it, and wait until it is healthy.
# Values: app base run_dir log_dir live_socket site_enabled supervisor_conf health health_host health_ranges health_timeout health_attempts health_interval strategy settle settle_ms
process_start() {
  # shellcheck disable=SC2034 # for the functions of gate.sh
  local scheme attempt answered new log_from log_since
  restoring_unless_half step_fail
  # shellcheck disable=SC2034 # for gate_probe
  scheme=$(request_scheme)
  # shellcheck disable=SC2034 # for gate_log and hide_secrets
  new=$1
  gate_log_begin
  manager_start "$1"
  gate_wait "waiting for the first worker"
  attempt=1
  while ! gate_probe "$1"; do
    if [ "$attempt" -ge "$health_attempts" ]; then
      gate_log | tail -n 20 | hide_secrets
      answered=$code
      [ "$code" != 000 ] || answered=nothing
      process_failed start "$1" "The release $1 was started, but GET $health (Host: $health_host) answered $answered in $attempt attempts. Its process manager keeps trying"
    fi
    if [ "$code" != 000 ]; then gate_wait "waiting for the health check: GET $health answered $code"; fi
    attempt=$((attempt + 1))
    sleep "$health_interval"
  done
  if processes_any; then process_start_others "$1"; fi
  process_note start - "$1"
}

# process_start_others INSTANCE: start its processes, and look whether they stay up.
process_start_others() {
  changeover_to "$1"
  if ! changeover_settle "of $1"; then
    changeover_show
    process_failed start "$1" "$changeover_problem. Its process manager keeps trying"
  fi
}

# The live release, stopped and started as it is. Reads $app, $base, $run_dir, $log_dir, $by and the settings of the health
# check; the functions of the process manager and of the gate do the work.

# process_fact: what is live, and whether its process manager has it and runs it. Only reads.
# Values: app base run_dir log_dir supervisor_conf
process_fact() {
  releases_fact
  if [ -n "$live" ] && manager_known "$live"; then
    printf 'known yes\n'
    if manager_alive "$live"; then printf 'alive yes\n'; fi
  fi
}

# process_note WHY OLD NEW: a line of the append-only history.
process_note() {
  history_note "$base/history" "$step_by" "$1" "$2" "$3" good
}

# process_stop INSTANCE: it stays stopped, through a reboot too, until `process_start`.
# Values: app base run_dir log_dir supervisor_conf
process_stop() {
  manager_stop "$1"
  process_note stop "$1" -
  step_say "visitors get an error (502) until \`fab start\` or \`fab deploy\`"
}

# process_start INSTANCE: and wait until it is healthy.
# Values: app base run_dir log_dir site_enabled supervisor_conf health health_host health_ranges health_timeout health_attempts health_interval
process_start() {
  # gate_probe reads it.
  # shellcheck disable=SC2034
  scheme=http
  # shellcheck disable=SC2034
  [ ! -e "$site_enabled-tls" ] || scheme=https
  manager_start "$1"
  attempt=1
  while ! gate_probe "$1"; do
    if [ "$attempt" -ge "$health_attempts" ]; then
      tail -n 20 -- "$log_dir/$1.log" 2>/dev/null || :
      [ "$code" != 000 ] || code=nothing
      step_fail "it was started, but GET $health (Host: $health_host) answered $code in $attempt attempts. Its process manager goes on trying"
    fi
    attempt=$((attempt + 1))
    sleep "$health_interval"
  done
  process_note start - "$1"
}

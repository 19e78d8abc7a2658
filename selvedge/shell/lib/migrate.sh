# The migration of a release, before the switch. Reads the variables of switch_release.

migrate_due() { [ -n "$migrate" ] && [ "$why" = deploy ]; }

# migrate_run: run the migration, and refuse the release if it fails.
migrate_run() {
  local status
  step_gate migration
  backup_before_migration
  status=0
  migrate_command || status=$?
  case $status in 124 | 137) switch_refuse "The migration did not end within $migrate_timeout s (app.migrate_timeout) and was stopped: $migrate. It may have changed parts of the database" ;; esac
  [ "$status" -eq 0 ] || switch_refuse "The migration failed (exit status $status): $migrate$(migrate_reason)"
  step_gate migration "$migrate succeeded"
}

# migrate_command: run the migration in the release $new, and return its exit status. The user sees at most 50 lines of its output;
# the log has all of it.
migrate_command() {
  local status reader
  step_say "migrating: $migrate"
  gate_wait "waiting for the migration"
  rm -f -- "$undo/migration.pipe"
  mkfifo -- "$undo/migration.pipe"
  # /run is memory, so only the end of the output is kept.
  (exec 3<&- && tail -c 262144 <"$undo/migration.pipe" >"$undo/shown") &
  reader=$!
  {
    status=0
    switch_run sh -c "$(limit_script)" sh 10 "$migrate_timeout" sh -c "$migrate" 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/migrated"
  } | hide_secrets | tee -- "$undo/migration.pipe" | stdbuf -oL sed "1,50s/^/$mark say   /"
  wait "$reader" || :
  return "$(cat "$undo/migrated")"
}

# migrate_reason: print the last exception in the migration's output and what to do about it, as the rest of a sentence.
migrate_reason() {
  reason_find migration
  printf '%s. It may have changed parts of the database%s' "${reason_error:+: $reason_error}" "${reason_remedy:+. $reason_remedy}"
}

# The migration of a release, before the switch. Reads the variables of switch_release.

migrate_due() { [ -n "$migrate" ] && [ "$why" = deploy ]; }

# migrate_run: run the migration. The user sees at most 50 lines of its output; the log has all of it.
migrate_run() {
  local status reader
  step_gate migration
  backup_before_migration
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
  status=$(cat "$undo/migrated")
  case $status in 124 | 137) switch_refuse "The migration did not end within $migrate_timeout s (app.migrate_timeout) and was stopped: $migrate. It may have changed parts of the database" ;; esac
  [ "$status" -eq 0 ] || migrate_failed "$status"
  step_gate migration "$migrate succeeded"
}

# migrate_failed STATUS: refuse the release, with the last exception in the migration's output and what to do about it.
migrate_failed() {
  reason_find migration
  switch_refuse "The migration failed (exit status $1): $migrate${reason_error:+: $reason_error}. It may have changed parts of the database${reason_remedy:+. $reason_remedy}"
}

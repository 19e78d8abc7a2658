# The migration of a release, before the switch. Reads the variables of switch_release.

migrate_due() { [ -n "$migrate" ] && [ "$why" = deploy ]; }

# migrate_run: run the migration. The user sees at most 50 lines of its output; the log has all of it.
migrate_run() {
  local status
  step_say "migrating: $migrate"
  gate_wait "waiting for the migration"
  {
    status=0
    switch_run timeout -k 10 "$migrate_timeout" sh -c "$migrate" 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/migrated"
  } | hide_secrets | stdbuf -oL sed "1,50s/^/$mark say   /"
  status=$(cat "$undo/migrated")
  case $status in 124 | 137) switch_refuse "The migration did not end within $migrate_timeout s (app.migrate_timeout) and was stopped: $migrate. It may have changed parts of the database" ;; esac
  [ "$status" -eq 0 ] || switch_refuse "The migration failed (exit status $status): $migrate. It may have changed parts of the database"
}

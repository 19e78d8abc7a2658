# Alembic, in the environment of a release.

# alembic_run ARGUMENT…: run alembic as the app's user for at most $seconds, and print its output. $run: the release's script
# `run`. Alembic runs to its end even if the connection is lost. It holds the lock of a step, so the next run waits for it.
# Values: app run seconds
alembic_run() {
  local output status
  trap '' HUP PIPE
  (umask 077 && mkdir -p /run/selvedge)
  exec 9>"/run/selvedge/$app.step"
  flock -w 300 9 || return 1
  output=$(mktemp /run/selvedge/alembic.XXXXXX) || return 1
  status=0
  user_run "$app" timeout -k 10 "$seconds" "$run" alembic "$@" >"$output" 2>&1 9>&- || status=$?
  cat -- "$output"
  rm -f -- "$output"
  return "$status"
}

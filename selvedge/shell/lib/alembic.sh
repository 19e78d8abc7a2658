# Alembic, in the environment of a release.

# alembic_run COMMAND: run a shell command that calls alembic, as the app's user in the release $new, for at most $seconds. Print the
# lines with revisions, then all other output, without the app's secrets. It runs to its end even if the connection is lost. It
# holds the lock of a step, so the next run waits for it.
# Values: app base new seconds
alembic_run() {
  local output status
  trap '' HUP PIPE
  (umask 077 && mkdir -p /run/selvedge)
  exec 9>"/run/selvedge/$app.step"
  flock -w 300 9 || return 1
  output=$(mktemp /run/selvedge/alembic.XXXXXX) || return 1
  status=0
  instance_run "$new" sh -c "$(limit_script)" sh 10 "$seconds" sh -c "$1" >"$output" 2>&1 3<&- 9>&- || status=$?
  alembic_lines <"$output"
  alembic_lines -v <"$output" | hide_secrets
  rm -f -- "$output"
  return "$status"
}

# alembic_lines [-v]: print the lines of standard input that name revisions (server/revisions.py), or all others. A variable of the
# environment may be part of a revision's name, so these lines are not changed.
alembic_lines() { grep -a -E "$@" '^@alembic (current|heads|known|missing|foreign|between)( |$)' || :; }

# alembic_current FILE: print the revisions in the database, with spaces; "base" for none. Fails if the file, which has the output of
# revisions.py, does not name them.
alembic_current() {
  local found
  grep -a -q -E '^@alembic current( |$)' "$1" || return 1
  found=$(sed -n 's/^@alembic current *//p' "$1" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
  printf '%s' "${found:-base}"
}

# alembic_problem FILE: print why the revisions could not be read.
alembic_problem() {
  local found
  found=$(sed -n 's/^@alembic error //p' "$1" | hide_secrets | tail -n 1)
  [ -n "$found" ] || found=$(grep -a -v '^[[:space:]]*$' "$1" | hide_secrets | tail -n 1)
  printf '%s' "${found:-alembic did not answer in time}" | sed 's/[. ]*$//'
}

# The lock of an app. The process that runs lock_take holds it by flock and ends with the connection.

# lock_take: print "@lock held", "@lock held changed" (another run may have changed something since the reading), "@lock held
# unfinished" (a step of an interrupted run still runs), or "@lock busy HOLDER". Then hold the lock until standard input ends.
# $wait: seconds to wait for another run. $age: seconds since the server was read.
# Values: app wait holder age
lock_take() {
  local lock step answer
  [ -d /run/selvedge ] || (umask 077 && mkdir -p /run/selvedge) || exit 1
  lock=/run/selvedge/$app.lock
  step=/run/selvedge/$app.step
  exec 8>>"$lock"
  answer=held
  if ! flock -n 8; then
    if ! flock -w "$wait" 8; then
      printf '@lock busy %s\n' "$(cat "/run/selvedge/$app.holder" 2>/dev/null)"
      exit 0
    fi
    answer='held changed'
  fi
  printf '%s' "$holder" >"/run/selvedge/$app.holder"
  if ! flock -n "$step" true; then
    answer='held unfinished'
  elif [ -n "$(find "$step" -newermt "-$age seconds")" ]; then
    answer='held changed'
  fi
  echo "@lock $answer"
  exec cat >/dev/null
}

# lock_wait_for_step: wait for the step of an interrupted run, at most $seconds. 1: it still runs.
# Values: app seconds
lock_wait_for_step() {
  flock -w "$seconds" "/run/selvedge/$app.step" true
}

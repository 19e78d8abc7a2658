# A command of the user in the live release. $mark begins the last line.

# command_live: print the live instance, and `docker` if it runs in a container; exit with 3 if nothing is live.
# Values: base live_socket
command_live() {
  local live
  live=$(releases_live)
  [ -n "$live" ] && [ -x "$base/instances/$live/run" ] || exit 3
  if docker_owns "$live"; then printf '%s docker\n' "$live"; else printf '%s\n' "$live"; fi
}

# command_run: run $command, then print its exit status after the mark; exit with 3, without the mark, if nothing is live.
# When the connection ends, the app's processes of this session get SIGTERM.
# Values: app base live_socket command
command_run() {
  local live own watch status
  live=$(command_live) || exit 3
  live=${live%% *}
  logs_session
  own=$(ps -o sid= -p $$ | tr -d ' ')
  {
    tail -f --pid="$session" /dev/null
    pkill -TERM -u "$app" -s "$own"
    # Docker's client, which passes the signal on.
    pkill -TERM -s "$own" -x docker
  } </dev/null >/dev/null 2>&1 &
  watch=$!
  status=0
  if docker_owns "$live"; then
    instance_run "$live" sh -c "$command" || status=$?
  else
    # Without the variables of sudo and of the SSH connection, as the app's own processes.
    user_run "$app" env -i USER="$app" LOGNAME="$app" LANG=C.UTF-8 "$base/instances/$live/run" sh -c "$command" || status=$?
  fi
  # Output without a final newline must not swallow the mark.
  printf '\n%s %s\n' "$mark" "$status"
  # shellcheck disable=SC2046
  kill "$watch" $(pgrep -P "$watch" -x tail)
}

# The user's own commands around a release ([hooks] in hosts.toml).

# hook_built MARK HASH RELEASE INSTANCE LIVE_LINK: print "done" if the commands with this hash have run; "built" if the release has been
# live, so that nothing may write to it any more; else "previous" and the live instance. INSTANCE: empty for all of the commit.
hook_built() {
  if [ "$(cat -- "$1" 2>/dev/null)" = "$2" ]; then
    echo 'done'
  elif [ -f "$3/.selvedge-live" ] && grep -q -x -e "${4:-.*}" -- "$3/.selvedge-live"; then
    echo built
  else
    printf 'previous %s\n' "$(releases_linked "$5")"
  fi
}

# hook_switched MARK HASH INSTANCE LIVE_LINK: print "done" if the instance, or a restarted copy of it, is live, and the commands with
# this hash have run for it; else "previous" and the instance that was live before.
hook_switched() {
  local live marked
  live=$(releases_linked "$4")
  marked=$(cat -- "$1" 2>/dev/null) || marked=
  if [ "$live" != "$3" ] && [ "${live%r*}" != "$3" ]; then
    printf 'previous %s\n' "$live"
  elif [ "$marked" = "$live $2" ]; then
    echo 'done'
  else
    # The run that made it live has not come to this hook, or the commands have changed since.
    marked=${marked%% *}
    printf 'previous %s\n' "${marked:-$live}"
  fi
}

# hook_build COUNT NAME=VALUE… COMMAND…: run the commands as hook_run does. They may write in $folder, so $user owns its files while
# they run.
# Values: app base new hook user release folder run build_env mark_path mark_text
hook_build() {
  local home
  home=$folder
  file_within "$release" "$folder" || step_fail "The folder ${folder#"$release"/} (app.root) is a symbolic link that leads out of the repository. In hosts.toml, set app.root to a real folder of the repository."
  trap hook_close EXIT
  chown -hR -- "$user:$user" "$folder"
  hook_run "$@"
  trap - EXIT
  hook_close
  chmod -R u=rwX,g=rX,o= -- "$folder"
  find "$folder" -type d -exec chmod o=x -- '{}' +
  (umask 077 && printf '%s\n' "$mark_text" >"$mark_path")
}

# hook_switch COUNT NAME=VALUE… COMMAND…: run the commands as hook_run does, for the live release. HOME is that of the release, which a
# container has, too.
# Values: app base new hook user folder run mark_path mark_text live_link
hook_switch() {
  local build_env home
  build_env=
  home=
  hook_run "$@"
  printf '%s %s\n' "$(releases_linked "$live_link")" "$mark_text" >"$mark_path.new"
  mv -f -- "$mark_path.new" "$mark_path"
}

# hook_run COUNT NAME=VALUE… COMMAND…: run the commands as $user in $folder, with the first COUNT arguments as environment
# variables. $run: the script that sets a release's environment, or empty. $home: the variable HOME, or empty.
hook_run() {
  local count number command
  count=$1
  shift
  number=0
  for command in "$@"; do
    number=$((number + 1))
    if [ "$number" -gt "$count" ]; then hook_command "$count" "$command" "$@"; fi
  done
}

# hook_command COUNT COMMAND NAME=VALUE…: run one command; more arguments may follow the variables. `env` sets the variables,
# because a variable of this shell may have the same name.
hook_command() {
  local count command number pair status
  count=$1 command=$2
  shift 2
  number=0
  for pair in "$@"; do
    shift
    number=$((number + 1))
    if [ "$number" -le "$count" ]; then set -- "$@" "$pair"; fi
  done
  step_say "$hook: $command"
  step_wait "waiting for the hook $hook"
  status=0
  (cd "$folder" && hook_as env ${home:+HOME="$home"} "$@" sh -c "$command") || status=$?
  if [ "$status" -ne 0 ]; then
    step_fail "The hook $hook failed (exit status $status): $command"
  fi
}

# hook_as COMMAND…: as the app's user, with the variables of the release or, before there is one, of the build. Their values are
# hidden in its output.
hook_as() {
  if [ -n "$run" ] && docker_owns "$new"; then
    hide_output instance_run "$new" "$@"
  elif [ -n "$run" ]; then
    hide_output user_run "$user" "$run" "$@"
  elif [ -n "$build_env" ]; then
    build_shown build_run "$@"
  else
    user_run "$user" "$@"
  fi
}

# hook_close: make root the owner of the folder again.
hook_close() { chown -hR -- "root:$user" "$folder"; }

# hook_on_failure COMMAND NAME=VALUE…: run a command in $folder as $user, with these variables.
# Values: user folder
hook_on_failure() {
  local command
  command=$1
  shift
  cd "$folder" && user_run "$user" env HOME="$folder" "$@" sh -c "$command"
}

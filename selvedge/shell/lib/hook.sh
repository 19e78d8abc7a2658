# The user's own commands around a release ([hooks] in hosts.toml).

# hook_fact MARK LIVE_LINK: print "done" if the commands have run; else "previous" and the live instance.
hook_fact() {
  if [ -e "$1" ]; then
    echo 'done'
  else
    printf 'previous %s\n' "$(releases_linked "$2")"
  fi
}

# hook_run COUNT NAME=VALUE… COMMAND…: run the commands as $user in $folder, which is in $release, with the first COUNT arguments
# as environment variables; then create the mark. $run: the script that sets a release's environment, or empty. $builds: the
# commands may write in the folder, so $user owns its files while they run.
# Values: hook user release folder run builds build_env mark_path
hook_run() {
  local count number command
  count=$1
  shift
  file_within "$release" "$folder" || step_fail "The folder ${folder#"$release"/} (app.root) is a symbolic link that leads out of the repository. In hosts.toml, set app.root to a real folder of the repository."
  if [ -n "$builds" ]; then chown -hR -- "$user:$user" "$folder"; fi
  number=0
  for command in "$@"; do
    number=$((number + 1))
    if [ "$number" -gt "$count" ]; then hook_command "$count" "$command" "$@"; fi
  done
  if [ -n "$builds" ]; then
    hook_close
    chmod -R u=rwX,g=rX,o= -- "$folder"
    find "$folder" -type d -exec chmod o=x -- '{}' +
  fi
  touch -- "$mark_path"
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
  (cd "$folder" && hook_as ${run:+"$run"} env HOME="$folder" "$@" sh -c "$command") || status=$?
  if [ "$status" -ne 0 ]; then
    if [ -n "$builds" ]; then hook_close; fi
    step_fail "The hook $hook failed (exit status $status): $command"
  fi
}

# hook_as COMMAND…: as the app's user; a hook before the build gets the build's variables.
hook_as() {
  if [ -n "$build_env" ]; then build_shown "$@"; else user_run "$user" "$@"; fi
}

# hook_close: make root the owner of the folder again.
hook_close() { chown -hR -- "root:$user" "$folder"; }

# hook_on_failure COMMAND NAME=VALUE…: run a command in $folder as $user, with these variables.
# Values: user folder
hook_on_failure() {
  local command
  command=$1
  shift
  cd "$folder" && user_run "$user" env "$@" sh -c "$command"
}

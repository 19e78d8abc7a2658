# The user's own commands around a release ([hooks] in hosts.toml).

# hook_fact MARK LIVE_LINK: print "done" if the commands have run, else "previous" and the live instance.
hook_fact() {
  if [ -e "$1" ]; then
    echo 'done'
  else
    printf 'previous %s\n' "$(releases_linked "$2")"
  fi
}

# hook_run COUNT NAME=VALUE… COMMAND…: run the commands as $user in $folder, which is in $release, with the first COUNT arguments
# as variables; then create the mark. $run: the script that gives a release its environment, or empty. $builds: the commands
# may write in the folder, so its files belong to $user while they run.
# Values: hook user release folder run builds mark_path
hook_run() {
  local count number command
  count=$1
  shift
  file_within "$release" "$folder" || step_fail "the folder ${folder#"$release"/} (app.root) is a link that leads out of this commit"
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

# hook_command COUNT COMMAND NAME=VALUE…: run one command; more arguments may follow the variables.
hook_command() {
  local status
  step_say "$hook: $2"
  status=0
  # shellcheck disable=SC2016
  (cd "$folder" && user_run "$user" ${run:+"$run"} env HOME="$folder" sh -c '
    count=$1 command=$2
    shift 2
    while [ "$count" -gt 0 ]; do export "$1"; shift; count=$((count - 1)); done
    exec sh -c "$command"' sh "$@") || status=$?
  if [ "$status" -ne 0 ]; then
    if [ -n "$builds" ]; then hook_close; fi
    step_fail "the hook $hook failed (exit status $status): $2"
  fi
}

# hook_close: the folder belongs to root again.
hook_close() { chown -hR -- "root:$user" "$folder"; }

# hook_on_failure COMMAND NAME=VALUE…: run a command in $folder as $user, with these variables.
# Values: user folder
hook_on_failure() {
  # shellcheck disable=SC2016
  cd "$folder" && user_run "$user" sh -c '
    command=$1
    shift
    for pair; do export "$pair"; done
    exec sh -c "$command"' sh "$@"
}

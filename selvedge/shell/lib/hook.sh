# Hooks on the server. Reads $hook, $user, $release, $folder, $run, $builds and $mark_path.

hook_begin() {
  within "$release" "$folder" || fail "the folder ${folder#"$release"/} (app.root) is a link that leads out of this commit"
  if [ -n "$builds" ]; then chown -hR -- "$user:$user" "$folder"; fi
}

# hook_command NAME=VALUE… COMMAND
hook_command() {
  for command; do :; done
  say "$hook: $command"
  hook_status=0
  # The last argument is the command; all before it are the hook's variables.
  # shellcheck disable=SC2016
  (cd "$folder" && as "$user" ${run:+"$run"} env HOME="$folder" sh -c '
    while [ $# -gt 1 ]; do export "$1"; shift; done
    exec sh -c "$1"' sh "$@") || hook_status=$?
  if [ "$hook_status" -ne 0 ]; then
    if [ -n "$builds" ]; then chown -hR -- "root:$user" "$folder"; fi
    fail "the hook $hook failed (exit status $hook_status): $command"
  fi
}

hook_end() {
  if [ -n "$builds" ]; then
    chown -hR -- "root:$user" "$folder"
    chmod -R u=rwX,g=rX,o= -- "$folder"
    find "$folder" -type d -exec chmod o=x -- '{}' +
  fi
  touch -- "$mark_path"
}

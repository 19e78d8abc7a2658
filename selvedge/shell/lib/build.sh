# The world of a build: its variables, its access to git servers, and the meaning of its errors. Reads $user, $cache, $build_env,
# $deploy_key, $git_known_hosts, $git_credentials and $installer of venv_build or hook_run.
# Shared: build_agent build_socket build_git

# build_run COMMAND…: run it as the app's user with the variables of app.build_env_file, which come by a descriptor: they are in no
# process list. Programs that bring their own list of certificate authorities get the system's.
build_run() {
  local variables
  variables=/dev/null
  if [ -e "$build_env" ]; then variables=$build_env; fi
  # shellcheck disable=SC2016
  user_run "$user" sh -c '
    if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
      export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
      export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
    fi
    if [ -n "$1" ]; then export SSH_AUTH_SOCK="$1" GIT_SSH_COMMAND="$2"; fi
    export GIT_TERMINAL_PROMPT=0
    shift 2
    set -a
    eval "$(cat <&4)"
    set +a
    exec 4<&-
    exec "$@"
  ' sh "${build_socket:-}" "${build_git:-}" "$@" 4<"$variables"
}

# build_names: the names of the build's variables.
build_names() { if [ -e "$build_env" ]; then sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' "$build_env"; fi; }

# build_hide: print standard input without the values of the build's variables.
build_hide() {
  if [ ! -e "$build_env" ]; then
    cat
    return
  fi
  # shellcheck disable=SC2046
  build_run /usr/bin/python3 -I -c "$(hide_text)" $(build_names)
}

# build_shown COMMAND…: run it, and print its output without the values of the build's variables. In a pipe its exit status gets
# lost: it is in $undo/built, too.
build_shown() {
  local status
  {
    status=0
    ("$@") 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/built"
  } | build_hide
  return "$(cat "$undo/built")"
}

# build_names_git PATTERN: whether a file of the release that may list packages has this extended pattern.
build_names_git() {
  grep -r -q -s -E --exclude-dir=node_modules --include='*.txt' --include='*.toml' --include='*.lock' --include='*.in' --include='setup.*' -e "$1" -- "$release" ||
    grep -q -s -E -e "$1" -- "$folder/$lock"
}

# build_begin: give the app's user access to the git servers of the project's dependencies, until build_end.
build_begin() {
  build_agent=
  build_socket=
  build_login
  if build_names_git 'ssh://|git@[^ ]+:'; then build_key; fi
}

# build_login: copy the login of the app's repository, if a dependency from git is on the same server.
build_login() {
  local host
  host=$(sed -n 's#^https\{0,1\}://[^/]*@\([^/]*\).*#\1#p' "$git_credentials" 2>/dev/null | head -n 1 | sed 's/[].[]/\\&/g')
  [ -n "$host" ] && build_names_git "(git[+]|git[\"']? *[=:] *[\"']|^url = [\"'])https?://([^/@]*@)?$host/" || return 0
  install -m 0600 -o "$user" -g "$user" -- "$git_credentials" "$work/git_credentials"
}

# build_key: let the app's user log in with the deploy key: an agent answers for the key, which the user cannot read.
build_key() {
  local waited
  [ -e "$deploy_key" ] || ssh-keygen -q -t ed25519 -N '' -C "$user@$(uname -n)" -f "$deploy_key"
  { cat "$git_known_hosts" "$cache/known_hosts" 2>/dev/null || :; } | sort -u >"$undo/known_hosts"
  install -m 0600 -o "$user" -g "$user" -- "$undo/known_hosts" "$cache/known_hosts"
  build_socket=$cache/agent.$$
  # The key of another git server is taken at the first contact, as that of the repository's is.
  build_git="ssh -F none $(git_ssh "$cache/known_hosts" accept-new)"
  rm -f -- "$build_socket"
  # Not by user_run: a function's process is a shell, and killing it would leave the agent.
  setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --no-new-privs --bounding-set=-all -- \
    timeout 7200 ssh-agent -D -a "$build_socket" >/dev/null 2>&1 3<&- &
  build_agent=$!
  waited=0
  while [ ! -S "$build_socket" ] && [ "$waited" -lt 100 ]; do
    waited=$((waited + 1))
    sleep 0.02
  done
  SSH_AUTH_SOCK=$build_socket ssh-add -q "$deploy_key" </dev/null 2>/dev/null || step_say "could not load the deploy key for git"
}

build_end() {
  rm -f -- "$work/git_credentials"
  [ -n "${build_agent:-}" ] || return 0
  kill "$build_agent" 2>/dev/null || :
  rm -f -- "$build_socket"
  build_agent=
}

# build_failed SENTENCE: stop with the installer's own words, from $undo/installer, and with the remedy for them.
build_failed() {
  local key
  key=
  if [ -e "$deploy_key.pub" ]; then key=$(cat "$deploy_key.pub"); fi
  project_run reason "$undo" "" installer "$installer" "$key" || step_fail "$1."
  step_remedy "$(project_word remedy)"
  step_fail "$1: $(project_word why)"
}

# build_add REQUIREMENT…: install more packages from the app's own indexes, and keep the version of every package that is there.
build_add() {
  # shellcheck disable=SC2016
  venv_as sh -c '"$1" -I -c "$2" >"$3"' sh "$fresh/bin/python" "$build_constraints" "$work/constraints.txt" &&
    build_indexes &&
    "${installer}_add" --constraint "$work/constraints.txt" --requirement "$code/selvedge-indexes.txt" "$@"
}

# A program that prints the installed packages as constraints.
build_constraints='import importlib.metadata as m; print(*("%s==%s" % (d.metadata["Name"], d.version) for d in m.distributions()), sep=chr(10))'

# build_indexes: write the options of the requirements that name indexes to a file beside them, because paths in it are relative.
build_indexes() {
  index_options
  export_write "$code/selvedge-indexes.txt" <"$undo/answer"
}

# build_server: add the packages of the app server that the app does not bring itself. $extras: their requirements.
build_server() {
  local extra missing
  missing=
  for extra in $extras; do
    if ! build_has "$extra"; then missing="$missing $extra"; fi
  done
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  venv_try build_add $missing || build_failed "Could not install$missing"
}

# build_has REQUIREMENT: whether the environment has its module; for a WebSocket library, either that uvicorn knows.
build_has() {
  set -- "$(printf '%s' "${1%%[*}" | tr - _)"
  if [ "$1" = websockets ]; then set -- "$1" wsproto; fi
  # Not the app's own folder of that name.
  venv_as "$fresh/bin/python" -I -c 'import importlib.util as u, sys; sys.exit(not any(map(u.find_spec, sys.argv[1:])))' "$@"
}

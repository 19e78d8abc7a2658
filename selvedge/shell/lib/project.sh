# Shared: lock python
# What a project's own files say of its environment: the program selvedge/shell/server/project, in $undo/project.zip. Reads $release,
# $root, $requirements, $python, $app_python, $app_extras and $app_groups of venv_build.

# project_take SIZE: read the program from the payload; fails if it is not complete.
project_take() {
  head -c "$1" <&3 >"$undo/project.zip"
  [ "$(wc -c <"$undo/project.zip")" -eq "$1" ]
}

# project_run COMMAND TOP ROOT ARGUMENT…: its answer is in $undo/answer. It only parses files, and follows no link out of TOP.
project_run() { python3 -I -S "$undo/project.zip" "$@" >"$undo/answer" 2>"$undo/answer.errors"; }

# project_ask COMMAND ARGUMENT…: the same for the release, or stop with the reason.
project_ask() {
  local command
  command=$1
  shift
  if project_run "$command" "$release" "$root" "$@"; then return 0; fi
  if grep -q '^refuse ' "$undo/answer"; then step_fail "$(sed -n 's/^refuse //p' "$undo/answer")"; fi
  cat "$undo/answer.errors"
  step_fail "Could not read the project's files: $(tail -n 1 "$undo/answer.errors")"
}

# project_word WORD: the lines of the answer that begin with this word, without it.
project_word() { sed -n "s/^$1 //p" "$undo/answer"; }

# project_lock: set $lock to the file with the app's packages, and check that the project has its extras and groups.
project_lock() {
  local said
  project_ask lock "$requirements"
  lock=$(project_word lock)
  project_word say >"$undo/said"
  project_ask check "$lock" "$app_extras" "$app_groups"
  while IFS= read -r said; do step_say "$said"; done <"$undo/said"
}

# project_python: set $python to one that the project accepts: the present one, or another that is installed now.
project_python() {
  local version why candidate candidates
  version=$(probe_python_version "$python")
  [ -n "$version" ] || step_fail "$python does not start. Run \`fab install\`."
  project_ask python "$lock" "$app_python" "$version"
  candidates=$(project_word python)
  [ -n "$candidates" ] || return 0
  why=$(project_word why)
  for candidate in $candidates; do
    step_say "$why, and this server has $version: using Python $candidate"
    python=$python_root/python/$candidate/bin/python$(printf '%s\n' "$candidate" | cut -d . -f 1-2)
    [ -x "$python" ] || python_install "$candidate" "$python_from" "$uv_requirement"
    project_ask python "$lock" "$app_python" "$(probe_python_version "$python")"
    [ -n "$(project_word python)" ] || return 0
  done
  step_fail "$why, but the newest that this server gets from app.python_from = \"$python_from\" is Python $(probe_python_version "$python"). Set app.python_from = \"uv\" in hosts.toml."
}

# project_options EXTRA_OPTION GROUP_OPTION: print the options that name the app's extras and groups.
project_options() {
  local name
  for name in $app_extras; do printf '%s %s ' "$1" "$name"; done
  for name in $app_groups; do printf '%s %s ' "$2" "$name"; done
}

# project_modules: print the modules that the project's extras and groups bring, for hint_for.
project_modules() {
  project_ask modules "$lock"
  cat "$undo/answer"
}

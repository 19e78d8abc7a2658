# Lock files that no installer reads: the lock's own program turns them into requirements, as the app's user, in the copy of the
# checkout ($code). The programs are in environments of their own in $cache/tools.

# export_is_lock: whether $lock is such a file.
export_is_lock() {
  case $lock in *poetry.lock | *pdm.lock | *Pipfile.lock | *requirements.lock) ;; *) return 1 ;; esac
}

# export_requirements FILE: write the packages of $lock to FILE.
export_requirements() {
  case ${lock##*/} in
    poetry.lock) export_poetry "$1" ;;
    pdm.lock) export_pdm "$1" ;;
    Pipfile.lock)
      project_ask pipfile "$lock" "$app_groups"
      export_write "$1" <"$undo/answer"
      ;;
    *) venv_as cp -- "$lock" "$1" ;;
  esac
}

# export_write FILE: write standard input as the app's user, who owns the folder.
export_write() {
  # shellcheck disable=SC2016
  venv_as sh -c 'cat >"$1"' sh "$1"
}

# export_tool NAME REQUIREMENT…: install a program, unless it is installed from the same requirements.
export_tool() {
  local name folder
  name=$1
  folder=$cache/tools/$1
  shift
  if [ "$(cat "$folder/.requirement" 2>/dev/null)" = "$*" ]; then return 0; fi
  step_say "installing $name, which reads $lock"
  venv_as rm -rf -- "$folder"
  case $installer in
    uv) uv_env "$uv" venv --quiet --no-project --python /usr/bin/python3 "$folder" && uv_env "$uv" pip install --quiet --python "$folder/bin/python" "$@" ;;
    pip) venv_as /usr/bin/python3 -m venv "$folder" && pip_run "$folder/bin/python" install --quiet "$@" ;;
  esac || return 1
  printf '%s\n' "$*" | export_write "$folder/.requirement"
}

# export_in COMMAND…: run it in the lock's folder.
export_in() {
  case $lock in
    */*)
      # shellcheck disable=SC2016
      venv_as sh -c 'cd "$1" && shift && exec "$@"' sh "${lock%/*}" "$@"
      ;;
    *) venv_as "$@" ;;
  esac
}

# export_twice FUNCTION FILE: pip wants hashes for all packages or for none, and a folder or a git repository has none.
export_twice() {
  "$@" || return 1
  if [ "$installer" = pip ] && grep -q -e ' @ ' -e '^-e ' -- "$2"; then "$@" --without-hashes; fi
}

export_poetry() {
  export_tool poetry 'poetry>=2,<3' 'poetry-plugin-export>=1.9,<2' && export_twice export_poetry_run "$1"
}

# export_poetry_run FILE [OPTION]: without groups it exports the main one only.
export_poetry_run() {
  # shellcheck disable=SC2046
  export_in env POETRY_VIRTUALENVS_CREATE=false POETRY_NO_INTERACTION=1 "$cache/tools/poetry/bin/poetry" --no-ansi export \
    --format requirements.txt --with-credentials --output "$@" $(project_options --extras --with)
}

export_pdm() {
  export_tool pdm 'pdm[locked]>=2.18,<3' || return 1
  # The Python that it would otherwise look for, and make an environment with.
  printf '%s' "$python" | export_write "$(dirname -- "$lock")/.pdm-python"
  export_pdm_current && export_twice export_pdm_run "$1"
}

# export_pdm_current: fail if pdm.lock is older than the project: PDM exports it all the same.
export_pdm_current() {
  local output
  output=$(export_in env PDM_CHECK_UPDATE=0 PDM_NON_INTERACTIVE=1 PDM_USE_VENV=0 "$cache/tools/pdm/bin/pdm" lock --check 2>&1) && return 0
  case $output in
    *"doesn't satisfy"*) step_fail "pdm.lock is older than pyproject.toml: Lockfile doesn't satisfy the project requirements. Run \`pdm lock\` on your machine and commit pdm.lock." ;;
  esac
  printf '%s\n' "$output"
}

# export_pdm_run FILE [OPTION]: PDM names extras and groups by the same option, so the groups are a second list.
export_pdm_run() {
  # shellcheck disable=SC2046
  export_pdm_list --prod $(export_named "$app_extras") --output "$@" || return 1
  [ -n "$app_groups" ] || return 0
  # shellcheck disable=SC2046
  export_pdm_list --dev --no-default $(export_named "$app_groups") --output "$1.groups" ${2:+"$2"} || return 1
  # shellcheck disable=SC2016
  venv_as sh -c 'echo "-r $1.groups" >>"$1"' sh "$1"
}

export_named() { printf '%s' "$1" | sed 's/[^ ][^ ]*/--group &/g'; }

export_pdm_list() {
  export_in env PDM_CHECK_UPDATE=0 PDM_NON_INTERACTIVE=1 PDM_USE_VENV=0 "$cache/tools/pdm/bin/pdm" export --format requirements "$@"
}

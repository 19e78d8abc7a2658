# Python's venv and pip as a builder of virtual environments (see venv.sh).

# pip comes with Python.
pip_check() { :; }

pip_create() { venv_as "$python" -m venv "$fresh"; }

pip_install() {
  case $lock in
    uv.lock | pylock*.toml | */*.toml | */uv.lock) step_fail "pip cannot install $lock. Set installer = \"uv\" under [app] in hosts.toml, or add a requirements.txt." ;;
    setup.py) pip_add . ;;
    pyproject.toml)
      # Not all versions of pip know groups, and none installs the dependencies of a folder without its package.
      project_ask dependencies "$app_extras" "$app_groups"
      export_write "$work/requirements.txt" <"$undo/answer" && venv_requirements "$work/requirements.txt" || return 1
      if venv_is_package; then set -- .; fi
      pip_add "$@" --requirement "$work/requirements.txt"
      ;;
    *poetry.lock | *pdm.lock | *Pipfile.lock | *requirements.lock)
      export_requirements "$work/requirements.txt" && venv_requirements "$work/requirements.txt" && pip_add --requirement "$work/requirements.txt"
      ;;
    *) venv_requirements "$code/$lock" && pip_add --requirement "$lock" ;;
  esac
}

# pip_run PYTHON COMMAND ARGUMENT…: the pip of this Python as the app's user, with its settings.
pip_run() {
  local program
  program=$1
  shift
  venv_as env PIP_CACHE_DIR="$cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$program" -m pip "$@"
}

pip_add() { pip_run "$fresh/bin/python" install "$@"; }

# pip keeps only wheels of packages from an index.
pip_clean() { :; }

pip_replace() { pip_add --no-deps --force-reinstall "$@"; }

# pip_wheel FOLDER TO: with the pip of $base, since $fresh is empty.
pip_wheel() { pip_run "$base/bin/python" wheel --no-deps --wheel-dir "$2" "$1"; }

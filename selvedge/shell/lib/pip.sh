# Python's venv and pip as a builder of virtual environments (see venv.sh).

# A program that prints the dependencies in pyproject.toml, a line each.
pip_dependencies='
import sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file).get("project", {}).get("dependencies", []), sep="\n")
'

# pip comes with Python.
pip_check() { :; }

pip_create() { venv_as "$python" -m venv "$fresh"; }

pip_install() {
  case $lock in
    uv.lock | pylock.toml) step_fail "pip cannot install $lock. Set installer = \"uv\" under [app] in hosts.toml, or add a requirements.txt." ;;
    setup.py) pip_add . ;;
    pyproject.toml)
      if venv_is_package; then
        pip_add .
      else
        venv_as "$fresh/bin/python" -c "$pip_dependencies" >"$undo/requirements" &&
          chmod 0644 "$undo/requirements" &&
          pip_add --requirement /dev/stdin <"$undo/requirements"
      fi
      ;;
    *) venv_requirements "$code/$lock" && pip_add --requirement "$lock" ;;
  esac
}

# pip_run COMMAND ARGUMENT…: pip as the app's user, with its settings.
pip_run() {
  venv_as env PIP_CACHE_DIR="$cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$fresh/bin/python" -m pip "$@"
}

pip_add() { pip_run install "$@"; }

pip_replace() { pip_add --no-deps --force-reinstall "$@"; }

# pip_wheel FOLDER TO: with the pip of $base, since $fresh is empty.
pip_wheel() {
  local fresh
  fresh=$base
  pip_run wheel --no-deps --wheel-dir "$2" "$1"
}

# The virtual environment of a release. Reads $release, $root, $venvs, $python, $uv, $installer, $requirements, $extras,
# $user and $request.

# The file that names the requirements, in the order of preference.
venv_lock() {
  for candidate in ${requirements:+"$requirements"} uv.lock pylock.toml requirements.txt pyproject.toml; do
    if [ -f "$folder/$candidate" ]; then
      printf '%s' "$candidate"
      return 0
    fi
    [ -z "$requirements" ] || return 1
  done
  return 1
}

# What decides whether two releases may share an environment: the lock, and for requirements files those they include.
venv_lock_content() {
  cat -- "$folder/$1"
  case $1 in
    uv.lock) cat -- "$folder/pyproject.toml" 2>/dev/null || : ;;
    *.txt)
      sed -n 's/^[[:space:]]*\(-r\|-c\|--requirement\|--constraint\)[[:space:]=]*\([^[:space:]#]*\).*/\2/p' -- "$folder/$1" |
        while IFS= read -r included; do
          case $1 in */*) included=${1%/*}/$included ;; esac
          if [ -f "$folder/$included" ] && [ "$included" != "$1" ]; then venv_lock_content "$included"; fi
        done
      ;;
  esac
}

# Installing runs code of the packages: as the app's user, who may do no more than the app itself.
venv_as() {
  cache=/var/cache/selvedge/$user
  install -d -m 0700 -o "$user" -g "$user" "$cache"
  # shellcheck disable=SC2016
  user_run "$user" env HOME="$cache" UV_CACHE_DIR="$cache/uv" PIP_CACHE_DIR="$cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_NO_PROGRESS=1 UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never PIP_NO_INPUT=1 sh -c 'cd "$1" && shift && umask 0022 && exec "$@"' sh "$folder" "$@"
}

# Between builds the cache is closed: what the running app could write there, the next release would install.
venv_close_cache() {
  if [ -d "/var/cache/selvedge/$user" ]; then chown -h -- root:root "/var/cache/selvedge/$user"; fi
}

venv_install_uv() {
  case $lock in
    uv.lock)
      venv_as env UV_PROJECT_ENVIRONMENT="$fresh" VIRTUAL_ENV="$fresh" "$uv" export --frozen --no-dev --no-emit-workspace \
        --no-header --quiet --output-file "$fresh/requirements.lock" &&
        venv_as "$uv" pip install --python "$fresh/bin/python" --requirement "$fresh/requirements.lock"
      ;;
    *) venv_as "$uv" pip install --python "$fresh/bin/python" --requirement "$lock" ;;
  esac
}

venv_install_pip() {
  case $lock in
    uv.lock | pylock.toml) step_fail "$lock is installed by uv: set installer = \"uv\" in [app] of hosts.toml, or add a requirements.txt" ;;
    pyproject.toml)
      # shellcheck disable=SC2016
      venv_as "$fresh/bin/python" -c '
import sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") user_run file:
    print(*tomllib.load(file).get("project", {}).get("dependencies", []), sep="\n")
' >"$undo/requirements"
      chmod 0644 "$undo/requirements"
      venv_as "$fresh/bin/python" -m pip install --requirement /dev/stdin <"$undo/requirements"
      ;;
    *) venv_as "$fresh/bin/python" -m pip install --requirement "$lock" ;;
  esac
}

venv_add() {
  if [ "$installer" = uv ]; then
    venv_as "$uv" pip install --python "$fresh/bin/python" "$@"
  else
    venv_as "$fresh/bin/python" -m pip install "$@"
  fi
}

# venv_try COMMAND…: its status in $status, and the end of what it says, however much that is, in $undo/installer: /run is
# memory.
venv_try() {
  {
    status=0
    ("$@") 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/installed"
  } | tail -c 65536 >"$undo/installer"
  cat "$undo/installer"
  status=$(cat "$undo/installed")
}

# The installer's own words for what went wrong, on one line.
venv_reason() {
  sed -n 's/^[[:space:]]*\(cause\|Caused by\|error\|ERROR\):[[:space:]]*//p; s/^[[:space:]]*[×╰─▶]\{1,\}[[:space:]]*//p' "$undo/installer" | head -n 4 |
    paste -s -d '|' | sed 's/|/: /g' | cut -c 1-400
}

venv_install() {
  if [ "$installer" = uv ]; then
    venv_as "$uv" venv --quiet --no-project --allow-existing --python "$python" "$fresh" && venv_install_uv
  else
    venv_as "$python" -m venv "$fresh" && venv_install_pip
  fi
}

venv_fill() {
  venv_try venv_install
  if grep -q -F -- "$mark error" "$undo/installer"; then exit 1; fi
  [ "$status" -eq 0 ] || step_fail "the requirements in $lock cannot be installed: $(venv_reason)"
  for extra in $extras; do
    module=$(printf '%s' "$extra" | tr - _)
    if venv_as "$fresh/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)"; then continue; fi
    venv_try venv_add "$extra"
    [ "$status" -eq 0 ] || step_fail "$extra cannot be installed: $(venv_reason)"
  done
}

# As compileall, which takes three times as long for a small app: most of it to load itself. Prints the version, e.g. 3.12.4.
venv_compile='
import sys
from importlib.machinery import SourceFileLoader

print(sys.version.split()[0])
for line in sys.stdin.buffer:
    try:
        SourceFileLoader("", line[:-1].decode("utf-8", "surrogateescape")).get_code("")
    except Exception:
        pass
'

# Values: release root venvs python uv installer requirements extras user request
venv_build() {
  folder=$release${root:+/$root}
  [ -d "$folder" ] || step_fail "the folder $root (app.root) is not in this commit"
  [ -z "$root" ] || file_within "$release" "$folder" || step_fail "the folder $root (app.root) is a link that leads out of this commit"
  [ -x "$python" ] || step_fail "Python is not at $python: run 'fab install' first"
  [ "$installer" != uv ] || [ -x "$uv" ] || step_fail "uv is not at $uv: run 'fab install' first"
  lock=$(venv_lock) || step_fail "no ${requirements:-uv.lock, pylock.toml, requirements.txt or pyproject.toml} in ${root:-the top folder} of this commit: add one that names what the app needs"
  version=$(venv_compiled)
  [ -n "$version" ] || step_fail "$python does not run"
  key=$(printf %.16s "$({ printf '%s\n' "$version" "$request"; venv_lock_content "$lock"; } | sha256sum)")
  if [ ! -x "$venvs/$key/bin/python" ]; then
    disk_need_space "$venvs" 102400
    find "$venvs" -mindepth 1 -maxdepth 1 -name "$key.*" ! -name "$(readlink "$venvs/$key" || echo -)" -exec rm -rf -- '{}' +
    # A virtual environment cannot be moved: it is built under a name of its own, and a link makes it known.
    fresh=$(mktemp -d -- "$venvs/$key.XXXXXX")
    chown -- "$user" "$fresh"
    step_say "Python $version, $lock, by $installer"
    status=0
    (venv_fill) || status=$?
    venv_close_cache
    if [ "$status" -ne 0 ]; then
      rm -rf -- "$fresh"
      exit 1
    fi
    printf '%s\n' "$request" >"$fresh/.selvedge"
    chown -hR -- "root:$user" "$fresh"
    chmod -R u=rwX,g=rX,o= -- "$fresh"
    sync -f "$fresh"
    ln -sfn -- "${fresh##*/}" "$venvs/.link" && mv -fT -- "$venvs/.link" "$venvs/$key"
  else
    step_say "the environment of an earlier release fits: Python $version, $lock"
  fi
  [ ! -e "$release/.venv" ] && [ ! -L "$release/.venv" ] || rm -rf -- "$release/.venv"
  ln -s -- "../../venvs/$key" "$release/.venv"
}

# The app's own code, compiled; prints Python's version, in the same process. Root follows no link that the repository holds:
# neither one that the compiled files would be written through, nor one to a file that only root may read. Not by the
# environment's own Python, which runs at its start what packages put there.
venv_compiled() {
  find "$folder" -name __pycache__ -type l -exec rm -f -- '{}' +
  find "$folder" -path "$release/.venv" -prune -o -name '*.py' -type f -print | (umask 027 && "$python" -I -S -c "$venv_compile" 2>/dev/null) || :
  chgrp -hR -- "$user" "$folder"
}

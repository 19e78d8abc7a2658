# The virtual environment of a release. A builder is a file of its own, named by $installer, with four functions:
# NAME_check (the builder is installed, else the step fails), NAME_create (an environment without packages in $fresh),
# NAME_install (the requirements in the file $lock) and NAME_add REQUIREMENT… (more packages).
# Needs: uv pip

# venv_lock: print the name of the file with the requirements.
venv_lock() {
  local candidate
  for candidate in ${requirements:+"$requirements"} uv.lock pylock.toml requirements.txt pyproject.toml; do
    if [ -f "$folder/$candidate" ]; then
      printf '%s' "$candidate"
      return 0
    fi
    [ -z "$requirements" ] || return 1
  done
  return 1
}

# venv_lock_content FILE: everything that decides which packages are installed: the file, and the files that it includes.
venv_lock_content() {
  local included
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

# venv_as COMMAND…: run it as the app's user, in the app's folder: an installation runs code of the packages.
venv_as() {
  install -d -m 0700 -o "$user" -g "$user" "$cache"
  # shellcheck disable=SC2016
  user_run "$user" env HOME="$cache" sh -c 'cd "$1" && shift && umask 0022 && exec "$@"' sh "$folder" "$@"
}

# venv_try COMMAND…: run and print it; the end of its output is in $undo/installer. Only the end, since /run is in memory.
venv_try() {
  local status
  {
    status=0
    ("$@") 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/installed"
  } | tail -c 65536 >"$undo/installer"
  cat "$undo/installer"
  return "$(cat "$undo/installed")"
}

# venv_reason: the installer's error messages on one line.
venv_reason() {
  sed -n 's/^[[:space:]]*\(cause\|Caused by\|error\|ERROR\):[[:space:]]*//p; s/^[[:space:]]*[×╰─▶]\{1,\}[[:space:]]*//p' "$undo/installer" | head -n 4 |
    paste -s -d '|' | sed 's/|/: /g' | cut -c 1-400
}

venv_install() { "${installer}_create" && "${installer}_install"; }

venv_fill() {
  local extra module
  if ! venv_try venv_install; then
    # The builder has said why.
    if grep -q -F -- "$mark error" "$undo/installer"; then exit 1; fi
    step_fail "Could not install the requirements in $lock: $(venv_reason)"
  fi
  for extra in $extras; do
    module=$(printf '%s' "$extra" | tr - _)
    if venv_as "$fresh/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)"; then continue; fi
    venv_try "${installer}_add" "$extra" || step_fail "Could not install $extra: $(venv_reason)"
  done
}

# venv_make KEY: build the environment $venvs/KEY. It cannot be moved afterwards, so it gets another name, and KEY is a link.
venv_make() {
  local fresh status
  disk_need_space "$venvs" 102400
  find "$venvs" -mindepth 1 -maxdepth 1 -name "$1.*" ! -name "$(readlink "$venvs/$1" || echo -)" -exec rm -rf -- '{}' +
  fresh=$(mktemp -d -- "$venvs/$1.XXXXXX")
  chown -- "$user" "$fresh"
  step_say "$installer installs $lock for Python $version"
  status=0
  (venv_fill) || status=$?
  # The running app must not write to the cache: the next release would install that.
  if [ -d "$cache" ]; then chown -h -- root:root "$cache"; fi
  if [ "$status" -ne 0 ]; then
    rm -rf -- "$fresh"
    exit 1
  fi
  printf '%s\n' "$request" >"$fresh/.selvedge"
  chown -hR -- "root:$user" "$fresh"
  chmod -R u=rwX,g=rX,o= -- "$fresh"
  sync -f "$fresh"
  ln -sfn -- "${fresh##*/}" "$venvs/.link" && mv -fT -- "$venvs/.link" "$venvs/$1"
}

# venv_build: link $release/.venv to an environment. Releases with the same Python and requirements share one.
# Values: release root venvs cache python uv installer requirements extras user request
venv_build() {
  local folder lock version key
  folder=$release${root:+/$root}
  [ -d "$folder" ] || step_fail "The folder $root (app.root) is not in this commit. Correct app.root in hosts.toml."
  [ -z "$root" ] || file_within "$release" "$folder" || step_fail "The folder $root (app.root) is a symbolic link that leads out of the repository. In hosts.toml, set app.root to a real folder of the repository."
  [ -x "$python" ] || step_fail "Python is missing at $python. Run \`fab install\` first."
  "${installer}_check"
  lock=$(venv_lock) || step_fail "This commit has no ${requirements:-uv.lock, pylock.toml, requirements.txt or pyproject.toml} in ${root:-its top folder}. Commit one with the app's requirements."
  version=$(venv_compile)
  [ -n "$version" ] || step_fail "$python does not start. Run \`fab install\`."
  key=$(printf %.16s "$({ printf '%s\n' "$version" "$request"; venv_lock_content "$lock"; } | sha256sum)")
  if [ -x "$venvs/$key/bin/python" ]; then
    step_say "using the virtual environment of an earlier release: Python $version, $lock"
  else
    venv_make "$key"
  fi
  [ ! -e "$release/.venv" ] && [ ! -L "$release/.venv" ] || rm -rf -- "$release/.venv"
  ln -s -- "../../venvs/$key" "$release/.venv"
}

# A program that prints Python's version, e.g. 3.12.4, and compiles the files whose names it reads. compileall would take three
# times as long, mostly to load its own modules.
venv_compiler='
import sys
from importlib.machinery import SourceFileLoader

print(sys.version.split()[0])
for line in sys.stdin.buffer:
    try:
        SourceFileLoader("", line[:-1].decode("utf-8", "surrogateescape")).get_code("")
    except Exception:
        pass
'

# venv_compile: compile the app's own code and print Python's version, by one process of the base Python: the environment's
# own runs code of the packages when it starts. Root follows no link in the repository, neither to write nor to read.
venv_compile() {
  find "$folder" -name __pycache__ -type l -exec rm -f -- '{}' +
  find "$folder" -path "$release/.venv" -prune -o -name '*.py' -type f -print | (umask 027 && "$python" -I -S -c "$venv_compiler" 2>/dev/null) || :
  chgrp -hR -- "$user" "$folder"
}

# The virtual environment of a release. It is built from a copy of the checkout, which the app's user owns: a build may write
# beside its source. A builder is a file of its own, named by $installer, with these functions:
# NAME_check (the builder is installed, else the step fails), NAME_create (an environment without packages in $fresh),
# NAME_install (the requirements in $lock), NAME_add ARGUMENT… (more packages), NAME_replace WHEEL… (packages that are there already),
# NAME_wheel FOLDER TO (a package of the checkout) and NAME_clean (what a build has left in the cache).
# They run in $code, the app's folder in the copy. $work is the copy's parent, where they may write.
# Needs: uv pip
# Shared: made checkout_program record_program

# venv_as COMMAND…: run it as the app's user, in the app's folder of the copy: an installation runs code of the packages.
venv_as() {
  # The repository of the copy belongs to root (package_git).
  # shellcheck disable=SC2016
  build_run env HOME="$cache" ${pypi_mirror:+XDG_CONFIG_HOME="$work/config"} GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' \
    GIT_CONFIG_KEY_1=credential.helper GIT_CONFIG_VALUE_1="$(git_login "$work/git_credentials")" sh -c 'cd "$1" && shift && umask 0022 && exec "$@"' sh "$code" "$@"
}

# venv_try COMMAND…: run and print it; the end of its output is in $undo/installer. Only the end, since /run is in memory.
venv_try() {
  build_shown "$@" | tail -c 65536 >"$undo/installer"
  cat "$undo/installer"
  return "$(cat "$undo/built")"
}

# venv_reason: the installer's error on one line.
venv_reason() { project_run reason "$undo" "" installer "$installer" "" && project_word why; }

# venv_programs: read the payload: the sizes of three programs, checkout.py, environment.py and project.
venv_programs() {
  local checkout records project
  if read -r checkout records project <&3; then
    checkout_program=$(head -c "$checkout" <&3)
    head -c "$records" <&3 >"$undo/records"
    record_program=$(cat "$undo/records")
    if [ "$(wc -c <"$undo/records")" -eq "$records" ] && project_take "$project"; then return 0; fi
  fi
  step_fail "The connection was lost before the build began. Nothing was changed."
}

# venv_checkout COMMAND ARGUMENT…: run checkout.py.
venv_checkout() { user_run "$user" "$python" -I -S -c "$checkout_program" "$@"; }

# venv_record COMMAND ARGUMENT…: run environment.py.
venv_record() { user_run "$user" "$python" -I -S -c "$record_program" "$@"; }

# venv_copy: copy the checkout to $work/source.
venv_copy() {
  venv_try venv_checkout copy "$release" "$work" "$root" "$lock" ||
    step_fail "Could not copy the checkout to $cache: $(tail -n 1 "$undo/installer")"
  package_git || step_say "could not give the build access to the repository, from which a package may take its version"
}

# venv_is_list: whether $lock is a requirements file as pip knows it.
venv_is_list() {
  case $lock in *.lock | *.toml | *.py) return 1 ;; esac
}

# venv_requirements FILE: prepare a file of requirements for the installer. Its paths are relative to $code.
venv_requirements() { venv_checkout read "$work" "$code" "$1" && index_yield; }

# venv_is_package: whether the app itself can be installed.
venv_is_package() { venv_checkout builds "$code"; }

venv_install() { "${installer}_create" && "${installer}_install"; }

# venv_fill: install everything in the new environment $fresh.
venv_fill() {
  step_say "$installer installs $lock for Python $version"
  if ! venv_try venv_install; then
    # The builder has said why.
    if grep -q -F -- "$mark error" "$undo/installer"; then exit 1; fi
    build_failed "Could not install the requirements in $lock"
  fi
  build_server
  package_install
  # With the build's variables, which may name files of the checkout.
  venv_try venv_as "$python" -I -S -c "$record_program" record "$fresh" "$work" "$release" "$root" "$version" "$request" "$commit" ||
    step_fail "The environment is not complete without the checkout: $(tail -n 1 "$undo/installer"). Remove the editable requirement."
}

# venv_sweep: remove unfinished environments, which an interrupted run has left.
venv_sweep() {
  local left
  rm -rf -- "$cache"/build.*
  for left in "$venvs"/*/; do
    left=${left%/}
    if [ -L "$left" ] || [ -e "$left/.selvedge" ] || [ ! -d "$left" ]; then continue; fi
    rm -rf -- "$left"
  done
}

# venv_seal: give the finished environment $fresh to root. Its marks come last, so an interrupted build has none.
venv_seal() {
  chown -hR -- "root:$user" "$fresh"
  # The build may have left links of these names, or hard links to those of another environment.
  rm -f -- "$fresh/.selvedge" "$fresh/selvedge-modules"
  project_modules >"$fresh/selvedge-modules"
  chown -- "root:$user" "$fresh/selvedge-modules"
  chmod -R u=rwX,g=rX,o= -- "$fresh"
  sync -f "$fresh"
  printf '%s\n' "$request" >"$fresh/.selvedge"
  chown -- "root:$user" "$fresh/.selvedge"
  chmod 0640 -- "$fresh/.selvedge"
  sync -f "$fresh"
}

# venv_make [BASE]: build an environment and set $made to its name. BASE: one whose packages from the checkout may differ only.
venv_make() {
  local fresh work code status
  disk_need_space "$venvs" 102400
  venv_sweep
  install -d -m 0700 -o "$user" -g "$user" "$cache"
  work=$(mktemp -d -- "$cache/build.XXXXXX")
  # It cannot be moved afterwards, since scripts in it have its path.
  fresh=$(mktemp -d -- "$venvs/${release##*/}.XXXXXX")
  chown -- "$user" "$work" "$fresh"
  code=$work/source${root:+/$root}
  index_write
  build_begin
  status=0
  (venv_copy && { package_renew "$1" || venv_fill; }) || status=$?
  build_end
  "${installer}_clean"
  rm -rf -- "$work"
  # The running app must not write to the cache: the next release would install that.
  chown -h -- root:root "$cache"
  if [ "$status" -ne 0 ]; then
    rm -rf -- "$fresh"
    exit 1
  fi
  made=${fresh##*/}
  # Where it has no record, it is the base itself that fits.
  if [ ! -e "$fresh/selvedge-inputs.json" ]; then
    rm -rf -- "$fresh"
    made=$1
    return 0
  fi
  venv_seal
}

# venv_build: link $release/.venv to an environment. Releases whose environments would be the same share one.
# Values: release root repo commit venvs cache interpreter uv installer requirements extras user request app_python python_from uv_requirement app_extras app_groups index_strategy deploy_key git_known_hosts git_credentials build_env pypi_mirror python_mirror
venv_build() {
  local folder lock python version found
  python=$interpreter
  venv_programs
  folder=$release${root:+/$root}
  [ -d "$folder" ] || step_fail "The folder $root (app.root) is not in this commit. Correct app.root in hosts.toml."
  [ -z "$root" ] || file_within "$release" "$folder" || step_fail "The folder $root (app.root) is a symbolic link that leads out of the repository. In hosts.toml, set app.root to a real folder of the repository."
  [ -x "$python" ] || step_fail "Python is missing at $python. Run \`fab install\` first."
  "${installer}_check"
  project_lock
  project_python
  version=$(venv_compile)
  [ -n "$version" ] || step_fail "$python does not start. Run \`fab install\`."
  found=$(venv_record find "$release" "$venvs" "$version" "$request" "$commit") || found=
  case $found in
    'same '*)
      made=${found#same }
      # Only the newest environment is renewed for the next release.
      touch -c -- "$venvs/$made"
      step_say "using the virtual environment of an earlier release: Python $version, $lock"
      ;;
    *) venv_make "${found#renew }" ;;
  esac
  [ ! -e "$release/.venv" ] && [ ! -L "$release/.venv" ] || rm -rf -- "$release/.venv"
  ln -s -- "../../venvs/$made" "$release/.venv"
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

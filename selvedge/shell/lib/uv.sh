# uv as a builder of virtual environments (see venv.sh).

# uv_env [NAME=VALUE…] COMMAND…: a command as the app's user, with uv's settings. The project's own may link to the cache, which the
# app cannot read.
uv_env() {
  venv_as env ${index_strategy:+UV_INDEX_STRATEGY="$index_strategy"} UV_CACHE_DIR="$cache/uv" UV_NO_PROGRESS=1 UV_LINK_MODE=hardlink UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_NO_EDITABLE=1 "$@"
}

uv_check() { [ -x "$uv" ] || step_fail "uv is missing at $uv. Run \`fab install\` first."; }

uv_create() { uv_env "$uv" venv --quiet --no-project --allow-existing --python "$python" "$fresh"; }

# uv_lock FOLDER TOP: print the path of the uv.lock in the folder or, if the folder is a member of its workspace, in a parent.
uv_lock() {
  local parent member
  parent=$1
  while [ ! -f "$parent/uv.lock" ]; do
    [ "$parent" != "$2" ] || return 1
    parent=${parent%/*}
  done
  if [ "$parent" != "$1" ]; then
    member=${1#"$parent"/}
    grep -q -F -e "{ editable = \"$member\" }" -e "{ virtual = \"$member\" }" -e "{ directory = \"$member\" }" -- "$parent/uv.lock" || return 1
  fi
  printf '%s' "$parent/uv.lock"
}

uv_install() {
  case $lock in
    *poetry.lock | *pdm.lock | *Pipfile.lock | *requirements.lock)
      export_requirements "$work/requirements.txt" && venv_requirements "$work/requirements.txt" && uv_add --requirement "$work/requirements.txt"
      ;;
    uv.lock) index_lock uv_current && uv_export && uv_install_exported ;;
    *)
      if venv_is_list; then venv_requirements "$code/$lock" || return 1; fi
      # shellcheck disable=SC2046
      uv_add --requirement "$lock" $(project_options --extra --group)
      ;;
  esac
}

# uv_export: write the versions in uv.lock to $work/requirements.txt. At the top of a workspace, those of all members.
uv_export() {
  local all_members no_dev
  all_members=
  no_dev=1
  # The option would win over the group.
  case " $app_groups " in *' dev '*) no_dev= ;; esac
  if [ -f "$code/uv.lock" ] && grep -q '^members = \[' "$code/uv.lock"; then all_members=1; fi
  # shellcheck disable=SC2046
  uv_env "$uv" export --frozen ${no_dev:+--no-dev} $(project_options --extra --group) --no-emit-project --no-editable --no-header --quiet --python "$python" \
    ${all_members:+--all-packages} --output-file "$work/requirements.txt"
}

# uv_install_exported: install $work/requirements.txt. Its paths are relative to the folder of uv.lock.
uv_install_exported() {
  local found
  found=$(uv_lock "$code" "$work/source")
  local code
  code=${found%/uv.lock}
  venv_requirements "$work/requirements.txt" && uv_add --requirement "$work/requirements.txt"
}

# uv_current: fail if uv.lock is older than the project. Without the network first: a lock that is current needs none, and with
# another index than that of the lock, uv takes it for old.
uv_current() {
  local index output
  if uv_env "$uv" lock --check --offline --no-cache --python "$python" >/dev/null 2>&1; then return 0; fi
  index=$(sed -n 's/^source = { registry = "\(http[^"]*\)" }$/\1/p' "$(uv_lock "$code" "$work/source")" | sort | uniq -c | sort -n | sed -n '$s/^ *[0-9]* //p')
  if [ -n "$index" ] && uv_env "$uv" lock --check --offline --no-cache --python "$python" --default-index "$index" >/dev/null 2>&1; then return 0; fi
  output=$(uv_env "$uv" lock --check --python "$python" 2>&1) && return 0
  case $output in
    *'needs to be updated'*)
      step_fail "uv.lock is older than pyproject.toml: $(printf '%s\n' "$output" | sed -n 's/^error: //p' | head -n 1) Run \`uv lock\` on your machine and commit uv.lock."
      ;;
  esac
  step_say "could not check whether uv.lock is current: $(printf '%s\n' "$output" | sed -n 's/^error: //p' | head -n 1)"
}

uv_add() { uv_env "$uv" pip install --python "$fresh/bin/python" "$@"; }

# uv_clean: remove what uv has kept of packages that it built from the checkout. Each build has another path, so it is never used.
uv_clean() {
  if ! ls -d "$cache"/uv/sdists-v*/path >/dev/null 2>&1; then return 0; fi
  rm -rf -- "$cache"/uv/sdists-v*/path "$cache"/uv/sdists-v*/editable
  uv_env "$uv" cache prune --quiet || :
}

uv_replace() { uv_add --no-deps --reinstall "$@"; }

uv_wheel() { uv_env "$uv" build --wheel --quiet --python "$python" --out-dir "$2" "$1"; }

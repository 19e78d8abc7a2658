# The mirror of the package index (mirrors.pypi). Reads $pypi_mirror; in a build also $work, $code, $user and $lock (see venv.sh).
# A build gets it in configuration files of the user: an index in the project's own files and in the build's variables wins over
# these, and they win over the server's.

# index_write: write the files for uv and pip to $work/config.
index_write() {
  [ -n "$pypi_mirror" ] || return 0
  printf '[global]\nindex-url = %s\ntrusted-host = %s\n' "$pypi_mirror" "$(python_trusted)" | index_put pip/pip.conf
  printf '[[index]]\nurl = "%s"\ndefault = true\n' "$pypi_mirror" | index_put uv/uv.toml
}

# index_put PATH: write standard input as the app's user, who owns the folder.
index_put() {
  # shellcheck disable=SC2016
  user_run "$user" sh -c 'mkdir -p -- "${1%/*}" && cat >"$1"' sh "$work/config/$1"
}

# index_options: write the options of the requirements that name indexes to $undo/answer.
index_options() {
  if [ -e "$work/requirements.txt" ]; then
    project_run indexes "$work" "" requirements.txt
  else
    : >"$undo/answer"
    if venv_is_list; then project_ask indexes "$lock"; fi
  fi
}

# index_yield: if the requirements name an index in place of the default one, remove the file for uv, which uv would prefer to it.
index_yield() {
  [ -e "$work/config/uv/uv.toml" ] || return 0
  index_options
  if grep -q -E -e '^(--index-url|--no-index|-i)' "$undo/answer"; then user_run "$user" rm -f -- "$work/config/uv/uv.toml"; fi
}

# index_lock COMMAND…: run a command that compares the index of uv.lock with the configured one. Meanwhile uv.lock names the mirror in
# place of each index that the project's files do not name. uv compares the addresses letter by letter.
index_lock() {
  local file url status
  if [ ! -e "$work/config/uv/uv.toml" ]; then
    "$@"
    return
  fi
  file=$(uv_lock "$code" "$work/source")
  venv_as cp -- "$file" "$work/uv.lock"
  sed -n 's/^source = { registry = "\(http[^"]*\)" }$/\1/p' "$file" | sort -u >"$undo/registries"
  while IFS= read -r url; do
    if grep -q -s -F -e "${url%/}" -- "${file%/*}/pyproject.toml" "${file%/*}/uv.toml" "$code/pyproject.toml"; then continue; fi
    url=$(printf '%s\n' "$url" | sed 's/[][\.*^$|]/\\&/g')
    venv_as sed -i "s|registry = \"$url\"|registry = \"$pypi_mirror\"|g" "$file"
  done <"$undo/registries"
  status=0
  ("$@") || status=$?
  venv_as cp -- "$work/uv.lock" "$file"
  return "$status"
}
